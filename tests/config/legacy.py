"""Two applications that know nothing of a gate."""

from __future__ import annotations

from flask import Flask, redirect, request, session
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from werkzeug.wrappers import Response as FlaskResponse

flask_app = Flask(__name__)
flask_app.secret_key = "s" * 32


@flask_app.get("/")
def home() -> str:
    """Greet."""
    return f"hello {session.get('user', 'nobody')}"


@flask_app.post("/login")
def login() -> FlaskResponse:
    """Log in."""
    session["user"] = request.form["user"]
    return redirect("/", 303)


async def starlette_home(request: Request) -> Response:
    """Greet."""
    return PlainTextResponse(f"hello {request.session.get('user', 'nobody')}")


async def starlette_login(request: Request) -> Response:
    """Log in."""
    request.session["user"] = (await request.form())["user"]
    return RedirectResponse("/", 303)


starlette_app = Starlette(
    routes=[Route("/", starlette_home), Route("/login", starlette_login, methods=["POST"])],
    middleware=[Middleware(SessionMiddleware, secret_key="s" * 32)],
)
