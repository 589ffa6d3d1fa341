"""Cases 51 to 53: codes that many processes get at once, right ones and wrong ones."""

from __future__ import annotations

import pytest

from tests.races.town import Town, statuses
from twofa_gate.core.attempts import BUDGET, RESERVED, Attempts, Lane, failures


def test_same_code_fifty_times(town: Town) -> None:
    """One right code in fifty requests at once, from fifty logins, lets one of them in; the rest is counted or held."""
    person = town.person()
    code = person.phone.display()
    with town.tally("51 same code") as tally, town.close_race():
        replies = tally.count(town.send(*[person.challenge(code, f"l{each}") for each in range(50)]))
        account = person.account
        tally.hold(statuses(replies).count(200) == 1, "not accepted exactly once")
        tally.hold(len(account.verifications) == 1, "not one verification")
        counted = failures(account.attempts, town.clock.time())
        tally.hold(counted == statuses(replies).count(403), "what was refused was not counted")
        tally.hold(not account.outbox, "events are left")


def test_five_hundred_wrong_codes(town: Town) -> None:
    """Of five hundred wrong codes at once the back-off lets a few be tried, and then not even a right one."""
    person = town.person()
    wrong, right = person.phone.wrong_code(), person.phone.display()
    begin = town.clock.time()
    with town.tally("52 wrong codes") as tally:
        replies = tally.count(town.send(*[person.challenge(wrong, f"l{each}") for each in range(500)]))
        tried = statuses(replies).count(403)
        took = town.clock.time() - begin
        # Two are free, the third costs a second, the next two, four, ...
        allowed = next(number for number in range(3, 99) if 2 ** (number - 2) > took + 1)
        tally.hold(3 <= tried <= allowed, f"{tried} were tried in {took:.1f} s")
        tally.hold(failures(person.account.attempts, begin) == tried, "more were tried than counted")
        # Where the machine was slow the last wait may be over: another wrong code begins the next, longer one.
        while statuses(tally.count(town.send(person.challenge(wrong)))) != [429]:
            pass
        tally.hold(
            statuses(tally.count(town.send(person.challenge(right)))) == [429], "the right code was looked at"
        )
        tally.hold(not person.account.verifications, "somebody got in")


def test_wrong_codes_at_the_end_of_the_budget(town: Town) -> None:
    """With one attempt left one of many wrong codes is tried; the account is locked, for the right code too."""
    person = town.person()
    long_ago = tuple(town.clock.time() - 86400 + each for each in range(BUDGET - RESERVED - 1))
    person.change(lambda account: account.but(attempts=Attempts(stranger=Lane(failures=long_ago))))
    wrong = person.phone.wrong_code()
    with town.tally("52 end of the budget") as tally:
        replies = tally.count(town.send(*[person.challenge(wrong, f"l{each}") for each in range(100)]))
        tally.hold(statuses(replies).count(403) == 1, "more than the budget was tried")
        tally.hold(person.account.attempts.stranger.locked, "the account is not locked")
        town.clock.sleep(86400)
        right = person.challenge(person.phone.display())
        tally.hold(statuses(tally.count(town.send(right))) == [429], "the right code was looked at")
        tally.hold(not person.account.verifications, "somebody got in")


@pytest.mark.soak
def test_the_whole_budget(town: Town) -> None:
    """Attacked again and again for a week, with the clock moved past every delay, the budget is what it is."""
    person = town.person()
    tried = 0
    with town.tally("52 whole budget") as tally:
        for _ in range(100):
            wrong = person.phone.wrong_code()
            replies = tally.count(town.send(*[person.challenge(wrong, f"l{each}") for each in range(16)]))
            tried += statuses(replies).count(403)
            town.clock.sleep(1000)
        tally.hold(tried == BUDGET - RESERVED, f"{tried} were tried")
        tally.hold(person.account.attempts.stranger.locked, "the account is not locked")


def test_same_recovery_code_fifty_times(town: Town) -> None:
    """One recovery code in fifty requests at once lets one of them in, and is gone."""
    person = town.person()
    with town.tally("53 same recovery code") as tally, town.close_race():
        replies = tally.count(
            town.send(*[person.challenge(person.codes[0], f"l{each}") for each in range(50)])
        )
        tally.hold(statuses(replies).count(200) == 1, "not accepted exactly once")
        tally.hold(person.account.recovery_left == 9, "not one of ten is gone")
        tally.hold(len(person.account.verifications) == 1, "not one verification")
        again = tally.count(town.send(person.challenge(person.codes[1])))
        tally.hold(statuses(again) == [200], "another one does not work through the back-off")
