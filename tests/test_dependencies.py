"""What the package depends on: nothing that isn't used, at the oldest versions allowed, and pinned for development."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.applications.environments import python_of

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NEEDED = [Requirement(each) for each in PROJECT["project"]["dependencies"]]
EXTRA = [
    Requirement(each) for extra in PROJECT["project"]["optional-dependencies"].values() for each in extra
]
TESTING = ("aiosqlite", "django", "Flask-Login", "hypothesis", "playwright", "pytest")
"""What the tests that run on the oldest versions need themselves."""
QUICK = (
    "tests/core/test_flow.py",
    "tests/core/test_sealing.py",
    "tests/core/test_signing.py",
    "tests/core/test_totp.py",
    "tests/cli/test_accounts.py",
    "tests/examples/test_flask_app.py",
    "tests/examples/test_starlette_app.py",
    "tests/hosts/test_flask_hosts.py",
    "tests/hosts/test_host_conformance.py",
    "tests/pages/test_qr.py",
    "tests/stores/test_sqlite.py",
)
WHOLE = (
    "tests/abuse",
    "tests/core",
    "tests/cli",
    "tests/config",
    "tests/examples",
    "tests/hosts",
    "tests/stores",
)


def group(name: str) -> list[Requirement]:
    """Return what a dependency group lists, and those that it includes."""
    found: list[Requirement] = []
    for entry in PROJECT["dependency-groups"][name]:
        found += [Requirement(entry)] if isinstance(entry, str) else group(entry["include-group"])
    return found


def pins(lock: str) -> list[Requirement]:
    """Return every pin of a lock, those for other versions of Python and other platforms too."""
    lines = (ROOT / "tools" / lock).read_text().splitlines()
    return [Requirement(line.rstrip(" \\")) for line in lines if line[:1].isalnum()]


def pinned(lock: str) -> dict[str, Version]:
    """Return the versions that a lock pins for this Python."""
    here = [each for each in pins(lock) if each.marker is None or each.marker.evaluate()]
    return {canonicalize_name(each.name): Version(str(each.specifier).removeprefix("==")) for each in here}


def imported(tree: ast.AST) -> set[str]:
    """Return the top-level modules that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("needed", NEEDED, ids=lambda each: each.name)
def test_nothing_is_needed_that_is_not_used(needed: Requirement) -> None:
    """Each dependency is imported somewhere in the package."""
    used: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        used |= imported(ast.parse(path.read_text()))
    owners = packages_distributions()
    distributions = {canonicalize_name(owner) for name in used for owner in owners.get(name, ())}
    assert canonicalize_name(needed.name) in distributions


@pytest.mark.parametrize(
    ("lock", "needed"),
    [
        *(("dev.lock", each) for each in [*NEEDED, *EXTRA, *group("dev")]),
        *(("fuzz.lock", each) for each in group("fuzz")),
        *(("mutation.lock", each) for each in group("mutation")),
    ],
    ids=lambda each: each if isinstance(each, str) else each.name,
)
def test_lock_pins_what_is_asked_for(lock: str, needed: Requirement) -> None:
    """Everything in pyproject.toml is pinned, at a version that it allows; `make lock` makes it so."""
    assert pinned(lock)[canonicalize_name(needed.name)] in needed.specifier


@pytest.mark.parametrize("lock", ["dev.lock", "fuzz.lock", "mutation.lock"])
def test_lock_is_whole_and_says_where_nothing_is(lock: str) -> None:
    """Every pin has a hash, and no address of a registry stands beside them."""
    text = (ROOT / "tools" / lock).read_text()
    entries = re.split(r"\n(?=[A-Za-z0-9])", text)[1:]
    assert len(entries) == len(pins(lock)) > 50
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


@pytest.mark.e2e
@pytest.mark.parametrize(
    "tests", [QUICK, pytest.param(WHOLE, marks=pytest.mark.soak)], ids=["quick", "whole"]
)
def test_oldest_versions(tests: tuple[str, ...]) -> None:
    """On the oldest version that each dependency and extra allows, the package's own tests pass."""
    oldest = sorted({f"{each.name}{each.specifier}".replace(">=", "==") for each in [*NEEDED, *EXTRA]})
    python = python_of("oldest", *oldest, *TESTING)
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "default", *tests]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
