"""Texts for people, in English, that can be said in another language later, when a page is made."""

from __future__ import annotations

__all__ = ["Text"]


class Text(str):
    """An English text, and what it was made of.

    `pattern` is what the catalogs translate and `filled` what goes into it. To whoever knows nothing of
    languages it is a string like any other.
    """

    pattern: str
    filled: dict[str, object]

    def __new__(cls, pattern: str, **filled: object) -> Text:
        """Make the English text; whole numbers are written with commas."""
        shown = {name: f"{value:,}" if isinstance(value, int) else value for name, value in filled.items()}
        made = super().__new__(cls, pattern % shown if filled else pattern)
        made.pattern, made.filled = pattern, filled
        return made
