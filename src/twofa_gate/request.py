"""The request as hooks and the core see it: the same on WSGI and ASGI, parsed only as far as it is asked for.

Each adapter has a subclass that knows its protocol. Nothing here does I/O or reads the body.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from twofa_gate.errors import AmbiguousCookie
from twofa_gate.lazily import cached_property

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers, MultiDict

    from twofa_gate.core.kept_form import Kept

__all__ = ["GateRequest", "StrictCookies", "canonical_path", "is_plain", "merge_cookies"]

_PLAIN = re.compile(r"(?:/(?!\.+(?:/|\Z))[A-Za-z0-9._~!$&'()*+,=:@-]+)*/?")
_ODD_WHEN_RAW = re.compile(r"\A(?!/|https?://)|%(?:2f|2e)|[#\\]|(?<!:)//|/\.+(?:/|\Z)", re.IGNORECASE)
"""In a path before decoding: what a server may have resolved, merged or cut off, and another reader would not."""
MAX_KNOWN_PATH = 200
"""Characters of a path about which it is remembered whether it is plain."""
_COOKIE_VALUE = re.compile(r"[\x21\x23-\x7e]*")
"""No quotation marks; and no white space or control of any alphabet, which some parsers strip."""
_COOKIE_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def is_plain(path: str, raw_path: str | None = None) -> bool:
    """Whether every reader would read this decoded path alike.

    No empty or dot segments, backslash, semicolon, percent sign, control or non-ASCII character; and where
    the undecoded `raw_path` is known, nothing of that kind in it either, and no separator or dot that was encoded.
    """
    if not path or not _looks_plain(path):
        return False
    return raw_path is None or raw_path == path or _ODD_WHEN_RAW.search(raw_path) is None


def _looks_plain(path: str) -> bool:
    return _is_known_plain(path) if len(path) <= MAX_KNOWN_PATH else _PLAIN.fullmatch(path) is not None


@lru_cache(maxsize=1024)
def _is_known_plain(path: str) -> bool:
    return _PLAIN.fullmatch(path) is not None


def canonical_path(path: str) -> str:
    """Give the one reading of a decoded path that the gate and its hooks go by.

    It starts with one slash; empty and dot segments are resolved and backslashes read as slashes, as the
    most liberal application would.
    """
    if path and _looks_plain(path):
        return path
    parts: list[str] = []
    raw = path.replace("\\", "/").split("/")
    for part in raw:
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    trailing = "/" if parts and raw[-1] in ("", ".", "..") else ""
    return "/" + "/".join(parts) + trailing


class StrictCookies(Mapping[str, str]):
    """The cookies of a request, none of them guessed at.

    Parsers disagree about cookies that are doubled, quoted or oddly framed. To ask for one of those raises
    `AmbiguousCookie`, which the core answers with 400.
    """

    def __init__(self, header: str) -> None:
        self._values: dict[str, str] = {}
        self._ambiguous: set[str] = set()
        for pair in header.split(";"):
            self._add(pair)

    def _add(self, pair: str) -> None:
        raw_name, equals, raw_value = pair.partition("=")
        name = raw_name.strip(" \t")
        value = raw_value.strip(" \t")
        if not equals:
            self._ambiguous.update(pair.split())
            return
        odd_name = raw_name != name and raw_name.lstrip(" \t") != name
        if (
            odd_name
            or not _COOKIE_VALUE.fullmatch(value)
            or not _COOKIE_NAME.fullmatch(name)
            or name in self._values
        ):
            self._ambiguous.add(name)
            self._ambiguous.update(raw_name.split())
            # Some parsers end a cookie at white space, an empty one too, and begin the next one there.
            self._ambiguous.update(word.partition("=")[0] for word in value.split())
            self._ambiguous.update(_words_before_equals(pair))
        self._values[name] = value

    def __getitem__(self, name: str) -> str:
        if name in self._ambiguous:
            raise AmbiguousCookie(
                f"The cookie {name!r} was sent twice or in a form that is read in different ways."
            )
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        """Raise for an ambiguous name too, so that nobody takes it for absent."""
        if name in self._ambiguous:
            raise AmbiguousCookie(
                f"The cookie {name!r} was sent twice or in a form that is read in different ways."
            )
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._values if name not in self._ambiguous)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def single(self, name: str) -> str | None:
        """Return the value of a cookie of our own, or `None` if it is absent or ambiguous."""
        return None if name in self._ambiguous else self._values.get(name)


def _words_before_equals(pair: str) -> Iterator[str]:
    # Step by step, and not by one expression, which would try a long word from each of its letters.
    for part in pair.split("=")[:-1]:
        word = part.replace('"', " ").split()[-1:]
        if word and part.rstrip().endswith(word[0]):
            yield word[0]


def merge_cookies(header: str, changes: Mapping[str, str | None]) -> str:
    """Give the Cookie header that the browser will send once an answer's cookies are set.

    `changes` maps a name to its new value, or to `None` where the answer deletes the cookie. The empty name
    stands for a cookie without one, which browsers send as its bare value.
    """
    kept = [
        pair.strip(" \t")
        for pair in header.split(";")
        if pair.strip(" \t") and pair.partition("=")[0].strip(" \t") not in changes
    ]
    kept.extend(f"{name}={value}" if name else value for name, value in changes.items() if value is not None)
    return "; ".join(kept)


class GateRequest(ABC):
    """What hooks are given.

    - `kind`: `"http"` or `"websocket"`.
    - `method`: as sent; `"GET"` for a WebSocket.
    - `path`: the one canonical decoded path, relative to the application; `prefix`: the mount point before it.
    - `scheme`, `host`, `client`: as the server says; `host` is what the client sent as Host, if anything.
    - `environ` (WSGI) or `scope` (ASGI): a shallow copy, made before the application could alter it; the
      other of the two is `None`.
    """

    kind: Literal["http", "websocket"] = "http"
    environ: dict[str, Any] | None = None
    scope: dict[str, Any] | None = None

    method: str
    prefix: str
    decoded_path: str
    cookie_header: str
    """The Cookie header, whole and undecoded; several lines are joined with `; `."""
    authorization: str
    """The Authorization header, or the empty string."""

    carries_nothing: bool = False
    """Whether it surely has no cookie, no Authorization and no query, where the name of a session may be."""

    posted: bytes | None = None
    """The body, where the gate has read it; the application is to get it from here."""

    resending: Kept | None = None
    """The kept form that this request sends on."""

    doubled_authorization: bool = False
    """Whether Authorization was sent twice: readers take the first, the last, or both as one."""

    @abstractmethod
    def header(self, name: str) -> str | None:
        """Return the first header of this lower-case name, or `None`."""

    @abstractmethod
    def with_cookie_header(self, header: str) -> GateRequest:
        """Return a copy that carries this Cookie header instead, in the native request too."""

    @abstractmethod
    def with_form(self, query: str, content_type: str, body: bytes) -> GateRequest:
        """Return a copy with this query, and with this form as its body, in the native request too."""

    @cached_property
    @abstractmethod
    def raw_path(self) -> str | None:
        """The path before decoding, where the server tells it."""

    @cached_property
    @abstractmethod
    def query_string(self) -> str:
        """The query string as sent, without the question mark."""

    @cached_property
    @abstractmethod
    def headers(self) -> Headers:
        """All headers."""

    @cached_property
    @abstractmethod
    def scheme(self) -> str:
        """`"http"` or `"https"` (for a WebSocket too), as the server says."""

    @cached_property
    @abstractmethod
    def host(self) -> str:
        """The Host header, or the server's own name and port."""

    @cached_property
    @abstractmethod
    def client(self) -> str | None:
        """The address of the peer, as the server says."""

    @cached_property
    def path(self) -> str:
        """The canonical path; see `canonical_path`."""
        return canonical_path(self.decoded_path)

    @property
    def plain(self) -> bool:
        """Whether every reader would read the path alike; see `is_plain`."""
        return is_plain(self.decoded_path, self.raw_path)

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The path's parts: `("billing", "invoices")` for `/billing/invoices/`."""
        return tuple(part for part in self.path.split("/") if part)

    @cached_property
    def query(self) -> MultiDict[str, str]:
        """The query's parameters."""
        from urllib.parse import parse_qsl

        from werkzeug.datastructures import MultiDict

        try:
            return MultiDict(parse_qsl(self.query_string, keep_blank_values=True, max_num_fields=200))
        except ValueError:
            return MultiDict()

    @cached_property
    def cookies(self) -> StrictCookies:
        """The cookies; to ask for an ambiguous one raises `AmbiguousCookie`."""
        return StrictCookies(self.cookie_header)

    @property
    def carries_credentials(self) -> bool:
        """Whether anything in the request could name a user later: a cookie or an Authorization header."""
        return bool(self.cookie_header or self.authorization)
