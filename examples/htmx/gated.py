"""The reading room with a second factor in front: `gunicorn examples.htmx.gated:app`."""

from os import environ

from examples.htmx.app import create_app
from twofa_gate import Enforcement, Gate, Policy, hookimpl
from twofa_gate.hosts.flask import FlaskSession
from twofa_gate.hosts.places import LocationsByPath
from twofa_gate.stores.sqlite import SQLiteStore
from twofa_gate.wsgi import TwoFactorMiddleware


class Policies:
    """The page is a frame for everybody who is logged in; the list takes a second factor."""

    @hookimpl
    def policy(self, location, user):
        return Policy(Enforcement.REQUIRED if location == "list" else Enforcement.OFF)


app = create_app()
gate = Gate(
    secret_keys=[environ["TWOFA_GATE_KEY"]], issuer="Reading Room",
    plugins=[
        FlaskSession(app, login="login_id"),
        LocationsByPath({"/books": "list"}, default="page"),
        Policies(),
        SQLiteStore(environ.get("EXAMPLE_TWOFA_DATABASE", "htmx-twofa.db")),
    ],
    public=["/static/"], login_paths=["/login"], login_url="/login",
    session_cookies=["session"], cookie_secure=environ.get("EXAMPLE_HTTP") != "1",
)  # fmt: skip
app.wsgi_app = TwoFactorMiddleware(app.wsgi_app, gate)
