"""Throughput through real servers, under wrk: gated over not gated, in turn."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.served import PAGES

__all__ = ["throughput"]

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 2
ROUNDS = 5


def throughput() -> dict[str, Any]:
    """Measure each server with each route, without the gate and with it."""
    if shutil.which("wrk") is None:
        return {"missing": "wrk is not installed"}
    found: dict[str, Any] = {}
    with TemporaryDirectory(prefix="bench-") as folder:
        os.environ["BENCH_FOLDER"] = folder
        from bench import served

        cookies = served.cookies()
        for kind, name in (("wsgi", "flask"), ("asgi", "starlette")):
            for route, path in (("page", PAGES[kind]), ("nothing", "/nothing")):
                app = f"{name}_{route}"
                with _serve(kind, app, path) as bare, _serve(kind, f"{app}_gated", path) as gated:
                    found[f"{kind} {route}"] = _compare(bare, gated, path, cookies[kind])
                    memory = {"bare": bare.memory(), "gated": gated.memory()}
                if route == "page":
                    found[f"{kind} memory"] = memory
    return found


def _compare(bare: _Server, gated: _Server, path: str, cookie: str) -> dict[str, float]:
    """Compare the requests a second, and the requests for each second that the server's processor was at work.

    The latter is what throughput comes to where nothing else runs on the machine.
    """
    rates: dict[str, list[float]] = {"bare": [], "gated": []}
    busy: dict[str, list[float]] = {"bare": [], "gated": []}
    for number in range(ROUNDS):
        for name, server in (("bare", bare), ("gated", gated))[:: 1 if number % 2 else -1]:
            before = server.seconds()
            rate, requests = _wrk(server.url + path, cookie)
            rates[name].append(rate)
            busy[name].append(requests / (server.seconds() - before))
    found = {name: statistics.median(each) for name, each in rates.items()}
    for name, figures in (("", rates), (" of processor time", busy)):
        each = [g / b for b, g in zip(figures["bare"], figures["gated"], strict=True)]
        found |= {f"ratio{name}": statistics.median(each), f"low{name}": min(each), f"high{name}": max(each)}
    return found


class _Server:
    def __init__(self, url: str, process: subprocess.Popen[bytes], *, forks: bool) -> None:
        self.url, self._process, self._forks = url, process, forks

    def memory(self) -> float:
        """Return the resident megabytes of the process that answers."""
        status = Path(f"/proc/{self._pid}/status").read_text().splitlines()
        return int(next(each for each in status if each.startswith("VmRSS")).split()[1]) / 1024

    def seconds(self) -> float:
        """Return the processor time that the process that answers has taken."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def _pid(self) -> int:
        pid = self._process.pid
        if self._forks:
            return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        return pid


@contextmanager
def _serve(kind: str, name: str, path: str) -> Iterator[_Server]:
    port = _free_port()
    if kind == "wsgi":
        command = ["-m", "gunicorn", "-w", "1", "-b", f"127.0.0.1:{port}", f"bench.served:{name}()"]
    else:
        words = ["--factory", "--port", str(port), "--log-level", "error", "--http", "httptools"]
        command = ["-m", "uvicorn", *words, f"bench.served:{name}"]
    process = subprocess.Popen(  # noqa: S603 - of this file
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url + path)
        yield _Server(url, process, forks=kind == "wsgi")
    finally:
        process.terminate()
        process.wait(20)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own address
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer.")


def _wrk(url: str, cookie: str) -> tuple[float, int]:
    """Return the requests a second, and how many they were."""
    request = urllib.request.Request(url, headers={"Cookie": cookie})  # noqa: S310 - our own address
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - likewise
        if answer.status != 200 or answer.url != url:
            raise RuntimeError(f"{answer.status} at {answer.url}: this would measure something else.")
    command = ["wrk", "-t1", "-c8", f"-d{SECONDS}s", "-H", f"Cookie: {cookie}", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - of this file
    if "Non-2xx" in done.stdout:
        raise RuntimeError(done.stdout)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    requests = re.search(r"(\d+) requests in", done.stdout)
    if rate is None or requests is None:
        raise RuntimeError(done.stdout)
    return float(rate[1]), int(requests[1])
