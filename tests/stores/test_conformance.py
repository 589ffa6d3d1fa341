"""The conformance suite catches what it is for: each broken store fails the tests that are about its flaw."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.stores.broken import answers, keys, races, writes
from tests.stores.broken.base import CAUGHT_BY, PERHAPS
from twofa_gate.testing import StoreConformance

_ROOT = Path(__file__).parents[2]
_FAILED = re.compile(r"^(?:FAILED|ERROR) .*::Test(\w+)::(test_\w+)", re.MULTILINE)


@pytest.fixture(scope="module")
def failures() -> dict[str, set[str]]:
    """Return the tests that failed, by broken store, in one run of pytest over all of them."""
    files = [str(module.__file__) for module in (answers, writes, keys, races)]
    options = ("-q", "--tb=no", "-rfE", "-p", "no:cacheprovider")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *files, *options],
        cwd=_ROOT,
        env={**os.environ, "COLUMNS": "300"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == pytest.ExitCode.TESTS_FAILED, run.stdout + run.stderr
    found: dict[str, set[str]] = defaultdict(set)
    for name, test in _FAILED.findall(run.stdout):
        found[name].add(test)
    return found


@pytest.mark.parametrize("name", sorted(CAUGHT_BY))
def test_broken_store_is_caught(failures: dict[str, set[str]], name: str) -> None:
    """The tests about this flaw fail, and no others."""
    assert failures[name] - PERHAPS[name] == CAUGHT_BY[name]


def test_every_test_catches_something() -> None:
    """There is no test in the suite that no broken store fails, so none is there for show."""
    tests = {name for name in dir(StoreConformance) if name.startswith("test_")}
    assert tests - set[str]().union(*CAUGHT_BY.values()) == set()


def test_every_test_states_its_claim() -> None:
    """Each test of the suite has a docstring, which is what an author reads when it fails."""
    for name in dir(StoreConformance):
        assert not name.startswith("test_") or getattr(StoreConformance, name).__doc__
