"""One member of a location, as an administrator sees them."""

from __future__ import annotations

from typing import Any

from tests.pages.scene import Person, Scene
from tests.pages.states.locations import lock, saved
from tests.pages.states.registry import state


def looked_at(scene: Scene, name: str = "zoe") -> Person:
    """Ada opens the page of a member."""
    ada = scene.person("ada")
    ada.place(f"/member?id={name}")
    return ada


def done(scene: Scene, action: str, name: str = "zoe", **fields: Any) -> Person:
    """Ada does something for a member."""
    ada = looked_at(scene, name)
    assert ada.browser.page is not None
    forms = [each for each in ada.browser.page.forms if action in [button.value for button in each.buttons]]
    ada.send(forms[0], **fields)
    return ada


def tickets(scene: Scene) -> None:
    """Setting up takes a ticket at the office."""
    saved(scene, enforce="1", from_date="2027-02-01", tickets="1")


@state("Has not set up two-factor authentication.")
def member(scene: Scene) -> None:
    """Has not set up."""
    looked_at(scene)


@state("Set up since")
def member_enrolled(scene: Scene) -> None:
    """Has set up, and may be reset."""
    scene.person("mia").set_up()
    looked_at(scene, "mia")


@state("Locked")
def member_locked(scene: Scene) -> None:
    """Is locked after wrong codes."""
    mia = scene.person("mia")
    mia.set_up()
    lock(mia)
    scene.person("ada").verify()
    looked_at(scene, "mia")


@state("Nobody resets themselves")
def member_myself(scene: Scene) -> None:
    """The administrator's own page: nobody resets themselves."""
    looked_at(scene, "ada")


@state("belongs to other locations too")
def member_elsewhere(scene: Scene) -> None:
    """Belongs to a location that somebody else administers, too."""
    looked_at(scene, "max")


@state("The extension has been granted.")
def member_extended(scene: Scene) -> None:
    """Has got more time."""
    saved(scene, enforce="1", from_date="2027-02-01")
    done(scene, "extend", until="2027-02-10", reason="On leave")


@state("This day is past.")
def member_past_day(scene: Scene) -> None:
    """The day for an extension is past."""
    done(scene, "extend", until="2026-02-10", reason="On leave")


@state("Say why: it is on record.")
def member_no_reason(scene: Scene) -> None:
    """A reset without a reason."""
    scene.person("mia").set_up()
    done(scene, "reset", "mia", reason="")


@state("Two-factor authentication has been reset.")
def member_reset(scene: Scene) -> None:
    """Has been reset."""
    scene.person("mia").set_up()
    done(scene, "reset", "mia", reason="Lost phone")


@state("The ticket for this person, shown only now:")
def member_ticket(scene: Scene) -> None:
    """A ticket, shown once."""
    tickets(scene)
    done(scene, "ticket")


@state("The ticket for this person, shown only now:")
def member_reset_ticket(scene: Scene) -> None:
    """Has been reset, and gets a ticket."""
    scene.person("mia").set_up()
    tickets(scene)
    done(scene, "reset", "mia", reason="Lost phone")


@state("No ticket was issued.")
def member_has_set_up(scene: Scene) -> None:
    """A ticket is asked for somebody who has set up with one meanwhile."""
    tickets(scene)
    done(scene, "ticket")
    ada = scene.person("ada")
    assert ada.browser.page is not None
    ticket = next(each for each in ada.browser.page.words.split() if len(each) == 9 and each[4] == "-")
    scene.person("zoe").set_up(ticket=ticket)
    form = next(each for each in ada.browser.page.forms if each.buttons[0].value == "ticket")
    ada.send(form)


@state("You may do this only for people")
def member_not_yours(scene: Scene) -> None:
    """Belongs to another location since the page was opened."""
    scene.person("mia").set_up()
    ada = looked_at(scene, "mia")
    scene.host.members[scene.names.billing].append("mia")
    assert ada.browser.page is not None
    form = next(each for each in ada.browser.page.forms if each.buttons[0].value == "reset")
    ada.send(form, reason="Lost phone")


@state("Your last code is more than five minutes old.")
def member_unverified(scene: Scene) -> None:
    """The last code is too old to do anything."""
    ada = looked_at(scene)
    scene.time.advance(400)
    ada.send(ada.form("until"), until="2027-02-10", reason="On leave")


@state("This page was open for too long.")
def member_stale(scene: Scene) -> None:
    """The page was open for too long."""
    ada = looked_at(scene)
    scene.time.advance(13 * 3600)
    ada.send(ada.form("until"), until="2027-02-10", reason="On leave")


@state("The form is malformed.")
def member_malformed(scene: Scene) -> None:
    """A reason that is far too long."""
    ada = looked_at(scene)
    ada.send(ada.form("until"), until="2027-02-10", reason="On leave " * 40)


@state("Nobody of this id belongs to this location.")
def no_such_member(scene: Scene) -> None:
    """Nobody of this id belongs to the location."""
    looked_at(scene, "nobody")
