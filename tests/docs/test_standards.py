"""The table of standards names tests: each exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "explanation" / "standards.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", PAGE)))


@pytest.mark.parametrize("name", NAMED)
def test_named_tests_exist(name: str) -> None:
    """A test that the page names is there, under that name."""
    path, _, function = name.partition("::")
    source = (ROOT / path).read_text()
    assert not function or re.search(rf"^def {function}\(", source, re.MULTILINE)


def test_every_requirement_says_whether_it_is_met() -> None:
    """Each row says yes, partly or no; a yes names a test, and a no says why."""
    rows = [line for line in PAGE.splitlines() if re.match(r"\| [0-9]", line)]
    assert len(rows) > 50
    for row in rows:
        _, _, _, met, how, _ = row.split("|")
        assert met.strip() in ("yes", "partly", "no")
        assert "`tests/" in how or met.strip() == "no", row
        assert len(how) > 20
