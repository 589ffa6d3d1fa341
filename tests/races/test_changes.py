"""Cases 54, 55 and 32: changes of an account that many processes make at once, and what is seen of them elsewhere."""

from __future__ import annotations

import json
import os
import threading
import time

import pytest

from tests.races.app import LAG
from tests.races.town import BROWSER, Person, Town, statuses
from twofa_gate.adapters.performing import run
from twofa_gate.core import totp
from twofa_gate.core.account import PendingEnrollment, secret_thing
from twofa_gate.core.verification import digest

ROUNDS = pytest.mark.parametrize("rounds", [4, pytest.param(60, marks=pytest.mark.soak)])


def begun(person: Person) -> str:
    """Let somebody begin to set up in their browser; return the code that confirms it."""
    secret = run(totp.draw_secret())
    sealed = person.town.gate.settings.sealer.seal(
        secret, os.urandom(12), user_id=person.name, thing=secret_thing("p1")
    )
    now = person.town.clock.time()
    pending = PendingEnrollment(id="p1", secret=sealed, browser=digest(BROWSER), began=now)
    person.change(lambda account: account.but(pending=pending))
    person.phone.type_in(secret)
    return person.phone.display()


@ROUNDS
def test_two_enrollments_confirmed(town: Town, rounds: int) -> None:
    """An enrollment confirmed several times at once makes one authenticator; recovery codes are shown once."""
    with town.tally("54 enrollment confirmed") as tally, town.close_race():
        for _ in range(rounds):
            person = town.person(enrolled=False)
            code = begun(person)
            replies = tally.count(town.send(*[person.post("enrollment", code=code)] * 6))
            done = [reply for reply in replies if reply.status == 200]
            tally.hold(len(done) == 1, "not confirmed exactly once")
            tally.hold({*statuses(replies)} <= {200, 403, 409, 503}, f"{statuses(replies)}")
            tally.hold(len(person.account.authenticators) == 1, "not one authenticator")
            shown = json.loads(done[0].body)["recovery_codes"] if done else []
            again = tally.count(town.send(person.challenge(shown[0])))
            tally.hold(statuses(again) == [200], "what was shown is not what is stored")


@ROUNDS
def test_verify_against_reset(town: Town, rounds: int) -> None:
    """Verified while support resets: no verification of what was there is left, and no page is shown for one."""
    with town.tally("55 verify against reset") as tally, town.close_race():
        for number in range(rounds):
            person = town.person()
            codes = [person.phone.display(), *person.codes[:3]]
            reset = threading.Timer(
                0.03 * (number % 4),  # before, while and after the workers hold back their writes
                lambda name=person.name: town.gate.reset(name, by="support", reason="lost phone"),
            )
            reset.start()
            replies = tally.count(town.send(*[person.challenge(code) for code in codes]))
            reset.join()
            account = person.account
            tally.hold(
                not account.authenticators and not account.verifications, "something outlived the reset"
            )
            time.sleep(LAG)
            cookies = [cookie for reply in replies if (cookie := person.cookie_of(reply))]
            shown = tally.count(town.send(*[person.visit(cookie) for cookie in cookies * 2]))
            tally.hold(200 not in statuses(shown), "a page was shown for a verification of before")


@ROUNDS
def test_verify_against_disable(town: Town, rounds: int) -> None:
    """Verified while the same person disables: no verification is left; who came too late was not let in."""
    with town.tally("55 verify against disable") as tally:
        for _ in range(rounds):
            person = town.person()
            (first,) = tally.count(town.send(person.challenge(person.codes[0])))
            cookie = person.cookie_of(first)
            disable = person.post("disable", place="club", cookie=cookie, code=person.codes[1])
            others = [person.challenge(code, "l2") for code in (person.phone.display(), person.codes[2])]
            replies = town.send(*others[:1], disable, *others[1:])
            tally.count(replies)
            account = person.account
            # A recovery code ends every verification, so disabling may find that it needs a code again.
            if replies[1] is not None and replies[1].status == 200:
                tally.hold(not account.authenticators and not account.verifications, "something outlived it")
            elif replies[1] is not None:
                tally.hold(len(account.authenticators) == 1, "disabled, though it was refused")


def test_revoked_everywhere(town: Town) -> None:
    """What one process revokes, every other refuses once `revocation_lag` is over."""
    person = town.person()
    with town.tally("32 revoked everywhere") as tally:
        (verified,) = tally.count(town.send(person.challenge(person.phone.display())))
        visits = [person.visit(person.cookie_of(verified))] * 40
        tally.hold({*statuses(tally.count(town.send(*visits)))} == {200}, "a verified browser was refused")
        town.gate.revoke(person.name)
        time.sleep(LAG)
        tally.hold({*statuses(tally.count(town.send(*visits)))} == {303}, "a revoked browser was let through")
