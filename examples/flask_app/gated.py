"""The back office with a second factor in front: `gunicorn examples.flask_app.gated:app`."""

from contextlib import closing
from os import environ

from examples.flask_app.app import create_app
from examples.flask_app.database import connect
from twofa_gate import Enforcement, Gate, Policy, User, hookimpl
from twofa_gate.locations import LocationSettings
from twofa_gate.stores.sqlite import SQLiteStore
from twofa_gate.wsgi import TwoFactorMiddleware


class Host:
    @hookimpl
    def identify(self, request):
        session = app.session_interface.open_session(app, app.request_class(request.environ))
        if "user_id" in session:
            return User(id=str(session["user_id"]), label=session["email"], login=session["login_id"])

    @hookimpl
    def locate(self, request, user):
        return "billing" if request.segments[:1] == ("billing",) else "office"

    @hookimpl
    def policy(self, location, user):
        return Policy(Enforcement.REQUIRED) if location == "billing" else None

    @hookimpl
    def location_members(self, location):
        with closing(connect(app.config["DATABASE"])) as database:
            rows = database.execute("SELECT id, email FROM users").fetchall()
        return [User(id=str(row["id"]), label=row["email"]) for row in rows]

    @hookimpl
    def may_administer(self, user, location):
        with closing(connect(app.config["DATABASE"])) as database:
            row = database.execute("SELECT is_admin_of FROM users WHERE id = ?", (user.id,)).fetchone()
        return row is not None and row["is_admin_of"] == location

    @hookimpl
    def may_reset(self, user, member, location):
        return True  # of the members of the location that they administer


app = create_app()
gate = Gate(secret_keys=[environ["TWOFA_GATE_KEY"]], issuer="Three Ovens", session_cookies=["session"],
            plugins=[Host(), SQLiteStore(environ.get("EXAMPLE_TWOFA_DATABASE", "twofa.db")),
                     LocationSettings(default=Policy(Enforcement.OPTIONAL), zone="Europe/Vienna")],
            public=["/static/"], login_paths=["/login"], logout_paths=["/logout"], login_url="/login",
            cookie_secure=environ.get("EXAMPLE_HTTP") != "1")  # fmt: skip
app.wsgi_app = TwoFactorMiddleware(app.wsgi_app, gate)
