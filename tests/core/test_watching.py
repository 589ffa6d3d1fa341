"""Sockets and event streams are looked at while they are open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.core.stepping import Host, How, Request, Sabotage, World, user
from twofa_gate import User
from twofa_gate.core.effects import CallHook
from twofa_gate.core.watching import CLOSE_CODE, Watch, is_stream


@pytest.mark.parametrize(
    ("headers", "stream"),
    [
        ([("Content-Type", "text/event-stream")], True),
        ([("content-TYPE", "Text/Event-Stream; charset=utf-8")], True),
        ([("Content-Type", "text/html")], False),
        ([("X-Content-Type", "text/event-stream")], False),
        ([], False),
    ],
)
def test_what_is_a_stream(headers: list[tuple[str, str]], stream: bool) -> None:
    """An event stream is told by its type."""
    assert is_stream(headers) is stream


class Open:
    """A socket that a verified user has open."""

    def __init__(self, host: Host | None = None, *, opener: User | None = None, **settings: Any) -> None:
        self.host = host or Host()
        self.world = World(self.host, **settings)
        self.world.enrolled()
        cookies = {"session": "s1", **self.world.verified()}
        request = Request("/ws", kind="websocket", cookies=cookies)
        self.watch = Watch(self.world.settings, request, opener or user())

    def may_continue(self, *, timer: bool = False) -> bool:
        """Whether it may stay open."""
        return self.world.run(self.watch.may_continue(timer=timer))

    def looks(self) -> int:
        """How often the user was identified again."""
        return sum(isinstance(each, CallHook) and each.hook.name == "identify" for each in self.world.effects)


def test_verified_stays_open() -> None:
    """The socket of a verified user stays open; messages look once within the lag, the timer each time."""
    socket = Open()
    assert all(socket.may_continue() for _ in range(5))
    assert socket.looks() == 1
    socket.world.later(1)
    assert socket.may_continue()
    assert socket.looks() == 2
    assert socket.may_continue(timer=True)
    assert socket.looks() == 3
    assert CLOSE_CODE == 4403


@pytest.mark.parametrize(("lag", "interval"), [(0, 1.0), (0.25, 0.25), (1, 1.0), (60, 1.0)])
def test_timer(lag: float, interval: float) -> None:
    """The timer runs at least each second, and as often as the lag says; without lag messages always look."""
    socket = Open(revocation_lag=timedelta(seconds=lag))
    assert socket.watch.interval == interval
    if lag == 0:
        assert all(socket.may_continue() for _ in range(3))
        assert socket.looks() == 3


def test_revoked_is_closed() -> None:
    """After a revocation it is closed, on the record."""
    socket = Open()
    assert socket.may_continue(timer=True)
    socket.world.gate.revoke("u1")
    assert socket.may_continue(timer=True) is False
    assert '"stream_closed"' in socket.world.log[-1]


def test_aged_is_closed() -> None:
    """So is one whose verification has become too old."""
    socket = Open()
    socket.world.later(12 * 3600)
    assert socket.may_continue(timer=True)
    socket.world.later(1)
    assert not socket.may_continue(timer=True)


def test_logged_out_or_changed_is_closed() -> None:
    """So is one whose session is nobody's any more, or somebody else's."""
    for sessions in ({}, {"s1": user("u2")}, {"s1": user(login="new")}):
        socket = Open()
        socket.host.sessions = dict(sessions)
        assert not socket.may_continue(timer=True)


def test_anonymous_socket() -> None:
    """One that was opened as anonymous stays open until it has become somebody's."""
    host = Host(None, other=user())
    world = World(host)
    watch = Watch(world.settings, Request("/ws", kind="websocket", cookies={"session": "s1"}), None)
    assert world.run(watch.may_continue(timer=True))
    host.sessions = {"s1": user()}
    assert not world.run(watch.may_continue(timer=True))


def test_any_failure_closes() -> None:
    """Whatever fails, be it the clock or the report of the failure, it is closed."""
    counting = Open()
    counting.may_continue(timer=True)
    for index in range(len(counting.world.effects)):
        for how in (How.RAISE, How.ALL_FROM_HERE, How.NOTHING, How.NONSENSE):
            socket = Open()
            sabotage = Sabotage(socket.world, index, how)
            flow = socket.watch.may_continue(timer=True)
            assert socket.world.run(flow, sabotage.perform) is False, (index, how)
