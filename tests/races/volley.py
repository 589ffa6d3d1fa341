"""Sending many requests at once: all connections are open before the first request goes out."""

from __future__ import annotations

import io
import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any

__all__ = ["Reply", "send_all"]

PATIENCE = 30.0


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    cookies: dict[str, str]
    body: bytes


def send_all(port: int, requests: Sequence[bytes]) -> list[Reply | None]:
    """Send all requests at once; `None` where no whole answer came.

    Each connection is closed as soon as its answer is there: a worker may wait for that.
    """
    received = [bytearray() for _ in requests]
    with selectors.DefaultSelector() as waiting:
        opened = [_connect(port) for _ in requests]
        for index, (connection, request) in enumerate(zip(opened, requests, strict=True)):
            if connection is not None:
                with suppress(OSError):
                    connection.sendall(request)
                waiting.register(connection, selectors.EVENT_READ, received[index])
        deadline = time.monotonic() + PATIENCE
        while waiting.get_map() and time.monotonic() < deadline:
            for key, _ in waiting.select(1):
                _receive(waiting, key)
        for key in list(waiting.get_map().values()):
            _end(waiting, key)
    return [_parse(bytes(each)) for each in received]


def _connect(port: int) -> socket.socket | None:
    try:
        return socket.create_connection(("127.0.0.1", port), PATIENCE)
    except OSError:
        return None


def _receive(waiting: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    connection: Any = key.fileobj
    try:
        data = connection.recv(65536)
    except OSError:
        data = b""
    key.data.extend(data)
    if not data:
        _end(waiting, key)


def _end(waiting: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    connection: Any = key.fileobj
    waiting.unregister(connection)
    connection.close()


class _Received:
    """What `HTTPResponse` takes for a socket."""

    def __init__(self, data: bytes) -> None:
        self.makefile = lambda mode: io.BytesIO(data)


def _parse(data: bytes) -> Reply | None:
    received: Any = _Received(data)
    response = HTTPResponse(received)
    try:
        response.begin()
        body = response.read()
    except (OSError, HTTPException):
        return None
    pairs = [line.partition(";")[0].partition("=") for line in response.headers.get_all("set-cookie", [])]
    return Reply(response.status, {name: value for name, _, value in pairs}, body)
