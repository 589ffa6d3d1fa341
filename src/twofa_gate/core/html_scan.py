"""Finding the end of a page's `<body ...>` tag in bytes that come in chunks, as a browser would find it.

The scanner follows the tokenizer of the HTML standard as far as it can matter before the body: comments,
declarations, quoted attribute values, and elements whose content is text (scripts with their escaped states).
It understands every ASCII-compatible encoding, and gives up rather than guess.
"""

from __future__ import annotations

import re
from enum import Enum, auto

__all__ = ["LIMIT", "BodyScanner"]

LIMIT = 65536
"""A page whose body tag does not end within so many bytes is given up."""

MAX_NAME = 64
_TEXT_ELEMENTS = frozenset(
    b"script style title textarea noscript iframe noembed noframes xmp".split()  # content is no markup
)
_GIVE_UP = frozenset(b"frameset math plaintext select svg template".split())
"""Elements in which a body tag means something else, or nothing."""

_NAME = re.compile(rb"[^\t\n\f\r />]*")
_SPACE = re.compile(rb"[\t\n\f\r ]*")
_COMMENT_END = re.compile(rb"--!?>")
_SCRIPT_TOKEN = re.compile(rb"<!--|-->|</?script(?=[\t\n\f\r />])", re.IGNORECASE)
_ELEMENT_END = {
    name: re.compile(rb"</" + name + rb"(?=[\t\n\f\r />])", re.IGNORECASE) for name in _TEXT_ELEMENTS
}
_LONGEST_TOKEN = 12
"""Bytes kept back where a token may have begun: `</textarea` and the byte after it."""

_HREF = re.compile(rb"[\t\n\f\r /\"']href[\t\n\f\r ]*=", re.IGNORECASE)
_LOCAL = rb"(?!//)[A-Za-z0-9._~/%-]+"
_LOCAL_HREF = re.compile(
    _HREF.pattern + rb"[\t\n\f\r ]*(?:\"" + _LOCAL + rb"\"|'" + _LOCAL + rb"'|" + _LOCAL + rb"[\t\n\f\r >])",
    re.IGNORECASE,
)


class _State(Enum):
    START = auto()
    TEXT = auto()
    OPEN = auto()
    COMMENT = auto()
    BOGUS = auto()
    CONTENT = auto()
    # Inside a tag, by the names of the standard.
    BEFORE_ATTRIBUTE = auto()
    ATTRIBUTE = auto()
    AFTER_ATTRIBUTE = auto()
    BEFORE_VALUE = auto()
    UNQUOTED = auto()
    DOUBLE_QUOTED = auto()
    SINGLE_QUOTED = auto()


_IN_TAG: dict[_State, tuple[re.Pattern[bytes], dict[bytes | None, _State]]] = {
    # state: what is consumed, then the next state by the byte that follows (None: any other byte)
    _State.BEFORE_ATTRIBUTE: (re.compile(rb"[\t\n\f\r /]*"), {None: _State.ATTRIBUTE}),
    _State.ATTRIBUTE: (
        re.compile(rb"[^\t\n\f\r />=]*"),
        {b"=": _State.BEFORE_VALUE, b"/": _State.BEFORE_ATTRIBUTE, None: _State.AFTER_ATTRIBUTE},
    ),
    _State.AFTER_ATTRIBUTE: (
        _SPACE,
        {b"=": _State.BEFORE_VALUE, b"/": _State.BEFORE_ATTRIBUTE, None: _State.ATTRIBUTE},
    ),
    _State.BEFORE_VALUE: (
        _SPACE,
        {b'"': _State.DOUBLE_QUOTED, b"'": _State.SINGLE_QUOTED, None: _State.UNQUOTED},
    ),
    _State.UNQUOTED: (re.compile(rb"[^\t\n\f\r >]*"), {None: _State.BEFORE_ATTRIBUTE}),
    _State.DOUBLE_QUOTED: (re.compile(rb'[^"]*'), {None: _State.BEFORE_ATTRIBUTE}),
    _State.SINGLE_QUOTED: (re.compile(rb"[^']*"), {None: _State.BEFORE_ATTRIBUTE}),
}
_QUOTED = (_State.DOUBLE_QUOTED, _State.SINGLE_QUOTED)


class BodyScanner:
    """Fed with the chunks of a page, says once where its body begins.

    `over` is true when nothing more can come: it was found, or is given up. The outcome does not depend on
    how the page is cut into chunks.
    """

    def __init__(self) -> None:
        self.over = False
        self._waiting = False
        self._seen = b""
        self._at = 0
        self._state = _State.START
        self._tag = b""
        self._tag_start = 0
        self._content = b""
        self._escaped = 0
        """Of a script: 0 plainly in it, 1 in `<!--`, 2 in a `<script` within that."""

    def feed(self, data: bytes) -> int | None:
        """Take a chunk; return the offset in it right behind the body tag, or `None`."""
        before = len(self._seen)
        self._seen += data[: LIMIT - before]
        while not self.over:
            found = self._step()
            if found is not None:
                self.over = True
                # In ISO-2022 encodings, which an escape announces, `<` need not be one.
                return None if b"\x1b" in self._seen[:found] else found - before
            if self._at >= len(self._seen) or self._waiting:
                break
        if len(self._seen) >= LIMIT:
            self.over = True
        return None

    def _step(self) -> int | None:
        """Take one step; return the absolute offset behind the body tag once it is there."""
        self._waiting = False
        if self._state in _IN_TAG:
            return self._in_tag()
        _STEPS[self._state](self)
        return None

    def _wait(self, keep: int = 0) -> None:
        """Wait for more, of which the last `keep` bytes seen may be a part."""
        self._at = max(self._at, len(self._seen) - keep)
        self._waiting = True

    def _start(self) -> None:
        if len(self._seen) < 2:
            self._waiting = True
        elif self._seen[:2] in (b"\xfe\xff", b"\xff\xfe"):
            self.over = True  # UTF-16, whatever else is said
        else:
            self._state = _State.TEXT

    def _text(self) -> None:
        found = self._seen.find(b"<", self._at)
        if found < 0:
            self._wait()
        else:
            self._at, self._state = found, _State.OPEN

    def _open(self) -> None:
        """Tell what a `<` begins; at most six bytes have to be there for that."""
        head = self._seen[self._at : self._at + 6]
        closing = head[1:2] == b"/"
        if b"<!----".startswith(head) and len(head) < 6:
            self._waiting = True
        elif head.startswith(b"<!--"):
            self._open_comment(head)
        elif closing and len(head) < 3:
            self._waiting = True
        elif head[1 + closing : 2 + closing].isalpha():
            self._open_tag(2 if closing else 1)
        elif head[1:2] in (b"!", b"?") or (closing and head[2:3] != b">"):
            self._at, self._state = self._at + 2, _State.BOGUS
        else:
            self._at, self._state = self._at + 1, _State.TEXT

    def _open_comment(self, head: bytes) -> None:
        if head[4:5] == b">":
            self._at, self._state = self._at + 5, _State.TEXT
        elif len(head) < 6:
            self._waiting = True
        elif head[4:6] == b"->":
            self._at, self._state = self._at + 6, _State.TEXT
        else:
            self._at, self._state = self._at + 4, _State.COMMENT

    def _comment(self) -> None:
        found = _COMMENT_END.search(self._seen, self._at)
        if found is None:
            self._wait(keep=3)
        else:
            self._at, self._state = found.end(), _State.TEXT

    def _bogus(self) -> None:
        found = self._seen.find(b">", self._at)
        if found < 0:
            self._wait()
        else:
            self._at, self._state = found + 1, _State.TEXT

    def _open_tag(self, skip: int) -> None:
        name = _NAME.match(self._seen, self._at + skip)
        end = self._at + skip if name is None else name.end()
        if end - self._at - skip > MAX_NAME:
            self.over = True
        elif end == len(self._seen):
            self._waiting = True
        else:
            self._tag = self._seen[self._at : end].lower()
            self._tag_start, self._at, self._state = self._at, end, _State.BEFORE_ATTRIBUTE

    def _in_tag(self) -> int | None:
        consumed, following = _IN_TAG[self._state]
        match = consumed.match(self._seen, self._at)
        self._at = self._at if match is None else match.end()
        if self._at == len(self._seen):
            self._waiting = True
            return None
        byte = self._seen[self._at : self._at + 1]
        if byte == b">" and self._state not in _QUOTED:
            self._at += 1
            return self._end_tag()
        before, self._state = self._state, following.get(byte, following[None])
        # A name may begin with "="; quotes and separators are behind us once they are seen.
        begins_name = self._state is _State.ATTRIBUTE
        if before in _QUOTED or byte in following or (begins_name and byte == b"="):
            self._at += 1
        return None

    def _end_tag(self) -> int | None:
        name = self._tag.removeprefix(b"<")
        self._state = _State.TEXT
        if name == b"body":
            return self._at
        if name in _GIVE_UP or (name == b"base" and not self._is_local_base()):
            self.over = True
        elif name in _TEXT_ELEMENTS:
            self._content, self._escaped, self._state = name, 0, _State.CONTENT
        return None

    def _is_local_base(self) -> bool:
        """Whether a `<base>` leaves our links within this origin; what is not plainly so is not."""
        tag = self._seen[self._tag_start : self._at]
        count = len(_HREF.findall(tag))
        return count == 0 or (count == 1 and _LOCAL_HREF.search(tag) is not None)

    def _text_content(self) -> None:
        if self._content == b"script":
            self._script()
            return
        found = _ELEMENT_END[self._content].search(self._seen, self._at)
        if found is None:
            self._wait(keep=_LONGEST_TOKEN)
        else:
            self._at, self._state = found.start(), _State.OPEN

    def _script(self) -> None:
        found = _SCRIPT_TOKEN.search(self._seen, self._at)
        if found is None:
            self._wait(keep=_LONGEST_TOKEN)
            return
        token = found.group().lower()
        self._at = found.end()
        if token == b"<!--":
            self._escaped = max(self._escaped, 1)
            self._at = found.start() + 2  # its hyphens may already be those of "-->"
        elif token == b"-->":
            self._escaped = 0
        elif token == b"<script":
            self._escaped = 2 if self._escaped else 0
        elif self._escaped == 2:
            self._escaped = 1
        else:
            self._at, self._state = found.start(), _State.OPEN


_STEPS = {
    _State.START: BodyScanner._start,
    _State.TEXT: BodyScanner._text,
    _State.OPEN: BodyScanner._open,
    _State.COMMENT: BodyScanner._comment,
    _State.BOGUS: BodyScanner._bogus,
    _State.CONTENT: BodyScanner._text_content,
}
