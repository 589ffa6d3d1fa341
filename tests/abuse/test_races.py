"""Cases 51 to 56: eight processes at once on one store, and processes that are killed in the middle.

The class: between reading an account and writing it others may have written it; whatever was decided on what was
read counts only if nobody did. Here that is shown with processes, sockets and signals as they are;
`tests/core/test_interleavings.py` shows it for every order of effects.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from twofa_gate import Enforcement, Policy
from twofa_gate.stores.sqlite import SQLiteStore

from .racing import PROCESSES, Racers, kill_during
from .site import Driver, FakeClock, PhoneApp, Site
from .typing_codes import passes

# Whatever threads other tests left in this process, the children use none of what they hold.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")

Task = Callable[[Site, Callable[[], None]], Any]


@pytest.fixture
def racers(driver: Driver, clock: FakeClock, tmp_path: Path) -> Iterator[Racers]:
    """Give an installation on a file, in which u1 has set up and the clock stands early in a step."""
    made = Racers(
        driver,
        clock,
        tmp_path / "2fa.db",
        policies={"default": Policy(Enforcement.OPTIONAL)},
    )
    made.site.enroll("u1")
    made.site.gate.revoke("u1")
    clock.now = clock.now // 30 * 30 + 300
    yield made
    made.site.close()


def challenge(code: str) -> Task:
    """Log in as u1 in a browser of one's own, wait for the others, and enter a code; the status."""

    def task(site: Site, ready: Callable[[], None]) -> tuple[int, bool]:
        browser = site.browser("u1")
        token = site.api(browser, "status").json()["csrf"]
        ready()
        answer = browser.fetch(
            "POST", "/2fa/api/v1/challenge", json={"code": code}, headers={"X-CSRF-Token": token}
        )
        while answer.status == 503:  # contention: nothing was decided, so a person tries again
            answer = browser.fetch(
                "POST", "/2fa/api/v1/challenge", json={"code": code}, headers={"X-CSRF-Token": token}
            )
        return answer.status, passes(site, browser)

    return task


def account(racers: Racers) -> Any:
    """Read u1's account from the file."""
    from twofa_gate.core.account import decode

    stored = SQLiteStore(racers.path).load("main/user/u1")
    assert stored is not None
    return decode(stored.document, "u1")


def test_one_totp_code(racers: Racers) -> None:
    """Case 51: the same valid code fifty times at once in eight processes is accepted exactly once."""
    code = racers.site.phones["u1"].display()
    results = racers.race([challenge(code)] * 50)
    statuses = Counter(status for status, _ in results)
    assert statuses[200] == 1, statuses
    assert set(statuses) <= {200, 403, 429}
    assert sum(passed for _, passed in results) == 1
    assert len(account(racers).verifications) == 1


def test_one_recovery_code(racers: Racers) -> None:
    """Case 53: the same recovery code fifty times at once is accepted exactly once, and gone."""
    code = racers.site.recovery_codes["u1"][0]
    results = racers.race([challenge(code)] * 50)
    statuses = Counter(status for status, _ in results)
    assert statuses[200] == 1, statuses
    assert sum(passed for _, passed in results) == 1
    assert account(racers).recovery_left == 9


def test_five_hundred_wrong_codes(racers: Racers) -> None:
    """Case 52: of five hundred wrong codes at once no more are tried than the back-off lets; then none is."""
    wrong, right = racers.site.phones["u1"].wrong(), racers.site.phones["u1"].display()
    results = racers.race([challenge(wrong)] * 500)
    statuses = Counter(status for status, _ in results)
    assert statuses == {403: 3, 429: 497}
    assert not any(passed for _, passed in results)
    assert racers.site.gate.status("u1").failures == 3
    assert racers.race([challenge(right)] * 8) == [(429, False)] * 8


def test_wrong_codes_at_the_end_of_the_budget(racers: Racers) -> None:
    """Case 52: with a few attempts left, eight processes together get just these, and the lock holds at once."""
    wrong = racers.site.phones["u1"].wrong()
    browser = racers.site.browser("u1")
    for _ in range(79):
        assert racers.site.api(browser, "challenge", {"code": wrong}).status == 403
        racers.clock.move(901)
    right = racers.site.phones["u1"].display()
    results = racers.race([challenge(wrong)] * 40)
    assert Counter(status for status, _ in results) == {403: 1, 429: 39}
    assert account(racers).attempts.stranger.locked
    assert racers.race([challenge(right)] * 8) == [(429, False)] * 8


def test_two_enrollments(racers: Racers) -> None:
    """Case 54: one enrollment, confirmed in eight processes at once: one authenticator, one set of codes, 409.

    Whoever comes after the first has ended gets 403, so rounds are run until somebody was there with the first.
    """
    for user in ("u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"):
        statuses = Counter(racers.race([_confirm(racers, user)] * 16))
        assert statuses[200] == 1, statuses
        assert statuses[409] + statuses[403] == 15
        assert racers.site.gate.status(user).recovery_codes_left == 10
        assert len(racers.site.gate.status(user).authenticators) == 1
        if statuses[409]:
            return
    pytest.fail("in no round was anybody there at the same time")


def _confirm(racers: Racers, user: str) -> Task:
    """Begin an enrollment here; confirm it, as this browser, in whatever process the task runs; the status."""
    site = racers.site
    browser = site.browser(user)
    code = PhoneApp(site.api(browser, "enrollment", {}).json()["secret"], racers.clock).display()
    token = site.api(browser, "status").json()["csrf"]
    headers = [
        ("Content-Type", "application/json"),
        ("Origin", "https://app.test"),
        ("X-CSRF-Token", token),
        ("Cookie", site.cookie_header(browser)),
    ]
    sessions = dict(site.target.sessions)

    def confirm(other: Site, ready: Callable[[], None]) -> int:
        other.target.sessions.update(sessions)
        ready()
        return other.raw("POST", "/2fa/api/v1/enrollment", headers, f'{{"code": "{code}"}}'.encode()).status

    return confirm


@pytest.mark.parametrize("end", ["disable", "reset", "revoke"])
def test_verifying_against_the_end(racers: Racers, end: str) -> None:
    """Case 55: codes that are entered while somebody disables or resets leave nobody verified afterwards."""
    codes = racers.site.recovery_codes["u1"]

    def disable(site: Site, ready: Callable[[], None]) -> int:
        browser = site.browser("u1")
        status = 403
        for fresh in codes[7:]:
            site.verify(browser, "u1", fresh)
            ready()
            status = site.api(browser, "disable", {"code": codes[6]}).status
            if status != 403:
                break
            time.sleep(0.3)  # a recovery code of the others ended this verification
        return status

    def finish(site: Site, ready: Callable[[], None]) -> int:
        if end == "disable":
            return disable(site, ready)
        ready()
        operation = site.gate.revoke if end == "revoke" else site.gate.reset
        more: dict[str, Any] = {} if end == "revoke" else {"by": "support", "reason": "lost phone"}
        operation("u1", **more)
        return 200

    totp = racers.site.phones["u1"].display()
    tasks: list[Task] = [challenge(codes[number]) for number in range(6)] + [challenge(totp)]
    tasks.insert(3, finish)
    results = racers.race(tasks)
    assert results[3] == 200
    if end != "revoke":
        left = account(racers)
        assert not left.authenticators
        assert not left.verifications
        assert not left.trusted
    for status in (result[0] for index, result in enumerate(results) if index != 3):
        assert status in (200, 409), results


@pytest.mark.parametrize("kind", ["totp", "recovery"])
@pytest.mark.parametrize(("moment", "spent"), [("before", False), ("inside", False), ("after", True)])
def test_killed(racers: Racers, moment: str, spent: bool, kind: str) -> None:
    """Case 56: a code in a process that is killed around its commit was spent, or wasn't: never twice, never lost."""
    code = racers.site.phones["u1"].display() if kind == "totp" else racers.site.recovery_codes["u1"][4]
    racers.site.close()
    kill_during(racers, code, moment)
    racers.site = racers.start()
    before = account(racers)
    assert len(before.verifications) == int(spent)
    assert before.recovery_left == (9 if spent and kind == "recovery" else 10)
    browser = racers.site.browser("u1")
    answer = racers.site.api(browser, "challenge", {"code": code})
    assert answer.status == (403 if spent else 200)
    assert passes(racers.site, browser) is not spent
    assert racers.site.gate.status("u1").recovery_codes_left == (9 if kind == "recovery" else 10)


def test_killed_at_random(racers: Racers) -> None:
    """Case 56: processes killed at random moments while they enter codes: each code counts once at the most."""
    codes = racers.site.recovery_codes["u1"]
    racers.site.close()
    told: list[str] = []
    for number, code in enumerate(codes[:6]):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(reader)
                site = racers.start()
                browser = site.browser("u1")
                os.write(writer, b"r")
                if site.api(browser, "challenge", {"code": code}).status == 200:
                    os.write(writer, b"+")
            finally:
                os._exit(0)
        os.close(writer)
        assert os.read(reader, 1) == b"r"
        time.sleep(0.002 * number)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if os.read(reader, 1) == b"+":
            told.append(code)
        os.close(reader)
    racers.site = racers.start()
    left = account(racers).recovery_left
    assert left <= 10 - len(told), "a code that was acknowledged is not spent"
    statuses = []
    for code in codes[:6]:
        racers.clock.move(1000)
        statuses.append(racers.site.api(racers.site.browser("u1"), "challenge", {"code": code}).status)
    assert statuses.count(200) == left - 4
    assert account(racers).recovery_left == 4


def test_eight_processes_are_eight(racers: Racers) -> None:
    """The tasks of these races run in eight processes, none of them this one."""

    def whoami(site: Site, ready: Callable[[], None]) -> int:
        ready()
        return os.getpid()

    seen = set(racers.race([whoami] * 16))
    assert len(seen) == PROCESSES
    assert os.getpid() not in seen
