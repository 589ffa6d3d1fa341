"""The harbor office of Tern Bay Marina: a harbor log, berth fees, live traffic and a login of its own.

It knows nothing of a second factor. `gated.py` puts one in front.
"""

from __future__ import annotations

import csv
import io
import os
import re
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from examples.starlette_app.database import connect, password_matches, prepare
from examples.starlette_app.web import (
    LoginRequired,
    current_user,
    flash,
    form_post,
    require_user,
    templates,
    to_login,
)

DEVELOPMENT_SECRET = "tern-bay-development"
TICK_SECONDS = 1.0
PAGE_SIZE = 5


# The start page, login and logout


def home(request: Request) -> Response:
    """Say who is logged in."""
    return templates.TemplateResponse(request, "home.html")


def login_form(request: Request) -> Response:
    """Show the login form."""
    return templates.TemplateResponse(request, "login.html", {"next": request.query_params.get("next", "")})


@form_post
def login(request: Request, form: dict[str, str]) -> Response:
    """Open a session for whoever knows the password."""
    email, target = form.get("email", "").strip().lower(), form.get("next", "")
    with connect(request.app.state.database) as database:
        user = database.execute("SELECT * FROM users WHERE email = ?", (email,)).fetchone()
    if user is None or not password_matches(form.get("password", ""), user["password"]):
        context = {"next": target, "email": email, "error": "E-mail address or password is wrong."}
        return templates.TemplateResponse(request, "login.html", context, 403)

    login_id = secrets.token_hex(16)  # the audit log knows each login by its own id
    with connect(request.app.state.database) as database:
        database.execute("INSERT INTO logins (login_id, user_id) VALUES (?, ?)", (login_id, user["id"]))
    request.session.clear()
    request.session.update(user_id=user["id"], email=user["email"], login_id=login_id)
    flash(request, f"Welcome back, {user['name']}.")
    local = re.fullmatch(r"/(?![/\\])[!-~]*", target)
    return RedirectResponse(target if local else request.url_for("home"), 303)


@form_post
def logout(request: Request, _form: dict[str, str]) -> Response:
    """End the session."""
    request.session.clear()
    flash(request, "You are logged out.")
    return RedirectResponse(request.url_for("home"), 303)


# The office: the harbor log and live traffic


def log(request: Request) -> Response:
    """List the latest entries, above a form for a new one."""
    require_user(request)
    with connect(request.app.state.database) as database:
        entries = database.execute("SELECT * FROM log ORDER BY id DESC LIMIT 15").fetchall()
    return templates.TemplateResponse(request, "log.html", {"entries": entries})


@form_post
def add_entry(request: Request, form: dict[str, str]) -> Response:
    """Write an entry."""
    user, berth, note = require_user(request), form.get("berth", "").strip(), form.get("note", "").strip()
    if re.fullmatch(r"[A-C][1-9]", berth) and note:
        with connect(request.app.state.database) as database:
            database.execute(
                "INSERT INTO log (berth, note, entered_by) VALUES (?, ?, ?)", (berth, note, user["email"])
            )
        flash(request, f"Noted for berth {berth}.")
    else:
        flash(request, "An entry needs a berth, such as A4, and a note.")
    return RedirectResponse(request.url_for("log"), 303)


def log_json(request: Request) -> Response:
    """Tell the log to the harbor's displays."""
    require_user(request)
    with connect(request.app.state.database) as database:
        entries = [dict(row) for row in database.execute("SELECT * FROM log ORDER BY id")]
    return JSONResponse({"entries": entries})


def log_csv(request: Request) -> Response:
    """Download the whole log, some rows at a time."""
    require_user(request)
    headers = {"Content-Disposition": "attachment; filename=log.csv"}
    return StreamingResponse(_csv_rows(request.app.state.database), media_type="text/csv", headers=headers)


async def _csv_rows(path: str) -> AsyncIterator[str]:
    def rows_after(last: int) -> list[sqlite3.Row]:
        with connect(path) as database:
            query = "SELECT id, at, berth, note, entered_by FROM log WHERE id > ? ORDER BY id LIMIT ?"
            return database.execute(query, (last, PAGE_SIZE)).fetchall()

    yield "id,at,berth,note,entered_by\r\n"
    last = 0
    while rows := await run_in_threadpool(rows_after, last):
        buffer = io.StringIO()
        csv.writer(buffer).writerows(rows)
        yield buffer.getvalue()
        last = rows[-1]["id"]


def live(request: Request) -> Response:
    """Show the page of live traffic, which opens the WebSocket."""
    require_user(request)
    return templates.TemplateResponse(request, "live.html")


async def radio(websocket: WebSocket) -> None:
    """Greet the user by name, repeat what they say, and tick in between."""
    user = await run_in_threadpool(current_user, websocket)
    if user is None:
        await websocket.close(1008)
        return
    await websocket.accept()
    await websocket.send_text(f"Good watch, {user['name']}.")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_tick, websocket)
        async for text in websocket.iter_text():
            await websocket.send_text(f"{user['name']}: {text}")
        tasks.cancel_scope.cancel()


async def _tick(websocket: WebSocket) -> None:
    count = 0
    with suppress(WebSocketDisconnect):
        while True:
            await anyio.sleep(TICK_SECONDS)
            count += 1
            await websocket.send_text(f"tick {count}")


def events(request: Request) -> Response:
    """Stream ticks for whoever is logged in, as server-sent events."""
    user = require_user(request)

    async def ticks() -> AsyncIterator[str]:
        count = 0
        while True:
            yield f"event: tick\ndata: {count} for {user['name']}\n\n"
            await anyio.sleep(TICK_SECONDS)
            count += 1

    return StreamingResponse(ticks(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


# Billing: what the berths cost


def fees(request: Request) -> Response:
    """List the berth fees."""
    require_user(request)
    with connect(request.app.state.database) as database:
        rows = database.execute("SELECT * FROM fees ORDER BY id").fetchall()
    return templates.TemplateResponse(request, "fees.html", {"fees": rows})


@form_post
def mark_paid(request: Request, _form: dict[str, str]) -> Response:
    """Note that a fee was paid."""
    require_user(request)
    number = request.path_params["number"]
    with connect(request.app.state.database) as database:
        if not database.execute("UPDATE fees SET paid = 1 WHERE id = ?", (number,)).rowcount:
            raise HTTPException(404)
    flash(request, f"Fee {number} is paid.")
    return RedirectResponse(request.url_for("fees"), 303)


def summary_json(request: Request) -> Response:
    """Tell how much is still owed."""
    require_user(request)
    with connect(request.app.state.database) as database:
        row = database.execute("SELECT count(*), coalesce(sum(cents), 0) FROM fees WHERE NOT paid").fetchone()
    return JSONResponse({"open": row[0], "cents": row[1]})


def create_app(database: str | None = None) -> Starlette:
    """Make the application. `database` is the path of its SQLite file, else EXAMPLE_DATABASE names it."""
    production = os.environ.get("EXAMPLE_PRODUCTION") == "1"
    secret = os.environ.get("EXAMPLE_SECRET") or DEVELOPMENT_SECRET
    if production and secret == DEVELOPMENT_SECRET:
        raise RuntimeError("set EXAMPLE_SECRET to a random string: the development secret is no secret")

    app = Starlette(
        routes=[
            Route("/", home, name="home"),
            Route("/login", login_form, name="login"),
            Route("/login", login, methods=["POST"]),
            Route("/logout", logout, methods=["POST"], name="logout"),
            Route("/office/log", log, name="log"),
            Route("/office/log", add_entry, methods=["POST"]),
            Route("/office/api/log", log_json),
            Route("/office/log.csv", log_csv, name="log_csv"),
            Route("/office/live", live, name="live"),
            Route("/office/events", events, name="events"),
            WebSocketRoute("/office/ws", radio, name="radio"),
            Route("/billing/fees", fees, name="fees"),
            Route("/billing/fees/{number:int}/paid", mark_paid, methods=["POST"], name="mark_paid"),
            Route("/billing/api/summary", summary_json),
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static"),
        ],
        middleware=[Middleware(SessionMiddleware, secret_key=secret, https_only=production)],
        exception_handlers={LoginRequired: to_login},
    )
    app.state.database = database or os.environ.get("EXAMPLE_DATABASE", "marina.db")
    prepare(app.state.database)
    return app
