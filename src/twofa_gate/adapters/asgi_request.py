"""A request as ASGI 3 describes it, and its body."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.types import Message, Receive, Scope

from twofa_gate.errors import BadRequest
from twofa_gate.lazily import cached_property
from twofa_gate.request import MAX_KNOWN_PATH, GateRequest, is_plain

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers

__all__ = ["ASGIRequest", "read_body", "replaying"]

_OF_BODY = (b"content-type", b"content-length")

_LENGTHS = frozenset({len("cookie"), len("authorization")})


class ASGIRequest(GateRequest):
    """A request made from an ASGI scope, of which it keeps a shallow copy."""

    scope: dict[str, Any]

    def __init__(self, scope: Scope) -> None:
        self.scope = dict(scope)
        self.kind = scope["type"]
        self.method = scope.get("method", "GET")
        self.decoded_path = scope["path"]
        self.prefix = scope.get("root_path", "")
        if self.prefix:
            self.prefix = self.prefix.rstrip("/")
            self.decoded_path = _relative(self.decoded_path, self.prefix)
        self.cookie_header = self.authorization = ""
        for name, value in scope["headers"]:
            if len(name) not in _LENGTHS:  # which tells most names from the two without spelling them anew
                continue
            lowered = name.lower()
            if lowered == b"cookie":
                text = value.decode("latin-1")
                self.cookie_header = f"{self.cookie_header}; {text}" if self.cookie_header else text
            elif lowered == b"authorization":
                self.doubled_authorization = bool(self.authorization)
                self.authorization = self.authorization or value.decode("latin-1")
        if not self.cookie_header and not self.authorization:
            self.carries_nothing = not scope.get("query_string")

    def header(self, name: str) -> str | None:
        wanted = name.encode("latin-1")
        return next(
            (value.decode("latin-1") for key, value in self.scope["headers"] if key.lower() == wanted), None
        )

    def with_cookie_header(self, header: str) -> GateRequest:
        kept = [each for each in self.scope["headers"] if each[0].lower() != b"cookie"]
        return ASGIRequest(
            {**self.scope, "headers": [*kept, (b"cookie", header.encode("latin-1", "replace"))]}
        )

    def with_form(self, query: str, content_type: str, body: bytes) -> GateRequest:
        kept = [each for each in self.scope["headers"] if each[0].lower() not in _OF_BODY]
        kind, length = content_type.encode("latin-1"), str(len(body)).encode()
        headers = [*kept, (b"content-type", kind), (b"content-length", length)]
        made = ASGIRequest({**self.scope, "query_string": query.encode("latin-1"), "headers": headers})
        made.posted = body
        return made

    @cached_property
    def raw_path(self) -> str | None:
        raw = self.scope.get("raw_path")
        return None if raw is None else _undecoded(bytes(raw))

    @property
    def plain(self) -> bool:
        scope = self.scope
        mount, path, raw = scope.get("root_path", ""), self.decoded_path, scope.get("raw_path")
        if type(raw) is bytes and len(mount) <= MAX_KNOWN_PATH and len(path) + len(raw) <= MAX_KNOWN_PATH:
            return _is_known_plain(mount, path, raw)
        return _is_plain(mount, path, self.raw_path)

    @cached_property
    def query_string(self) -> str:
        return bytes(self.scope.get("query_string", b"")).decode("latin-1")

    @cached_property
    def headers(self) -> Headers:
        from werkzeug.datastructures import Headers

        return Headers(
            [(key.decode("latin-1"), value.decode("latin-1")) for key, value in self.scope["headers"]]
        )

    @cached_property
    def scheme(self) -> str:
        scheme = str(self.scope.get("scheme", "http"))
        return {"ws": "http", "wss": "https"}.get(scheme, scheme)

    @cached_property
    def host(self) -> str:
        server = self.scope.get("server") or ("", None)
        return self.header("host") or f"{server[0]}:{server[1]}"

    @cached_property
    def client(self) -> str | None:
        peer = self.scope.get("client")
        return None if peer is None else str(peer[0])


def _is_plain(mount: str, path: str, raw_path: str | None) -> bool:
    # Readers disagree whether a mount point that ends in a slash is to be taken off the path.
    return mount[-1:] != "/" and is_plain(path, raw_path)


@lru_cache(maxsize=1024)
def _is_known_plain(mount: str, path: str, raw: bytes) -> bool:
    return _is_plain(mount, path, _undecoded(raw))


def _undecoded(raw: bytes) -> str:
    return raw.decode("latin-1").partition("?")[0]


def _relative(path: str, prefix: str) -> str:
    """Take the mount point off a path: `root_path` is part of `path` in ASGI."""
    if prefix and (path == prefix or path.startswith(prefix + "/")):
        return path[len(prefix) :]
    return path


def replaying(body: bytes, receive: Receive) -> Receive:
    """Give a `receive` that has this body first, and then what comes after the one that was read."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


async def read_body(receive: Receive, limit: int) -> bytes:
    """Read the body, of at most `limit` bytes. Raises `BadRequest` for more, and where it ends early."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise BadRequest("The request ended early.")
        body += message.get("body", b"")
        if len(body) > limit:
            raise BadRequest("The request is too large.", status=413)
        if not message.get("more_body", False):
            return bytes(body)
