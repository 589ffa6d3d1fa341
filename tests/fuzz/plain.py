"""The plain generator for the parsers: texts of pieces that mean something, seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator

from .parsers import CHECKS
from .pieces import ALPHABETS, SEEDS

__all__ = ["failures", "texts"]


def texts(name: str, inputs: int, seed: str) -> Iterator[str]:
    """Give so many texts for a check."""
    draw = random.Random(f"{seed}/{name}")  # noqa: S311 - a fuzzer is to be repeatable
    pieces, seeds = ALPHABETS[name], SEEDS.get(name, [""])
    yield from seeds
    for _ in range(inputs - len(seeds)):
        if draw.random() < 0.2:
            start = draw.choice(seeds)
            at = draw.randint(0, len(start))
            yield start[:at] + draw.choice(pieces) + start[at + draw.randint(0, 1) :]
        elif draw.random() < 0.1:
            yield "".join(
                chr(draw.randint(0, draw.choice((127, 255, 0x2FFF)))) for _ in range(draw.randint(0, 20))
            )
        else:
            yield "".join(draw.choice(pieces) for _ in range(draw.randint(0, 9)))


def failures(name: str, inputs: int, seed: str) -> list[str]:
    """Try so many texts on a check; return the first failure, with its input made shorter, or nothing."""
    for text in texts(name, inputs, seed):
        error = failure(name, text)
        if error is not None:
            small = shorter(name, text, type(error))
            return [f"{name}: {small!r} (of {text[:200]!r}, seed {seed!r}): {error!r}"]
    return []


def failure(name: str, text: str) -> Exception | None:
    """Return what a check fails with, if it fails."""
    try:
        CHECKS[name](text)
    except Exception as error:  # whatever it is
        return error
    return None


def shorter(name: str, text: str, kind: type[Exception]) -> str:
    """Return a shorter text that fails in the same way."""
    size = len(text)
    while size:
        for at in range(0, len(text), size):
            less = text[:at] + text[at + size :]
            if type(failure(name, less)) is kind and less != text:
                return shorter(name, less, kind)
        size //= 2
    return text
