"""One small application in each framework: a page, a login, a logout. None of them knows of the gate."""

from typing import Any

__all__ = ["ASGI", "WSGI"]


def flask() -> Any:
    """Make it in Flask."""
    from flask import Flask, make_response, request

    app = Flask("flask_compat")

    @app.get("/")
    def home() -> str:
        return f"private {request.cookies.get('who', 'nobody')}"

    @app.post("/login")
    def login() -> Any:
        response = make_response("", 204)
        response.set_cookie("who", request.form["user"])
        return response

    @app.post("/logout")
    def logout() -> Any:
        response = make_response("", 204)
        response.delete_cookie("who")
        return response

    return app


def bottle() -> Any:
    """Make it in Bottle."""
    from bottle import Bottle, request, response

    app = Bottle()

    @app.get("/")  # type: ignore[untyped-decorator]  # Bottle has no types
    def home() -> str:
        return f"private {request.get_cookie('who') or 'nobody'}"

    @app.post("/login")  # type: ignore[untyped-decorator]  # likewise
    def login() -> str:
        response.set_cookie("who", request.forms.get("user"), path="/")
        response.status = 204
        return ""

    @app.post("/logout")  # type: ignore[untyped-decorator]  # likewise
    def logout() -> str:
        response.delete_cookie("who", path="/")
        response.status = 204
        return ""

    return app


def pyramid() -> Any:
    """Make it in Pyramid."""
    from pyramid.config import Configurator
    from pyramid.response import Response

    def home(request: Any) -> Any:
        return Response(f"private {request.cookies.get('who', 'nobody')}")

    def login(request: Any) -> Any:
        response = Response(status=204)
        response.set_cookie("who", request.POST["user"])
        return response

    def logout(request: Any) -> Any:
        response = Response(status=204)
        response.delete_cookie("who")
        return response

    with Configurator() as config:
        for name, view in [("home", home), ("login", login), ("logout", logout)]:
            config.add_route(name, "/" if name == "home" else f"/{name}")
            config.add_view(view, route_name=name)
        return config.make_wsgi_app()


def django_wsgi() -> Any:
    """Make it in Django, under WSGI."""
    from django.core.wsgi import get_wsgi_application

    configure_django()
    return get_wsgi_application()


def django_asgi() -> Any:
    """Make it in Django, under ASGI."""
    from django.core.asgi import get_asgi_application

    configure_django()
    return get_asgi_application()


def configure_django() -> None:
    """Use the project of the host plugins' tests for the settings, with this module's URLs."""
    from tests.compat import django_urls

    django_urls.configure()


def bare_wsgi() -> Any:
    """Make it as a bare callable."""
    from tests.compat.bare import wsgi_app

    return wsgi_app


def starlette() -> Any:
    """Make it in Starlette."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Route

    async def home(request: Request) -> Response:
        return PlainTextResponse(f"private {request.cookies.get('who', 'nobody')}")

    async def login(request: Request) -> Response:
        response = Response(status_code=204)
        response.set_cookie("who", str((await request.form())["user"]))
        return response

    async def logout(request: Request) -> Response:
        response = Response(status_code=204)
        response.delete_cookie("who")
        return response

    routes = [
        Route("/", home),
        Route("/login", login, methods=["POST"]),
        Route("/logout", logout, methods=["POST"]),
    ]
    return Starlette(routes=routes)


def fastapi() -> Any:
    """Make it in FastAPI."""
    from typing import Annotated

    from fastapi import Cookie, FastAPI, Form
    from fastapi.responses import PlainTextResponse, Response

    app = FastAPI()

    @app.get("/", response_class=PlainTextResponse)
    async def home(who: Annotated[str, Cookie()] = "nobody") -> str:
        return f"private {who}"

    @app.post("/login")
    async def login(user: Annotated[str, Form()]) -> Response:
        response = Response(status_code=204)
        response.set_cookie("who", user)
        return response

    @app.post("/logout")
    async def logout() -> Response:
        response = Response(status_code=204)
        response.delete_cookie("who")
        return response

    return app


def litestar() -> Any:
    """Make it in Litestar."""
    from litestar import Litestar, MediaType, Request, Response, get, post

    @get("/", media_type=MediaType.TEXT, sync_to_thread=False)
    def home(request: Request[Any, Any, Any]) -> str:
        return f"private {request.cookies.get('who', 'nobody')}"

    @post("/login", status_code=204)
    async def login(request: Request[Any, Any, Any]) -> Response[None]:
        response = Response[None](None)
        response.set_cookie("who", str((await request.form())["user"]))
        return response

    @post("/logout", status_code=204, sync_to_thread=False)
    def logout() -> Response[None]:
        response = Response[None](None)
        response.delete_cookie("who")
        return response

    return Litestar([home, login, logout], openapi_config=None)


def quart() -> Any:
    """Make it in Quart."""
    from quart import Quart, make_response, request

    app = Quart("quart_compat")

    @app.get("/")
    async def home() -> str:
        return f"private {request.cookies.get('who', 'nobody')}"

    @app.post("/login")
    async def login() -> Any:
        response = await make_response("", 204)
        response.set_cookie("who", (await request.form)["user"])
        return response

    @app.post("/logout")
    async def logout() -> Any:
        response = await make_response("", 204)
        response.delete_cookie("who")
        return response

    return app


def bare_asgi() -> Any:
    """Make it as a bare callable."""
    from tests.compat.bare import asgi_app

    return asgi_app


WSGI = {"Flask": flask, "Django": django_wsgi, "Bottle": bottle, "Pyramid": pyramid, "bare": bare_wsgi}
ASGI = {
    "Starlette": starlette,
    "FastAPI": fastapi,
    "Litestar": litestar,
    "Quart": quart,
    "Django": django_asgi,
    "bare": bare_asgi,
}
