"""Keys are rotated on PostgreSQL while eight workers serve; the rotation is killed in the middle and run again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.races.tally import Tally
from tests.races.town import KEY, Person, Town, environment, town_on
from tests.support import services
from twofa_gate.adapters import performing

NEW = "the new key of the races, which has thirty-two bytes and more"
PEOPLE = 450


@contextmanager
def visited(town: Town, people: Sequence[Person], cookies: Sequence[str], tally: Tally) -> Iterator[None]:
    """Let people come by again and again, none of whom may have to verify again."""
    over = threading.Event()

    def come() -> None:
        while not over.wait(0.05):
            visits = [person.visit(cookie) for person, cookie in zip(people, cookies, strict=True)]
            for reply in tally.count(town.send(*visits)):
                tally.hold(reply.status == 200, f"a verified browser got {reply.status}")

    thread = threading.Thread(target=come)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def rotating(town: Town, keys: Sequence[str]) -> subprocess.Popen[str]:
    """Start `twofa-gate rotate`."""
    assert town.service is not None
    env = {**os.environ, **environment(town.kind, str(town.service.port), town.folder, keys)}
    command = [sys.executable, "-m", "twofa_gate", "rotate", "--gate", "tests.races.app:gate"]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def resealed(town: Town, people: Sequence[Person]) -> int:
    """Count whose secrets are sealed with the newest key."""
    sealer = town.gate.settings.sealer
    return sum(
        all(sealer.key_id(sealed) == sealer.newest for sealed in person.account.sealed_values())
        for person in people
    )


def test_rotated_while_it_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the middle, resumed, and the old key removed: nobody has to verify again, every code still works."""
    with services.postgresql() as service:
        with town_on("postgresql", service, tmp_path / "town") as town:
            clock = SimpleNamespace(time=town.clock.time, monotonic=time.monotonic)
            monkeypatch.setattr(performing, "time", clock)
            people = [town.person() for _ in range(PEOPLE)]
            some = people[:8]
            passed = town.send(*[person.challenge(person.phone.display()) for person in some])
            cookies = [person.cookie_of(reply) for person, reply in zip(some, passed, strict=True) if reply]
            assert all(cookies)
        with (
            town_on("postgresql", service, town.folder, keys=[NEW, KEY], clock=town.clock) as both,
            both.tally("rotation") as tally,
        ):
            people = [Person(both, each.name, each.phone, each.codes) for each in people]
            some = people[:8]
            with visited(both, some, cookies, tally):
                first = rotating(both, [NEW, KEY])
                while resealed(both, people[:200:20]) < 3:
                    assert first.poll() is None, first.communicate()
                first.kill()
                first.communicate()
                done = resealed(both, people)
                assert 0 < done < PEOPLE, done
                second = rotating(both, [NEW, KEY])
                said, _ = second.communicate(timeout=60)
                assert second.returncode == 0, said
            assert resealed(both, people) == PEOPLE
        with (
            town_on("postgresql", service, town.folder, keys=[NEW], clock=town.clock) as alone,
            alone.tally("old key removed") as tally,
        ):
            people = [Person(alone, each.name, each.phone, each.codes) for each in people]
            with visited(alone, people[:8], cookies, tally):
                time.sleep(0.3)
            alone.new_step()
            codes = [
                people[number].challenge(people[number].phone.display()) for number in range(0, PEOPLE, 50)
            ]
            codes += [people[number].challenge(people[number].codes[9]) for number in range(1, PEOPLE, 50)]
            tally.hold(
                all(reply.status == 200 for reply in tally.count(alone.send(*codes))), "a code was refused"
            )
