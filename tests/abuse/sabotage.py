"""Takes the protections of the gate away, one at a time, and demands that the tests notice.

`python -m tests.abuse.sabotage [PART OF A NAME]` does it for all, or for those whose name has that in it. Each
sabotage of sabotages.toml is an edit of a copy of the package, which the tests then import in place of the real one,
in servers and other processes too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "SABOTAGES", "Sabotage", "noticed"]

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "twofa_gate"
TIMEOUT = 600
"""Seconds for the tests of one sabotage."""


@dataclass(frozen=True)
class Sabotage:
    """A protection, without which these tests fail."""

    name: str
    cases: tuple[int | str, ...]
    edit: tuple[tuple[str, str, str], ...]
    tests: tuple[str, ...]

    def misfits(self) -> list[str]:
        """Say which of its edits no longer fit the code, each text being there exactly once."""
        return [file for file, old, _ in self.edit if (SOURCE / file).read_text().count(old) != 1]

    def apply(self, source: Path) -> None:
        """Make the edits on a copy of the package."""
        for file, old, new in self.edit:
            path = source / "twofa_gate" / file
            text = path.read_text()
            assert text.count(old) == 1, (self.name, file, old)
            path.write_text(text.replace(old, new))


def _read() -> dict[str, Sabotage]:
    with Path(__file__).with_name("sabotages.toml").open("rb") as file:
        listed = tomllib.load(file)["sabotage"]
    made = [
        Sabotage(
            each["name"],
            tuple(each["cases"]),
            tuple((file, old, new) for file, old, new in each["edit"]),
            tuple(each["tests"]),
        )
        for each in listed
    ]
    return {each.name: each for each in made}


SABOTAGES = _read()


def noticed(sabotage: Sabotage) -> dict[str, int]:
    """Run its tests without the protection; return how many failed of each."""
    with tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        source, report = Path(folder, "src"), Path(folder, "report.xml")
        shutil.copytree(SOURCE, source / "twofa_gate", ignore=shutil.ignore_patterns("__pycache__"))
        sabotage.apply(source)
        words = [f"tests/{each}" for each in sabotage.tests]
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junitxml={report}",
            *words,
        ]
        env = {**os.environ, "PYTHONPATH": str(source), "HYPOTHESIS_STORAGE_DIRECTORY": folder}
        env.pop("COVERAGE_FILE", None)
        done = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=TIMEOUT
        )
        if not report.exists():
            raise RuntimeError(
                f"{sabotage.name}: pytest did not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        return {test: _failures(report, test) for test in sabotage.tests}


def _failures(report: Path, test: str) -> int:
    """Count the failures of one test, or of one file of tests."""
    file, _, name = test.partition("::")
    module = f"tests.{file.removesuffix('.py').replace('/', '.')}"
    cases = ET.parse(report).getroot().iter("testcase")  # noqa: S314 - pytest wrote it just now
    return sum(
        case.get("classname") == module
        and (not name or str(case.get("name")).partition("[")[0] == name)
        and (case.find("failure") is not None or case.find("error") is not None)
        for case in cases
    )


def main(words: list[str]) -> int:
    """Do it for all; print a table as it grows, and return how many were not noticed."""
    chosen = [each for name, each in SABOTAGES.items() if not words or any(word in name for word in words)]
    with ThreadPoolExecutor(int(os.environ.get("SABOTAGE_JOBS", "2"))) as pool:
        told = [pool.submit(_tell, each) for each in chosen]
        missed = sum(not each.result() for each in told)
    print(f"{len(chosen)} sabotages, not noticed: {missed}")
    return min(missed, 100)


def _tell(sabotage: Sabotage) -> bool:
    begin = time.monotonic()
    try:
        found = noticed(sabotage)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(error, flush=True)
        return False
    was = all(found.values())
    counts = ", ".join(f"{test.rpartition('::')[2]} {failures}" for test, failures in found.items())
    cases = ", ".join(map(str, sabotage.cases))
    seconds = time.monotonic() - begin
    print(
        f"{'noticed' if was else 'MISSED'}  {cases}  {sabotage.name}: {counts} ({seconds:.0f} s)", flush=True
    )
    return was


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
