"""The application with a second factor in front of it: serve `gated:app`."""

from os import environ

from app import app

from twofa_gate import Enforcement, Gate, Policy, User, hookimpl
from twofa_gate.stores.sqlite import SQLiteStore
from twofa_gate.wsgi import TwoFactorMiddleware


class Host:
    @hookimpl
    def identify(self, request):
        session = app.session_interface.open_session(app, app.request_class(request.environ))
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
app.wsgi_app = TwoFactorMiddleware(app.wsgi_app, gate)
