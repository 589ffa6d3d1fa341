"""What the gate has to know of the bakeries: where a request is heading, who works there, who runs it."""

from contextlib import closing

from examples.flask_app.database import connect
from twofa_gate import Enforcement, Policy, User, hookimpl


class Branches:
    """Two locations, `office` and `billing`; billing requires a second factor, whatever its settings say."""

    def __init__(self, app):
        self._database = app.config["DATABASE"]

    @hookimpl
    def locate(self, request, user):
        return "billing" if request.segments[:1] == ("billing",) else "office"

    @hookimpl
    def policy(self, location, user):
        return Policy(Enforcement.REQUIRED) if location == "billing" else None

    @hookimpl
    def location_members(self, location):
        with closing(connect(self._database)) as database:
            rows = database.execute("SELECT id, email FROM users").fetchall()
        return [User(id=str(row["id"]), label=row["email"]) for row in rows]

    @hookimpl
    def may_administer(self, user, location):
        with closing(connect(self._database)) as database:
            row = database.execute("SELECT is_admin_of FROM users WHERE id = ?", (user.id,)).fetchone()
        return row is not None and row["is_admin_of"] == location

    @hookimpl
    def may_reset(self, user, member, location):
        return True  # of the members of the location that they administer
