"""What the tests of the documentation share: a clock, a phone, and a place to follow the docs in."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.docs.pages import DOCS
from tests.support.clock import MovableClock
from tests.support.phone import Phone
from twofa_gate.adapters import performing

ENVIRONMENT = {
    "TWOFA_GATE_KEY": "a key for the tests of the documentation, 32 bytes and more",
    "NEW_KEY": "a newer key for the tests of the documentation, 32 bytes and more",
    "SESSION_KEY": "a key for the sessions of an application",
    "DATABASE_URL": "sqlite:///shared.db",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
}
LOCAL = ("app", "gated", "legacy", "mysite", "figures_gate")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MovableClock:
    """Give a clock that this process's gates follow."""
    clock = MovableClock(tmp_path / "clock")
    monkeypatch.setattr(performing, "time", SimpleNamespace(time=clock.time, monotonic=time.monotonic))
    return clock


@pytest.fixture
def phone(clock: MovableClock) -> Phone:
    """Give the phone of the person whom the docs speak of."""
    return Phone(clock)


@pytest.fixture
def workplace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Give a folder to be in, with the applications and the environment that the docs speak of.

    What is imported from it is forgotten afterwards.
    """
    folder = tmp_path / "workplace"
    shutil.copytree(DOCS / "tutorials" / "flask", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(Path(__file__).with_name("legacy.py"), folder)
    (folder / "2fa.key").write_text(ENVIRONMENT["TWOFA_GATE_KEY"] + "\n")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    yield folder
    for name in [each for each in sys.modules if each.partition(".")[0] in LOCAL]:
        del sys.modules[name]
