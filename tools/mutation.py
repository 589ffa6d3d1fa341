"""Count what came of the mutants of core/, module by module, and show each that no test noticed.

Reads what `mutmut run` left in mutants/. `make mutation` runs both.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "mutants" / "src" / "twofa_gate" / "core"
KILLED, SURVIVED, UNTESTED = {1, 3}, {0}, {5, 33}


def main() -> None:
    """Print a table, and then the survivors as differences."""
    survivors: list[str] = []
    total: Counter[str] = Counter()
    print("| module | mutants | killed | by time-out | survived |\n|---|---|---|---|---|")
    for path in sorted(CORE.glob("*.py.meta")):
        codes: dict[str, int | None] = json.loads(path.read_text())["exit_code_by_key"]
        counts = Counter(_outcome(code) for code in codes.values())
        if not codes:
            continue
        total += counts
        survivors += [name for name, code in codes.items() if _outcome(code) == "survived"]
        print(_row(path.name.removesuffix(".py.meta"), counts))
    print(_row("**all**", total))
    for name in survivors:
        print(f"\n{name}")
        shown = subprocess.run(  # noqa: S603 - of the same environment
            [sys.executable, "-m", "mutmut", "show", name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        changed = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
        print("\n".join(changed))


def _outcome(code: int | None) -> str:
    if code is None:
        return "not run"
    if code in KILLED:
        return "killed"
    return "survived" if code in SURVIVED | UNTESTED else "time-out"


def _row(name: str, counts: Counter[str]) -> str:
    ran = sum(counts.values()) - counts["not run"]
    return f"| {name} | {ran} | {counts['killed']} | {counts['time-out']} | {counts['survived']} |"


if __name__ == "__main__":
    main()
