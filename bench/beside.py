"""What is not the hot path: imports, memory, the QR code, the round trips of a challenge, and what must not grow."""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import pyotp
import qrcode
from werkzeug.test import Client

from bench.calling import bare_wsgi, make_environ, wsgi_batch
from bench.inprocess import USER
from bench.installation import SECRET, AtHand, cookie_of, make_gate, verify
from bench.timing import run_rounds
from twofa_gate import hookimpl
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.wsgi import TwoFactorMiddleware

__all__ = ["challenge", "enrollment", "growth", "imports", "memory"]

IMPORTS = {
    "nothing": "pass",
    "werkzeug": "import werkzeug",
    "twofa_gate": "import twofa_gate",
    "Gate": "from twofa_gate import Gate",
    "WSGI middleware": "from twofa_gate.wsgi import TwoFactorMiddleware",
    "ASGI middleware": "from twofa_gate.asgi import TwoFactorMiddleware",
}
UNUSED = ("pyotp", "cryptography", "qrcode", "jinja2", "sqlalchemy", "redis", "click", "rich")


def imports(rounds: int = 9) -> dict[str, Any]:
    """Measure imports, in processor time of a process of its own, beside importing werkzeug.

    All modules are compiled, as in an installation: a first round that doesn't count writes them to a folder.
    """
    times: dict[str, list[float]] = {name: [] for name in IMPORTS}
    with TemporaryDirectory(prefix="bench-") as compiled:
        env = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        for number in range(rounds + 1):
            for name, code in IMPORTS.items():
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                subprocess.run([sys.executable, "-c", code], check=True, env=env)  # noqa: S603 - of this file
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                times[name] += [took] if number else []
    nothing = statistics.median(times.pop("nothing"))
    found: dict[str, Any] = {name: statistics.median(each) - nothing for name, each in times.items()}
    code = (
        f"import sys, twofa_gate.wsgi, twofa_gate.asgi; print(*[m for m in {UNUSED!r} if m in sys.modules])"
    )
    loaded = subprocess.run(  # noqa: S603 - of this file
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    return {**found, "loaded though unused": loaded}


class _Counting(MemoryStore):
    calls = 0

    @hookimpl
    def load(self, key: str) -> Any:
        """Load, and count."""
        self.calls += 1
        return super().load(key)

    @hookimpl
    def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        """Save, and count."""
        self.calls += 1
        return super().save(key, document, version, expected)


def _hidden(page: str) -> dict[str, str]:
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: value.replace("&amp;", "&") for name, value in fields}


def challenge() -> dict[str, Any]:
    """Answer a challenge through the pages; count the calls of the store, which are its round trips."""
    store = _Counting()
    gate = make_gate(AtHand(USER), store)
    verify(gate, USER)
    client = Client(TwoFactorMiddleware(bare_wsgi, gate))
    base = {"base_url": "https://app.test"}
    fields = _hidden(client.get("/2fa/challenge", **base).get_data(as_text=True))
    store.calls = 0
    code = pyotp.TOTP(SECRET).now()
    answer = client.post("/2fa/challenge", data={**fields, "code": code}, **base)
    if answer.status_code != 303:
        raise RuntimeError(f"The challenge was answered with {answer.status_code}.")
    return {"round trips": store.calls}


def enrollment(rounds: int = 9) -> dict[str, Any]:
    """Begin to enroll, which shows the QR code, beside making the matrix of the same code alone."""
    app = TwoFactorMiddleware(bare_wsgi, make_gate(AtHand(replace(USER, id="newcomer"))))
    client = Client(app)
    base = {"base_url": "https://app.test"}
    fields = _hidden(client.get("/2fa/enroll", **base).get_data(as_text=True))
    page = client.post("/2fa/enroll", data=fields, **base)
    text = page.get_data(as_text=True)
    shown, link = (
        re.search(r'qr-title" viewBox="0 0 (\d+) ', text),
        re.search(r'href="(otpauth:[^"]+)"', text),
    )
    if page.status_code != 200 or shown is None or link is None:
        raise RuntimeError(f"The enrollment was answered with {page.status_code}.")
    uri, border = unescape(link[1]), 4
    if int(shown[1]) != len(_matrix(uri)) + 2 * border:
        raise RuntimeError("The page shows a code of another size.")
    environ, body = page.request.environ, urlencode(fields).encode()

    def whole(size: int) -> None:
        for _ in range(size):
            b"".join(app({**environ, "wsgi.input": BytesIO(body)}, _accept))

    def matrix(size: int) -> None:
        for _ in range(size):
            _matrix(uri)

    took = run_rounds({"matrix": matrix, "page": whole}, rounds)
    return {name: each.median for name, each in took.items()}


def _matrix(uri: str) -> Any:
    code = qrcode.QRCode(border=0)
    code.add_data(uri)
    code.make(fit=True)
    return code.get_matrix()


def _accept(status: str, headers: Any, exc_info: Any = None) -> Any:
    if not status.startswith("200"):
        raise RuntimeError(f"It was answered with {status}.")


def memory() -> dict[str, Any]:
    """Ask a process of its own how it grows over a million requests of 100,000 users."""
    code = "from bench.growing import main; main()"
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(  # noqa: S603 - of this file
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    first, last, seconds = (float(word) for word in done.stdout.split())
    return {"after 100,000": first, "after 1,000,000": last, "seconds": seconds}


class _Idle:
    """A plugin that has an opinion about nothing."""

    @hookimpl(blocking=False)
    def on_event(self, event: Any) -> None:
        """Take note of nothing."""


class _Located(AtHand):
    def __init__(self, places: int) -> None:
        super().__init__(USER)
        self.places = {f"place-{number}": self.policy_of for number in range(places)}

    @hookimpl(blocking=False)
    def locate(self, request: Any, user: Any) -> str:
        """Be the hook."""
        return "place-0"


def growth(rounds: int = 7) -> dict[str, dict[str, float]]:
    """Time a verified request while one number grows and the others stay."""

    def users(number: int) -> Any:
        gate = make_gate(AtHand(USER), revocation_lag=3600)
        for each in range(number - 1):
            verify(gate, replace(USER, id=f"other-{each}"))
        return gate, 0

    def verifications(number: int) -> Any:
        return make_gate(AtHand(USER), revocation_lag=3600), number - 1

    def idle(number: int) -> Any:
        return _gate_with([_Idle() for _ in range(number)]), 0

    def public(number: int) -> Any:
        paths = [f"/files-{each}/" for each in range(number)]
        return make_gate(AtHand(USER), revocation_lag=3600, public=paths), 0

    def locations(number: int) -> Any:
        return make_gate(_Located(number), revocation_lag=3600), 0

    makers: dict[str, tuple[Callable[[int], Any], tuple[int, ...]]] = {
        "users": (users, (1, 100, 10_000)),
        "live verifications": (verifications, (1, 10, 20)),
        "idle hooks": (idle, (1, 10, 100)),
        "public paths": (public, (1, 100, 10_000)),
        "locations": (locations, (1, 100, 10_000)),
    }
    found: dict[str, dict[str, float]] = {}
    for what, (make, numbers) in makers.items():
        subjects = {}
        for number in numbers:
            gate, also = make(number)
            cookie = cookie_of("session=abc", verify(gate, USER, also=also))
            app = TwoFactorMiddleware(bare_wsgi, gate)
            subjects[str(number)] = wsgi_batch(app, make_environ(cookie=cookie))
        found[what] = {name: each.median for name, each in run_rounds(subjects, rounds).items()}
    return found


def _gate_with(plugins: list[object]) -> Any:
    from bench.installation import KEY
    from twofa_gate import Gate

    return Gate(
        secret_keys=[KEY],
        issuer="Bench",
        plugins=[AtHand(USER), MemoryStore(), *plugins],
        revocation_lag=3600,
    )


if __name__ == "__main__":
    for measured in (imports, challenge, enrollment, growth):
        began = time.monotonic()
        print(measured.__name__, measured(), f"{time.monotonic() - began:.1f} s")
