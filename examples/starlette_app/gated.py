"""The harbor office with a second factor in front: `uvicorn examples.starlette_app.gated:app`."""

from os import environ

from starlette.middleware import Middleware

from examples.starlette_app.app import create_app
from twofa_gate import Enforcement, Gate, Policy, User, hookimpl
from twofa_gate.asgi import TwoFactorMiddleware
from twofa_gate.stores.sqlite import SQLiteStore


class Host:
    @hookimpl(blocking=False, live=True)
    def identify(self, request):
        session = request.scope["session"]
        if "user_id" in session:
            return User(id=str(session["user_id"]), label=session["email"], login=session["login_id"])

    @hookimpl(blocking=False)
    def locate(self, request, user):
        return "billing" if request.segments[:1] == ("billing",) else "office"

    @hookimpl(blocking=False)
    def policy(self, location, user):
        return Policy(Enforcement.REQUIRED if location == "billing" else Enforcement.OPTIONAL)


gate = Gate(secret_keys=[environ["TWOFA_GATE_KEY"]], issuer="Tern Bay Marina", session_cookies=["session"],
            plugins=[Host(), SQLiteStore(environ.get("EXAMPLE_TWOFA_DATABASE", "marina-twofa.db"))],
            public=["/static/"], login_paths=["/login"], logout_paths=["/logout"], login_url="/login",
            cookie_secure=environ.get("EXAMPLE_HTTP") != "1")  # fmt: skip
app = create_app()
app.user_middleware.append(Middleware(TwoFactorMiddleware, gate=gate))  # inside SessionMiddleware
