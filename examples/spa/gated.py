"""The hut's bookings with a second factor in front: `uvicorn examples.spa.gated:app`."""

from os import environ

from starlette.middleware import Middleware

from examples.spa.app import create_app
from twofa_gate import Enforcement, Gate, Policy, hookimpl
from twofa_gate.asgi import TwoFactorMiddleware
from twofa_gate.hosts.places import LocationsByPath
from twofa_gate.hosts.starlette import StarletteSession
from twofa_gate.stores.sqlite import SQLiteStore


class Policies:
    """The page itself holds nothing of anybody; what it calls is another matter."""

    @hookimpl(blocking=False)
    def policy(self, location, user):
        return Policy(Enforcement.REQUIRED if location == "hut" else Enforcement.OFF)


app = create_app()
gate = Gate(
    secret_keys=[environ["TWOFA_GATE_KEY"]], issuer="Kestrel Hut",
    plugins=[
        StarletteSession(label="email", login="login_id"),
        LocationsByPath({"/api/": "hut"}, default="page"),
        Policies(),
        SQLiteStore(environ.get("EXAMPLE_TWOFA_DATABASE", "spa-twofa.db")),
    ],
    public=["/static/"], login_paths=["/login"], logout_paths=["/logout"], login_url="/",
    session_cookies=["session"], cookie_secure=environ.get("EXAMPLE_HTTP") != "1",
)  # fmt: skip
app.user_middleware.append(Middleware(TwoFactorMiddleware, gate=gate))  # inside SessionMiddleware
