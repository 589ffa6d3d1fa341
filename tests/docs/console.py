"""What the docs tell the reader to type into a shell, typed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.docs.pages import blocks

__all__ = ["commands", "environment", "type_in"]

_PREPARING = ("mkdir ", "python -m venv ", "pip install ")
_SERVING = ("gunicorn ", "uvicorn ", "make ")


def commands(page: Path) -> list[str]:
    """Return the commands of a page's console blocks, each in one line."""
    lines = "\n".join(block.text for block in blocks(page) if block.language == "console")
    return [
        line.removeprefix("$ ") for line in lines.replace("\\\n", " ").splitlines() if line.startswith("$ ")
    ]


def environment() -> dict[str, str]:
    """Return an environment in which the commands of this one's packages are found."""
    given = dict(os.environ)
    path = os.pathsep.join([str(Path(sys.executable).parent), given.get("PATH", "")])
    return {**given, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def type_in(page: Path, folder: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Run a page's commands in a folder, but those that install and serve; return the environment they leave."""
    wanted = [line for line in commands(page) if not line.startswith((*_PREPARING, *_SERVING))]
    script = "\n".join(["set -eu", *wanted, "env -0 >&3"])
    read, write = os.pipe()
    try:
        done = subprocess.run(
            ["bash", "-c", f"exec 3>&{write}\n{script}"],
            cwd=folder,
            env=dict(env or environment()),
            pass_fds=(write,),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        os.close(write)
    with os.fdopen(read) as pipe:
        left = pipe.read()
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return dict(line.split("=", 1) for line in left.split("\0") if "=" in line)
