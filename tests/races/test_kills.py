"""Case 56: workers that are killed at chosen points and at random, and what was saved and not yet delivered."""

from __future__ import annotations

import pytest

from tests.races.tally import Tally
from tests.races.town import Person, Town

POINTS = ("before", "commit", "after", "delivery-of-verified")
TRIES = pytest.mark.parametrize("people", [6, pytest.param(150, marks=pytest.mark.soak)])


def deliver_what_is_left(town: Town, person: Person) -> None:
    """Let somebody come by when what a killed worker left behind may be delivered by others."""
    town.clock.sleep(31)
    assert town.send(person.visit("")) != [None]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("typed", ["totp", "recovery"])
def test_killed_at_a_point(town: Town, point: str, typed: str) -> None:
    """Killed before or after the write that counts, a code was spent by it or not at all; its event is not lost."""
    person = town.person()
    code = person.phone.display() if typed == "totp" else person.codes[0]
    with town.tally(f"56 killed {point}") as tally:
        town.order(point)
        tally.count(town.send(person.challenge(code)))
        died = not town.ordered(point)
        spent = len(person.account.verifications)
        if point == "commit" and town.kind == "redis":
            (town.folder / f"die-at-{point}").unlink()  # its script is a whole: there is no such point
        else:
            tally.hold(died, "nobody died")
            committed = point != "before" and not (point == "commit" and town.kind in ("sqlite", "mariadb"))
            tally.hold(spent == committed, f"spent {spent} times when killed at {point}")
        again = town.until_answered(tally, person.challenge(code))
        tally.hold(
            again.status == (403 if spent else 200), f"then {again.status}, though spent {spent} times"
        )
        tally.hold(len(person.account.verifications) == 1, "not one verification")
        deliver_what_is_left(town, person)
        told = [event for event in town.events(person) if event["event"] == "verified"]
        tally.hold(len({event["id"] for event in told}) == 1, f"told {len(told)} times of one verification")
        tally.hold(not person.account.outbox, "an event is left")


@TRIES
def test_killed_at_random(town: Town, people: int) -> None:
    """While workers are killed without end, each code lets in once at most, and what was answered is so."""
    persons = [town.person() for _ in range(people)]
    with town.tally("56 killed at random") as tally:
        with town.killing(seed=people) as killed:
            for each in range(0, people, 6):
                town.new_step()
                group = persons[each : each + 6]
                codes = {person.name: person.phone.display() for person in group}
                got: dict[str, list[str]] = {person.name: [] for person in group}
                requests = [(person, person.challenge(codes[person.name])) for person in group * 4]
                for (person, _), reply in zip(
                    requests, replies := town.send(*[r for _, r in requests]), strict=True
                ):
                    if reply is not None and reply.status == 200:
                        got[person.name].append(person.cookie_of(reply))
                tally.count(replies)
                for person in group:
                    last = town.until_answered(tally, person.challenge(codes[person.name]))
                    got[person.name] += [person.cookie_of(last)] if last.status == 200 else []
                    check(town, person, got[person.name], tally)
            while len(killed) <= people // 6:
                # A quick machine is through before enough have died: the attack goes on until they have.
                town.until_answered(tally, persons[0].visit(""))
        tally.hold(len(killed) > people // 6, f"only {len(killed)} were killed")
        for person in persons:
            town.until_answered(tally, person.visit(""))
        town.clock.sleep(31)
        for person in persons:
            town.until_answered(tally, person.visit(""))
            told = {event["id"] for event in town.events(person) if event["event"] == "verified"}
            tally.hold(len(told) == 1, f"told of {len(told)} verifications instead of one")


def check(town: Town, person: Person, cookies: list[str], tally: Tally) -> None:
    """Hold what somebody was answered against what is stored."""
    account = person.account
    tally.hold(len(cookies) <= 1, "one code was accepted twice")
    tally.hold(len(account.verifications) == 1, f"{len(account.verifications)} verifications by one code")
    for cookie in cookies:
        shown = town.until_answered(tally, person.visit(cookie))
        tally.hold(shown.status == 200, "what was acknowledged is lost")
