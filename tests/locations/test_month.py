"""A month at one location, clock in hand, as its administrator and its members live it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tests.locations.test_members import member_page
from tests.locations.town import Person, Stage

DAY = 86400.0
BANNER = "will require two-factor authentication from"


def morning(stage: Stage, day: int, month: int = 1) -> None:
    """Go on to eight o'clock of a day in Vienna."""
    stage.time.now = datetime(2027, month, day, 7, tzinfo=UTC).timestamp()
    stage.time.steady += DAY


def reminded(stage: Stage) -> list[tuple[str | None, object]]:
    return [
        (event.user, event.facts.get("days_left"))
        for event in stage.town.events
        if event.kind == "reminder_due"
    ]


def extend(admin: Person, name: str, until: str) -> None:
    page = member_page(admin, name)
    done = admin.browser.submit(page.form(field="until"), until=until, reason="on leave")
    assert done.status == 303


def test_a_month_at_the_office(make_stage: Callable[..., Stage]) -> None:
    """Toggle, banner, reminders, extension, cut-off, moved date, a newcomer, and a lost phone."""
    stage = make_stage()
    town = stage.town
    ada = stage.person("ada")
    ada.set_up()
    morning(stage, 4)

    # Monday: the toggle, with a date in two weeks, and people kept out who miss it.
    ada.verify()
    saved = ada.save(enforce="1", from_date="2027-01-18", missed="deny", grace_days="3")
    assert saved.status == 303
    mia, tom, zoe, maxim = (stage.person(name) for name in ("mia", "tom", "zoe", "max"))
    seen = mia.go("/office")
    assert seen.status == 200
    assert "private page" in seen.words
    assert f"14 days left: office {BANNER} Monday, January 18, 2027, 00:00 (Europe/Vienna)" in seen.words
    assert BANNER not in mia.go("/lobby").words
    assert "private page" in ada.go("/office").words
    assert BANNER not in ada.go("/office").words

    # Mia sets up, and is asked for a code from then on.
    mia.set_up()
    assert BANNER not in mia.go("/office").words

    # Tom is away: he gets a week more.
    extend(ada, "tom", "2027-01-25")

    # Seven days and one day before, those who are due are reminded, once each.
    morning(stage, 11)
    stage.gate.remind()
    stage.gate.remind()
    assert sorted(reminded(stage)) == [("max", 7), ("zoe", 7)]
    morning(stage, 17)
    stage.gate.remind()
    assert sorted(reminded(stage))[-2:] == [("zoe", 1), ("zoe", 7)]
    assert "1 day left" in zoe.go("/office").words or "Last day" in zoe.go("/office").words

    # The evening before: whoever is left is still let in.
    stage.time.now = datetime(2027, 1, 17, 22, 59, 59, tzinfo=UTC).timestamp()
    stage.time.steady += DAY
    assert zoe.go("/office").status == 200
    stage.time.advance(1)

    # Midnight in Vienna: at the very next request.
    kept_out = zoe.go("/office")
    assert kept_out.status == 403
    assert "private page" not in kept_out.text
    assert maxim.go("/office").status == 403
    assert tom.go("/office").status == 200
    morning(stage, 18)
    mia.verify()
    assert mia.go("/office").status == 200

    # Max sets up at another location's door; that does not open this one.
    assert maxim.go("/billing").status == 200
    maxim.set_up()
    assert maxim.go("/billing").status == 200
    assert maxim.go("/office").status == 403

    # The date is moved by two days: both are let in, and Zoe sets up.
    ada.verify()
    rows = {each.user_id: each.decision for each in stage.gate.adoption("office")}
    assert rows == {"ada": "challenge", "mia": "challenge", "max": "deny", "tom": "remind", "zoe": "deny"}
    ada.save(from_date="2027-01-20")
    assert zoe.go("/office").status == 200
    assert maxim.go("/office").status == 200
    zoe.set_up()
    morning(stage, 20)
    for each in (zoe, maxim):
        each.verify()
        assert each.go("/office").status == 200

    # Tom's week is over, and he did not set up.
    morning(stage, 25)
    assert tom.go("/office").status == 403

    # Ivy joins late, and has three days of grace.
    town.members["office"].append("ivy")
    town.joined["ivy"] = datetime(2027, 1, 25, 7, tzinfo=UTC)
    ivy = stage.person("ivy")
    assert BANNER in ivy.go("/office").words
    morning(stage, 27)
    assert ivy.go("/office").status == 200
    ivy.set_up()
    morning(stage, 29)
    ivy.verify()
    assert ivy.go("/office").status == 200

    # Mia loses her phone. Ada resets her; she sets up again within two days.
    ada.verify()
    page = member_page(ada, "mia")
    ada.browser.submit(page.form(button="Reset two-factor authentication"), reason="lost on the train")
    assert "/2fa/enroll" in mia.go("/office").location
    mia.set_up()
    morning(stage, 4, month=2)
    mia.verify()
    assert mia.go("/office").status == 200
    assert [kind for kind in town.kinds() if kind in ("settings_changed", "extended", "reset")] == [
        "settings_changed",
        "extended",
        "settings_changed",
        "reset",
    ]


def test_others_are_sent_to_set_up(make_stage: Callable[..., Stage]) -> None:
    """Where nobody is kept out, who misses the date is sent to set up, and goes on from there."""
    stage = make_stage()
    ada = stage.person("ada")
    ada.set_up()
    ada.save(enforce="1", from_date="2027-01-06", missed="enroll")
    morning(stage, 6)
    zoe = stage.person("zoe")
    sent = zoe.go("/office")
    assert sent.status == 303
    assert "/2fa/enroll" in sent.location
    assert "private page" not in sent.text
    zoe.set_up(page="/office")
    assert zoe.go("/office").status == 200
