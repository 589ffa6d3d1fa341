"""Run all checks, tell how long each took, and end with one plain line: N passed, N failed, N skipped.

Words on the command line go to pytest; a part of the tests then says nothing about coverage, which is left
out. Every check is run, whatever the others said, and the exit status is 0 only if all of them are content.
Where pytest-xdist is installed the tests run in two processes, file by file (on two cores that takes two
thirds of the time); TWOFA_GATE_TEST_PROCESSES=1 runs them in one.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = "src/twofa_gate/core/*"


@dataclass(frozen=True)
class Result:
    """One check, done."""

    name: str
    status: int
    seconds: float


def main(words: list[str]) -> int:
    """Run everything; return the exit status."""
    with tempfile.TemporaryDirectory(prefix="check-") as folder:
        report = Path(folder, "report.xml")
        # a data file of its own: another run in the same folder must not mix with this one
        os.environ["COVERAGE_FILE"] = str(Path(folder, "coverage"))
        results = [
            check("ruff check", "ruff", "check", "."),
            check("ruff format", "ruff", "format", "--check", "."),
            check("mypy --strict", "mypy"),
            check("pytest", "pytest", f"--junitxml={report}", *processes(), *coverage(words), *words),
        ]
        if not words:
            command = ("report", f"--include={CORE}", "--fail-under=100", "--precision=2")
            results.append(check("100% of core/", "coverage", *command))
        passed, failed, skipped = count(report)
    print("\n== times ==")
    for result in results:
        print(f"{result.name:<16} {result.seconds:7.1f} s  {'ok' if result.status == 0 else 'FAILED'}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 0 if all(result.status == 0 for result in results) else 1


def coverage(words: list[str]) -> list[str]:
    """Return pytest's words for branch coverage, for a whole run."""
    return [] if words else ["--cov", "--cov-report="]


def processes() -> list[str]:
    """Return pytest's words for running in several processes, where that is possible and wanted."""
    number = os.environ.get("TWOFA_GATE_TEST_PROCESSES", "2")
    if number == "1" or importlib.util.find_spec("xdist") is None:
        return []
    return ["-n", number, "--dist", "loadfile"]


def check(name: str, module: str, *words: str) -> Result:
    """Run one tool of the environment, with its output as it comes."""
    print(f"\n== {name} ==", flush=True)
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-m", module, *words], cwd=ROOT, check=False)  # noqa: S603 - ours
    return Result(name, done.returncode, time.monotonic() - begin)


def count(report: Path) -> tuple[int, int, int]:
    """Count the tests that passed, failed and were skipped; no report at all is a failure."""
    if not report.exists():
        return 0, 1, 0
    suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314 - pytest wrote it just now
    numbers = [
        [int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")] for suite in suites
    ]
    tests, failures, errors, skipped = (sum(column) for column in zip(*numbers, strict=True))
    return max(tests - failures - errors - skipped, 0), failures + errors, skipped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
