"""Cases 27b, 39, 43-48, 84-86 and their class: every parser stands any text, and reads it as others do.

The short run; `make fuzz` is the long one, coverage-guided.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .holes import PARSERS
from .parsers import CHECKS
from .pieces import ALPHABETS
from .plain import failure, failures, texts

BUDGET = 4_000
"""Texts within which each planted hole is found."""


@pytest.mark.parametrize("name", CHECKS)
def test_texts_of_pieces(name: str) -> None:
    """No text of pieces that mean something to a parser makes it fail, or read what others don't."""
    assert failures(name, 400, "short") == []


@pytest.mark.parametrize("name", CHECKS)
def test_any_text(name: str) -> None:
    """No text at all does, as Hypothesis looks for one."""
    pieces = st.lists(st.sampled_from(ALPHABETS[name]), max_size=8).map("".join)

    @settings(max_examples=100, deadline=None)
    @given(
        text=pieces | st.text(max_size=30) | st.text(alphabet=st.characters(max_codepoint=255), max_size=20)
    )
    def never_fails(text: str) -> None:
        CHECKS[name](text)

    never_fails()


@pytest.mark.parametrize("name", PARSERS)
def test_planted_holes_are_found(name: str) -> None:
    """Each check is worth something: with its hole open it fails on one of the texts."""
    check, hole = PARSERS[name]
    with hole():
        assert any(failure(check, text) is not None for text in texts(check, BUDGET, "holes"))
    assert failures(check, 50, "holes") == []
