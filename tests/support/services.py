"""Real PostgreSQL, MariaDB and Redis from Debian's packages: in temporary folders, on free loopback ports.

Each is gone when its ``with`` block ends, and also when the test run itself dies. What is stored is worth
nothing, so the servers don't wait for the disk; what they confirmed survives their own death all the same,
where they are started with `surviving=True`.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .parts import need

__all__ = ["Service", "mariadb", "postgresql", "redis", "redis_cluster"]

_PATIENCE = 60.0


@dataclass
class Service:
    """A running server. `port` is on 127.0.0.1; nobody needs a password."""

    port: int
    process: subprocess.Popen[bytes]
    folder: Path
    begin: Callable[[], subprocess.Popen[bytes]]
    ready: Callable[[], bool]

    def kill(self) -> None:
        """End the server at once, with all its processes, as a crash would."""
        children = _children(self.process.pid)
        for pid in (self.process.pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(_PATIENCE)

    def start(self) -> None:
        """Start it again, on the same data and the same port."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            self.process = self.begin()
            if _wait(self.process, self.ready):
                return
            time.sleep(0.1)  # what the killed one left behind may keep it from starting for a moment
        raise AssertionError("the server does not start again")

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Let the server and its processes hang in this block: connections stay, answers don't come."""
        stopped = (self.process.pid, *_children(self.process.pid))
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def postgresql(*settings: str) -> Iterator[Service]:
    """Run PostgreSQL: user and database `postgres`, which sorts like a dictionary unless told otherwise.

    Further `settings` are each `name=value`.
    """
    programs = need("postgresql").resolve().parent  # what is on PATH may be a link to one of several
    user = "postgres" if os.getuid() == 0 else None  # it refuses to run as root
    with _folder("postgresql", user) as folder:
        data = folder / "data"
        _run(
            [
                *_as(user),
                str(programs / "initdb"),
                "-D",
                str(data),
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
            ],
            ["--no-sync", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"],
        )

        def command(port: int) -> list[str]:
            every = (
                f"port={port}",
                "listen_addresses=127.0.0.1",
                f"unix_socket_directories={folder}",
                "fsync=off",
                *settings,
            )
            return [
                str(programs / "postgres"),
                "-D",
                str(data),
                *(word for s in every for word in ("-c", s)),
            ]

        def ready(port: int) -> bool:
            ask = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
            return subprocess.run(ask, check=False).returncode == 0

        with _server(command, ready, folder, user=user, end=signal.SIGQUIT) as service:
            yield service


@contextlib.contextmanager
def mariadb(*, surviving: bool = False) -> Iterator[Service]:
    """Run MariaDB: user `root`, database `test`; set up to cut off in silence what is too long.

    `surviving`: what it confirmed is handed to the system at once, and so survives its own death.
    """
    server = need("mariadb")
    owner = ["--user=root"] if os.getuid() == 0 else []
    with _folder("mariadb") as folder:
        data = folder / "data"
        _run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={data}", *owner],
            ["--auth-root-authentication-method=normal"],
        )

        def command(port: int) -> list[str]:
            paths = [f"--datadir={data}", f"--socket={folder}/socket", f"--pid-file={folder}/pid"]
            network = [f"--port={port}", "--bind-address=127.0.0.1"]
            flush = f"--innodb-flush-log-at-trx-commit={2 if surviving else 0}"
            speed = [flush, "--skip-log-bin", "--innodb-buffer-pool-size=32M"]
            return [str(server), "--no-defaults", *owner, *paths, *network, *speed, "--sql-mode="]

        with _server(command, lambda port: bool(_ask(port, b"")), folder) as service:
            yield service


@contextlib.contextmanager
def redis(*settings: str) -> Iterator[Service]:
    """Run Redis, with an append-only file and further `settings`, each `name value`."""
    server = need("redis")
    with _folder("redis") as folder:

        def command(port: int) -> list[str]:
            every = (
                f"port {port}",
                "bind 127.0.0.1",
                f"dir {folder}",
                "save ''",
                "appendonly yes",
                *settings,
            )
            config = folder / "redis.conf"
            config.write_text("\n".join(every))
            return [str(server), str(config)]

        with _server(command, lambda port: bool(_ask(port, b"PING\r\n")), folder) as service:
            yield service


@contextlib.contextmanager
def redis_cluster() -> Iterator[Service]:
    """Run a Redis cluster of one node, which holds all slots."""
    with redis("cluster-enabled yes", "cluster-announce-ip 127.0.0.1") as service:
        assert _ask(service.port, b"CLUSTER ADDSLOTSRANGE 0 16383\r\n") == b"+OK\r\n"
        assert _wait(service.process, lambda: b"cluster_state:ok" in _ask(service.port, b"CLUSTER INFO\r\n"))
        yield service


@contextlib.contextmanager
def _folder(name: str, user: str | None = None) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix=f"twofa-gate-{name}-"))
    try:
        if user is not None:
            account = pwd.getpwnam(user)
            os.chown(path, account.pw_uid, account.pw_gid)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _as(user: str | None) -> list[str]:
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else ["setpriv"]


def _run(*command: Sequence[str]) -> None:
    words = [word for part in command for word in part]
    run = subprocess.run(words, capture_output=True, text=True, check=False, cwd="/", timeout=_PATIENCE)
    assert run.returncode == 0, f"{words[0]} failed:\n{run.stdout}{run.stderr}"


@contextlib.contextmanager
def _server(
    command: Callable[[int], list[str]],
    ready: Callable[[int], bool],
    folder: Path,
    *,
    user: str | None = None,
    end: signal.Signals = signal.SIGKILL,
) -> Iterator[Service]:
    log = folder / "log"

    def begin(port: int) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                # If this process dies, the server gets the signal too.
                [*_as(user), f"--pdeathsig={end.name[3:]}", *command(port)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
            )

    for _ in range(5):  # somebody may take the port between our choice and the server's start
        port = _free_port()
        service = Service(port, begin(port), folder, partial(begin, port), partial(ready, port))
        try:
            if _wait(service.process, service.ready):
                yield service
                return
        finally:
            service.process.send_signal(end)
            service.process.wait(_PATIENCE)
    raise AssertionError(f"{command(0)[0]} does not start:\n{log.read_text(errors='replace')}")


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(0.05)
    return False


def _children(pid: int) -> tuple[int, ...]:
    with contextlib.suppress(OSError):
        return tuple(int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return ()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _ask(port: int, question: bytes) -> bytes:
    """Return the first that the server at this port says, once it was asked `question`, if it says anything."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(question)
            return connection.recv(4096)
    except OSError:
        return b""
