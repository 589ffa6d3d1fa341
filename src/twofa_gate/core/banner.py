"""Putting the banner into a host's HTML page while it streams: which answers are fit, their headers, the bytes.

Only a whole HTML page in an encoding whose ASCII is ASCII is touched. What goes in is ASCII, so it means the
same in each of them. Nothing here does I/O, and what a page says beyond its body tag is never looked at.
"""

from __future__ import annotations

import codecs
import re

from twofa_gate.core.cookies import Header
from twofa_gate.request import GateRequest

__all__ = ["AS_A_WHOLE", "Insertion", "is_fit", "is_page_visit"]

AS_A_WHOLE = frozenset({"accept-encoding", "if-modified-since", "if-none-match"})
"""Request headers, in lower case, without which a host answers with a page that a banner can be put into."""

_ASCII_BASED = re.compile(
    r"utf-8|ascii|iso8859-\d+|cp125\d|koi8-[ru]|euc_(?:jp|kr)|gbk|gb2312|gb18030|big5|shift_jis"
)
_STALE = frozenset(
    {
        *("etag", "last-modified", "accept-ranges", "content-length"),
        *("content-md5", "digest", "content-digest", "repr-digest"),
        *("cache-control", "expires", "pragma", "surrogate-control", "x-accel-expires", "edge-control"),
    }
)
"""Headers that speak of the page without a banner, or let it be kept for others."""


def is_page_visit(request: GateRequest) -> bool:
    """Whether a person's browser opens a page with this request: no script, frame, image or part of a page."""
    header = request.header
    if request.kind != "http" or request.method != "GET" or header("range") is not None:
        return False
    if header("hx-request") or (header("x-requested-with") or "").lower() == "xmlhttprequest":
        return False
    destination, mode = header("sec-fetch-dest"), header("sec-fetch-mode")
    if destination is not None or mode is not None:
        return destination == "document" and mode in (None, "navigate")
    return "text/html" in (header("accept") or "").lower()


def is_fit(status: int, headers: list[Header]) -> bool:
    """Whether an answer is a whole HTML page, in the clear, to be shown as such."""
    given: dict[str, list[str]] = {}
    for name, value in headers:
        given.setdefault(name.lower(), []).append(value)
    kinds = given.get("content-type", [])
    if status != 200 or len(kinds) != 1 or not _is_html(kinds[0]):
        return False
    if any(value.strip().lower() != "identity" for value in given.get("content-encoding", [])):
        return False
    if any(not value.strip().lower().startswith("inline") for value in given.get("content-disposition", [])):
        return False
    lengths = given.get("content-length", [])
    if len(lengths) > 1 or not all(re.fullmatch("[0-9]{1,15}", length) for length in lengths):
        return False
    return not {"content-range", "transfer-encoding", "trailer"} & given.keys()


def _is_html(content_type: str) -> bool:
    from werkzeug.http import parse_options_header

    kind, options = parse_options_header(content_type)
    if kind.lower() != "text/html":
        return False
    charset = options.get("charset")
    if charset is None:
        # What the page itself then says can only be ASCII-based; the scanner looks for the exceptions.
        return True
    try:
        return _ASCII_BASED.fullmatch(codecs.lookup(charset).name) is not None
    except (LookupError, ValueError):
        return False


class Insertion:
    """Puts `markup` behind the body tag of one page. `start` is the answer's start as the host gave it.

    A page with a Content-Length has it changed, so its start is held until its body tag has come: such a page
    is there as a whole. One without is handed on as it comes.
    """

    def __init__(self, start: tuple[int, list[Header]], markup: bytes, cookies: tuple[Header, ...]) -> None:
        self._start: tuple[int, list[Header]] | None = start
        self._markup = markup
        self._cookies = cookies
        from twofa_gate.core.html_scan import BodyScanner

        self._scanner = BodyScanner()
        self._held = b""
        self._length = next(
            (int(value) for name, value in start[1] if name.lower() == "content-length"), None
        )

    @property
    def over(self) -> bool:
        """Whether the rest of the page goes out as it is."""
        return self._scanner.over and self._start is None

    def open(self) -> tuple[int, list[Header]] | None:
        """Give the start of the answer if it can go out right away."""
        return self._take_start(bannered=True) if self._length is None else None

    def feed(self, data: bytes, *, last: bool) -> tuple[tuple[int, list[Header]] | None, bytes]:
        """Take a part of the page; return the answer's start, if it goes out now, and what goes out of the page."""
        at = None if self._scanner.over else self._scanner.feed(data)
        if at is not None:
            data = data[:at] + self._markup + data[at:]
        if self._start is None:
            return None, data
        self._held += data
        if not last and not self._scanner.over:
            return None, b""
        return self._release(bannered=at is not None)

    def leave(self) -> tuple[tuple[int, list[Header]] | None, bytes]:
        """Give up; return what was held."""
        self._scanner.over = True
        return self._release(bannered=False)

    def _release(self, *, bannered: bool) -> tuple[tuple[int, list[Header]] | None, bytes]:
        held, self._held = self._held, b""
        return self._take_start(bannered=bannered), held

    def _take_start(self, *, bannered: bool) -> tuple[int, list[Header]] | None:
        start, self._start = self._start, None
        return start if start is None or not bannered else (start[0], self._changed(start[1]))

    def _changed(self, headers: list[Header]) -> list[Header]:
        """Give the headers of a page with a banner: of one length, without old validators, for nobody else."""
        kept = [
            (name, value)
            for name, value in headers
            if name.lower() not in _STALE and not name.lower().endswith("cdn-cache-control")
        ]
        varied = {
            value.strip().lower()
            for name, text in kept
            if name.lower() == "vary"
            for value in text.split(",")
        }
        if not varied & {"*", "cookie"}:
            kept.append(("Vary", "Cookie"))
        if self._length is not None:
            kept.append(("Content-Length", str(self._length + len(self._markup))))
        return [*kept, ("Cache-Control", "private, no-store"), *self._cookies]
