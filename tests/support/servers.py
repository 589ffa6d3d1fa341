"""Real servers in processes of their own, on free loopback ports, gone when the ``with`` block ends.

The server binds port 0 itself and says in its log which port it got, so that nobody can take the port in
between. A small watcher beside each server kills its process group when the test run itself dies.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from .clock import MovableClock

__all__ = ["Server", "StartFailed", "gunicorn", "serve", "uvicorn"]

_WATCHER = 'read -r line; kill -s KILL -- "-$1"'
_GUNICORN_CONF = Path(__file__).parent / "gunicorn_conf.py"


class StartFailed(Exception):
    """A server ended, or was not ready in time; the message holds its log."""


class Server:
    """A server process and its workers."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path) -> None:
        self.url = ""
        self.command = list(command)
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        try:
            self._watcher = subprocess.Popen(
                ["sh", "-c", _WATCHER, "watcher", str(self.pid)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except BaseException:
            self._kill_group()
            raise

    @property
    def pid(self) -> int:
        """The process that was started: gunicorn's arbiter, uvicorn's supervisor or only process."""
        return self._process.pid

    @property
    def host(self) -> str:
        """The address it listens on."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port it listens on."""
        return urlsplit(self.url).port or 0

    def log(self) -> str:
        """All that it and its workers have printed so far."""
        return self._log.read_text(errors="replace")

    def running(self) -> bool:
        """Whether the first process lives."""
        return self._process.poll() is None

    def children(self) -> list[int]:
        """Return the process ids of its live children: gunicorn's workers."""
        with contextlib.suppress(OSError):
            return [
                int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            ]
        return []

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the first process alone."""
        self._process.send_signal(number)

    def wait(self, timeout: float = 30) -> int:
        """Wait for its end, for its exit status."""
        return self._process.wait(timeout)

    def stop(self, timeout: float = 15) -> int:
        """Ask it to end, as an operator does, and make sure of it; its exit status."""
        if self.running():
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout)
        return self.kill()

    def kill(self) -> int:
        """End it and its workers at once, as a crash would; its exit status."""
        self._kill_group()
        status = self._process.wait(30)
        deadline = time.monotonic() + 10  # workers are not ours to wait for, but they go before we go on
        while _group_lives(self.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        self._watcher.kill()
        self._watcher.communicate()
        return status

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


@contextlib.contextmanager
def serve(
    command: Sequence[str],
    *,
    listening: str,
    ready: str,
    times: int = 1,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    clock: MovableClock | None = None,
    timeout: float = 60,
) -> Iterator[Server]:
    """Run any command that prints its address (``listening``, one group) and that it is ready, N times."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
    if clock is not None:
        environment = clock.environment(environment)
    with tempfile.TemporaryDirectory(prefix="server-") as folder:
        server = Server(command, environment, cwd or Path.cwd(), Path(folder, "log"))
        try:
            _wait_until_ready(server, re.compile(listening), re.compile(ready), times, timeout)
            yield server
        finally:
            server.stop()


def gunicorn(
    app: str,
    *,
    workers: int = 1,
    worker_class: str = "sync",
    threads: int | None = None,
    preload: bool = False,
    args: Sequence[str] = (),
    port: int = 0,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    clock: MovableClock | None = None,
    timeout: float = 60,
) -> contextlib.AbstractContextManager[Server]:
    """Gunicorn with the WSGI application ``module:attribute``, ready when each worker has loaded it."""
    command = [sys.executable, "-m", "gunicorn", "--config", str(_GUNICORN_CONF)]
    command += [f"--bind=127.0.0.1:{port}", f"--workers={workers}", f"--worker-class={worker_class}"]
    command += [] if threads is None else [f"--threads={threads}"]
    command += ["--preload"] if preload else []
    command += ["--graceful-timeout=5", *args, app]
    return serve(
        command,
        listening=r"Listening at: (http://[0-9.:]+)",
        ready=r"Worker is up: \d+",
        times=workers,
        env=env,
        cwd=cwd,
        clock=clock,
        timeout=timeout,
    )


def uvicorn(
    app: str,
    *,
    workers: int = 1,
    args: Sequence[str] = (),
    port: int = 0,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    clock: MovableClock | None = None,
    timeout: float = 60,
) -> contextlib.AbstractContextManager[Server]:
    """Uvicorn with the ASGI application ``module:attribute``, ready when each worker's lifespan has begun."""
    command = [sys.executable, "-m", "uvicorn", "--host=127.0.0.1", f"--port={port}", "--no-use-colors"]
    command += [f"--workers={workers}", "--timeout-graceful-shutdown=5", *args, app]
    return serve(
        command,
        listening=r"Uvicorn running on (http://[0-9.:]+)",
        ready=r"Application startup complete\.",
        times=workers,
        env=env,
        cwd=cwd,
        clock=clock,
        timeout=timeout,
    )


def _wait_until_ready(
    server: Server, listening: re.Pattern[str], ready: re.Pattern[str], times: int, timeout: float
) -> None:
    deadline = time.monotonic() + timeout
    while True:
        alive = server.running()  # looked at before the log, which then is complete
        log = server.log()
        address = listening.search(log)
        if alive and address and len(ready.findall(log)) >= times:
            server.url = address[1]
            return
        if not alive:
            raise StartFailed(f"{server.command} ended:\n{log}")
        if time.monotonic() > deadline:
            raise StartFailed(f"{server.command} was not ready after {timeout} s:\n{log}")
        time.sleep(0.02)


def _group_lives(group: int) -> bool:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                return True
    return False
