"""Environments of their own for applications that we did not write, made once and kept beside the checkout."""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

__all__ = ["python_of"]

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venv-applications"


def python_of(name: str, *packages: str) -> str:
    """Return the Python of an environment that has these packages, and this project as it stands.

    Skips the test where the packages can't be had.
    """
    home = FOLDER / name
    python = home / "bin" / "python"
    stamp = home / "installed.json"
    project = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    wanted = json.dumps([sys.version, project, packages])
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            done = subprocess.run(
                [*install, *packages, "-e", str(ROOT)], capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                pytest.skip(f"missing part: {', '.join(packages)} can't be installed: {done.stderr[-300:]}")
            stamp.write_text(wanted)
    return str(python)
