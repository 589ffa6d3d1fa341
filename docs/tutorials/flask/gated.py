"""The application with a second factor in front of it: serve `gated:app`."""

from os import environ

from app import app

from twofa_gate import Enforcement, Gate, Policy
from twofa_gate.hosts.flask import FlaskSession
from twofa_gate.stores.sqlite import SQLiteStore
from twofa_gate.wsgi import TwoFactorMiddleware

gate = Gate(
    secret_keys=[environ["TWOFA_GATE_KEY"]],
    issuer="Figures",
    policy=Policy(Enforcement.REQUIRED),
    plugins=[FlaskSession(app, user_id="user", login="login"), SQLiteStore("2fa.db")],
    login_paths=["/login"],
    logout_paths=["/logout"],
    login_url="/login",
    logout_url="/logout",
)
app.wsgi_app = TwoFactorMiddleware(app.wsgi_app, gate)
