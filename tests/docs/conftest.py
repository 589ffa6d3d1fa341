"""What the tests of the documentation share: a clock, a phone, and modules that are forgotten afterwards."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.clock import MovableClock
from tests.support.phone import Phone
from twofa_gate.adapters import performing

KEY = "a key for the tests of the documentation, 32 bytes and more"


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
    """Give an empty folder to be in, with the environment that the docs tell the reader to set.

    Modules that are imported meanwhile from outside of the installed packages are forgotten afterwards.
    """
    folder = tmp_path / "workplace"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("TWOFA_GATE_KEY", KEY)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("app", "gated", "site_settings"):
            del sys.modules[name]
