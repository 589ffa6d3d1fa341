"""The application with a second factor in front of it: serve `gated:app`."""

from os import environ

from app import app
from starlette.middleware import Middleware

from twofa_gate import Enforcement, Gate, Policy, User, hookimpl
from twofa_gate.asgi import TwoFactorMiddleware
from twofa_gate.stores.sqlite import SQLiteStore


class Host:
    @hookimpl(blocking=False, live=True)
    def identify(self, request):
        session = request.scope["session"]
        if "user" in session:
            return User(id=session["user"], label=session["user"], login=session["login"])


gate = Gate(
    secret_keys=[environ["TWOFA_GATE_KEY"]],
    issuer="Figures",
    policy=Policy(Enforcement.REQUIRED),
    plugins=[Host(), SQLiteStore("2fa.db")],
    login_paths=["/login"],
    logout_paths=["/logout"],
    login_url="/login",
)
# The last middleware is the innermost: the gate runs inside SessionMiddleware.
app.user_middleware.append(Middleware(TwoFactorMiddleware, gate=gate))
