"""Counting what came of a race: one row of the table for each, and the invariants that were broken."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from tests.races.volley import Reply

__all__ = ["Tally", "as_table", "rows", "tallying"]

TABLE = "RACES_TABLE"
"""Names, in the environment, a file to which rows are added as JSON lines."""


@dataclass
class Tally:
    """What came of one race. `unanswered`: requests whose process, or whose database, died under them."""

    race: str
    store: str
    server: str
    processes: int
    requests: int = 0
    accepted: int = 0
    refused: int = 0
    unavailable: int = 0
    unanswered: int = 0
    broken: list[str] = field(default_factory=list)
    server_ends: bool = False
    """Whether gunicorn may end a worker that hangs, which it answers with a page of its own, a 500."""

    def count(self, replies: Iterable[Reply | None]) -> list[Reply]:
        """Add replies; return those that came. A 2xx is accepted, a 503 unavailable, a 4xx or 3xx refused."""
        came = []
        for reply in replies:
            self.requests += 1
            if reply is None or (self.server_ends and reply.status == 500):
                self.unanswered += 1
                continue
            came.append(reply)
            self.accepted += reply.status == 200
            self.unavailable += reply.status == 503
            self.refused += 300 <= reply.status < 500
            self.hold(
                reply.status in (200, 303, 401, 403, 409, 429, 503), f"no answer of ours: {reply.status}"
            )
        return came

    def hold(self, claim: bool, otherwise: str) -> None:
        """Note an invariant that is broken, if it is."""
        if not claim:
            self.broken.append(otherwise)


rows: list[Tally] = []
"""All races of this process."""


@contextmanager
def tallying(tally: Tally) -> Iterator[Tally]:
    """Keep the row of a race, and fail if an invariant was broken in it."""
    try:
        yield tally
    finally:
        rows.append(tally)
        if TABLE in os.environ:
            with open(os.environ[TABLE], "a", encoding="utf-8") as table:
                table.write(json.dumps(asdict(tally)) + "\n")
    assert not tally.broken, tally


def as_table(of: Sequence[Tally]) -> list[str]:
    """Write rows as lines of a table, those of the same race, store and server as one."""
    sums: dict[tuple[str, str, str, int], list[int]] = {}
    for each in of:
        total = sums.setdefault((each.race, each.store, each.server, each.processes), [0] * 6)
        numbers = (each.requests, each.accepted, each.refused, each.unavailable, each.unanswered)
        for index, number in enumerate((*numbers, len(each.broken))):
            total[index] += number
    head: tuple[str, ...] = (
        "race",
        "store",
        "server",
        "processes",
        "requests",
        "accepted",
        "refused",
        "503",
        "no answer",
    )
    lines: list[tuple[str, ...]] = [(*head, "invariants broken")]
    lines += [(*map(str, key), *map(str, total)) for key, total in sorted(sums.items())]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)) for line in lines]
