"""The application with a second factor in front of it: serve `gated:app`."""

from os import environ

from app import app
from starlette.middleware import Middleware

from twofa_gate import Enforcement, Gate, Policy
from twofa_gate.asgi import TwoFactorMiddleware
from twofa_gate.hosts.starlette import StarletteSession
from twofa_gate.stores.sqlite import SQLiteStore

gate = Gate(
    secret_keys=[environ["TWOFA_GATE_KEY"]],
    issuer="Figures",
    policy=Policy(Enforcement.REQUIRED),
    plugins=[StarletteSession(user_id="user", login="login"), SQLiteStore("2fa.db")],
    login_paths=["/login"],
    logout_paths=["/logout"],
    login_url="/login",
    logout_url="/logout",
)
# The last middleware is the innermost: the gate runs inside SessionMiddleware.
app.user_middleware.append(Middleware(TwoFactorMiddleware, gate=gate))
