"""`python -m tests.races.table`: run the races, and print what came of them as one table; `--soak` the long ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.races.tally import TABLE, Tally, as_table


def main(words: list[str]) -> int:
    """Run pytest, print the table; return pytest's exit status."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.jsonl")
        command = [sys.executable, "-m", "pytest", "-q", str(Path(__file__).parent), *words]
        done = subprocess.run(command, env={**os.environ, TABLE: str(path)}, check=False)
        lines = path.read_text().splitlines() if path.exists() else []
    print("\n".join(as_table([Tally(**json.loads(line)) for line in lines])))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
