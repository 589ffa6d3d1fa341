"""The examples on their servers, one of each for a module of tests."""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.e2e.sites import FLASK, OFFICES, STARLETTE, USER, Office, Site, environment, running
from tests.support.clock import Clock, MovableClock
from tests.support.http import PlainBrowser
from tests.support.phone import Phone
from twofa_gate.adapters import performing
from twofa_gate.gate import initializing


@pytest.fixture(scope="module")
def flask_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve the Flask example with gunicorn."""
    with running(FLASK, tmp_path_factory.mktemp("flask")) as site:
        yield site


@pytest.fixture(scope="module")
def starlette_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve the Starlette example with uvicorn."""
    with running(STARLETTE, tmp_path_factory.mktemp("starlette")) as site:
        yield site


@pytest.fixture(params=[office.name for office in OFFICES])
def site(request: pytest.FixtureRequest) -> Site:
    """Serve either example; nobody has set up yet."""
    served: Site = request.getfixturevalue(f"{request.param}_site")
    served.forget()
    return served


@dataclass
class Way:
    """One way to an example: on a server, or in this process."""

    office: Office
    browser: PlainBrowser
    clock: Clock
    operate: Callable[..., Any]

    def phone(self) -> Phone:
        """Take a phone that has scanned nothing."""
        return Phone(self.clock)


@pytest.fixture(params=["gunicorn", "uvicorn", "wsgi", "asgi"])
def way(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    """Open a plain browser on each of the four ways to an example; nobody has set up yet."""
    if request.param in ("gunicorn", "uvicorn"):
        office = FLASK if request.param == "gunicorn" else STARLETTE
        site: Site = request.getfixturevalue(f"{office.name}_site")
        site.forget()

        def operate(operation: str, **facts: str) -> Any:
            flags = [word for name, value in facts.items() for word in (f"--{name}", value)]
            return site.operate(operation, USER, *flags)

        with site.browser() as browser:
            yield Way(office, browser, site.clock, operate)
        return
    office = FLASK if request.param == "wsgi" else STARLETTE
    with in_process(office, tmp_path, monkeypatch) as opened:
        yield opened


@contextlib.contextmanager
def in_process(office: Office, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    """Import an example anew and open a browser on it, without a server."""
    clock = MovableClock(folder / "clock")
    monkeypatch.setattr(performing, "time", SimpleNamespace(time=clock.time, monotonic=time.monotonic))
    for name, value in environment(folder).items():
        monkeypatch.setenv(name, value)
    name = f"{office.package}.gated"
    monkeypatch.delitem(sys.modules, name, raising=False)
    with initializing():
        module = importlib.import_module(name)

    def operate(operation: str, **facts: str) -> Any:
        return getattr(module.gate, operation)(USER, **facts)

    opening = PlainBrowser.on_wsgi if office is FLASK else PlainBrowser.on_asgi
    with opening(module.app) as browser:
        yield Way(office, browser, clock, operate)
    module.gate.close()
