"""Case 57: databases that hang, die and come back while requests come in, and an SQLite file that is busy."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.races.opening import SERVERS
from tests.races.tally import Tally
from tests.races.town import Person, Town, recovered
from twofa_gate.core.attempts import failures

LONG = pytest.mark.parametrize("times", [1, pytest.param(12, marks=pytest.mark.soak)])


@contextmanager
def gone(town: Town) -> Iterator[None]:
    """Kill the database; start it again at the end."""
    assert town.service is not None
    town.service.kill()
    try:
        yield
    finally:
        town.service.start()


def hanging(town: Town) -> AbstractContextManager[None]:
    """Let the database hang."""
    assert town.service is not None
    return town.service.silent()


@contextmanager
def busy(town: Town) -> Iterator[None]:
    """Let another process write to the SQLite file without an end."""
    connection = sqlite3.connect(town.folder / "2fa.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.close()


HANGS = {"postgresql": 5.5}
"""Seconds until an outage is noticed: there is no read time-out in PostgreSQL's client, only gunicorn's."""


class Crowd:
    """People who enter right and wrong codes, and what they were answered."""

    def __init__(self, town: Town, tally: Tally) -> None:
        self.town, self.tally = town, tally
        self.people = [town.person() for _ in range(8)]
        self.right = {person.name: person.phone.display() for person in self.people}
        self.wrong = {person.name: person.phone.wrong_code() for person in self.people}
        self.passed: dict[str, list[str]] = {person.name: [] for person in self.people}
        self.refused = dict.fromkeys(self.right, 0)
        self.over = threading.Event()

    def enter(self, person: Person, code: str) -> None:
        """Enter a code."""
        for reply in self.tally.count(self.town.send(person.challenge(code))):
            if reply.status == 200:
                self.passed[person.name].append(person.cookie_of(reply))
            self.refused[person.name] += reply.status == 403

    def live(self, person: Person) -> None:
        """Enter a wrong code, and then the right one again and again."""
        self.enter(person, self.wrong[person.name])
        while not self.over.is_set():
            self.enter(person, self.right[person.name])
            time.sleep(0.1)

    def check(self, person: Person) -> None:
        """Hold what somebody was answered against what is stored."""
        hold, town = self.tally.hold, self.town
        request = person.challenge(self.right[person.name])
        last = town.until_answered(self.tally, request)
        while last.status == 429:  # the back-off of the codes that were tried again
            town.clock.sleep(1)
            last = town.until_answered(self.tally, request)
        passed = self.passed[person.name] + ([person.cookie_of(last)] if last.status == 200 else [])
        account = person.account
        hold(len(passed) <= 1, "one code was accepted twice")
        hold(len(account.verifications) == 1, f"{len(account.verifications)} verifications by one code")
        for cookie in passed:
            shown = town.until_answered(self.tally, person.visit(cookie))
            hold(shown.status == 200, "what was acknowledged is lost")
        counted, refused = failures(account.attempts, town.clock.time()), self.refused[person.name]
        hold(counted >= refused, f"{refused} refused, {counted} counted")


def through(town: Town, outage: Callable[[Town], AbstractContextManager[None]], tally: Tally) -> None:
    """Let a crowd enter codes before, in and after an outage."""
    crowd = Crowd(town, tally)
    for person in crowd.people[:4]:
        crowd.enter(person, crowd.right[person.name])
    threads = [threading.Thread(target=crowd.live, args=(person,)) for person in crowd.people]
    before = tally.unavailable + tally.unanswered
    with outage(town):
        for thread in threads:
            thread.start()
        time.sleep(HANGS.get(town.kind, 2.5) if outage is hanging else 2.5)
    time.sleep(0.5)
    crowd.over.set()
    for thread in threads:
        thread.join()
    tally.hold(tally.unavailable + tally.unanswered > before, "nobody noticed the outage")
    recovered(town)
    for person in crowd.people:
        crowd.check(person)


@pytest.mark.parametrize("town", SERVERS, indirect=True)
@LONG
def test_database_killed_and_restarted(town: Town, times: int) -> None:
    """While the database is away nobody gets in; when it is back, what it confirmed holds and all goes on."""
    for _ in range(times):
        town.new_step()
        with town.tally("57 database killed, restarted") as tally:
            through(town, gone, tally)


@pytest.mark.parametrize("town", SERVERS, indirect=True)
@LONG
def test_database_hangs(town: Town, times: int) -> None:
    """While the database hangs nobody gets in, and nothing that it does later is done twice."""
    for _ in range(times):
        town.new_step()
        with town.tally("57 database hangs") as tally:
            tally.server_ends = town.kind in HANGS
            through(town, hanging, tally)


@pytest.mark.parametrize("town", ["sqlite"], indirect=True)
@LONG
def test_file_is_busy(town: Town, times: int) -> None:
    """While another process holds the SQLite file, writes are 503, and then all goes on."""
    for _ in range(times):
        town.new_step()
        with town.tally("57 file is busy") as tally:
            through(town, busy, tally)
