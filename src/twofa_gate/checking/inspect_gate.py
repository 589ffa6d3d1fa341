"""Looking at a gate and an application from all sides, without serving a request."""

from __future__ import annotations

import inspect
import io
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from twofa_gate.adapters.performing import run
from twofa_gate.adapters.wsgi_request import WSGIRequest
from twofa_gate.checking import frameworks
from twofa_gate.checking.findings import Level, Report, RouteFinding
from twofa_gate.checking.routes import Route, routes_of
from twofa_gate.core import asking, paths
from twofa_gate.core.account import Account
from twofa_gate.core.decision import Facts, rule
from twofa_gate.core.effects import Flow
from twofa_gate.core.settings import Settings
from twofa_gate.core.totp import Authenticator
from twofa_gate.gate import Gate
from twofa_gate.model import Decision, User
from twofa_gate.request import GateRequest

__all__ = ["inspect_gate"]

_SOMEBODY = User("twofa-gate-check", "twofa-gate-check", login="check")
_TOKEN_WORDS = ("token", "jwt", "apikey", "api-key", "api_key", "oauth", "signin", "login", "auth")


def inspect_gate(gate: Gate, application: Any = None) -> Report:
    """Say what a careful colleague would say; `application` is the one that the gate protects, if it is at hand."""
    report = Report()
    routes = None if application is None else routes_of(application)
    if routes is not None:
        report.routes = [_meet(gate.settings, route) for route in routes]
        _look_at_public_paths(gate.settings, routes, report)
        _look_at_login_routes(gate.settings, routes, report)
    elif application is not None:
        kind = type(application).__name__
        report.add(
            Level.NOTE, "routes-unknown", f"The routes of a {kind} can't be listed; nothing is said of them."
        )
    if application is not None:
        frameworks.look_at_application(gate, application, report)
    _look_at_gate(gate, report)
    _look_at_identify(gate, report)
    _look_at_clock(report)
    return report


def _request(path: str) -> GateRequest:
    return WSGIRequest(
        {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "443",
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(),
        }
    )


def _meet(settings: Settings, route: Route) -> RouteFinding:
    """Find out what an enrolled user without a verification meets at a route."""
    request = _request(route.sample)
    for name, rules in (
        ("public", settings.public),
        ("login_paths", settings.login),
        ("logout_paths", settings.logout),
    ):
        if rules.match(request):
            return RouteFinding(route.pattern, route.methods, name)
    if paths.below(settings.mount, request) is not None:
        return RouteFinding(route.pattern, route.methods, "hidden by the gate's own pages")
    try:
        location, decision = run(_decide(settings, request))
    except Exception as error:  # a host's hook, asked about nobody real
        return RouteFinding(route.pattern, route.methods, f"can't be told: {type(error).__name__}: {error}")
    return RouteFinding(route.pattern, route.methods, decision.value, location)


def _decide(settings: Settings, request: GateRequest) -> Flow[tuple[str, Decision]]:
    location = yield from asking.locate(settings, request, _SOMEBODY)
    policies = yield from asking.policies(settings, location, _SOMEBODY)
    now = time.time()
    phone = Authenticator(id="check", name="check", secret="")
    account = Account(user=_SOMEBODY.id, authenticators=(phone,), enabled_at=0.0)
    facts = Facts(_SOMEBODY, location, account, None, None, None, now)
    return location, rule(policies, facts).decision


def _look_at_public_paths(settings: Settings, routes: list[Route], report: Report) -> None:
    reached = [route for route in routes if settings.public.match(_request(route.sample))]
    for route in reached:
        changing = [method for method in route.methods if method in ("POST", "PUT", "PATCH", "DELETE")]
        is_files = any(word in route.pattern for word in ("static", "asset", "favicon", "robots", "media/"))
        if changing:
            text = f"public lets {', '.join(changing)} {route.pattern} through, without credentials; is that meant?"
            report.add(Level.WARNING, "public-changes", text)
        elif not is_files:
            text = (
                f"public lets {route.pattern} through: it will be served as to somebody who is not logged in."
            )
            report.add(Level.NOTE, "public-page", text)


def _look_at_login_routes(settings: Settings, routes: list[Route], report: Report) -> None:
    """Point at routes whose names say that they take credentials, or mint tokens that work elsewhere."""
    for route in routes:
        words = [word for word in _TOKEN_WORDS if word in route.pattern.lower()]
        if not words or "POST" not in route.methods:
            continue
        request = _request(route.sample)
        if any(rules.match(request) for rules in (settings.public, settings.login, settings.logout)):
            continue
        if any(word in words for word in ("token", "jwt", "apikey", "api-key", "api_key", "oauth")):
            text = f"{route.pattern} looks like a login that mints tokens: does identify know who carries such a token?"
            report.add(Level.WARNING, "token-login", text)
        elif "logout" not in route.pattern.lower():
            text = f"{route.pattern} looks like a login but is not in login_paths: a second login is gated there."
            report.add(Level.NOTE, "login-path", text)


def _look_at_gate(gate: Gate, report: Report) -> None:
    settings = gate.settings
    if not settings.cookies.secure:
        report.add(
            Level.ERROR, "cookie-secure", "cookie_secure=False: the gate's cookies travel over plain http."
        )
    if gate.volatile:
        text = "The store keeps accounts in this process's memory: they end with it, and other workers have others."
        report.add(Level.ERROR, "store-volatile", text)
    if not settings.login and settings.links.login_url is None:
        text = "There are no login_paths and no login_url: nobody can change to another account from the challenge."
        report.add(Level.NOTE, "no-login", text)
    if not settings.links.support:
        report.add(
            Level.NOTE, "no-support", "support is not set: people who are locked out don't read whom to ask."
        )
    if settings.report_only_until is not None and time.time() < settings.report_only_until:
        report.add(
            Level.WARNING, "report-only", "report_only_until lies ahead: nothing is refused until then."
        )


def _look_at_identify(gate: Gate, report: Report) -> None:
    for plugin in gate.plugins:
        function = getattr(type(plugin), "identify", None)
        if function is None or names_login(plugin, function):
            continue
        text = (
            f"{type(plugin).__name__}.identify names no login: a new login of the same user is told from the last "
            "one only by the logout or the answer in between. Give User(login=...) if the host has a name for it."
        )
        report.add(Level.WARNING, "login-unnamed", text)


def names_login(plugin: object, function: Any) -> bool:
    """Whether a plugin can tell one login from another, as far as its text or its settings say."""
    configured = vars(plugin).get("_login", ...) if hasattr(plugin, "__dict__") else ...
    if configured is not ...:
        return configured is not None or type(plugin).__name__ == "DjangoSession"
    if type(plugin).__module__.startswith("twofa_gate.hosts."):
        return True  # credentials with every request: there are no logins to name
    try:
        return "login" in inspect.getsource(function)
    except (OSError, TypeError):
        return True


def _look_at_clock(report: Report) -> None:
    """Codes depend on the time: see whether the clock is synchronized, and not in the past."""
    if time.time() < Path(__file__).stat().st_mtime - 86400:
        report.add(
            Level.ERROR,
            "clock-wrong",
            "The clock is before this package was installed: codes will be refused.",
        )
        return
    command = shutil.which("timedatectl")
    if command is None:
        return
    asked = subprocess.run(  # noqa: S603 - the command was found on the path, and has no words of others
        [command, "show", "-p", "NTPSynchronized"], capture_output=True, text=True, check=False
    )
    if asked.stdout.strip() == "NTPSynchronized=no":
        report.add(
            Level.WARNING,
            "clock-unsynchronized",
            "The clock is not synchronized (timedatectl): codes depend on it.",
        )
