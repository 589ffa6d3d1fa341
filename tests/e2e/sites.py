"""The two examples, each behind its gate on its server, and what the tests need to know of them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.clock import MovableClock
from tests.support.http import Answer, PlainBrowser
from tests.support.phone import Phone
from tests.support.servers import Server, gunicorn, uvicorn
from twofa_gate.stores.sqlite import SQLiteStore

__all__ = [
    "FLASK",
    "OFFICES",
    "ROOT",
    "STARLETTE",
    "Office",
    "Site",
    "environment",
    "log_in",
    "log_out",
    "running",
]

ROOT = Path(__file__).parents[2]
EMAIL = "ada@example.com"
PASSWORD = "correct horse"
USER = "1"
"""Ada's id, by which the gate knows her."""


@dataclass(frozen=True)
class Office:
    """One example: where it is, and its pages."""

    name: str
    package: str
    server: str
    page: str
    heading: str
    data: str
    open_page: str
    open_data: str
    download: str
    lines: int
    """How many lines the download has."""

    def __str__(self) -> str:
        return self.name


FLASK = Office(
    name="flask",
    package="examples.flask_app",
    server="gunicorn",
    page="/billing/invoices",
    heading="Invoices",
    data="/billing/api/summary",
    open_page="/office/orders",
    open_data="/office/api/orders",
    download="/office/orders.csv",
    lines=61,
)
STARLETTE = Office(
    name="starlette",
    package="examples.starlette_app",
    server="uvicorn",
    page="/billing/fees",
    heading="Berth fees",
    data="/billing/api/summary",
    open_page="/office/log",
    open_data="/office/api/log",
    download="/office/log.csv",
    lines=19,
)
OFFICES = (FLASK, STARLETTE)


def environment(folder: Path, root: Path = ROOT) -> dict[str, str]:
    """Return the environment of an example whose files are in this folder; its cookies are all Secure."""
    return {
        "EXAMPLE_DATABASE": str(folder / "example.db"),
        "EXAMPLE_TWOFA_DATABASE": str(folder / "twofa.db"),
        "EXAMPLE_SECRET": "a secret of the tests",
        "EXAMPLE_PRODUCTION": "1",
        "EXAMPLE_HTTP": "",
        "TWOFA_GATE_KEY": "a key of the tests that is long enough",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH")))),
    }


@dataclass(frozen=True)
class Site:
    """A running example."""

    office: Office
    server: Server
    clock: MovableClock
    env: dict[str, str]

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url

    def browser(self) -> PlainBrowser:
        """Open a plain browser, without a cookie."""
        return PlainBrowser.on_server(self.url)

    def phone(self) -> Phone:
        """Take a phone that has scanned nothing."""
        return Phone(self.clock)

    def operate(self, *words: str) -> Any:
        """Run a command of `twofa-gate` in a process of its own, for its JSON."""
        gate = f"{self.office.package}.gated:gate"
        command = [sys.executable, "-m", "twofa_gate", *words, "--json", "--gate", gate]
        env = self.clock.environment({**os.environ, **self.env})
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def forget(self) -> None:
        """Begin anew: nobody has set up. A deletion in the store, which is faster than the command."""
        store, key = SQLiteStore(self.env["EXAMPLE_TWOFA_DATABASE"]), f"main/user/{USER}"
        stored = store.load(key)
        assert stored is None or store.save(key, None, "", stored.version)
        store.close()


@contextlib.contextmanager
def running(
    office: Office,
    folder: Path,
    *,
    app: str | None = None,
    root: Path = ROOT,
    workers: int = 1,
    preload: bool = False,
    args: Sequence[str] = (),
) -> Iterator[Site]:
    """Take a new store into use and serve the example (or `app` around it), on a clock that the test moves.

    `root`: where it is, if it is a copy.
    """
    clock = MovableClock(folder / "clock")
    env = environment(folder, root)
    command = [sys.executable, "-m", "twofa_gate", "init", "--gate", f"{office.package}.gated:gate"]
    subprocess.run(command, env={**os.environ, **env}, cwd=root, check=True, stdout=subprocess.DEVNULL)
    app = app or f"{office.package}.gated:app"
    if office.server == "gunicorn":
        serving = gunicorn(app, workers=workers, preload=preload, args=args, env=env, cwd=root, clock=clock)
    else:
        serving = uvicorn(app, workers=workers, args=args, env=env, cwd=root, clock=clock)
    with serving as server:
        yield Site(office, server, clock, env)


def log_in(browser: PlainBrowser, email: str = EMAIL, password: str = PASSWORD) -> Answer:
    """Fill in the example's own login form."""
    page = browser.navigate("/login")
    answer = browser.submit(page.form(button="Log in"), email=email, password=password)
    assert answer.status == 303, answer.words
    return answer


def log_out(browser: PlainBrowser) -> Answer:
    """Press the button of the example's own pages."""
    page = browser.navigate("/")
    answer = browser.submit(page.form(button="Log out"))
    assert answer.status == 303, answer.words
    return answer
