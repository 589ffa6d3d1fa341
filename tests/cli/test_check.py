"""`twofa-gate check`: what it says of the examples, and of applications with mistakes planted."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask_login import LoginManager
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection

from twofa_gate import Enforcement, Gate, GateRequest, Policy, User, hookimpl
from twofa_gate.asgi import TwoFactorMiddleware
from twofa_gate.checking import Report, inspect_gate
from twofa_gate.cli import main
from twofa_gate.hosts.flask import FlaskLogin, FlaskSession
from twofa_gate.hosts.starlette import StarletteSession
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.stores.sqlite import SQLiteStore


def gate_of(plugin: object, store: object | None = None, **settings: Any) -> Gate:
    """Make a gate."""
    wanted = {"secret_keys": ["k" * 32], "issuer": "Acme", "policy": Policy(Enforcement.REQUIRED), **settings}
    return Gate(plugins=[plugin, store or MemoryStore()], **wanted)


def codes(report: Report) -> set[str]:
    """Name what was found."""
    return {finding.code for finding in report.findings}


def shop() -> Flask:
    """Make an application with three mistakes: cookies without Secure, a token login, Flask-Login unseen."""
    app = Flask("shop")
    app.secret_key = "s" * 32
    manager = LoginManager(app)
    manager.user_loader(lambda user_id: None)
    manager.request_loader(lambda request: None)
    for path, methods in [
        ("/", ["GET"]),
        ("/pages/<int:number>", ["GET"]),
        ("/pages/edit", ["POST"]),
        ("/api/token", ["POST"]),
        ("/login", ["GET", "POST"]),
    ]:
        app.add_url_rule(path, endpoint=path, view_func=lambda **_: "", methods=methods)
    return app


def test_routes_and_planted_mistakes() -> None:
    """Each route is told with what an unverified user meets there, and each mistake is found by its code."""
    app = shop()
    gate = gate_of(FlaskSession(app), public=["/static/", "/pages/"], login_paths=["/login"])
    report = inspect_gate(gate, app)
    meets = {route.path: route.meets for route in report.routes}
    assert meets == {
        "/": "challenge",
        "/api/token": "challenge",
        "/login": "login_paths",
        "/pages/<int:number>": "public",
        "/pages/edit": "public",
        "/static/<path:filename>": "public",
    }
    assert {"session-secure", "plane-unseen", "token-login", "public-changes", "public-page"} <= codes(report)
    assert {"store-volatile", "login-unnamed"} <= codes(report)


def test_a_careful_application_has_no_findings_but_notes(tmp_path: Path) -> None:
    """With the mistakes mended nothing worse than a note is left."""
    app = shop()
    app.config.update(SESSION_COOKIE_SECURE=True, REMEMBER_COOKIE_SECURE=True)
    store = SQLiteStore(tmp_path / "2fa.db")
    settings: dict[str, Any] = {
        "initialize": True,
        "login_paths": ["/login", "/api/token"],
        "support": "mailto:help@example.com",
    }
    gate = gate_of(FlaskLogin(app, login="login_id"), store, **settings)
    report = inspect_gate(gate, app)
    gate.close()
    assert codes(report) <= {"clock-unsynchronized"}


class Backend(AuthenticationBackend):
    """Knows nobody."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """Authenticate."""
        return None


def test_starlette_order_and_planes() -> None:
    """A gate outside SessionMiddleware, a session without https_only and an unseen backend are found."""
    gate = gate_of(StarletteSession(login="login_id"))
    app = Starlette(
        middleware=[
            Middleware(TwoFactorMiddleware, gate=gate),
            Middleware(SessionMiddleware, secret_key="s" * 32),
            Middleware(AuthenticationMiddleware, backend=Backend()),
        ]
    )
    assert {"middleware-order", "session-secure", "plane-unseen"} <= codes(inspect_gate(gate, app))


class Unnamed:
    """Names no session of its users."""

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`."""
        return None


def test_an_unknown_application_is_said_to_be_unknown() -> None:
    """Where no routes can be listed the report says so, and goes on with the rest."""
    report = inspect_gate(gate_of(Unnamed()), object())
    assert {"routes-unknown", "login-unnamed"} <= codes(report)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a gate and an application where the command finds them."""
    module = types.ModuleType("planted_shop")
    app = shop()
    module.app = app  # type: ignore[attr-defined]  # a module made by hand
    module.gate = gate_of(FlaskSession(app), login_paths=["/login"])  # type: ignore[attr-defined]  # likewise
    monkeypatch.setitem(sys.modules, "planted_shop", module)


def test_command_says_it_and_fails(planted: None) -> None:
    """The command prints the routes and the findings, and an error gives exit status 1, in JSON too."""
    words = ["check", "--gate", "planted_shop:gate", "--app", "planted_shop:app"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert "challenge at default" in done.stdout
    assert "[plane-unseen]" in done.stdout
    told = json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout)
    assert {"path": "/login", "methods": ["GET", "POST"], "meets": "login_paths", "location": None} in told[
        "routes"
    ]
    assert any(each["code"] == "plane-unseen" and each["level"] == "error" for each in told["findings"])
