"""The storage backend that the documentation shows is real: it is small, and it passes the conformance suite."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / "examples" / "store_plugin"


def test_example_passes_the_conformance_suite() -> None:
    """The example's own tests pass, without any plugin of pytest, and none of them is skipped."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:cov", "-p", "no:xdist"],
        cwd=_FOLDER,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "skipped" not in run.stdout


def test_example_is_small() -> None:
    """A backend fits into 60 lines: the contract is three functions, not a security protocol."""
    assert len((_FOLDER / "twofa_gate_filestore.py").read_text().splitlines()) < 60


def test_example_can_be_named_in_a_file() -> None:
    """The package offers its class under the name by which a TOML file would ask for it."""
    project = tomllib.loads((_FOLDER / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["twofa_gate.plugins"] == {"filestore": "twofa_gate_filestore:FileStore"}
    assert "class FileStore:" in (_FOLDER / "twofa_gate_filestore.py").read_text()
