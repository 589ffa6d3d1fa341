"""Make .venv and install this package with its extras and development tools, unless that was done already.

Uses nothing but Python 3.11 and what it finds: ``ensurepip``, or else the system's own pip, or else, as root
on Debian, the package python3-venv. What is installed is what the lock beside this file pins, by version and
hash (`make lock` renews it). It is noted in the environment, so that another run has nothing to do until that
or pyproject.toml changes.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

if sys.version_info < (3, 11):  # noqa: UP036 - whatever Python is there may start this
    sys.exit(f"Python 3.11 or newer is needed, not {sys.version.split()[0]}: make PYTHON=python3.11 ...")

import tomllib

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed.json"


def main() -> None:
    """Bring the environment up to what pyproject.toml asks for."""
    parser = argparse.ArgumentParser(description="Make .venv, or bring it up to date.")
    parser.add_argument("--group", action="append", default=[], help="a dependency group beside dev")
    groups = ["dev", *parser.parse_args().group]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    with (ROOT / "pyproject.toml").open("rb") as lock:  # two runs at once take turns
        fcntl.flock(lock, fcntl.LOCK_EX)
        for group in groups:
            bring_up(project, group)


def bring_up(project: dict[str, Any], group: str) -> None:
    """Install what the group's lock pins, and this package, unless the note says that it is there."""
    lock = ROOT / "tools" / f"{group}.lock"
    pinned = lock.read_text(encoding="utf-8")
    require_pinned(project, group, pinned)
    wanted = fingerprint(project, pinned)
    done: dict[str, str] = json.loads(STAMP.read_text()) if STAMP.exists() and works() else {}
    if done.get(group) == wanted:
        return
    begin = time.monotonic()
    if not works():
        make_venv()
    say(f"installing the package and what tools/{group}.lock pins into .venv ...")
    # The lock is whole, so pip need not resolve anything; older ones stumble over extras there.
    pip = [str(PYTHON), "-m", "pip", "install", "-qq", "--no-input", "--no-deps"]
    run([*pip, "--require-hashes", "-r", str(lock)])
    run([*pip, "--no-build-isolation", "-e", str(ROOT)])
    run([str(PYTHON), "-m", "pip", "check", "-q"])
    STAMP.write_text(json.dumps({**done, group: wanted}))
    say(f"installed, in {time.monotonic() - begin:.0f} s")


def require_pinned(project: dict[str, Any], group: str, pinned: str) -> None:
    """End with an error that says what to do where the lock lacks what pyproject.toml names."""
    there = {normal(line) for line in pinned.splitlines() if line[:1].isalnum()}
    lacking = [each for each in group_requirements(project, group) if normal(each) not in there]
    if lacking:
        sys.exit(f"tools/{group}.lock lacks {', '.join(lacking)} of pyproject.toml: run `make lock`.")


def normal(requirement: str) -> str:
    """Return the name in a requirement, in the one spelling of PEP 503."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def group_requirements(project: dict[str, Any], group: str) -> list[str]:
    """Return what a dependency group lists, and those that it includes."""
    found: list[str] = []
    for entry in project["dependency-groups"][group]:
        found += [entry] if isinstance(entry, str) else group_requirements(project, entry["include-group"])
    return found


def fingerprint(project: dict[str, Any], pinned: str) -> str:
    """Return what stands for all that decides what gets installed, and where."""
    parts = [project["build-system"], project["project"], project.get("tool", {}).get("hatch"), pinned]
    return hashlib.sha256(json.dumps([*parts, str(ROOT)], default=str).encode()).hexdigest()


def works() -> bool:
    """Tell whether the environment is there and its Python runs, with a pip."""
    return VENV.exists() and call([str(PYTHON), "-c", "import pip"], quiet=True) == 0


def make_venv() -> None:
    """Make an empty environment, in whichever way this machine allows."""
    say(f"making .venv with Python {sys.version.split()[0]} ...")
    shutil.rmtree(VENV, ignore_errors=True)
    base = getattr(sys, "_base_executable", sys.executable)
    if not has_ensurepip(base) and root_on_debian():
        say("this Python has no ensurepip: installing Debian's python3-venv ...")
        apt("update")
        apt("install", "--no-install-recommends", "python3-venv")
    if has_ensurepip(base):
        run([base, "-m", "venv", str(VENV)])
    elif importlib.util.find_spec("pip") is not None:
        run([base, "-m", "venv", "--without-pip", str(VENV)])
        run([base, "-m", "pip", "--python", str(PYTHON), "install", "-qq", "--no-input", "pip"])
    else:
        sys.exit("This Python can make no environment. On Debian, as root: apt-get install python3-venv")


def has_ensurepip(python: str) -> bool:
    """Ask a Python in a process of its own, since an installation a moment ago counts too."""
    return call([python, "-c", "import ensurepip"], quiet=True) == 0


def root_on_debian() -> bool:
    """Tell whether Debian packages may be installed here."""
    return os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def apt(*words: str) -> None:
    """Call apt-get without questions; that it failed shows in what is missing afterwards."""
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    call(["apt-get", "-o", "DPkg::Lock::Timeout=300", "-y", "-qq", *words], quiet=True)


def run(command: list[str]) -> None:
    """Run a command that has to succeed."""
    status = call(command)
    if status != 0:
        sys.exit(f"setup: this failed with status {status}: {' '.join(command)}")


def call(command: list[str], *, quiet: bool = False) -> int:
    """Run a command; return its exit status, that of a shell if there is no such command."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=quiet, check=False).returncode  # noqa: S603 - of this file
    except OSError:
        return 127


def say(what: str) -> None:
    """Tell the person what takes so long."""
    print(f"setup: {what}", flush=True)


if __name__ == "__main__":
    main()
