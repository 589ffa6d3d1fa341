"""Which answers a banner can be put into, and what then becomes of their headers."""

from __future__ import annotations

import pytest

from twofa_gate.core.banner import Insertion, is_fit
from twofa_gate.core.cookies import Header

HTML: Header = ("Content-Type", "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("lengths", "fit"),
    [([], True), (["7"], True), (["7", "7"], False), (["7, 7"], False), (["-1"], False), (["\u0667"], False)],
)
def test_length_is_said_once(lengths: list[str], fit: bool) -> None:
    """A page that says its length twice, or oddly, is left alone: which one counts, readers may disagree about."""
    assert is_fit(200, [HTML, *(("Content-Length", each) for each in lengths)]) is fit


@pytest.mark.parametrize(
    ("vary", "added"),
    [
        ([], True),
        (["Accept"], True),
        (["Accept, Cookie"], False),
        (["accept", "COOKIE"], False),
        (["*"], False),
    ],
)
def test_page_varies_with_the_cookie(vary: list[str], added: bool) -> None:
    """A page with a banner is nobody else's: it says that it varies with the cookie, once."""
    start = (200, [HTML, *(("Vary", each) for each in vary)])
    opened = Insertion(start, b"<p>banner</p>", ()).open()
    assert opened is not None
    assert (("Vary", "Cookie") in opened[1]) is added
    assert ("Cache-Control", "private, no-store") in opened[1]
