"""The how-to guides do what they are for: what they show is put to use."""

from __future__ import annotations

import json
import re
import runpy
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.docs.conftest import ENVIRONMENT
from tests.docs.console import environment, type_in
from tests.docs.journey import journey, log_in_by_form, set_up
from tests.docs.legacy import application
from tests.docs.pages import DOCS, ROOT, blocks, python_of
from tests.docs.test_examples import run_page
from tests.support.clock import MovableClock
from tests.support.http import PlainBrowser
from tests.support.phone import Phone
from tests.support.servers import gunicorn
from twofa_gate import Gate
from twofa_gate.core.problems import Problem
from twofa_gate.core.storage import user_key
from twofa_gate.gate import initializing
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.wsgi import TwoFactorMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

GUIDES = DOCS / "how-to"
ADA = "ada@example.com"


def with_environ(app: WSGIApplication, **more: str) -> WSGIApplication:
    """Be the server that hands over what it knows."""

    def serving(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        return app({**environ, **more}, start_response)

    return serving


def nothing(_browser: PlainBrowser) -> None:
    """Log nobody in: the server has done that."""


@pytest.mark.needs("oathtool")
def test_fastapi(workplace: Path, phone: Phone) -> None:
    """The application of the guide has a second factor, and its pages know when somebody verified."""
    app = run_page(GUIDES / "fastapi.md", workplace)["app"]

    def log_in(browser: PlainBrowser) -> None:
        form = browser.navigate("/login").form(action="/login")
        browser.submit(form, email=ADA, password="correct horse")

    with PlainBrowser.on_asgi(app) as browser:
        journey(browser, phone, log_in=log_in)
        assert "Verified at 20" in browser.navigate("/").text


@pytest.mark.needs("oathtool")
@pytest.mark.parametrize(
    ("guide", "named"),
    [("mod-wsgi.md", {"REMOTE_USER": ADA}), ("behind-nginx.md", {"HTTP_X_REMOTE_USER": ADA})],
)
def test_server_that_logs_people_in(guide: str, named: dict[str, str], workplace: Path, phone: Phone) -> None:
    """A user whom the server names sees the application after the code; so does a browser that comes later."""
    app = run_page(GUIDES / guide, workplace)["application"]
    with PlainBrowser.on_wsgi(with_environ(app, **named)) as browser:
        set_up(browser, phone)
        later = browser.another()
        page = later.navigate("/", follow=True)
        assert "figures" not in page.text
        page = later.submit(page.form(button="Verify"), code=phone.fresh_code(), follow=True)
        assert "Quarterly figures" in page.text


def test_header_from_elsewhere(workplace: Path) -> None:
    """The guide for nginx: a header that did not come from the proxy is refused."""
    app = run_page(GUIDES / "behind-nginx.md", workplace)["application"]
    forged = with_environ(app, HTTP_X_REMOTE_USER=ADA, REMOTE_ADDR="192.0.2.7")
    with PlainBrowser.on_wsgi(forged) as browser:
        answer = browser.navigate("/")
        assert answer.status == 400
        assert "figures" not in answer.text


@pytest.mark.e2e
@pytest.mark.needs("oathtool")
def test_django(tmp_path: Path, clock: MovableClock, phone: Phone) -> None:
    """A project that `startproject` made, with the guide's `wsgi.py`: the admin asks for a code."""
    env = {**environment(), **ENVIRONMENT, "DJANGO_SUPERUSER_PASSWORD": "correct horse"}

    def manage(*words: str) -> None:
        subprocess.run([sys.executable, *words], cwd=tmp_path, env=env, check=True, capture_output=True)

    manage("-m", "django", "startproject", "mysite", ".")
    manage("manage.py", "migrate")
    manage("manage.py", "createsuperuser", "--noinput", "--username=ada", f"--email={ADA}")
    (tmp_path / "mysite" / "wsgi.py").write_text(python_of(GUIDES / "django.md"))
    env = type_in(GUIDES / "django.md", tmp_path, env)

    def log_in(browser: PlainBrowser) -> None:
        form = browser.navigate("/admin/login/").form(field="username")
        answer = browser.submit(form, username="ada", password="correct horse")
        assert "Site administration" not in answer.text

    def log_out(browser: PlainBrowser) -> None:
        browser.submit(browser.navigate("/admin/").form(action="/admin/logout/"))

    with (
        gunicorn("mysite.wsgi:application", env=env, cwd=tmp_path, clock=clock) as server,
        PlainBrowser.on_server(server.url) as browser,
    ):
        journey(
            browser, phone, log_in=log_in, log_out=log_out, private="/admin/", words="Site administration"
        )


@pytest.mark.e2e
@pytest.mark.needs("oathtool")
def test_no_code(workplace: Path, clock: MovableClock, phone: Phone) -> None:
    """The TOML file of the guide, the tutorial's application untouched: a working second factor from the date."""
    guide = GUIDES / "no-code.md"
    (workplace / "gate.toml").write_text(next(each.text for each in blocks(guide) if each.language == "toml"))
    (workplace / "figures_gate.py").write_text(python_of(guide))
    (workplace / "gated.py").unlink()
    env = type_in(guide, workplace)
    clock.sleep(max(datetime(2027, 1, 4, 9, tzinfo=UTC).timestamp() - clock.time(), 0))
    with (
        gunicorn("twofa_gate.wsgi:application", env=env, cwd=workplace, clock=clock) as server,
        PlainBrowser.on_server(server.url) as browser,
    ):
        journey(browser, phone)


def test_several_applications(workplace: Path) -> None:
    """Two realms share a store and a key, and have no name in common: neither keys nor cookies."""
    found = run_page(GUIDES / "several-applications.md", workplace)
    shop, wiki = found["shop"], found["wiki"]
    assert not set(shop.settings.cookies.names) & set(wiki.settings.cookies.names)
    shop.reset(ADA, by="test", reason="to have something stored")
    assert found["store"].load(user_key("shop", ADA)) is not None
    assert found["store"].load(user_key("wiki", ADA)) is None


def test_api_clients(workplace: Path) -> None:
    """A token passes at the location that allows it, is 401 elsewhere, and a password needs a second factor."""
    found = run_page(GUIDES / "api-clients.md", workplace)
    app = found["app"]
    app.add_url_rule("/api/figures", "api", lambda: "the figures by API")
    app.add_url_rule("/figures", "figures", lambda: "the figures")
    bearer = {"Authorization": "Bearer tok_4f1c", "Accept": "application/json"}
    with PlainBrowser.on_wsgi(TwoFactorMiddleware(app, found["gate"])) as browser:
        assert browser.send("GET", "/api/figures", headers=bearer).text == "the figures by API"
        refused = browser.send("GET", "/figures", headers=bearer)
        assert refused.status == 401
        assert 'error="insufficient_user_authentication"' in refused.headers["www-authenticate"]
        basic = {
            "Authorization": "Basic YWRhQGV4YW1wbGUuY29tOmNvcnJlY3QgaG9yc2U=",
            "Accept": "application/json",
        }
        assert browser.send("GET", "/api/figures", headers=basic).json()["decision"] == "enroll"
        log_in_by_form(browser)
        beside = browser.send("GET", "/api/figures", headers=bearer)
        assert beside.json()["decision"] == "enroll"


def test_many_host_names(workplace: Path) -> None:
    """A host name that is not on the list is refused."""
    found = run_page(GUIDES / "many-host-names.md", workplace)
    app = TwoFactorMiddleware(found["app"], found["gate"])
    with PlainBrowser.on_wsgi(app, "https://north.example.com") as browser:
        log_in_by_form(browser)
        assert browser.fetch("GET", "/").json()["location"] == "north"
    with PlainBrowser.on_wsgi(app, "https://evil.example.com") as browser:
        form = browser.navigate("/login").form(action="/login")
        assert browser.submit(form, email=ADA, password="correct horse").status == 400


@pytest.mark.needs("oathtool")
def test_leaked_key(workplace: Path, phone: Phone, clock: MovableClock) -> None:
    """With the old key second a verification from before holds, unless `void_before` is later than it."""
    with PlainBrowser.on_wsgi(tutorial()["app"]) as browser:
        log_in_by_form(browser)
        set_up(browser, phone)
    given = "datetime(2026, 3, 2, 14, 30, tzinfo=UTC)"
    program = python_of(GUIDES / "leaked-key.md")
    assert given in program
    for moment, title in (("2001, 1, 1", ""), ("2999, 1, 1", "Enter your code")):
        forget_modules()
        (workplace / "page.py").write_text(program.replace(given, f"datetime({moment}, tzinfo=UTC)"))
        found = runpy.run_path("page.py")
        with PlainBrowser.on_wsgi(TwoFactorMiddleware(found["app"], found["gate"])) as later:
            browser.cookies.copy_to(later.cookies)
            page = later.navigate("/", follow=True)
            assert page.title.startswith(title)
            assert ("Quarterly figures" in page.text) is (title == "")


@pytest.mark.needs("oathtool")
def test_rotate_keys(workplace: Path, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the guide's rotation the old key is not needed any more."""
    with PlainBrowser.on_wsgi(tutorial()["app"]) as browser:
        log_in_by_form(browser)
        set_up(browser, phone)
    report = run_page(GUIDES / "rotate-keys.md", workplace)["report"]
    assert report.resealed == 1
    monkeypatch.setenv("TWOFA_GATE_KEY", ENVIRONMENT["NEW_KEY"])
    assert tutorial()["gate"].status(ADA).enrolled


@pytest.mark.needs("oathtool")
def test_restored_backup(workplace: Path, phone: Phone) -> None:
    """Who set up after the backup is refused rather than taken for new, until somebody resets them."""
    found = tutorial()
    with PlainBrowser.on_wsgi(found["app"]) as browser:
        log_in_by_form(browser)
        set_up(browser, phone)
        with sqlite3.connect("2fa.db") as store:
            store.execute("DELETE FROM twofa_gate WHERE key LIKE '%/user/%'")
        store.close()
        time.sleep(1.1)  # a PASS may be reused for a second
        assert browser.navigate("/").status == 503
        type_in(GUIDES / "restored-backup.md", workplace)
        page = browser.navigate("/", follow=True)
        assert page.title.startswith("Set up two-factor authentication")


def test_host_plugin(workplace: Path) -> None:
    """The plugin of the guide knows whom its table of sessions knows, where they go, and when they log out."""
    legacy = run_page(GUIDES / "write-a-host-plugin.md", workplace)["Legacy"]
    with sqlite3.connect("legacy.db") as database:
        database.execute("CREATE TABLE users (id INTEGER, email TEXT, created REAL)")
        database.execute("CREATE TABLE sessions (sid TEXT, user_id INTEGER, login_id TEXT, expires REAL)")
        database.execute("INSERT INTO users VALUES (7, ?, 1700000000)", (ADA,))
        database.execute("INSERT INTO sessions VALUES ('live', 7, 'login 1', 9e9), ('old', 7, 'login 2', 1)")
    database.close()
    gate = Gate(secret_keys=["k" * 32], issuer="Legacy", plugins=[legacy("legacy.db"), MemoryStore()])
    app = TwoFactorMiddleware(application, gate)
    with PlainBrowser.on_wsgi(app) as browser:
        for sid, path, expected in (
            ("live", "/billing/1", ("enroll", "billing")),
            ("live", "/orders", ("remind", None)),
            ("old", "/billing/1", ("pass", None)),
            ("live", "/index?action=logout", ("pass", None)),
        ):
            answer = browser.send(
                "GET", path, headers={"Cookie": f"sid={sid}", "Accept": "application/json"}, cookies=False
            )
            if expected[0] == "enroll":
                told = answer.json()
                assert (told["decision"], told["location"]) == expected
            else:
                assert answer.status == 200, path


def test_host_conformance(workplace: Path) -> None:
    """The proof that the guide shows is one, for the tutorial's application: pytest passes it whole."""
    proof = GUIDES / "write-a-host-plugin" / "test_host.py"
    (workplace / "test_host.py").write_text(proof.read_text())
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_host.py"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=environment(), check=False
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def test_problem_of_the_guide() -> None:
    """The refusal that the guide for single-page applications shows has the members of a real one."""
    shown = json.loads(
        next(
            block.text for block in blocks(GUIDES / "single-page-applications.md") if block.language == "json"
        )
    )
    assert shown.keys() == {"type", "title", "status", "decision", "location", "url"}
    assert (shown["type"], shown["title"]) == (Problem.CHALLENGE.type, Problem.CHALLENGE.title)


def test_single_page_application() -> None:
    """The code of the guide is that of the example, which is tested in a browser; the type it speaks of is one."""
    guide = (GUIDES / "single-page-applications.md").read_text()
    assert all(f"../../examples/spa/static/{name}" in guide for name in ("twofa.js", "dialog.js", "app.js"))
    code = (ROOT / "examples" / "spa" / "static" / "twofa.js").read_text()
    spoken = set(re.findall(r"urn:twofa-gate:[a-z-]+", guide + code))
    assert spoken
    assert spoken <= {kind.type for kind in Problem}


def forget_modules() -> None:
    """Let the applications be imported anew."""
    for name in ("app", "gated"):
        sys.modules.pop(name, None)


def tutorial() -> dict[str, Any]:
    """Run the tutorial's application anew, with its gate."""
    forget_modules()
    with initializing():
        return runpy.run_path("gated.py")
