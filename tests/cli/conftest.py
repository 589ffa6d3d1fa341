"""A terminal to type commands into, and an application that they work on."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.e2e.flows import begin_enrollment, recovery_codes_on, verify_and_enable
from tests.support.http import PlainBrowser
from tests.support.phone import Phone
from twofa_gate.cli import main

GATE = "tests.cli.small:gate"


class Terminal:
    """Types `twofa-gate ...` in this process; each command imports the gate anew, as a new process would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
        self._monkeypatch = monkeypatch
        self.keep_import = False
        monkeypatch.setenv("SMALL_DATABASE", str(database))
        monkeypatch.setenv("TWOFA_GATE", GATE)
        self.use("plain")

    def use(self, kind: str) -> None:
        """Let the gate be of another kind from now on."""
        self._monkeypatch.setenv("SMALL_KIND", kind)
        self.forget_import()

    def forget_import(self) -> None:
        """Let the next command import the gate anew."""
        self._monkeypatch.delitem(sys.modules, "tests.cli.small", raising=False)

    def __call__(self, *words: str) -> Result:
        """Run a command."""
        if not self.keep_import:
            self.forget_import()
        return CliRunner().invoke(main, words)

    def json(self, *words: str) -> Any:
        """Run a command that succeeds, for its JSON."""
        done = self(*words, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    """Sit down at a terminal, with a store that nobody has taken into use."""
    return Terminal(monkeypatch, tmp_path / "2fa.db")


@pytest.fixture
def installed(terminal: Terminal) -> Terminal:
    """Sit down at a terminal, with a store in use."""
    done = terminal("init")
    assert done.exit_code == 0, done.output
    return terminal


@pytest.fixture
def ada(installed: Terminal) -> Iterator[PlainBrowser]:
    """Open the browser of Ada, who sets up a second factor and names the device spitefully."""
    installed.use("plain")
    small = importlib.import_module("tests.cli.small")
    with PlainBrowser.on_wsgi(small.app) as browser:
        browser.cookies.set("user", "ada", browser.base_url)
        browser.navigate("/2fa/enroll")
        phone = Phone()
        begin_enrollment(browser, phone)
        enabled = verify_and_enable(browser, phone, name="\x1b[31mphone")
        assert len(recovery_codes_on(enabled)) == 10
        yield browser
        small.gate.close()
