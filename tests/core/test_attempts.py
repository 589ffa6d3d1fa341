"""The budget of attempts."""

from __future__ import annotations

import pytest

from tests.core.stepping import NOW
from twofa_gate.core.attempts import (
    BUDGET,
    MAX_DELAY,
    RESERVED,
    WINDOW,
    Attempts,
    Hold,
    failed,
    failures,
    hold,
    succeeded,
)


def fail(
    times: int, attempts: Attempts | None = None, *, known: bool = False, every: float = 901
) -> Attempts:
    """Fail some times, far enough apart that no back-off holds."""
    attempts = attempts or Attempts()
    for number in range(times):
        attempts = failed(attempts, known, NOW + number * every)
    return attempts


def test_first_two_failures_are_free() -> None:
    """Two failures cost no delay; the third one costs a second."""
    attempts = failed(failed(Attempts(), False, NOW), False, NOW)
    assert hold(attempts, False, NOW) is None
    assert hold(failed(attempts, False, NOW), False, NOW) == Hold(1, locked=False)


def test_delay_doubles_up_to_a_quarter_of_an_hour() -> None:
    """From the third failure on the delay doubles from one second, and stops at fifteen minutes."""
    waits = []
    attempts = Attempts()
    for _ in range(16):
        attempts = failed(attempts, False, NOW)
        held = hold(attempts, False, NOW)
        waits.append(held.retry_after if held else 0)
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]
    assert MAX_DELAY == 900


def test_hold_ends_on_time() -> None:
    """The hold lasts until its moment, rounded up to whole seconds, and is over at it."""
    attempts = failed(failed(failed(failed(Attempts(), False, NOW), False, NOW), False, NOW), False, NOW)
    assert hold(attempts, False, NOW + 0.5) == Hold(2, locked=False)
    assert hold(attempts, False, NOW + 1.999) == Hold(1, locked=False)
    assert hold(attempts, False, NOW + 2) is None


def test_clock_set_back_names_no_longer_wait() -> None:
    """A clock that was set back opens nothing, and nobody is told to wait longer than the longest delay."""
    attempts = fail(20, every=0)
    assert hold(attempts, False, NOW - 600) == Hold(900, locked=False)
    assert failures(attempts, NOW - 600) == 20


def test_clock_set_back_makes_free_failures_cost_nothing() -> None:
    """The first two failures cost no delay, wherever the clock goes after them."""
    assert hold(fail(2, every=0), False, NOW - 600) is None


def test_success_clears_the_back_off_and_not_the_total() -> None:
    """A right code ends the delay of its lane; the failures of thirty days stay counted."""
    attempts = succeeded(fail(5, every=0), False)
    assert hold(attempts, False, NOW) is None
    assert failures(attempts, NOW) == 5
    assert hold(failed(failed(attempts, False, NOW), False, NOW), False, NOW) is None
    both = fail(5, fail(5, every=0), known=True, every=0)
    cleared = succeeded(both, True)
    assert hold(cleared, True, NOW) is None
    assert hold(cleared, False, NOW) is not None
    assert cleared.stranger == both.stranger
    assert cleared.known == both.known.but(streak=0, until=0.0)


def test_strangers_have_eighty() -> None:
    """After 80 failures from strangers they are locked; the browser that verified before is not."""
    last = NOW + 79 * 901
    almost = fail(79)
    assert hold(almost, False, last + 901) is None
    locked = failed(almost, False, last)
    assert hold(locked, False, last + 901) == Hold(900, locked=True)
    assert hold(locked, True, last + 901) is None
    assert (BUDGET, RESERVED) == (100, 20)


def test_known_browser_has_what_is_left() -> None:
    """A hundred failures over both lanes lock both; 99 don't lock the browser that verified before."""
    attempts = fail(80)
    later = NOW + 80 * 901
    for number in range(19):
        attempts = failed(attempts, True, later + number * 901)
    end = later + 20 * 901
    assert hold(attempts, True, end) is None
    attempts = failed(attempts, True, end)
    assert hold(attempts, True, end + 901) == Hold(900, locked=True)
    assert hold(attempts, False, end + 901) == Hold(900, locked=True)


def test_known_failures_alone_fill_the_budget() -> None:
    """A hundred failures in the known lane lock both lanes."""
    attempts = fail(100, known=True)
    assert all(hold(attempts, known, NOW + 101 * 901) == Hold(900, locked=True) for known in (True, False))


def test_lock_outlives_the_window_and_the_failures_do_not() -> None:
    """Failures older than thirty days don't count; a lock stays until somebody unlocks."""
    attempts = fail(79)
    assert failures(attempts, NOW + WINDOW - 1) == 79
    assert failures(attempts, NOW + WINDOW) == 78
    assert failures(attempts, NOW + 79 * 901 + WINDOW) == 0
    assert hold(fail(80), False, NOW + 2 * WINDOW + 80 * 901) == Hold(900, locked=True)


def test_lock_of_both_lanes_outlives_the_window() -> None:
    """Whose budget was used up stays locked in both lanes, whatever is counted after the failures are too old."""
    end = NOW + 2 * WINDOW + 100 * 901
    attempts = fail(100, known=True)
    for known in (True, False):
        counted = failed(attempts, known, end)
        for lane in (True, False):
            assert hold(attempts, lane, end) == Hold(900, locked=True)
            assert hold(counted, lane, end + 901) == Hold(900, locked=True)


@pytest.mark.parametrize("known", [True, False])
def test_failure_drops_what_is_too_old(known: bool) -> None:
    """Counting a failure forgets those that no longer count, so that the document stays bounded."""
    attempts = failed(fail(50, known=known), known, NOW + WINDOW + 60 * 901)
    lane = attempts.known if known else attempts.stranger
    assert lane.failures == (NOW + WINDOW + 60 * 901,)


def test_lanes_have_a_back_off_of_their_own() -> None:
    """A stranger's failures don't delay the owner's browser."""
    attempts = fail(10, every=0)
    assert hold(attempts, False, NOW) is not None
    assert hold(attempts, True, NOW) is None
