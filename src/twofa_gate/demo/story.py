"""The flow that the demo plays: each step does one thing over HTTP, and says what the server must answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass

from twofa_gate.demo.examples import Example
from twofa_gate.demo.phone import Phone
from twofa_gate.demo.visitor import Seen, Visitor

__all__ = ["EMAIL", "PASSWORD", "Step", "play"]

EMAIL = "ada@example.com"
PASSWORD = "correct horse"  # noqa: S105 - of a user who does not exist
ENROLL = "/2fa/enroll"
CHALLENGE = "/2fa/challenge"
DISABLE = "/2fa/disable"
LAG = 1.1


Wait = Callable[[float], None]
Steps = Generator["Step", None, None]


@dataclass(frozen=True)
class Step:
    """One step: what was done, what came back, and whether it is what had to come."""

    title: str
    seen: Seen
    right: bool
    note: str = ""


def play(example: Example, url: str, wait: Wait) -> Steps:
    """Play everything; `wait` lets seconds go by, visibly. Whoever reads the steps stops at a wrong one."""
    with closing(Visitor(url)) as ada, closing(Visitor(url)) as thief, closing(Visitor(url)) as anew:
        yield from _log_in(ada, "Log in with e-mail address and password")
        phone, recovery_codes = yield from _enroll(ada, example, wait)
        code = yield from _challenge(ada, example, phone)
        yield from _replay(thief, example, code)
        yield from _recover(anew, example, recovery_codes[0])
        # Until then another worker may still go by what it knew: the gate's revocation lag.
        time.sleep(LAG)
        yield from _sent_to(ada, example.page, CHALLENGE, "which ended what the first browser had passed")
        yield from _add_backup_and_disable(anew, example, wait)


def _log_in(visitor: Visitor, title: str) -> Steps:
    visitor.open("/login")
    seen = visitor.submit("/login", email=EMAIL, password=PASSWORD)
    yield Step(title, seen, seen.status == 303 and seen.location == "/")


def _sent_to(visitor: Visitor, path: str, page: str, title: str) -> Steps:
    """Open a page, and be sent to another one instead, which is opened."""
    seen = visitor.open(path)
    yield Step(title, seen, seen.status == 303 and seen.location.startswith(page))
    visitor.open(seen.location)


def _let_through(visitor: Visitor, path: str, title: str) -> Steps:
    seen = visitor.open(path)
    yield Step(title, seen, seen.status == 200)


def _enroll(visitor: Visitor, example: Example, wait: Wait) -> Generator[Step, None, tuple[Phone, list[str]]]:
    yield from _sent_to(visitor, example.page, ENROLL, "Open billing: refused, a second factor is due")
    seen = visitor.fetch(example.data)
    problem = json.loads(seen.text) if seen.content_type == "application/problem+json" else {}
    decision = problem.get("decision")
    right = seen.status == 403 and decision == "enroll"
    yield Step("Ask for billing's JSON: refused, in JSON", seen, right, f"decision {decision}")
    seen = visitor.submit(ENROLL)
    yield Step("Begin: the page shows a QR code and a key", seen, seen.status == 200 and seen.key != "")
    phone = Phone(seen.key, wait)
    seen = visitor.submit(ENROLL, code=phone.code(), name="My phone")
    codes = seen.recovery_codes
    right = seen.status == 200 and len(codes) == 10
    yield Step("Verify and enable, with the phone's code", seen, right, f"{len(codes)} recovery codes")
    yield from _let_through(visitor, example.page, "Open billing: let through")
    return phone, codes


def _challenge(visitor: Visitor, example: Example, phone: Phone) -> Generator[Step, None, str]:
    seen = visitor.submit("/logout")
    yield Step("Log out", seen, seen.status == 303 and seen.location == "/")
    yield from _log_in(visitor, "Log in again")
    yield from _sent_to(visitor, example.page, CHALLENGE, "Open billing: a code is asked for")
    code = phone.code()
    seen = visitor.submit(CHALLENGE, code=code)
    yield Step("Enter the phone's code", seen, seen.status == 303 and seen.location == example.page)
    yield from _let_through(visitor, example.page, "Open billing: let through")
    return code


def _replay(thief: Visitor, example: Example, code: str) -> Steps:
    yield from _log_in(thief, "A thief logs in with the stolen password")
    yield from _sent_to(thief, example.page, CHALLENGE, "and opens billing: a code is asked for")
    seen = thief.submit(CHALLENGE, code=code)
    yield Step("The same code again, overheard: refused", seen, seen.status == 403)
    seen = thief.open(example.page)
    yield Step("and billing stays closed", seen, seen.status == 303 and seen.location.startswith(CHALLENGE))


def _recover(visitor: Visitor, example: Example, recovery_code: str) -> Steps:
    yield from _log_in(visitor, "Log in from another browser, the phone is at home")
    yield from _sent_to(visitor, example.page, CHALLENGE, "Open billing: a code is asked for")
    seen = visitor.submit(CHALLENGE, code=recovery_code)
    right = seen.status == 303 and seen.location == example.page
    yield Step("Enter a recovery code instead", seen, right)
    yield from _let_through(visitor, example.page, "Open billing: let through")


def _add_backup_and_disable(visitor: Visitor, example: Example, wait: Wait) -> Steps:
    visitor.open(ENROLL)
    seen = visitor.submit(ENROLL)
    yield Step("Add a backup device: another key", seen, seen.status == 200 and seen.key != "")
    backup = Phone(seen.key, wait)
    seen = visitor.submit(ENROLL, code=backup.code(), name="My tablet")
    yield Step("Verify it, with its code", seen, seen.status == 303 and seen.location.startswith("/2fa/?"))
    visitor.open(DISABLE)
    seen = visitor.submit(DISABLE, code=backup.code())
    right = seen.status == 303 and seen.location.startswith("/2fa/?")
    yield Step("Verify and disable, with the backup device's code", seen, right)
    yield from _let_through(visitor, example.open_page, "Open the office, where it is optional: let through")
    yield from _sent_to(visitor, example.page, ENROLL, "Open billing: refused, a second factor is due")
