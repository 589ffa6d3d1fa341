"""Case 13: whatever path reaches a protected handler of a bare Flask, Starlette or Django application is gated.

The class: each framework decodes, folds and routes paths in its own way; none of these ways leaves the gate. The
protected handlers take any path, so whatever the gate lets by is noticed. `TWOFA_GATE_EXAMPLES` sets how many paths
each framework is tried with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.hosts.django_site import configure
from tests.support.http import PlainBrowser

from .site import BASE, FakeClock, Site
from .target import PRIVATE, Target
from .test_paths import PATHS, SPECIMENS

EXAMPLES = int(os.environ.get("TWOFA_GATE_EXAMPLES", "300"))
PUBLIC = "public"


def flask_target(target: Target) -> None:
    """Put a Flask application in the target's place: whatever is not login or static is private."""
    from flask import Flask, request

    app = Flask(__name__, static_folder=None)

    @app.route("/login", methods=["GET", "POST"])
    def login() -> Any:
        name, value = target.cookie_for(request.form.get("user") or "u1")
        return ("", 303, {"Location": "/", name: value}) if request.method == "POST" else PUBLIC

    @app.route("/static/", defaults={"name": ""})
    @app.route("/static/<path:name>")
    def static(name: str) -> str:
        return PUBLIC

    @app.route("/", defaults={"path": ""})
    @app.route("/<path:path>")
    def private(path: str) -> str:
        return PRIVATE

    target.wsgi = app.wsgi_app  # type: ignore[method-assign] # that is the point


def starlette_target(target: Target) -> None:
    """Put a Starlette application in the target's place."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, Response
    from starlette.routing import Mount, Route

    async def login(request: Request) -> Response:
        if request.method != "POST":
            return PlainTextResponse(PUBLIC)
        name, value = target.cookie_for((await request.body()).decode().removeprefix("user=") or "u1")
        return Response(None, 303, {"Location": "/", name: value})

    async def public(request: Request) -> Response:
        return PlainTextResponse(PUBLIC)

    async def private(request: Request) -> Response:
        return PlainTextResponse(PRIVATE)

    static = Mount("/static", routes=[Route("/{path:path}", public)])
    target.asgi = Starlette(  # type: ignore[method-assign] # that is the point
        routes=[Route("/login", login, methods=["GET", "POST"]), static, Route("/{path:path}", private)]
    )


def django_target(target: Target) -> None:
    """Put Django in the target's place, with URLs of this test's own."""
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpRequest, HttpResponse
    from django.urls import re_path

    def login(request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponse(PUBLIC)
        name, value = target.cookie_for(request.body.decode().removeprefix("user=") or "u1")
        return HttpResponse(status=303, headers={"Location": "/", name: value})

    def public(request: HttpRequest, path: str) -> HttpResponse:
        return HttpResponse(PUBLIC)

    def private(request: HttpRequest, path: str) -> HttpResponse:
        return HttpResponse(PRIVATE)

    class Handler(WSGIHandler):  # type: ignore[misc]  # Django has no types
        def get_response(self, request: Any) -> Any:
            request.urlconf = (
                re_path(r"^login$", login),
                re_path(r"^static/(?P<path>.*)$", public),
                re_path(r"^(?P<path>(?s:.*))$", private),
            )
            return super().get_response(request)

    target.wsgi = Handler()  # type: ignore[method-assign] # that is the point


FRAMEWORKS: dict[str, tuple[Any, Any]] = {
    "flask": (flask_target, "wsgi"),
    "django": (django_target, "wsgi"),
    "starlette": (starlette_target, "asgi"),
}


Framework = tuple[Site, PlainBrowser, PlainBrowser]


@pytest.fixture(params=FRAMEWORKS)
def framework(
    request: pytest.FixtureRequest, clock: FakeClock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Framework]:
    """Make a gated application of each framework; give it with a verified browser and one that is not."""
    configure(tmp_path_factory.mktemp("django"))
    build, driver = FRAMEWORKS[request.param]
    target = Target()
    build(target)
    site = Site(driver, clock, target=target, logout_paths=[])
    verified, other = site.verified("u1"), site.browser("u1")
    yield site, verified, other
    site.close()


def test_the_frameworks_do_answer_privately(framework: Framework) -> None:
    """The control: to the verified, many of the specimens are private pages; and the login works."""
    site, verified, other = framework
    paths = [path for paths in SPECIMENS.values() for path in paths]
    private = [path for path in paths if PRIVATE in site.raw("GET", path, browser=verified).body.decode()]
    assert len(private) > len(paths) // 3
    assert other.navigate(f"{BASE}/app/x").redirects
    assert other.navigate(f"{BASE}/static/x").text == PUBLIC


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS)
def test_no_path_reaches_a_frameworks_private_handler(framework: Framework, path: str) -> None:
    """Case 13: for a random path, by GET and POST: never the private handler's answer, and never a 500."""
    site, _, browser = framework
    for method in ("GET", "POST"):
        sent = site.raw(method, path.encode(), browser=browser)
        assert PRIVATE.encode() not in sent.body, path
        assert sent.status != 500, path


def test_no_specimen_reaches_a_frameworks_private_handler(framework: Framework) -> None:
    """Cases 1-12 against the frameworks' own reading of paths: every specimen is refused, and never a 500."""
    site, _, browser = framework
    for path in [path for paths in SPECIMENS.values() for path in paths]:
        sent = site.raw("GET", path, browser=browser)
        assert PRIVATE.encode() not in sent.body, path
        assert sent.status in (303, 400), path
