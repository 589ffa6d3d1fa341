"""Bytes on sockets in front of real servers: the client's side.

The server (see served.py) tries each request on the bare and on the gated application and judges both, so that both
see what this server made of the bytes.
"""

from __future__ import annotations

import contextlib
import random
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx

from tests.support.raw import RawAnswer
from tests.support.servers import Server, gunicorn, serve, uvicorn

from .grammar import Cast, generate
from .judging import Tally
from .requests import Request, Style, wire

__all__ = ["SERVERS", "Line", "run_server"]

TIMEOUT = 3.0


def _waitress(app: str, prefix: str) -> AbstractContextManager[Server]:
    command = [sys.executable, "-m", "waitress", "--listen=127.0.0.1:0", f"--url-prefix={prefix}", app]
    return serve(command, listening=r"Serving on (http://[0-9.:]+)", ready="Serving on")


def _hypercorn(app: str, prefix: str) -> AbstractContextManager[Server]:
    command = [sys.executable, "-m", "hypercorn", "--bind=127.0.0.1:0", f"--root-path={prefix}", app]
    return serve(command, listening=r"Running on (http://[0-9.:]+)", ready="Running on")


def _gunicorn(app: str, prefix: str) -> AbstractContextManager[Server]:
    return gunicorn(app, env={"SCRIPT_NAME": prefix})


def _gthread(app: str, prefix: str) -> AbstractContextManager[Server]:
    return gunicorn(app, env={"SCRIPT_NAME": prefix}, worker_class="gthread", threads=2)


def _uvicorn(app: str, prefix: str) -> AbstractContextManager[Server]:
    return uvicorn(app, args=["--root-path", prefix])


SERVERS: dict[str, tuple[str, Callable[[str, str], AbstractContextManager[Server]], str]] = {
    "gunicorn": ("wsgi", _gunicorn, ""),
    "gunicorn-gthread below /static": ("wsgi", _gthread, "/static"),
    "waitress": ("wsgi", _waitress, ""),
    "waitress below /static": ("wsgi", _waitress, "/static"),
    "uvicorn": ("asgi", _uvicorn, ""),
    "uvicorn below /app": ("asgi", _uvicorn, "/app"),
    "hypercorn": ("asgi", _hypercorn, ""),
    "hypercorn below /static": ("asgi", _hypercorn, "/static"),
}
"""Protocol, how to start it, and where it mounts the application."""


class Line:
    """A connection that is kept as long as the server keeps it, and made anew when it doesn't."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self.answered = self.refused = 0

    def send(self, data: bytes, *, head: bool = False) -> None:
        """Send bytes, and read one answer, if one comes."""
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, timeout=TIMEOUT)
            self._socket.sendall(data)
            kept = self._read(head)
        except OSError:
            kept = False
            self.refused += 1
        if not kept:
            self.close()

    def _read(self, head: bool) -> bool:
        """Read one answer; return whether the connection can be used again."""
        assert self._socket is not None
        raw = b""
        while not (b"\r\n\r\n" in raw and (head or RawAnswer(raw).complete())):
            more = self._socket.recv(65536)
            if not more:
                break
            raw += more
        answer = RawAnswer(raw)
        self.answered += answer.status == 200
        self.refused += answer.status != 200
        ends = (answer.header("connection") or "").lower() == "close" or raw[:8] == b"HTTP/1.0"
        return bool(raw) and answer.status == 200 and not ends

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def mangled(data: bytes, draw: random.Random) -> bytes:
    """Do to the bytes of a request what no client library does."""
    kind = draw.random()
    if kind > 0.12:
        return data
    head, blank, body = data.partition(b"\r\n\r\n")
    if kind < 0.02:
        return head.replace(b"\r\n", b"\n") + blank + body
    if kind < 0.04:
        return head.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1) + blank + body
    if kind < 0.06:
        return (
            head.replace(b": ", draw.choice((b":", b" : ", b":\t", b":\r\n ")), draw.randint(1, 3))
            + blank
            + body
        )
    if kind < 0.08:
        return head + b"\r\nTransfer-Encoding: chunked" + blank + b"0\r\n\r\n"
    if kind < 0.10:
        return head.replace(b" ", draw.choice((b"\t", b"  ", b" /app/x ")), 1) + blank + body
    return data + data  # two requests in one go


def inputs(casts: list[Cast], number: int, seed: str, prefix: str) -> Iterator[tuple[Request, bytes]]:
    """Give so many requests with their bytes."""
    for n in range(number):
        draw = random.Random(f"{seed}/{n}")  # noqa: S311 - a fuzzer is to be repeatable
        request = generate(draw, casts[n % len(casts)], Style(prefix=prefix))
        yield request, mangled(wire(request, n), draw)


def run_server(name: str, number: int, seed: str) -> Tally:
    """Send so many requests to a server; return what it counted."""
    protocol, start, prefix = SERVERS[name]
    carried = "" if name.startswith("uvicorn") else prefix  # uvicorn puts it in front of what it is sent
    with start(f"tests.fuzz.served:{protocol}", prefix) as server:
        casts = [Cast(*(part.encode() for part in each)) for each in _ask(server, "casts", carried)]
        line = Line(server.host, server.port)
        with contextlib.closing(line):
            for request, data in inputs(casts, number, seed, carried):
                line.send(data, head=request.method == "HEAD")
        told = _ask(server, "tally", carried)
    tally = Tally(told["inputs"], kinds=Counter(told["kinds"]))
    unheard = max(number - told["inputs"], 0)
    tally.inputs += unheard
    tally.kinds["refused by the server itself"] = unheard
    sent = dict(enumerate(inputs(casts, number, seed, carried))) if told["hits"] else {}
    for number_of, hit in told["hits"]:
        tally.hits.append(f"{hit}\n  {name}, seed {seed!r}, number {number_of}\n  {sent.get(number_of)}")
    return tally


def _ask(server: Server, what: str, prefix: str) -> Any:
    return httpx.get(f"{server.url}{prefix}/fuzz", headers={"X-Ask": what}, timeout=120).json()
