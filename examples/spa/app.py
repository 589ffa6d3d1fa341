"""The bookings of Kestrel Hut: one page without a framework, with JSON and a WebSocket behind it.

It knows nothing of a second factor. `gated.py` puts one in front.
"""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

STATIC = Path(__file__).parent / "static"
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-cache",
}
USERS = {  # an application has a table of them, with hashed passwords
    "ada@example.com": ("1", "correct horse"),
    "max@example.com": ("2", "open sesame"),
}
BOOKINGS = [{"guest": "Rope team Hofer", "beds": 4}, {"guest": "Section Lakeside", "beds": 9}]
WEATHER = ("Clear, wind from the north-west.", "Clouds over the pass.", "Snow above 2400 m.")


def page(request: Request) -> Response:
    """Give the page, the same for everybody: it holds nothing of anybody."""
    return FileResponse(STATIC / "index.html", headers=PAGE_HEADERS)


async def sent(request: Request) -> dict[str, Any]:
    """Read a JSON object. Another site's form can't send that type, so it needs no token."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise HTTPException(415)
    try:
        value = await request.json()
    except ValueError as error:
        raise HTTPException(400) from error
    if not isinstance(value, dict):
        raise HTTPException(400)
    return value


async def login(request: Request) -> Response:
    """Open a session for whoever knows the password."""
    given = await sent(request)
    email = str(given.get("email", "")).strip().lower()
    number, password = USERS.get(email, ("", ""))
    if not number or not hmac.compare_digest(str(given.get("password", "")).encode(), password.encode()):
        raise HTTPException(403)
    request.session.clear()
    request.session.update(user_id=number, email=email, login_id=secrets.token_hex(16))
    return Response(status_code=204)


async def logout(request: Request) -> Response:
    """End the session."""
    await sent(request)
    request.session.clear()
    return Response(status_code=204)


async def bookings(request: Request) -> Response:
    """List the bookings, or take one more."""
    if "email" not in request.session:
        raise HTTPException(401)
    if request.method == "POST":
        given = await sent(request)
        guest, beds = given.get("guest"), given.get("beds")
        if not isinstance(guest, str) or not guest.strip() or beds not in range(1, 21):
            raise HTTPException(400)
        BOOKINGS.append({"guest": guest.strip(), "beds": beds})
    return JSONResponse({"bookings": BOOKINGS})


async def weather(websocket: WebSocket) -> None:
    """Tell the weather, every second anew."""
    if "email" not in websocket.session:
        await websocket.close(1008)
        return
    await websocket.accept()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_tell, websocket)
        async for _ in websocket.iter_text():
            pass
        tasks.cancel_scope.cancel()


async def _tell(websocket: WebSocket) -> None:
    count = 0
    with suppress(WebSocketDisconnect):
        while True:
            await websocket.send_text(WEATHER[count % len(WEATHER)])
            await anyio.sleep(1)
            count += 1


def create_app() -> Starlette:
    """Make the application."""
    production = os.environ.get("EXAMPLE_PRODUCTION") == "1"
    secret = os.environ["EXAMPLE_SECRET"] if production else "kestrel-hut-development"
    return Starlette(
        routes=[
            Route("/", page),
            Route("/login", login, methods=["POST"]),
            Route("/logout", logout, methods=["POST"]),
            Route("/api/bookings", bookings, methods=["GET", "POST"]),
            WebSocketRoute("/api/weather", weather),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(SessionMiddleware, secret_key=secret, https_only=production)],
    )
