"""What the README shows does what the README says."""

from __future__ import annotations

import re
import runpy
import shutil
from pathlib import Path

import pytest

from tests.docs.console import type_in
from tests.docs.journey import journey
from tests.docs.pages import DOCS, ROOT, python_of
from tests.support.http import PlainBrowser
from tests.support.phone import Phone

README = ROOT / "README.md"


def test_begins_with_the_two_commands() -> None:
    """The first block of the README is `make demo` and `make test`, and the Makefile has both."""
    first = README.read_text(encoding="utf-8").split("```", 2)[1]
    assert re.findall(r"make \w+", first) == ["make demo", "make test"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\ndemo:" in makefile
    assert "\ntest:" in makefile


@pytest.mark.needs("oathtool")
@pytest.mark.parametrize("framework", ["Flask", "Starlette"])
def test_bolts_the_gate_on(
    framework: str, workplace: Path, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block as it stands, beside an application that it fits, makes a working second factor."""
    shutil.copy(DOCS / "tutorials" / framework.lower() / "app.py", workplace)
    (workplace / "gated.py").write_text(python_of(README, framework))
    monkeypatch.setenv("TWOFA_GATE_KEY", type_in(README, workplace)["TWOFA_GATE_KEY"])
    app = runpy.run_path("gated.py")["app"]
    on = PlainBrowser.on_wsgi if framework == "Flask" else PlainBrowser.on_asgi
    with on(app) as browser:
        journey(browser, phone)


@pytest.mark.parametrize("framework", ["Flask", "Starlette"])
def test_is_short(framework: str) -> None:
    """Beside its imports, what is bolted on takes ten lines at most."""
    lines = [line for line in python_of(README, framework).splitlines() if line.strip()]
    own = [line for line in lines if not line.startswith(("from ", "import ", "#"))]
    assert len(own) <= 10, own
