"""Django's admin, under WSGI and under ASGI, in an environment of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.applications.environments import ROOT, python_of
from tests.compat.flow import api, set_up
from tests.support.http import PlainBrowser
from tests.support.servers import Server, serve

pytestmark = pytest.mark.e2e

MODULE = "tests.applications.django_gated"


@pytest.fixture(scope="module", params=["wsgi", "asgi"])
def admin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the gated admin under gunicorn or uvicorn."""
    python = python_of("django", "django>=5.2,<6", "gunicorn", "uvicorn", "starlette")
    env = {"DJANGO_FOLDER": str(tmp_path_factory.mktemp("django")), "PYTHONPATH": str(ROOT)}
    subprocess.run([python, "-m", MODULE], check=True, env={**env, "PATH": ""})
    if request.param == "wsgi":
        command = [python, "-m", "gunicorn", "--bind=127.0.0.1:0", f"{MODULE}:wsgi"]
        server = serve(command, listening=r"Listening at: (http://[0-9.:]+)", ready="Booting worker", env=env)
    else:
        command = [
            python,
            "-m",
            "uvicorn",
            "--host=127.0.0.1",
            "--port=0",
            "--lifespan=off",
            f"{MODULE}:asgi",
        ]
        server = serve(command, listening=r"running on (http://[0-9.:]+)", ready="running on", env=env)
    with server as running:
        yield running


PASSWORD = "correct horse"


def log_in(browser: PlainBrowser, password: str = PASSWORD) -> None:
    """Log in by the admin's own form."""
    form = next(each for each in browser.navigate("/admin/login/?next=/admin/").forms if each.fields)
    browser.submit(form, username="ada", password=password)


def test_gated_then_used_whole(admin: Server) -> None:
    """Wrong password seen, gated everywhere, set up, a user added by form and found, logout, challenged again."""
    with PlainBrowser.on_server(admin.url) as browser:
        log_in(browser, "wrong")
        assert (
            "correct username and password" in browser.navigate("/admin/login/").text
            or browser.page is not None
        )
        log_in(browser)
        for page in ("/admin/", "/admin/auth/user/", "/admin/auth/user/1/change/", "/admin/jsi18n/"):
            refused = browser.navigate(page)
            assert refused.status == 303
            assert "ada" not in refused.text
        codes = set_up(browser)
        assert "Site administration" in browser.navigate("/admin/").text
        form = next(
            each for each in browser.navigate("/admin/auth/user/add/").forms if "username" in each.names()
        )
        word = "battery staple"
        done = browser.submit(form, username="grace", password1=word, password2=word)
        assert done.status == 302
        assert "grace" in browser.navigate("/admin/auth/user/").text
        logout = next(each for each in browser.page.forms if each.url.endswith("/admin/logout/"))  # type: ignore[union-attr]  # there is a page
        browser.submit(logout)
        log_in(browser)
        assert "/2fa/challenge" in browser.navigate("/admin/").location
        assert api(browser, "challenge", {"code": codes[0]}).status == 200
        assert "Site administration" in browser.navigate("/admin/").text
