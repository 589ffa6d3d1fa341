"""What frameworks' own settings say: cookies without Secure, and planes of login that the gate may not see."""

from __future__ import annotations

from typing import Any

from twofa_gate.checking.findings import Level, Report
from twofa_gate.gate import Gate

__all__ = ["look_at_application"]


def look_at_application(gate: Gate, application: Any, report: Report) -> None:
    """Look at a Flask, Starlette, FastAPI or Django application."""
    kinds = {each.__module__.partition(".")[0] for each in type(application).__mro__}
    plugins = {type(plugin).__name__ for plugin in gate.plugins}
    if "flask" in kinds:
        _flask(application, plugins, report)
    elif kinds & {"starlette", "fastapi"}:
        _starlette(application, plugins, report)
    elif "django" in kinds:
        _django(plugins, report)


def _insecure(report: Report, what: str, how: str) -> None:
    report.add(Level.WARNING, "session-secure", f"{what} travels over plain http too: set {how}.")


def _unseen(report: Report, plane: str, how: str) -> None:
    text = f"{plane} logs users in, and no plugin of the gate is known to see that: {how}."
    report.add(Level.ERROR, "plane-unseen", text)


def _flask(application: Any, plugins: set[str], report: Report) -> None:
    if not application.config.get("SESSION_COOKIE_SECURE"):
        _insecure(report, "Flask's session cookie", "SESSION_COOKIE_SECURE=True")
    manager = getattr(application, "login_manager", None)
    if manager is None:
        return
    if not application.config.get("REMEMBER_COOKIE_SECURE"):
        _insecure(report, "Flask-Login's remember-me cookie", "REMEMBER_COOKIE_SECURE=True")
    if "FlaskLogin" not in plugins:
        _unseen(report, "Flask-Login's remember-me cookie", "use twofa_gate.hosts.flask.FlaskLogin")
        if getattr(manager, "_request_callback", None) is not None and not plugins & {
            "BearerToken",
            "BasicAuth",
        }:
            _unseen(report, "Flask-Login's request_loader", "use FlaskLogin, or BasicAuth and BearerToken")


def _starlette(application: Any, plugins: set[str], report: Report) -> None:
    names = []
    for middleware in application.user_middleware:
        name = getattr(middleware.cls, "__name__", "")
        names.append(name)
        if name == "SessionMiddleware" and not middleware.kwargs.get("https_only"):
            _insecure(report, "Starlette's session cookie", "https_only=True on SessionMiddleware")
        if name == "AuthenticationMiddleware" and "StarletteAuthentication" not in plugins:
            _unseen(
                report, "AuthenticationMiddleware", "use twofa_gate.hosts.starlette.StarletteAuthentication"
            )
    ours = [name for name in names if name in ("TwoFactorMiddleware", "SessionMiddleware")]
    if ours[:2] == ["TwoFactorMiddleware", "SessionMiddleware"]:
        text = "TwoFactorMiddleware is outside SessionMiddleware, so the session is not known to it: put it after."
        report.add(Level.ERROR, "middleware-order", text)


def _django(plugins: set[str], report: Report) -> None:
    from django.conf import settings

    if not settings.SESSION_COOKIE_SECURE:
        _insecure(report, "Django's session cookie", "SESSION_COOKIE_SECURE = True")
    rest = getattr(settings, "REST_FRAMEWORK", None)
    if "rest_framework" in settings.INSTALLED_APPS and not plugins & {"BearerToken", "BasicAuth"}:
        classes = (rest or {}).get(
            "DEFAULT_AUTHENTICATION_CLASSES", ("rest_framework.authentication.BasicAuthentication",)
        )
        others = [name for name in classes if "SessionAuthentication" not in str(name)]
        if others:
            _unseen(
                report,
                f"Django REST framework ({', '.join(map(str, others))})",
                "add BasicAuth or BearerToken",
            )
