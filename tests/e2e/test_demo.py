"""`twofa-gate demo`: the whole flow plays by itself, ends with a status that tells, and leaves nothing behind."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.e2e

STEPS = 25
STEP = re.compile(r" ?(\d+)\. (.+?) {2,}(GET|POST) (\S+) +(\d{3})(?: -> (\S+))?(?: \((.+)\))?")


def demo(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it without a terminal; its temporary files go below `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "twofa_gate", "demo", *words],
        env={**os.environ, "TMPDIR": str(folder), **environment},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "server"),
    [(["--example", "flask"], "Flask"), (["--example", "starlette", "--once"], "Starlette")],
)
def test_the_flow_plays_by_itself(tmp_path: Path, words: list[str], server: str) -> None:
    """A line for each step with what the server answered; status 0; no file is left."""
    begin = time.monotonic()
    done = demo(tmp_path, *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - begin < 60
    lines = done.stdout.splitlines()
    assert server in lines[0]
    assert "its installation record was written" in lines[1]
    steps = [match for line in lines if (match := STEP.fullmatch(line))]
    assert [int(step[1]) for step in steps] == list(range(1, STEPS + 1))
    told = {step[2]: (step[5], step[6], step[7]) for step in reversed(steps)}
    assert told["Log in with e-mail address and password"] == ("303", "/", None)
    assert told["Open billing: refused, a second factor is due"] == ("303", "/2fa/enroll?...", None)
    assert told["Ask for billing's JSON: refused, in JSON"] == ("403", None, "decision enroll")
    assert told["Verify and enable, with the phone's code"] == ("200", None, "10 recovery codes")
    assert told["Open billing: let through"] == ("200", None, None)
    assert told["Open billing: a code is asked for"] == ("303", "/2fa/challenge?...", None)
    assert told["The same code again, overheard: refused"] == ("403", None, None)
    assert told["Enter a recovery code instead"][0] == "303"
    assert told["Verify and disable, with the backup device's code"] == ("303", "/2fa/?...", None)
    assert lines[-1].startswith(f"All {STEPS} steps went as they should")
    assert list(tmp_path.iterdir()) == []


def test_a_step_that_goes_wrong_is_told(tmp_path: Path) -> None:
    """If the server answers otherwise than it must, the flow stops there with status 1 and one line why."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import sys\nif 'gunicorn' in ' '.join(sys.orig_argv):\n"
        "    from twofa_gate import wsgi\n"
        "    wsgi.TwoFactorMiddleware = lambda app, gate: app\n"
    )
    done = demo(tmp_path, "--example", "flask", PYTHONPATH=str(broken))
    assert done.returncode == 1
    assert done.stderr == "Error: Step 2 went wrong: the server answered 200.\n"


def test_a_server_that_does_not_start_is_told(tmp_path: Path) -> None:
    """A port that is taken: status 1, and the server's own words."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = demo(tmp_path, "--example", "starlette", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The server did not start: ")
    assert "in use" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_what_it_needs_it_says_what_to_install(tmp_path: Path) -> None:
    """Where only the package itself is installed, the demo names the extra."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\nfind = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name in ('httpx', 'flask') else find(name, *rest)\n"
    )
    done = demo(tmp_path, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: The demo needs packages that are not installed (httpx, flask). "
        "Install them with: pip install 'twofa-gate[demo]'\n"
    )


class Terminal:
    """The demo in a terminal of its own, as a person sees it."""

    def __init__(self, folder: Path, *words: str) -> None:
        self._master, slave = pty.openpty()
        self.text = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "twofa_gate", "demo", *words],
            env={**os.environ, "TMPDIR": str(folder)},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def read_until(self, pattern: str, timeout: float = 60) -> re.Match[str]:
        """Read on until the text matches."""
        deadline = time.monotonic() + timeout
        while (found := re.search(pattern, self.text)) is None:
            assert time.monotonic() < deadline, self.text
            if select.select([self._master], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self._master, 65536).decode()
                except OSError:  # the other side has gone
                    assert re.search(pattern, self.text), self.text
        return found

    def type(self, line: str) -> None:
        """Type a line; what was read before is forgotten."""
        self.text = ""
        os.write(self._master, line.encode() + b"\n")

    def close(self) -> None:
        """Make sure that it is gone."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        os.close(self._master)


def test_in_a_terminal_it_stays_up_and_plays_the_phone(tmp_path: Path) -> None:
    """It prints what to open and how to log in, gives codes for a key, refuses what is none, and ends with q."""
    terminal = Terminal(tmp_path, "--example", "starlette")
    try:
        page = terminal.read_until(r"open +(http://\S+)")[1]
        shown = terminal.read_until(r"log in +(\S+) with the password '(.+?)'")
        assert shown.groups() == ("ada@example.com", "correct horse")
        terminal.read_until(r"key that the page shows \(q: end\): ")
        assert httpx.get(page).status_code == 303
        terminal.type("not a key!")
        terminal.read_until("That is no key")
        terminal.type("GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ")
        first = terminal.read_until(r"code (\d{3} \d{3}), good once, for \d+ s")[1]
        assert first.replace(" ", "") in codes_around_now()
        terminal.read_until(r"or Enter for its next code")
        terminal.type("q")
        assert terminal.process.wait(30) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(page)
        assert list(tmp_path.iterdir()) == []
    finally:
        terminal.close()


def codes_around_now() -> set[str]:
    """Return what an app shows for the RFC's key, in this step and its neighbors."""
    from tests.support.phone import Phone

    phone = Phone()
    phone.type_in("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    return {phone.display(steps) for steps in (-1, 0, 1)}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_whoever_ends_the_demo_ends_its_server(tmp_path: Path, number: signal.Signals) -> None:
    """Killed, hung up or interrupted, it takes its server and files with it."""
    terminal = Terminal(tmp_path, "--example", "flask")
    try:
        page = terminal.read_until(r"open +(http://\S+)")[1]
        terminal.read_until(r"key that the page shows")
        terminal.process.send_signal(number)
        terminal.process.wait(30)
        with pytest.raises(httpx.ConnectError):
            httpx.get(page)
        assert list(tmp_path.iterdir()) == []
    finally:
        terminal.close()
