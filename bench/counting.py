"""Instructions a request, under valgrind: they repeat where times don't.

Each subject runs twice in a process of its own, with a few requests and with more; the difference is theirs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

__all__ = ["instructions"]

ROOT = Path(__file__).resolve().parent.parent
FEW, MORE = 300, 1300
SUBJECTS = (
    *("asgi", "asgi starlette session", "asgi verified", "asgi anonymous"),
    *("wsgi", "wsgi flask session", "wsgi verified"),
)


def instructions() -> dict[str, Any]:
    """Count for the subjects of the hot path."""
    if shutil.which("valgrind") is None:
        return {"missing": "valgrind is not installed"}
    runs = [(name, number) for name in SUBJECTS for number in (FEW, MORE)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = dict(zip(runs, pool.map(_count, runs), strict=True))
    return {name: (counts[name, MORE] - counts[name, FEW]) / (MORE - FEW) for name in SUBJECTS}


def _count(run: tuple[str, int]) -> int:
    name, number = run
    code = f"from bench.inprocess import hot_path; hot_path({name!r})({number})"
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        command = [
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={folder}/out",
            sys.executable,
            "-c",
            code,
        ]
        done = subprocess.run(  # noqa: S603 - of this file
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            check=False,
        )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or found is None:
        raise RuntimeError(done.stderr[-2000:])
    return int(found[1])
