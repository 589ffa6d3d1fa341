"""Rounds, medians and ratios: every subject in every round, one after the other, so that drift hits all alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Series", "added", "ratio", "run_rounds"]

Batch = Callable[[int], None]
"""Makes so many requests."""

TARGET = 0.02
"""Seconds that a batch should take: long for the clock, short for the scheduler."""


@dataclass(frozen=True)
class Series:
    """What one subject took in each round, in seconds a request, of processor time and by the clock on the wall."""

    cpu: tuple[float, ...]
    wall: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of processor time."""
        return statistics.median(self.cpu)


def run_rounds(subjects: Mapping[str, Batch], rounds: int) -> dict[str, Series]:
    """Time every subject in every round, in an order that turns by one each round."""
    sizes = {name: _size(batch) for name, batch in subjects.items()}
    cpu: dict[str, list[float]] = {name: [] for name in subjects}
    wall: dict[str, list[float]] = {name: [] for name in subjects}
    names = list(subjects)
    gc.collect()
    gc.freeze()  # or collections would walk what other parts of the measurements have left
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            batch, size = subjects[name], sizes[name]
            began, began_cpu = time.perf_counter(), time.process_time()
            batch(size)
            cpu[name].append((time.process_time() - began_cpu) / size)
            wall[name].append((time.perf_counter() - began) / size)
    return {name: Series(tuple(cpu[name]), tuple(wall[name])) for name in names}


def _size(batch: Batch) -> int:
    batch(50)  # warm: imports, memos, the interpreter's own specialization
    size = 20
    while True:
        began = time.process_time()
        batch(size)
        took = time.process_time() - began
        if took >= TARGET / 4:
            return max(20, int(size * TARGET / took))
        size *= 4


def added(over: Series, bare: Series, clock: str = "cpu") -> list[float]:
    """Return what the one adds over the other, round by round."""
    return [a - b for a, b in zip(getattr(over, clock), getattr(bare, clock), strict=True)]


def ratio(ours: list[float], theirs: list[float]) -> dict[str, float]:
    """Return the ratio of the medians, and how far the single rounds lie apart (quartiles)."""
    each = sorted(a / b for a, b in zip(ours, theirs, strict=True) if b > 0)
    quarter = max(1, len(each) // 4)
    return {
        "ratio": statistics.median(ours) / statistics.median(theirs),
        "low": each[quarter - 1] if each else float("nan"),
        "high": each[-quarter] if each else float("nan"),
    }
