"""What the pages of the harbor office share: who is logged in, messages, templates and safe forms."""

from __future__ import annotations

import hmac
import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.templating import Jinja2Templates

from examples.starlette_app.database import connect


class LoginRequired(Exception):
    """Nobody is logged in, where somebody has to be."""


def current_user(connection: HTTPConnection) -> sqlite3.Row | None:
    """Return the row of whoever is logged in."""
    if "user_id" not in connection.session:
        return None
    with connect(connection.app.state.database) as database:
        found = database.execute("SELECT * FROM users WHERE id = ?", (connection.session["user_id"],))
        user: sqlite3.Row | None = found.fetchone()
        return user


def require_user(connection: HTTPConnection) -> sqlite3.Row:
    """Return the row of whoever is logged in, or send them to log in."""
    user = current_user(connection)
    if user is None:
        raise LoginRequired
    return user


def to_login(request: Request, _error: Exception) -> Response:
    """Answer `LoginRequired`."""
    if "/api/" in request.url.path:
        return JSONResponse({"error": "login required"}, 401)
    here = request.url.path
    if request.method == "GET" and request.url.query:
        here += f"?{request.url.query}"
    return RedirectResponse(f"{request.url_for('login').path}?{urlencode({'next': here})}", 303)


def flash(request: Request, message: str) -> None:
    """Keep a message for the next page."""
    request.session["messages"] = [*request.session.get("messages", []), message]


def page_context(request: Request) -> dict[str, Any]:
    """Return what every template may use."""
    return {
        "user": current_user(request),
        "csrf": request.session.setdefault("csrf", secrets.token_urlsafe(24)),
        "messages": request.session.pop("messages", []),
    }


templates = Jinja2Templates(Path(__file__).parent / "templates", context_processors=[page_context])


def form_post(
    view: Callable[[Request, dict[str, str]], Response],
) -> Callable[[Request], Awaitable[Response]]:
    """Read the form and check its token, then run the view in a thread, since it waits for the database."""

    @wraps(view)
    async def endpoint(request: Request) -> Response:
        async with request.form() as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
        kept = request.session.get("csrf", "")
        if not kept or not hmac.compare_digest(fields.get("csrf", "").encode(), kept.encode()):
            raise HTTPException(400, "This form has expired. Go back, reload the page and try again.")
        return await run_in_threadpool(view, request, fields)

    return endpoint
