"""That the tests fail without what they test: every protection, taken away, is noticed.

The list is sabotages.toml; see sabotage.py. The edits themselves are made in the long run (`make soak`).
"""

from __future__ import annotations

import re

import pytest

from .sabotage import ROOT, SABOTAGES, Sabotage, noticed

README = (ROOT / "tests" / "abuse" / "README.md").read_text()
ALL = SABOTAGES.values()


@pytest.mark.parametrize("sabotage", ALL, ids=SABOTAGES)
def test_each_still_fits_the_code(sabotage: Sabotage) -> None:
    """Each edit finds its text in the package, once, and each test that it names is there."""
    assert not sabotage.misfits()
    for test in sabotage.tests:
        file, _, name = test.partition("::")
        assert not name or f"\ndef {name}(" in (ROOT / "tests" / file).read_text(), test


def test_each_case_has_one() -> None:
    """Of every case of the catalogue some protection is taken away."""
    covered = {case for sabotage in ALL for case in sabotage.cases}
    assert covered == {*range(1, 103), "27a", "27b", "97a"}


def test_the_table_of_cases_is_whole() -> None:
    """The README has every case in a row, with tests that there are, and with the sabotages of the list."""
    rows = [row.split(" | ") for row in README.splitlines() if re.match(r"\| [0-9]", row)]
    told = [case for row in rows for case in _cases(row[0].strip("| "))]
    assert set(told) == {*map(str, range(1, 103)), "27a", "27b", "97a"}
    for row in rows:
        cases = set(_cases(row[0].strip("| ")))
        for name in re.findall(r"“([^”]+)”", row[-1]):
            assert cases & set(map(str, SABOTAGES[name].cases)), (row[0], name)
    named = set(re.findall(r"“([^”]+)”", "".join(row[-1] for row in rows)))
    assert named == set(SABOTAGES), named ^ set(SABOTAGES)


def test_the_readme_names_tests_that_there_are() -> None:
    """Each `file.py::test` of the README is a test; `::test` alone is one of the file named before it."""
    found = re.findall(r"`((?:\.\./)?[\w/]*\.py)?::(test_\w+)`|`((?:\.\./)?[\w/]*\.py)`", README)
    assert len(found) > 100
    file = ""
    for first, name, alone in found:
        file = first or alone or file
        path = ROOT / "tests" / "abuse" / file
        assert path.exists(), file
        assert not name or f"\ndef {name}(" in path.read_text(), (file, name)


def _cases(words: str) -> list[str]:
    cases: list[str] = []
    for part in words.split(", "):
        first, dash, last = part.partition("-")
        cases += [str(n) for n in range(int(first), int(last) + 1)] if dash else [part]
    return cases


@pytest.mark.soak
@pytest.mark.parametrize("sabotage", ALL, ids=SABOTAGES)
def test_each_is_noticed(sabotage: Sabotage) -> None:
    """Without the protection each test that the list names fails."""
    found = noticed(sabotage)
    assert all(found.values()), found
