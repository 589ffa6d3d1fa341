"""The harbor office with a second factor in front: `uvicorn examples.starlette_app.gated:app`."""

from os import environ

from starlette.middleware import Middleware

from examples.starlette_app.app import create_app
from examples.starlette_app.database import connect
from twofa_gate import Enforcement, Gate, Policy, User, hookimpl
from twofa_gate.asgi import TwoFactorMiddleware
from twofa_gate.locations import LocationSettings
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
        return Policy(Enforcement.REQUIRED) if location == "billing" else None

    @hookimpl
    def location_members(self, location):
        with connect(app.state.database) as database:
            rows = database.execute("SELECT id, email FROM users").fetchall()
        return [User(id=str(row["id"]), label=row["email"]) for row in rows]

    @hookimpl
    def may_administer(self, user, location):
        with connect(app.state.database) as database:
            row = database.execute("SELECT is_admin_of FROM users WHERE id = ?", (user.id,)).fetchone()
        return row is not None and row["is_admin_of"] == location

    @hookimpl(blocking=False)
    def may_reset(self, user, member, location):
        return True  # of the members of the location that they administer


gate = Gate(secret_keys=[environ["TWOFA_GATE_KEY"]], issuer="Tern Bay Marina", session_cookies=["session"],
            plugins=[Host(), SQLiteStore(environ.get("EXAMPLE_TWOFA_DATABASE", "marina-twofa.db")),
                     LocationSettings(default=Policy(Enforcement.OPTIONAL), zone="Europe/Vienna")],
            public=["/static/"], login_paths=["/login"], logout_paths=["/logout"], login_url="/login",
            cookie_secure=environ.get("EXAMPLE_HTTP") != "1")  # fmt: skip
app = create_app()
app.user_middleware.append(Middleware(TwoFactorMiddleware, gate=gate))  # inside SessionMiddleware
