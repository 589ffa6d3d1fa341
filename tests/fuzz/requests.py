"""A request as bytes, and what a server makes of it: the environ or the scope that an application is called with.

Servers differ in what they make of odd requests. `Style` says what this one does; the fuzzer draws that, too.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

__all__ = ["Request", "Style", "asgi_scope", "wire", "wsgi_environ"]

SCHEMES = (b"http://", b"https://")


@dataclass(frozen=True)
class Style:
    """What a server does with a request before it calls the application."""

    prefix: str = ""
    """The mount point, as the server was told it."""
    carried: bool = True
    """Whether the request's target carries the mount point."""
    raw: str | None = "RAW_URI"
    """Where a WSGI server keeps the undecoded target; for ASGI: whether it tells `raw_path`."""
    splits_absolute: bool = True
    """Whether the absolute form is taken apart, and a fragment cut off; else the whole target is the path."""
    resolves: bool = False
    """Whether the decoded path has its slashes merged and its dots resolved, as by nginx before uWSGI."""
    underscores: bool = False
    """Whether header names with an underscore are folded into those with a hyphen."""
    joint: str = "; "
    """What two Cookie lines are joined by, on WSGI."""
    scheme: str = "https"


@dataclass(frozen=True)
class Request:
    """One request. `socket` makes it the handshake of a WebSocket where the protocol has them."""

    method: str = "GET"
    target: bytes = b"/"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    socket: bool = False
    style: Style = field(default_factory=Style)

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of every header of this lower-case name."""
        return [value for key, value in self.headers if key.lower() == name]


def _path_and_query(request: Request) -> tuple[bytes, bytes]:
    target = request.target
    if request.style.splits_absolute:
        target = target.partition(b"#")[0]
        for scheme in SCHEMES:
            if target[: len(scheme)].lower() == scheme:
                _, slash, rest = target[len(scheme) :].partition(b"/")
                target = slash + rest
    path, _, query = target.partition(b"?")
    return path, query


def _resolved(path: bytes) -> bytes:
    parts: list[bytes] = []
    for part in path.split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    end = b"/" if parts and path.endswith(b"/") else b""
    return b"/" + b"/".join(parts) + end


def _decoded(request: Request) -> tuple[bytes, bytes, bytes]:
    """Return the decoded path, the undecoded one, and the query."""
    path, query = _path_and_query(request)
    decoded = unquote_to_bytes(path)
    return (_resolved(decoded) if request.style.resolves else decoded), path, query


def wsgi_environ(request: Request) -> dict[str, Any]:
    """Return the environment, as PEP 3333 has it."""
    style = request.style
    path, _, query = _decoded(request)
    prefix = style.prefix.encode()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": prefix.decode("latin-1"),
        "PATH_INFO": (path.removeprefix(prefix) if style.carried else path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_NAME": "app.test",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": style.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if style.raw is not None:
        environ[style.raw] = request.target.decode("latin-1")
    for name, value in request.headers:
        if b"_" in name and not style.underscores:
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        text = value.decode("latin-1")
        joint = style.joint if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{joint}{text}" if key in environ else text
    return environ


def asgi_scope(request: Request) -> dict[str, Any]:
    """Return the scope, as ASGI 3 has it."""
    style = request.style
    path, raw, query = _decoded(request)
    scope: dict[str, Any] = {
        "type": "websocket" if request.socket else "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": style.scheme if not request.socket else {"http": "ws", "https": "wss"}[style.scheme],
        "path": path.decode("utf-8", "replace"),
        "query_string": query,
        "root_path": style.prefix,
        "headers": [(name.lower(), value) for name, value in request.headers],
        "client": ("127.0.0.1", 4711),
        "server": ("app.test", 443),
    }
    if request.socket:
        scope["subprotocols"] = []
    else:
        scope["method"] = request.method
    if style.raw is not None:
        scope["raw_path"] = raw
    return scope


def wire(request: Request, number: int) -> bytes:
    """Return the bytes for a socket; `number` comes back with the answer."""
    lines = [b" ".join([request.method.encode("latin-1"), request.target or b"/", b"HTTP/1.1"])]
    lines += [name + b": " + value for name, value in request.headers]
    lines += [b"X-Number: %d" % number, b"", request.body]
    return b"\r\n".join(lines)
