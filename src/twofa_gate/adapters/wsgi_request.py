"""A request as PEP 3333 describes it, and its body."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from twofa_gate.errors import BadRequest
from twofa_gate.lazily import cached_property
from twofa_gate.request import GateRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.datastructures import Headers

__all__ = ["WSGIRequest", "read_body"]

_TARGETS = ("RAW_URI", "REQUEST_URI")
_PARSED = ("werkzeug.request", "webob._parsed_post_vars", "wsgi.input_terminated")
"""What says something of a body that another one takes the place of."""


def _text(value: str) -> str:
    """Undo the latin-1 that PEP 3333 carries bytes in."""
    return value.encode("latin-1", "replace").decode("utf-8", "replace")


class WSGIRequest(GateRequest):
    """A request made from a WSGI environment, of which it keeps a shallow copy with an empty body."""

    environ: dict[str, Any]

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ.copy()
        self.environ["wsgi.input"] = BytesIO()
        self.method = environ["REQUEST_METHOD"]
        prefix, path = environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
        self.prefix = prefix if prefix.isascii() else _text(prefix)
        self.decoded_path = path if path.isascii() else _text(path)
        self.cookie_header = environ.get("HTTP_COOKIE", "")
        self.authorization = environ.get("HTTP_AUTHORIZATION", "")
        # Servers join two lines by a comma, which has no place in these two schemes.
        if "," in self.authorization:
            self.doubled_authorization = self.authorization.partition(" ")[0].lower() in ("basic", "bearer")
        if not self.cookie_header and not self.authorization:
            self.carries_nothing = not environ.get("QUERY_STRING")

    def header(self, name: str) -> str | None:
        key = name.upper().replace("-", "_")
        value = self.environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}")
        return None if value is None else str(value)

    def with_cookie_header(self, header: str) -> GateRequest:
        return WSGIRequest({**self.environ, "HTTP_COOKIE": header})

    def with_form(self, query: str, content_type: str, body: bytes) -> GateRequest:
        length = str(len(body))
        environ = {
            **self.environ, "QUERY_STRING": query, "CONTENT_TYPE": content_type, "CONTENT_LENGTH": length,
        }  # fmt: skip
        for name in _TARGETS:
            if name in environ:
                environ[name] = str(environ[name]).partition("?")[0] + (f"?{query}" if query else "")
        for name in _PARSED:
            environ.pop(name, None)
        made = WSGIRequest(environ)
        made.posted = body
        return made

    @cached_property
    def raw_path(self) -> str | None:
        target = self.environ.get("RAW_URI") or self.environ.get("REQUEST_URI")
        return str(target).partition("?")[0] if target else None

    @cached_property
    def query_string(self) -> str:
        return str(self.environ.get("QUERY_STRING", ""))

    @cached_property
    def headers(self) -> Headers:
        from werkzeug.datastructures import EnvironHeaders

        return EnvironHeaders(self.environ)

    @cached_property
    def scheme(self) -> str:
        return str(self.environ["wsgi.url_scheme"])

    @cached_property
    def host(self) -> str:
        given = self.environ.get("HTTP_HOST")
        return str(given) if given else f"{self.environ['SERVER_NAME']}:{self.environ['SERVER_PORT']}"

    @cached_property
    def client(self) -> str | None:
        address = self.environ.get("REMOTE_ADDR")
        return str(address) if address else None


def read_body(environ: WSGIEnvironment, limit: int) -> bytes:
    """Read the body, of at most `limit` bytes. Raises `BadRequest` for more, and for less than was promised."""
    from werkzeug.wsgi import get_input_stream

    declared = environ.get("CONTENT_LENGTH") or "0"
    if not declared.isdecimal():
        raise BadRequest("Content-Length is not a number.")
    if int(declared) > limit:
        raise BadRequest("The request is too large.", status=413)
    body = get_input_stream(environ).read(limit + 1)
    if len(body) > limit:
        raise BadRequest("The request is too large.", status=413)
    if len(body) < int(declared):
        raise BadRequest("The request ended early.")
    return bytes(body)
