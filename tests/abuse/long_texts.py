"""Requests with long texts in every place that the gate reads, each of one repeated piece: `python -m` this.

Tells each before it is tried, so that whoever waits too long knows which one it is.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from itertools import product
from typing import Any

from werkzeug.test import EnvironBuilder

from tests.abuse.calling import Sent, call_asgi, call_wsgi
from twofa_gate import Enforcement, Gate, GateRequest, Policy, User, hookimpl
from twofa_gate.asgi import TwoFactorMiddleware as ASGIGate
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.wsgi import TwoFactorMiddleware as WSGIGate

LENGTH = 50_000
"""Characters; what takes a step for each pair of them takes half a minute, and that for most pieces."""

PIECES = (
    *(
        "a",
        "a ",
        " ",
        "\t",
        ";",
        "a;",
        "a=b;",
        "=",
        "a=",
        "a =",
        '"',
        'a="',
        "\\",
        ",",
        "*/*,",
        "q=0;",
        "-",
        "a-",
    ),
    *(
        "%",
        "%2e",
        "%ff",
        "/",
        "/.",
        "./",
        "..",
        "/a",
        "a/",
        "&",
        "a&",
        "a=b&",
        "&twofa_form",
        "?",
        "#",
        ":",
        "@",
    ),
    *("\xe9", "\x00", "\x85", "<", "[", "(", "{", "0", "1 ", "en-", "Basic ", "http://"),
)
HEADERS = (
    *("Cookie", "Authorization", "Accept-Language", "Accept", "Referer", "Origin", "Host", "Content-Type"),
    *("Sec-Fetch-Mode", "Hx-Current-Url", "X-Requested-With"),
)
FRAMES = (
    "{}",
    "{}!",
    'x="{}',
    "x={} y",
    "{}=",
    '{} = "',
    "sid=right; {}",
    'sid=right; x="{}',
    'sid=right; {}="',
)
"""What stands around the text: what comes last decides how often a reader tries anew."""
FORM = "application/x-www-form-urlencoded"


class Host:
    """Reads a cookie; `u1` is whoever has the right one."""

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """Look the session up."""
        return User("u1", "u1@example.com", "login 1") if request.cookies.get("sid") == "right" else None


def requests() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every request, with a name."""
    for piece in PIECES:
        text = (piece * LENGTH)[:LENGTH]
        for header, frame in product(HEADERS, FRAMES):
            said = {"Cookie": "sid=right", header: frame.format(text)}
            name = f"{header}: {frame!r} around {piece!r}"
            yield name, {"path": "/x", "headers": said}
            yield f"{name}, by POST", {"path": "/2fa/challenge", "method": "POST", "headers": said}
        cookie = {"Cookie": "sid=right"}
        yield f"path {piece!r}", {"path": f"/{text}!", "headers": cookie}
        yield f"query {piece!r}", {"path": "/x", "query_string": f"next={text}", "headers": cookie}
        for query in (f"{text}!", f"{text}!&twofa_form"):
            form = {"path": "/x", "query_string": query, "headers": {**cookie, "Content-Type": FORM}}
            yield (
                f"query {query[-20:]!r} after {piece!r}",
                {**form, "method": "POST", "data": b"twofa_form=x"},
            )
        sent = text.encode("latin-1")
        for body in (sent, b"code=" + sent, b"twofa_form=" + sent):
            form = {"path": "/x", "query_string": "twofa_form", "headers": {**cookie, "Content-Type": FORM}}
            yield f"body {body[:12]!r} of {piece!r}", {**form, "method": "POST", "data": body}


def _applications() -> tuple[Any, Any]:
    policy = Policy(Enforcement.REQUIRED)
    gate = Gate(
        secret_keys=["k" * 32], issuer="Long", plugins=[Host(), MemoryStore()], policy=policy, initialize=True
    )

    def by_wsgi(environ: Any, start_response: Any) -> list[bytes]:
        assert environ["twofa_gate"].user is None
        start_response("204 No Content", [])
        return []

    async def by_asgi(scope: Any, receive: Any, send: Any) -> None:
        assert scope["twofa_gate"].user is None
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    return WSGIGate(by_wsgi, gate), ASGIGate(by_asgi, gate)


def _scope(builder: EnvironBuilder) -> dict[str, Any]:
    headers = [(name.lower(), value) for name, value in builder.headers if name.lower() != "content-length"]
    if builder.content_length:
        headers.append(("content-length", str(builder.content_length)))
    return {
        "type": "http",
        "method": builder.method,
        "path": builder.path,
        "query_string": builder.query_string.encode("latin-1"),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "scheme": "https",
        "server": ("app.test", 443),
        "client": ("192.0.2.1", 1),
    }


def main() -> None:
    """Try them all; who is u1 is not let through, and nothing fails."""
    wsgi, asgi = _applications()
    tried = 0
    for name, said in requests():
        builder = EnvironBuilder(base_url="https://app.test", **said)
        body = said.get("data", b"")
        for driver in ("wsgi", "asgi"):
            print(f"{driver}: {name}", flush=True)
            answer: Sent
            if driver == "wsgi":
                answer = call_wsgi(wsgi, builder.get_environ())
            else:
                answer = asyncio.run(call_asgi(asgi, _scope(builder), body))
            if answer.status >= 500:
                sys.exit(f"{driver}: {name} was answered by {answer.status}")
            tried += 1
    print(f"all {tried}", flush=True)


if __name__ == "__main__":
    main()
