"""The harbor office with a second factor in front: `uvicorn examples.starlette_app.gated:app`."""

from os import environ

from starlette.middleware import Middleware

from examples.starlette_app.app import create_app
from examples.starlette_app.branches import Branches
from twofa_gate import Enforcement, Gate, Policy
from twofa_gate.asgi import TwoFactorMiddleware
from twofa_gate.hosts.starlette import StarletteSession
from twofa_gate.locations import LocationSettings
from twofa_gate.stores.sqlite import SQLiteStore

app = create_app()
store = SQLiteStore(environ.get("EXAMPLE_TWOFA_DATABASE", "marina-twofa.db"))
settings = LocationSettings(default=Policy(Enforcement.OPTIONAL), zone="Europe/Vienna")
gate = Gate(
    secret_keys=[environ["TWOFA_GATE_KEY"]], issuer="Tern Bay Marina",
    plugins=[StarletteSession(label="email", login="login_id"), Branches(app), store, settings],
    public=["/static/"], login_paths=["/login"], logout_paths=["/logout"], login_url="/login",
    session_cookies=["session"], cookie_secure=environ.get("EXAMPLE_HTTP") != "1",
)  # fmt: skip
app.user_middleware.append(Middleware(TwoFactorMiddleware, gate=gate))  # inside SessionMiddleware
