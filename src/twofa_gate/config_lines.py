"""Where something stands in a TOML file, so that an error can point at its line."""

from __future__ import annotations

import re

__all__ = ["line_of"]

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*["']?([A-Za-z0-9_.-]+)["']?\s*=""")


def line_of(text: str, where: tuple[str | int, ...]) -> int | None:
    """Return the line (from 1) of a key; of the table that should hold it where the key is missing; or `None`.

    `where` is the way to it: `("gate", "policy", "cutoff")`, or `("plugins", 1, "use")` for the second
    `[[plugins]]`.
    """
    table: tuple[str | int, ...] = ()
    counts: dict[str, int] = {}
    best: int | None = None
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.fullmatch(line)
        if header is not None:
            table = tuple(part.strip().strip("\"'") for part in header[2].split("."))
            if header[1] == "[[":
                index = counts.get(header[2], -1) + 1
                counts[header[2]] = index
                table = (*table, index)
            if table and table == where[: len(table)]:
                best = number
            continue
        key = _KEY.match(line)
        if key is not None:
            path = (*table, *key[1].split("."))
            if path == where:
                return number
            if path == where[: len(path)]:
                best = number
    return best
