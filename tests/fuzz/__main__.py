"""The long fuzzing: `python -m tests.fuzz`, or `make fuzz`.

    --inputs N   requests in this process, bare and gated (900,000)
    --wire N     requests by sockets to real servers, shared among them (100,000)
    --parsers N  texts for each parser, of the plain generator and coverage-guided (50,000)
    --seed S     what the inputs are drawn from; the same seed draws the same
    --only N     that one input of the differential fuzzer, in words

Ends with an error if anything was found. What was found is told with its seed, its number, and a smaller input.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .judging import Tally
from .parsers import CHECKS
from .plain import failures
from .running import make_worlds, one, request_of, run
from .wire import SERVERS, run_server


def main(words: list[str]) -> int:
    """Fuzz; return how many hits there were, at most 100."""
    options = _options(words)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        if options.only is not None:
            return _only(Path(folder), options.seed, options.only)
        total = Tally()
        begin = time.monotonic()
        if options.inputs:
            total.merge(_in_process(Path(folder), options.inputs, options.seed))
        for name in SERVERS if options.wire else ():
            tally = run_server(name, options.wire // len(SERVERS), options.seed)
            _say(f"{name}: inputs {tally.inputs}, reached {tally.reached}, hits {len(tally.hits)}")
            total.merge(tally)
    _say(f"requests, {time.monotonic() - begin:.0f} s", *total.lines())
    found = [*total.hits, *_parsers(options.parsers, options.seed)]
    _say(f"found {len(found)}")
    return min(len(found), 100)


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the gate.")
    parser.add_argument("--inputs", type=int, default=900_000)
    parser.add_argument("--wire", type=int, default=100_000)
    parser.add_argument("--parsers", type=int, default=50_000)
    parser.add_argument("--seed", default=str(int(time.time())))
    parser.add_argument("--only", type=int)
    return parser.parse_args(words)


def _say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


def _only(folder: Path, seed: str, number: int) -> int:
    with make_worlds(folder) as worlds:
        world = worlds[number % len(worlds)]
        request = request_of(world, seed, number)
        verdict = one(world, request)
        bare, gated = world.compare(request)
        _say(world.name, repr(request), f"bare: {bare}", f"gated: {gated}", f"{verdict}")
    return bool(verdict.hit)


def _in_process(folder: Path, inputs: int, seed: str) -> Tally:
    begin = time.monotonic()

    def tell(tally: Tally) -> None:
        if tally.inputs % 50_000 == 0:
            rate = tally.inputs / (time.monotonic() - begin)
            _say(
                f"{tally.inputs} inputs, {rate:.0f} a second, reached {tally.reached}, hits {len(tally.hits)}"
            )

    with make_worlds(folder) as worlds:
        _say(f"seed {seed!r}")
        return run(worlds, inputs, seed, tell=tell)


def _parsers(inputs: int, seed: str) -> list[str]:
    found: list[str] = []
    for name in CHECKS if inputs else ():
        begin = time.monotonic()
        found += failures(name, inputs, seed)
        guided = _guided(name, inputs, seed) if importlib.util.find_spec("atheris") else None
        by = "" if guided is None else f" and {inputs} coverage-guided"
        found += guided or []
        _say(f"parser {name}: {inputs} texts{by}, {time.monotonic() - begin:.0f} s")
    if inputs:
        _say(*found)
    return found


def _guided(name: str, inputs: int, seed: str) -> list[str]:
    number = sum(map(ord, seed))  # libFuzzer wants a number
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.guided",
        name,
        f"-runs={inputs}",
        f"-seed={number}",
        "-verbosity=0",
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return (
        []
        if done.returncode == 0
        else [f"{' '.join(command[1:])}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
