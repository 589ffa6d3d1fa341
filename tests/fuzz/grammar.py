"""What the fuzzer sends: a grammar of targets, headers and cookies, drawn from a seeded source of randomness.

A good half of what it makes is meant to reach a protected handler in the bare application: only those inputs say
anything about the gate.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote_from_bytes

from .requests import Request, Style

__all__ = ["Cast", "cookie_header", "generate", "target"]


@dataclass(frozen=True)
class Cast:
    """Whose cookies there are: u1 is enrolled and not verified; u2 is verified."""

    u1: bytes
    u2: bytes
    verified: bytes
    """The cookies of ours that go with u2's session: `name=value; name=value`."""

    @property
    def token(self) -> bytes:
        """The value of u2's verification cookie, without which nobody may pass."""
        return self.verified.partition(b";")[0].partition(b"=")[2]


PREFIXES = ("", "", "", "", "/app", "/static", "/2fa", "/login", "/static/", "/app/", "/mounted/deep")
SEGMENTS = (
    b"static", b"static", b"app", b"app", b"x", b"x.css", b"login", b"logout", b"2fa", b"challenge", b"enroll",
    b"api", b"STATIC", b"Login", b"staticfoo", b"..", b".", b"", b"%2e%2e", b"%2E", b"..;", b";", b"a;b", b"...",
    b"%c0%ae%c0%ae", b"%ef%bc%8e", b"\xc3\xa4", b"%C3%A4", b"\xff", b"%ff", b"*", b"@evil", b"%2561pp", b"%61pp",
    b"static%2fapp", b"static%5c..", b"x%00", b"x%0a", b"x%09", b"x%20", b"x%3f", b"x%23", b"x%25", b"x%", b"%zz",
    b"a%3bb", b"static\\..", b"health", b"v1", b"status", b"%e2%80%ae", b"%ed%a0%80", b"~", b"-", b"x:80", b"=", b"+",
)  # fmt: skip
SEPARATORS = (b"/",) * 12 + (
    b"//", b"///", b"/./", b"/../", b"/x/../", b"/%2e%2e/", b"/%2e/", b"%2f", b"%2F", b"\\", b"%5c", b"/..;/", b"/;/",
    b"%252f", b"/.;/", b"\\..\\", b"/..%2f", b"%2f..%2f",
)  # fmt: skip
PLAIN_PRIVATE = (
    b"/app/x",
    b"/app/",
    b"/",
    b"/app/x/y.css",
    b"/billing/1",
    b"/staticfoo",
    b"/static",
    b"/loginx",
)
PLAIN_LISTED = (
    b"/static/x.css", b"/static/", b"/static/a/b/c", b"/login", b"/logout", b"/2fa/", b"/2fa/challenge", b"/2fa",
    b"/2fa/enroll", b"/2fa/api/v1/status", b"/2fa/health", b"/2fa/static/gate.css", b"/2fa/api/v1/challenge",
    b"/2fa/sign-out", b"/2fa/recovery-codes", b"/2fa/disable", b"/2fa/browsers", b"/2fa/authenticators/x",
    b"/2fa/locations/x",
)  # fmt: skip
INSERTS = (
    b"/", b"//", b"/../", b"/./", b"\\", b"%2f", b"%2e%2e", b"%2e", b"%5c", b"%252e", b"%00", b"%0d%0a",
    b"%09", b"%20",
    b";", b";x=y", b"?", b"#", b"%3f", b"%23", b".", b"..", b"*", b"@", b":", b"\x80", b"\xff", b"%ff",
    b"%c3", b"+", b"&",
)  # fmt: skip
WRAPS = (
    b"http://app.test%s", b"https://app.test%s", b"http://evil.test%s", b"HTTP://app.test:80%s", b"http:%s",
    b"http://%s",
    b"//app.test%s", b"//%s", b"\\%s", b"/static/..%s", b"/static/%%2e%%2e%s", b"/static/..;%s", b"/static/%%2f..%s",
    b"/login/..%s", b"/2fa/..%s", b"/static%s", b"%s/../static/x", b"%s/..%%2fstatic/x", b"%s?/static/",
    b"%s#/static/",
    b"%s%%3f/static/", b"%s;/static/", b"/static/x/../..%s", b"/./static/../.%s", b"@%s", b"*%s", b"/.%s", b"/;%s",
)  # fmt: skip


def target(draw: random.Random) -> bytes:
    """Draw a request target."""
    kind = draw.random()
    if kind < 0.22:
        return draw.choice(PLAIN_PRIVATE)
    if kind < 0.34:
        return draw.choice(PLAIN_LISTED)
    if kind < 0.60:
        return _mutated(draw, draw.choice(PLAIN_PRIVATE + PLAIN_LISTED))
    if kind < 0.80:
        steps = draw.randint(1, 5)
        made = b"".join(draw.choice(SEPARATORS) + draw.choice(SEGMENTS) for _ in range(steps))
        return made + draw.choice((b"", b"", b"/", b"?next=/", b"?a=b&a=c"))
    if kind < 0.96:
        return draw.choice(WRAPS) % draw.choice(PLAIN_PRIVATE + PLAIN_LISTED)
    if kind < 0.98:
        return draw.choice(
            (b"", b"*", b"app/x", b"static/x", b"app.test:443", b"?", b"/?", b"/*", b"#", b"/" + b"a/" * 600)
        )
    # no blank, tab or line end: those end a target on every server
    return b"/" + bytes(
        draw.choice(b"!\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~\x01\x7f\x80\xa0\xff") for _ in range(12)
    )


def _mutated(draw: random.Random, start: bytes) -> bytes:
    made = start
    for _ in range(draw.randint(1, 4)):
        at = draw.randint(0, len(made))
        how = draw.random()
        if how < 0.45:
            made = made[:at] + draw.choice(INSERTS) + made[at:]
        elif how < 0.70 and at < len(made):
            made = made[:at] + b"%%%02x" % made[at] + made[at + 1 :]
        elif how < 0.78:
            made = made[:at] + made[at:].swapcase()
        elif how < 0.86:
            made = quote_from_bytes(made, safe="/").encode()
        elif how < 0.93 and made:
            made = made[:at] + made[at + 1 :]
        else:
            made = made + draw.choice(SEPARATORS) + draw.choice(SEGMENTS)
    return made


BLANKS = (b"", b"", b" ", b"\t", b"\x0b", b"\x0c", b"\xa0", b"\x85", b"\x1f", b"  ")
GLUES = (b"; ", b"; ", b"; ", b";", b" ; ", b", ", b",", b";;", b";\t", b" ", b"\x0b; ", b"&", b"\n")


def cookie_header(draw: random.Random, cast: Cast) -> bytes | None:
    """Draw a Cookie header."""
    kind = draw.random()
    if kind < 0.46:
        return b"sid=" + cast.u1
    if kind < 0.54:
        return b"sid=" + cast.u2 + b"; " + cast.verified
    if kind < 0.57:
        return b"sid=" + cast.u1 + b"; " + cast.verified
    if kind < 0.61:
        return None
    parts = [_cookie(draw, cast) for _ in range(draw.randint(1, 4))]
    if draw.random() < 0.4:
        parts.insert(draw.randint(0, len(parts)), cast.verified)
    made = parts[0]
    for part in parts[1:]:
        made += draw.choice(GLUES) + part
    return made


def _cookie(draw: random.Random, cast: Cast) -> bytes:
    sid = draw.choice((cast.u1, cast.u1, cast.u2, b"", b"nobody"))
    name, _, value = cast.verified.partition(b";")[0].partition(b"=")
    forms: Sequence[Callable[[], bytes]] = (
        lambda: b"sid=" + sid,
        lambda: draw.choice(BLANKS) + b"sid" + draw.choice(BLANKS) + b"=" + draw.choice(BLANKS) + sid
            + draw.choice(BLANKS),
        lambda: b'sid="' + sid + b'"',
        lambda: b'sid="' + b"".join(b"\\%03o" % byte for byte in sid) + b'"',
        lambda: b'x="; sid=' + sid,
        lambda: b'y="',
        lambda: b'x="a\\"',
        lambda: b"x=y sid=" + sid,
        lambda: draw.choice((b"$Version=1", b"$Path=/", b"$sid=" + sid, b"=sid=" + sid, b"=" + sid, b"sid",
        b"", b"=")),
        lambda: draw.choice((b"SID=", b"s%69d=", b"sid[]=", b"sid\x00=", b"\xefsid=", b"s\xc3\xafd=",
        b"sid:=")) + sid,
        lambda: b"sid=" + sid + draw.choice((b"=", b"\\", b"\xff", b"%20", b",x", b"\x7f", b"'", b"; Path=/",
        b"\x00")),
        lambda: name + b"=" + draw.choice((value, value[:-1], value + b"x", value[::-1], b"",
        b'"' + value + b'"', b"\xff")),
        lambda: draw.choice((b"__Host-twofa",
        b"twofa", name.swapcase(), name + b"-known", name + b"-trust")) + b"=" + value,
        lambda: b"c%d=" % draw.randint(0, 9) + bytes(draw.choice(b'az09=,"\\; \t\xff{}[]()') for _ in range(6)),
        lambda: b"big=" + b"A" * 5000,
    )  # fmt: skip
    return draw.choice(forms)()


HOSTS = (
    b"evil.test", b"app.test:443", b"APP.TEST", b"", b"app.test/static/", b"a@app.test", b"[::1]", b"[",
    b"app.test:x",
    b"app.test\xff", b"app.test, evil.test", b"..", b"127.0.0.1", b"app.test#", b"app.test?", b"app.test\\",
)  # fmt: skip
HEADERS: Sequence[tuple[bytes, Sequence[bytes]]] = (
    (b"X-Original-URL", (b"/static/x", b"/login")),
    (b"X-Rewrite-URL", (b"/static/x",)),
    (b"X-Forwarded-Prefix", (b"/static/", b"/static")),
    (b"X-Forwarded-Uri", (b"/static/x",)),
    (b"X-Forwarded-Host", (b"evil.test",)),
    (b"X-Forwarded-Proto", (b"http", b"\xff")),
    (b"X-Forwarded-For", (b"127.0.0.1", b"," * 50, b"\xff")),
    (b"X-Script-Name", (b"/static",)),
    (b"Script_Name", (b"/static",)),
    (b"Path_Info", (b"/static/x",)),
    (b"Cookie_", (b"x=y",)),
    (b"X-HTTP-Method-Override", (b"GET", b"HEAD")),
    (b"User-Agent", (b"kube-probe/1", b"\xff", b"")),
    (b"Range", (b"bytes=0-3",)),
    (b"If-None-Match", (b"*",)),
    (b"Accept", (b"text/html", b"application/json", b"image/png", b"*/*", b"text/event-stream", b"\xff", b",;q=")),
    (b"Accept-Language", (b"de", b"ja;q=0.5, *;q=0.1", b"\xff;q=x", b",,;;", b"de;q=nan", b"a" * 300, b"en-" * 40)),
    (b"HX-Request", (b"true",)),
    (b"HX-Current-URL", (b"https://app.test/app/x", b"https://evil.test/", b"//evil", b"http://[", b"\xff",
    b"javascript:x")),
    (b"Referer", (b"https://app.test/app/x?y", b"https://evil.test/", b"https://app.test\\@evil",
    b"http://[::1", b"https://app.test/\xff")),
    (b"Origin", (b"https://app.test", b"null", b"https://evil.test", b"http://[", b"\xff")),
    (b"Sec-Fetch-Mode", (b"navigate", b"cors", b"\xff")),
    (b"Sec-Fetch-Dest", (b"empty", b"image", b"document")),
    (b"Sec-Fetch-Site", (b"same-origin", b"cross-site", b"none")),
    (b"X-Requested-With", (b"XMLHttpRequest",)),
    (b"Content-Type", (b"application/json", b"application/x-www-form-urlencoded", b"text/plain",
    b"multipart/form-data; boundary=x", b"\xff")),
    (b"Content-Encoding", (b"gzip",)),
    (b"X-CSRF-Token", (b"x", b"\xff", b"")),
    (b"Forwarded", (b"for=x;host=evil.test",)),
    (b"Via", (b"1.1 x",)),
)  # fmt: skip
AUTHORIZATIONS = (
    b"Basic dTE6cGFzc3dvcmQ=", b"basic dTE6cGFzc3dvcmQ=", b"Basic  dTE6cGFzc3dvcmQ=",
    b"Basic dTI6cGFzc3dvcmQ=", b"Basic",
    b"Basic dTE6d3Jvbmc=", b"Basic !!!", b"Basic /w==", b"Bearer token-of-u1", b"Bearer x",
    b"Digest username=u1", b"",
    b"Basic dTE6cGFzc3dvcmQ=,", b"Basic dTE6!cGFzc3dvcmQ=", b"Basic dTE6cGFzc3dvcmQ=\x0b",
    b"Basic\xa0dTE6cGFzc3dvcmQ=",
    b"Basic dTE6cGFzc3dvcmQ=, Basic dTI6cGFzc3dvcmQ=", b"\xff", b"Basic\tdTE6cGFzc3dvcmQ=", b"BASIC dTE6cGFzc3dvcmQ",
)  # fmt: skip
METHODS = (
    ("GET",) * 14
    + ("POST",) * 4
    + ("HEAD", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "FROB", "get", "PROPFIND")
)
BODIES = (
    b"", b"code=123456", b'{"code": "123456"}', b"code=1&code=2", b'{"code": 1}', b"[]", b'"\\ud800"',
    b"code=%ff&csrf=%00",
    b"[" * 900, b'{"code": "\\ud800", "csrf": "\\u0000"}', b"a=" + b"b" * 20000, b"\xff", b"&" * 99,
    b'{"a":1,"a":2}', b"NaN",
    b"user=u1", b"csrf=x&code=000000&next=%ff&trust=on",
)  # fmt: skip


def _headers(draw: random.Random, cast: Cast) -> list[tuple[bytes, bytes]]:
    made: list[tuple[bytes, bytes]] = []
    if draw.random() < 0.98:
        made.append((b"Host", b"app.test" if draw.random() < 0.85 else draw.choice(HOSTS)))
    cookie = cookie_header(draw, cast)
    authorized = draw.random() < 0.1
    if cookie is not None and not (authorized and draw.random() < 0.7):
        made.append((draw.choice((b"Cookie", b"Cookie", b"cookie", b"COOKIE")), cookie))
        if draw.random() < 0.05:
            made.append((b"Cookie", _cookie(draw, cast)))
    if authorized:
        made.append((b"Authorization", draw.choice(AUTHORIZATIONS)))
        if draw.random() < 0.2:
            made.append((b"Authorization", draw.choice(AUTHORIZATIONS)))
    for _ in range(draw.choice((0, 0, 1, 1, 2, 4))):
        name, values = draw.choice(HEADERS)
        made.append((name, draw.choice(values)))
    if draw.random() < 0.2:
        draw.shuffle(made)
    return made


def _style(draw: random.Random) -> Style:
    if draw.random() < 0.5:
        return Style()
    carried = draw.random() < 0.85
    return Style(
        prefix=draw.choice(PREFIXES),
        carried=carried,
        # what readers of the target would make of a mount point that is not in it, nobody could say
        raw=draw.choice(("RAW_URI", "REQUEST_URI", None)) if carried else None,
        splits_absolute=draw.random() < 0.6,
        resolves=draw.random() < 0.15,
        underscores=draw.random() < 0.3,
        joint=draw.choice(("; ", ",", ", ")),
        scheme=draw.choice(("https", "https", "http")),
    )


def generate(draw: random.Random, cast: Cast, style: Style | None = None) -> Request:
    """Draw a request; a real server has a `style` of its own."""
    method = draw.choice(METHODS)
    style = _style(draw) if style is None else style
    headers = _headers(draw, cast)
    body = draw.choice(BODIES) if method in ("POST", "PUT") else b""
    if body:
        headers.append((b"Content-Length", b"%d" % len(body)))
    made = Request(method, target(draw), tuple(headers), body, draw.random() < 0.06, style)
    if style.prefix and style.carried and draw.random() < 0.9:
        made = replace(made, target=style.prefix.encode() + made.target)
    return made
