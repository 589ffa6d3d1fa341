"""The helpers of the end-to-end tests, held against the real things that they play with."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import apps
from tests.support.browser import open_context, watch
from tests.support.camera import read_qr
from tests.support.clock import MovableClock
from tests.support.cookies import Cookies
from tests.support.http import PlainBrowser
from tests.support.parts import PARTS, need
from tests.support.phone import Key, Phone
from tests.support.raw import RawAnswer, send_raw
from tests.support.servers import Server, StartFailed, gunicorn, serve, uvicorn

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WSGI = "tests.support.apps:wsgi"
ASGI = "tests.support.apps:asgi"
RFC_6238_KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # appendix B: the ASCII digits 1 to 0, twice
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wsgi_server() -> Iterator[Server]:
    """Run the small WSGI application in one worker with threads."""
    with gunicorn(WSGI, worker_class="gthread", threads=4, cwd=ROOT) as server:
        yield server


@pytest.fixture(scope="module")
def asgi_server() -> Iterator[Server]:
    """Run the small ASGI application in one process."""
    with uvicorn(ASGI, cwd=ROOT) as server:
        yield server


@pytest.fixture(params=["gunicorn", "uvicorn", "wsgi", "asgi"])
def plain(request: pytest.FixtureRequest) -> Iterator[PlainBrowser]:
    """Open a plain browser on each of the four ways to an application."""
    ways: dict[str, Callable[[], PlainBrowser]] = {
        "gunicorn": lambda: PlainBrowser.on_server(request.getfixturevalue("wsgi_server").url),
        "uvicorn": lambda: PlainBrowser.on_server(request.getfixturevalue("asgi_server").url),
        "wsgi": lambda: PlainBrowser.on_wsgi(apps.wsgi),
        "asgi": lambda: PlainBrowser.on_asgi(apps.asgi),
    }
    with ways[request.param]() as browser:
        yield browser


class TestServers:
    @pytest.mark.e2e
    @pytest.mark.parametrize(("worker_class", "preload"), [("sync", False), ("gthread", True)])
    def test_gunicorn_serves_with_several_workers(self, worker_class: str, preload: bool) -> None:
        """Gunicorn is up with all its workers when the block begins, and gone with all when it ends."""
        with gunicorn(WSGI, workers=2, worker_class=worker_class, preload=preload, cwd=ROOT) as server:
            pids = [server.pid, *server.children()]
            assert len(pids) == 3
            with PlainBrowser.on_server(server.url) as browser:
                assert browser.navigate("/hello").words.startswith("GET /hello")
            assert server.log().count("Booting worker") == 2
            assert server.running()
        assert not server.running()
        assert [pid for pid in pids if _alive(pid)] == []

    @pytest.mark.e2e
    def test_uvicorn_serves_with_several_workers(self) -> None:
        """Uvicorn is up with all its workers when the block begins, and gone with all when it ends."""
        with uvicorn(ASGI, workers=2, cwd=ROOT) as server:
            pids = [server.pid, *server.children()]
            assert len(pids) >= 3
            with PlainBrowser.on_server(server.url) as browser:
                assert browser.navigate("/hello").words.startswith("GET /hello")
        assert [pid for pid in pids if _alive(pid)] == []

    @pytest.mark.e2e
    def test_servers_leave_with_a_failing_test(self) -> None:
        """An exception inside the block leaves no server behind."""
        pids: list[int] = []

        def fail_inside() -> None:
            with gunicorn(WSGI, cwd=ROOT) as server:
                pids.extend([server.pid, *server.children()])
                raise RuntimeError("a test that fails")

        with pytest.raises(RuntimeError, match="a test that fails"):
            fail_inside()
        assert len(pids) == 2
        assert [pid for pid in pids if _alive(pid)] == []

    @pytest.mark.e2e
    def test_servers_leave_with_a_killed_test_run(self) -> None:
        """A test run that is killed outright takes its servers along."""
        code = (
            "import time; from tests.support.servers import gunicorn\n"
            f"with gunicorn({WSGI!r}, workers=2) as server:\n"
            "    print(server.pid, *server.children(), flush=True); time.sleep(600)"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT) as run:
            assert run.stdout is not None
            pids = [int(pid) for pid in run.stdout.readline().split()]
            assert len(pids) == 3
            assert all(_alive(pid) for pid in pids)
            run.kill()
        _wait_for(lambda: not any(_alive(pid) for pid in pids), "the servers of a killed test run to end")

    @pytest.mark.e2e
    def test_a_server_that_cannot_start_says_why(self) -> None:
        """An application that can't be imported is StartFailed, with the log in the message."""
        with pytest.raises(StartFailed, match="no_such_module"), gunicorn("no_such_module:app"):
            pytest.fail("it can't have started")  # pragma: no cover
        with pytest.raises(StartFailed, match="no_such_module"), uvicorn("no_such_module:app"):
            pytest.fail("it can't have started")  # pragma: no cover

    @pytest.mark.e2e
    def test_a_server_that_never_gets_ready_is_ended(self) -> None:
        """A command that says nothing is given up after the timeout, and ended."""
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        with (
            pytest.raises(StartFailed, match=r"not ready after 0\.2 s"),
            serve(command, listening="(never)", ready="never", timeout=0.2),
        ):
            pytest.fail("it can't have started")  # pragma: no cover

    @pytest.mark.e2e
    def test_a_crash_and_a_restart_on_the_same_port(self) -> None:
        """A killed server refuses connections, and another can take its place on its port."""
        with gunicorn(WSGI, cwd=ROOT) as server:
            port = server.port
            assert server.kill() == -signal.SIGKILL
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((server.host, port), 5)
        with gunicorn(WSGI, cwd=ROOT, port=port) as again:
            assert again.port == port
            assert send_raw(again.host, port, b"GET / HTTP/1.0\r\n\r\n").status == 200

    @pytest.mark.e2e
    @pytest.mark.parametrize("start", [gunicorn, uvicorn])
    def test_servers_follow_a_movable_clock(
        self, start: Callable[..., contextlib.AbstractContextManager[Server]], tmp_path: Path
    ) -> None:
        """Workers see the time that the test has moved on to, at once; the test need not wait."""
        clock = MovableClock(tmp_path / "clock")
        app = WSGI if start is gunicorn else ASGI
        with start(app, workers=2, clock=clock, cwd=ROOT) as server:
            with PlainBrowser.on_server(server.url) as browser:
                before = float(browser.fetch("GET", "/time").text.split()[0])
                clock.sleep(3600)
                for _ in range(4):
                    after = float(browser.fetch("GET", "/time").text.split()[0])
                    assert 3600 <= after - before < 3660
            assert abs(clock.time() - time.time() - 3600) < 1


class TestPhone:
    @pytest.mark.needs("oathtool")
    @pytest.mark.parametrize(
        ("seconds", "code"), [(59, "94287082"), (1111111109, "07081804"), (20000000000, "65353130")]
    )
    def test_it_shows_the_codes_of_rfc_6238(self, seconds: int, code: str) -> None:
        """The phone shows the values of RFC 6238, appendix B, at their times."""
        phone = Phone()
        phone.scan(f"otpauth://totp/RFC?secret={RFC_6238_KEY}&digits=8")
        assert phone.display(at=seconds) == code

    def test_it_remembers_what_it_scanned(self) -> None:
        """The phone takes issuer, account and parameters from the URI, percent signs and all."""
        phone = Phone()
        key = phone.scan(
            "otpauth://totp/Acme%20%26%20Co:ada%40example.com?secret=JBSWY3DPEHPK3PXP&issuer=Acme%20%26%20Co"
            "&algorithm=SHA1&digits=6&period=30"
        )
        assert key == Key("JBSWY3DPEHPK3PXP", "Acme & Co", "ada@example.com")
        assert phone.key is key

    @pytest.mark.parametrize(
        "uri",
        [
            "https://totp/a?secret=JBSWY3DPEHPK3PXP",
            "otpauth://hotp/a?secret=JBSWY3DPEHPK3PXP",
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&secret=JBSWY3DPEHPK3PXP",
            "otpauth://totp/Acme:a?secret=JBSWY3DPEHPK3PXP&issuer=Other",
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&password=x",
        ],
    )
    def test_it_takes_no_doubtful_uri(self, uri: str) -> None:
        """A URI of another kind, that repeats itself, contradicts itself or says too much is refused."""
        with pytest.raises(AssertionError):
            Phone().scan(uri)

    @pytest.mark.needs("oathtool")
    def test_it_gives_no_code_twice(self, tmp_path: Path) -> None:
        """A step's code is given once; a fresh one comes with the next step, after the time went by."""
        clock = MovableClock(tmp_path / "clock")
        phone = Phone(clock)
        phone.type_in("jbsw y3dp-ehpk 3pxp")
        first = phone.code()
        assert phone.display() == first
        with pytest.raises(AssertionError, match="given already"):
            phone.code()
        before = clock.time()
        second = phone.fresh_code()
        assert second != first
        assert phone.display(-1) == first
        assert 0 < clock.time() - before <= 31
        assert phone.wrong_code() not in {first, second}

    def test_it_waits_for_the_true_clock(self) -> None:
        """Without a movable clock a fresh code waits for the step to end, no longer."""
        phone = Phone()
        phone.scan("otpauth://totp/a?secret=JBSWY3DPEHPK3PXP&period=1")
        need("oathtool")
        begin = time.monotonic()
        codes = [phone.fresh_code() for _ in range(3)]
        assert len(set(codes)) == 3
        assert 1 <= time.monotonic() - begin < 10


class TestCamera:
    @pytest.mark.needs("zbarimg", "chromium")
    def test_it_reads_a_qr_code_off_the_screen(self, page: Page) -> None:
        """The camera reads what a page shows as a QR code, off a picture of the page."""
        uri = "otpauth://totp/Acme:ada%40example.com?secret=JBSWY3DPEHPK3PXP&issuer=Acme"
        page.set_content(f"<body><p>Scan this</p>{_qr_svg(uri)}")
        assert read_qr(page.screenshot()) == uri

    @pytest.mark.needs("zbarimg", "chromium")
    def test_it_says_so_when_there_is_none(self, page: Page) -> None:
        """A picture without a QR code is an error that says so."""
        page.set_content("<p>Nothing to see")
        with pytest.raises(AssertionError, match="no QR code"):
            read_qr(page.screenshot())


class TestChromium:
    @pytest.mark.e2e
    @pytest.mark.needs("chromium")
    def test_it_opens_a_page_of_a_server(self, page: Page, wsgi_server: Server) -> None:
        """Chromium opens a page, runs its script, and loads nothing from elsewhere."""
        diary = watch(page)
        page.goto(f"{wsgi_server.url}/hello")
        assert page.locator("#said").inner_text() == "GET /hello"
        assert page.locator("#said").get_attribute("data-script") == "ran"
        page.get_by_label("Parcels")
        page.get_by_role("button", name="Send it").click()
        assert "'do', 'send'" in page.locator("body").inner_text()
        assert diary.complaints() == []
        assert {url.split("/")[2] for url in diary.requested} == {wsgi_server.url.split("/")[2]}

    @pytest.mark.e2e
    @pytest.mark.needs("chromium")
    def test_its_options(self, chromium: Browser, wsgi_server: Server) -> None:
        """A context without JavaScript runs none; size and color scheme are what was asked for."""
        with open_context(chromium, javascript=False, viewport=(320, 640)) as context:
            page = context.new_page()
            page.goto(wsgi_server.url)
            assert page.locator("#said").get_attribute("data-script") is None
            assert page.viewport_size == {"width": 320, "height": 640}
        with open_context(chromium, color_scheme="dark") as context:
            page = context.new_page()
            assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is True

    @pytest.mark.e2e
    @pytest.mark.needs("chromium")
    def test_it_reaches_this_machine_only(self, page: Page, wsgi_server: Server) -> None:
        """Names under .test lead to this machine, and no other name is looked up."""
        from playwright.sync_api import Error

        page.goto(f"http://shop.test:{wsgi_server.port}/")
        assert page.title() == "Parcels"
        with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
            page.goto("http://www.example.com/")

    def test_event_loops_run_beside_it(self) -> None:
        """Event loops of in-process applications run while Chromium is open, being in other threads."""
        with PlainBrowser.on_asgi(apps.asgi) as browser:
            assert browser.navigate("/").status == 200


class TestPlainBrowser:
    @pytest.mark.e2e
    def test_it_reads_pages(self, plain: PlainBrowser) -> None:
        """Title, words, links and forms are read on each way to an application."""
        page = plain.navigate("/grüße")
        assert page.status == 200
        assert page.title == "Parcels"
        assert page.words.startswith("GET /grüße Next & last")
        assert page.link("Next & last") == plain.absolute("/next?a=1")
        assert page.form(action="/find").method == "GET"
        assert page.form(button="Send it").names() == ["token", "to", "express", "gift", "size", "note"]

    @pytest.mark.e2e
    def test_it_sends_forms(self, plain: PlainBrowser) -> None:
        """A form sends its hidden fields, what was typed, and the button, like a browser."""
        form = plain.navigate("/").form(field="token")
        sent = plain.submit(form, to="Ada & Ann", express="yes", button="Keep a draft")
        assert sent.text == repr(
            [
                ("token", 't"1'),
                ("to", "Ada & Ann"),
                ("express", "yes"),
                ("gift", "on"),
                ("size", "m"),
                ("note", "Hello\n"),
                ("do", "draft"),
            ]
        )
        plain.navigate("/")
        assert plain.submit(form, token=None, gift=None, note="").text == repr(
            [("to", ""), ("size", "m"), ("note", ""), ("do", "send")]
        )
        plain.navigate("/")
        with pytest.raises(KeyError, match="no field"):
            plain.submit(form, typo="x")
        assert plain.submit(plain.navigate("/").form(button="Find"), q="a b").url.endswith("/find?q=a+b")

    @pytest.mark.e2e
    def test_it_keeps_cookies_and_follows_when_told(self, plain: PlainBrowser) -> None:
        """A redirect is shown, not followed; its cookie is kept and sent from then on."""
        answer = plain.navigate("/go")
        assert answer.status == 303
        assert answer.redirects
        assert plain.cookies["went"].http_only
        assert plain.follow(answer).words.startswith("GET /")
        assert plain.navigate("/cookies").text == "went=yes"
        assert plain.another().navigate("/cookies").text == ""
        assert plain.navigate("/go", follow=True).title == "Parcels"

    @pytest.mark.e2e
    def test_it_says_what_browsers_say(self, plain: PlainBrowser) -> None:
        """Navigations, forms and scripts carry the Accept, Origin and Sec-Fetch fields of a browser."""
        said = plain.navigate("/headers").text.splitlines()
        assert "sec-fetch-mode: navigate" in said
        assert "sec-fetch-site: none" in said
        assert any(line.startswith("accept: text/html") for line in said)
        assert not any(line.startswith("origin:") for line in said)
        plain.navigate("/")
        said = plain.fetch(
            "GET", "/headers", headers={"X-Requested-With": "XMLHttpRequest"}
        ).text.splitlines()
        assert "sec-fetch-mode: cors" in said
        assert "sec-fetch-site: same-origin" in said
        assert "x-requested-with: XMLHttpRequest" in said
        said = plain.send("GET", "/headers").text.splitlines()
        assert [line.partition(":")[0] for line in said] == ["host"]

    def test_the_lifespan_is_begun_and_ended(self) -> None:
        """In process too an ASGI application sees its startup before, its shutdown after all requests."""
        apps.started.clear()
        with PlainBrowser.on_asgi(apps.asgi) as browser:
            assert apps.started == ["lifespan.startup"]
            assert browser.navigate("/slow").status == 200
        assert apps.started == ["lifespan.startup", "lifespan.shutdown"]
        with PlainBrowser.on_asgi(apps.no_lifespan) as browser:
            assert browser.navigate("/").status == 200

    def test_wsgi_is_kept_to_the_letter(self) -> None:
        """In process too ``write()`` works, a prefix is SCRIPT_NAME, and an exception reaches the test."""
        with PlainBrowser.on_wsgi(apps.wsgi) as browser:
            assert browser.navigate("/written").text == "written, returned"
        with PlainBrowser.on_wsgi(apps.wsgi, prefix="/shop") as browser:
            assert browser.navigate("/shop/x").words.startswith("GET /x")
        with PlainBrowser.on_wsgi(apps.broken) as browser, pytest.raises(RuntimeError, match="on purpose"):
            browser.navigate("/")

    def test_cookies_are_taken_as_browsers_take_them(self) -> None:
        """The jar holds to host, path, Secure, expiry and the ``__Host-`` rules."""
        jar = Cookies()
        jar.take("__Host-a=1; Secure; Path=/; HttpOnly; SameSite=Lax", "https://app.test/x/y")
        jar.take("b=2; Path=/x", "https://app.test/x/y")
        jar.take("c=3; Domain=app.test; Path=/", "https://www.app.test/")
        assert jar.header("https://app.test/x/z") == "b=2; __Host-a=1; c=3"
        assert jar.header("https://app.test/xy") == "__Host-a=1; c=3"
        assert jar.header("https://www.app.test/") == "c=3"
        assert jar.header("http://app.test/") == "c=3"
        for line in (
            "__Host-d=1; Secure",
            "__Host-d=1; Path=/",
            "__Host-d=1; Secure; Path=/; Domain=app.test",
            "d=1; Domain=other.test",
            "d=1; SameSite=None",
            "nothing",
        ):
            jar.take(line, "https://app.test/x/y")
        assert len(jar.refused) == 6
        jar.take("d=1; Secure", "http://app.test/")
        jar.take("e=1; Secure", "http://127.0.0.1:8000/")
        assert "d" not in jar
        assert "e" in jar
        jar.take("b=; Path=/x; Max-Age=0", "https://app.test/")
        assert jar.names() == ["__Host-a", "c", "e"]


class TestRaw:
    @pytest.mark.e2e
    def test_bytes_go_as_they_are(self, wsgi_server: Server, asgi_server: Server) -> None:
        """A whole answer is read though the connection stays open, whatever its framing."""
        for server in (wsgi_server, asgi_server):
            answer = send_raw(
                server.host, server.port, b"GET /cookies HTTP/1.1\r\nHost: a\r\nCookie: a=1; a=2\r\n\r\n"
            )
            assert answer.status == 200
            assert b"a=1; a=2" in answer.content
            assert answer.header("Content-Type") == "text/plain"
            assert send_raw(server.host, server.port, b"no http at all\r\n\r\n").status == 400

    def test_silence_is_an_error(self) -> None:
        """A server that says nothing is a TimeoutError that tells what had come."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            with pytest.raises(TimeoutError, match="only b''"):
                send_raw("127.0.0.1", port, b"GET / HTTP/1.1\r\n\r\n", timeout=0.2)

    def test_framing(self) -> None:
        """An answer is complete by its length, its last chunk, or a status that has no body."""
        assert RawAnswer(b"HTTP/1.1 204 No\r\n\r\n").complete()
        assert RawAnswer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab").complete()
        assert not RawAnswer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na").complete()
        assert not RawAnswer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").complete()
        assert RawAnswer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").complete()
        assert RawAnswer(b"").status == 0


class TestParts:
    """How the run accounts for what Debian didn't deliver, seen in test runs of their own."""

    TESTS = (
        "import pytest\n"
        "from tests.support.parts import PARTS, Part, need\n"
        "PARTS['anvil'] = Part('anvil-of-nobody', 'anvil')\n"
        "def test_with(): need('anvil')\n"
        "@pytest.mark.needs('anvil')\n"
        "def test_marked(): pass\n"
        "def test_without(): pass\n"
        "@pytest.mark.skip(reason='another reason')\n"
        "def test_other(): pass\n"
    )

    def _run(self, folder: Path, *, require: bool) -> subprocess.CompletedProcess[str]:
        (folder / "test_inner.py").write_text(self.TESTS)
        env = {**os.environ, "TWOFA_GATE_REQUIRE_PARTS": "1" if require else "", "PYTHONPATH": str(ROOT)}
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.conftest",
            "--no-cov",
            "-p",
            "no:cacheprovider",
        ]
        return subprocess.run(
            [*command, "--rootdir", str(folder), "-c", os.devnull, str(folder)],
            env=env,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def test_a_missing_part_is_named(self, tmp_path: Path) -> None:
        """Tests without their parts are skipped and listed by name at the end; the run succeeds."""
        done = self._run(tmp_path, require=False)
        assert done.returncode == 0, done.stdout + done.stderr
        summary = done.stdout.partition("not run for want of a part: 2")[2]
        assert "test_inner.py::test_with: missing part: anvil (Debian's package anvil)" in summary
        assert "test_inner.py::test_marked: missing part: anvil" in summary
        assert "test_other" not in summary
        assert "1 passed, 3 skipped" in done.stdout.splitlines()[-1]

    def test_a_missing_part_fails_where_parts_are_required(self, tmp_path: Path) -> None:
        """The same run fails where all parts have to be there."""
        done = self._run(tmp_path, require=True)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "1 failed, 1 passed, 1 skipped, 1 error" in done.stdout.splitlines()[-1]

    @pytest.mark.parametrize(
        "code",
        [
            "import pytest\n@pytest.mark.skipif(True, reason='missing part: a sun')\ndef test_it(): pass\n",
            "import pytest\npytest.skip('missing part: a sun', allow_module_level=True)\n",
            "import pytest\npytest.importorskip('no_such_sun', reason='missing part: a sun')\n",
        ],
    )
    def test_a_skip_by_hand_counts_too(self, tmp_path: Path, code: str) -> None:
        """Where parts are required, a skip that only gives such a reason fails as well, a module's too."""
        (tmp_path / "test_hand.py").write_text(code)
        done = self._run(tmp_path, require=True)
        assert "missing part: a sun" in done.stdout
        assert done.returncode in (1, 2), done.stdout + done.stderr

    def test_every_part_is_found_or_named(self) -> None:
        """Each part names a Debian package, and is a file that runs if it is there at all."""
        for name, part in PARTS.items():
            assert part.package, name
            where = part.find()
            assert where is None or os.access(where, os.X_OK)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _wait_for(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def _qr_svg(text: str) -> str:
    code = importlib.import_module("qrcode").QRCode(border=4)
    code.add_data(text)
    rows = code.get_matrix()
    squares = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    paths = f'<path fill="#fff" d="M0 0h{len(rows)}v{len(rows)}H0z"/><path d="{squares}"/>'
    return f'<svg viewBox="0 0 {len(rows)} {len(rows)}" width="300">{paths}</svg>'
