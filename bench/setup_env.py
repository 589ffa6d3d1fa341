"""Make the environment of the measurements, with the peers at their pinned versions, unless it is there."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PYTHON = HERE / ".venv" / "bin" / "python"
STAMP = HERE / ".venv" / "installed"


def main() -> None:
    """Bring it up to what the requirements and the project's own ask for."""
    parts = [(HERE / "requirements.txt").read_bytes(), (ROOT / "pyproject.toml").read_bytes()]
    wanted = hashlib.sha256(b"\0".join(parts)).hexdigest()
    if not STAMP.exists() or STAMP.read_text() != wanted:
        print("bench: installing the peers into bench/.venv ...", flush=True)
        if not PYTHON.exists():
            _run(sys.executable, "-m", "venv", str(HERE / ".venv"))
        requirements = ["-r", str(HERE / "requirements.txt"), "-e", f"{ROOT}[starlette,sql]"]
        _run(str(PYTHON), "-m", "pip", "install", "-qq", "--no-input", *requirements)
        STAMP.write_text(wanted)
    missing = [name for name in ("wrk", "valgrind") if shutil.which(name) is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get") and not os.environ.get("TWOFA_GATE_NO_APT"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["install", "--no-install-recommends", *missing]):
            command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-qq", "-y", *words]
            subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False)  # noqa: S603 - of this file


def _run(*command: str) -> None:
    if subprocess.run(command, check=False).returncode != 0:  # noqa: S603 - of this file
        sys.exit(f"bench: this failed: {' '.join(command)}")


if __name__ == "__main__":
    main()
