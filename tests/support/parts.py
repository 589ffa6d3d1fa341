"""The parts that Debian delivers and pip doesn't: a test asks for them by name and is skipped without them.

Where they have to be there (``TWOFA_GATE_REQUIRE_PARTS=1``), a missing one fails the test instead.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

MISSING = "missing part: "
"""How the reason of each such skip begins: the closing summary finds them by it."""


@dataclass(frozen=True)
class Part:
    """A command, the Debian package that holds it, and folders (as globs) where it lies outside of PATH."""

    command: str
    package: str
    folders: tuple[str, ...] = ("usr/sbin",)

    def find(self) -> Path | None:
        """Where the command is, or None."""
        on_path = shutil.which(self.command)
        if on_path is not None:
            return Path(on_path)
        for folder in self.folders:
            for found in sorted(Path("/").glob(f"{folder}/{self.command}"), reverse=True):
                if os.access(found, os.X_OK):
                    return found
        return None


PARTS = {
    "chromium": Part("chromium", "chromium"),
    "oathtool": Part("oathtool", "oathtool"),
    "zbarimg": Part("zbarimg", "zbar-tools"),
    "postgresql": Part("postgres", "postgresql", ("usr/lib/postgresql/*/bin",)),
    "mariadb": Part("mariadbd", "mariadb-server"),
    "redis": Part("redis-server", "redis-server"),
}


def required() -> bool:
    """Whether a missing part is a failure here, as in continuous integration."""
    return os.environ.get("TWOFA_GATE_REQUIRE_PARTS", "") not in ("", "0")


def need(*names: str) -> Path:
    """Where the (last named) part's command is; without it the calling test is skipped, or fails."""
    where = Path()
    for name in names:
        part = PARTS[name]
        found = part.find()
        if found is None:
            missing(f"{name} (Debian's package {part.package})")
        where = found
    return where


def missing(what: str) -> NoReturn:
    """Skip the calling test for want of a part, or fail it where parts are required."""
    if required():
        pytest.fail(MISSING + what, pytrace=False)
    pytest.skip(MISSING + what)
