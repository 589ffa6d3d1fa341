"""Bytes as they are, over a socket: for requests that no client library would send."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

__all__ = ["RawAnswer", "send_raw"]


@dataclass(frozen=True)
class RawAnswer:
    """A response as it came; :attr:`status` is 0 if there was none before the connection closed."""

    raw: bytes

    @property
    def head(self) -> bytes:
        """The status line and the header lines."""
        return self.raw.partition(b"\r\n\r\n")[0]

    @property
    def status(self) -> int:
        """The status code."""
        words = self.head.split(b" ", 2)
        return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") else 0

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The header fields in their order, names in lower case."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if line)
        return [(name.strip().lower(), value.strip()) for name, _, value in pairs]

    def header(self, name: str) -> str | None:
        """Return the first field of that name."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    @property
    def content(self) -> bytes:
        """The body as it came, chunk sizes and all."""
        return self.raw.partition(b"\r\n\r\n")[2]

    def complete(self) -> bool:
        """Whether the message has ended by its own framing; False too if only the end of data can tell."""
        if b"\r\n\r\n" not in self.raw:
            return False
        if self.status in (101, 204, 304):
            return True
        if self.header("transfer-encoding") is not None:
            return self.content == b"0\r\n\r\n" or self.content.endswith(b"\r\n0\r\n\r\n")
        length = self.header("content-length")
        return length is not None and len(self.content) >= int(length)


def send_raw(
    host: str, port: int, data: bytes, *, timeout: float = 20, until_closed: bool = False
) -> RawAnswer:
    """Send these bytes and read one response whole, or all until the server closes.

    A server that does neither within the timeout is a ``TimeoutError``, which says what had come.
    """
    deadline = time.monotonic() + timeout
    received = b""
    with socket.create_connection((host, port), timeout) as connection:
        connection.sendall(data)
        while until_closed or not RawAnswer(received).complete():
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                some = connection.recv(65536)
            except TimeoutError:
                raise TimeoutError(f"no complete answer after {timeout} s, only {received!r}") from None
            except ConnectionResetError:
                break
            if not some:
                break
            received += some
    return RawAnswer(received)
