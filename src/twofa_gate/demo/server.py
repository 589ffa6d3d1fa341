"""One example, served on the loopback in a temporary folder that is gone afterwards."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from twofa_gate.demo.examples import Example, examples_folder
from twofa_gate.errors import GateError

__all__ = ["Served", "serving"]

START_SECONDS = 60
STOP_SECONDS = 10


@dataclass(frozen=True)
class Served:
    """The running example."""

    url: str
    installed: str
    """What `twofa-gate init` said."""
    process: subprocess.Popen[bytes]


def _environment(folder: Path) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(examples_folder()), os.environ.get("PYTHONPATH"))))
    return {
        **os.environ,
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "EXAMPLE_DATABASE": str(folder / "example.db"),
        "EXAMPLE_TWOFA_DATABASE": str(folder / "twofa.db"),
        "EXAMPLE_SECRET": secrets.token_urlsafe(32),
        "EXAMPLE_HTTP": "1",
        "EXAMPLE_PRODUCTION": "",
        "TWOFA_GATE_KEY": secrets.token_urlsafe(48),
    }


@contextmanager
def serving(example: Example, port: int = 0) -> Iterator[Served]:
    """Take a new store into use and start the server; both are gone when the block ends.

    Raises `GateError` with the server's own words if it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="twofa-gate-demo-") as name:
        folder = Path(name)
        environment = _environment(folder)
        installed = _init(example, environment, folder)
        settings = folder / "gunicorn_conf.py"
        # Recent versions would open a control socket below HOME, the same for all.
        settings.write_text("control_socket_disable = True\n")
        log = folder / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own command
                example.command(port, settings),
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C ends the demo, which then ends the server
            )
        try:
            yield Served(_address(process, log, example.listening), installed, process)
        finally:
            _stop(process)


def _init(example: Example, environment: dict[str, str], folder: Path) -> str:
    command = [sys.executable, "-m", "twofa_gate", "init", "--gate", example.gate]
    done = subprocess.run(  # noqa: S603 - our own command
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=START_SECONDS,
    )
    if done.returncode != 0:
        raise GateError(f"twofa-gate init failed: {done.stderr.strip()}")
    return done.stdout.strip()


def _address(process: subprocess.Popen[bytes], log: Path, listening: str) -> str:
    """Wait until the server says where it listens."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        running = process.poll() is None
        said = log.read_text(errors="replace")
        found = re.search(re.escape(listening) + r"(http://[0-9.:]+)", said)
        if running and found:
            return found[1]
        if not running or time.monotonic() > deadline:
            raise GateError(f"The server did not start: {' / '.join(said.strip().splitlines()[-3:])}")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait()
