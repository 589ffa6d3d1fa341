"""The back office with a second factor in front: `gunicorn examples.flask_app.gated:app`."""

from os import environ

from examples.flask_app.app import create_app
from examples.flask_app.branches import Branches
from twofa_gate import Enforcement, Gate, Policy
from twofa_gate.hosts.flask import FlaskSession
from twofa_gate.locations import LocationSettings
from twofa_gate.stores.sqlite import SQLiteStore
from twofa_gate.wsgi import TwoFactorMiddleware

app = create_app()
users = FlaskSession(app, label="email", login="login_id")
store = SQLiteStore(environ.get("EXAMPLE_TWOFA_DATABASE", "twofa.db"))
settings = LocationSettings(default=Policy(Enforcement.OPTIONAL), zone="Europe/Vienna")
gate = Gate(
    secret_keys=[environ["TWOFA_GATE_KEY"]], issuer="Three Ovens",
    plugins=[users, Branches(app), store, settings],
    public=["/static/"], login_paths=["/login"], logout_paths=["/logout"],
    login_url="/login", session_cookies=["session"],
    cookie_secure=environ.get("EXAMPLE_HTTP") != "1",
)  # fmt: skip
app.wsgi_app = TwoFactorMiddleware(app.wsgi_app, gate)
