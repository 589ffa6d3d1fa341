"""The settings of a location, the preview of a change, and the adoption report."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.pages.scene import Person, Scene, in_days
from tests.pages.states.registry import state
from twofa_gate import Enforcement, Policy


def changed(scene: Scene, admin: str = "ada", **fields: Any) -> Person:
    """An administrator asks for other settings."""
    person = scene.person(admin)
    person.place()
    person.send(person.form("from_date"), **fields)
    return person


def saved(scene: Scene, **fields: Any) -> Person:
    """The settings are other ones."""
    ada = changed(scene, **fields)
    ada.send(ada.form("revision"), press="save")
    return ada


def crowd(scene: Scene, number: int) -> None:
    """Let many people belong to the office."""
    scene.host.members[scene.names.office] = ["ada", *[f"person{each:02}" for each in range(number)]]


@state("First you will see whom it concerns.")
def location(scene: Scene) -> None:
    """Settings and report, before anything was changed."""
    scene.person("ada").place()


@state("The settings have been saved.")
def location_saved(scene: Scene) -> None:
    """The settings have been saved."""
    saved(scene, enforce="1", from_date="2027-02-01", missed="deny")


@state("There is no such time zone.")
def location_fields(scene: Scene) -> None:
    """Some fields can't be taken."""
    wrong = {"grace_days": "9999", "max_age_minutes": "1", "trust_days": "no"}
    changed(scene, from_date="2026-01-01", zone="Europe/Atlantis", missed=None, **wrong)


@state("you would be kept out yourself")
def location_guard(scene: Scene) -> None:
    """The administrator would be kept out by the change."""
    scene.host.members[scene.names.office].append("max")
    changed(scene, enforce="1", from_date="2027-01-04", missed="deny", tickets="1")


@state("The two versions")
def location_conflict(scene: Scene) -> None:
    """Somebody else has saved other settings meanwhile."""
    ada = scene.person("ada")
    ada.place()
    form = ada.form("from_date")
    saved(scene, enforce="1", from_date="2027-02-01")
    ada.send(form, enforce="1", from_date="2027-03-01", grace_days="7")


@state("Your last code is more than five minutes old.")
def location_unverified(scene: Scene) -> None:
    """The last code is too old to change anything."""
    ada = scene.person("ada")
    ada.place()
    scene.time.advance(400)
    ada.send(ada.form("from_date"), enforce="1", from_date="2027-02-01")


@state("This page was open for too long.")
def location_stale(scene: Scene) -> None:
    """The page was open for too long."""
    ada = scene.person("ada")
    ada.place()
    scene.time.advance(13 * 3600)
    ada.send(ada.form("from_date"))


@state("Other rules hold here too.")
def location_others(scene: Scene) -> None:
    """Rules of the application hold beside the settings."""
    other = Policy(Enforcement.REQUIRED, cutoff=in_days(30), max_age=timedelta(days=7))
    scene.host.policies[scene.names.office] = other
    scene.person("ada").place()


@state("For now this is reported only", report_only_until=in_days(90))
def location_report_only(scene: Scene) -> None:
    """Nobody is refused anything yet."""
    scene.person("ada").place()


@state("does not tell who belongs to a location", members=False)
def location_unknown_members(scene: Scene) -> None:
    """The application does not tell who belongs to a location."""
    scene.person("ada").place()


@state("3 would be refused right now. 1 is locked")
def location_refused(scene: Scene) -> None:
    """After the date: the members who are refused, and a locked one."""
    max_ = scene.person("max")
    max_.set_up()
    lock(max_)
    scene.person("ada").verify()
    saved(scene, enforce="1", from_date="2027-01-07")
    scene.time.advance(4 * 86400)
    ada = scene.person("ada")
    ada.verify()
    ada.place()


def lock(person: Person) -> None:
    """Type wrong codes until codes from the app are locked."""
    wrong = person.phone.wrong_code()
    person.page("/challenge")
    while "locked" not in person.type(wrong).words:
        person.page("/challenge")
        person.scene.time.advance(901)


@state("Nobody to show.")
def location_nobody_to_show(scene: Scene) -> None:
    """Nobody of the name that was looked for."""
    scene.person("ada").place("?show=missing&q=nobody")


@state("From the start")
def location_next_page(scene: Scene) -> None:
    """The second page of a long report."""
    crowd(scene, 120)
    scene.person("ada").place("?start=50")


@state("120 of 121 have not set up.")
def location_crowd(scene: Scene) -> None:
    """The first page of a long report."""
    crowd(scene, 120)
    scene.person("ada").place()


@state("Issue tickets for all")
def location_tickets(scene: Scene) -> None:
    """Tickets can be issued for all."""
    saved(scene, enforce="1", from_date="2027-02-01", tickets="1")


@state("Nobody would be refused at once. 4 would be refused")
def preview_harmless(scene: Scene) -> None:
    """Before a change is saved: nobody is refused at once, some when the date comes."""
    changed(scene, enforce="1", from_date="2027-02-01", missed="deny")


@state("40 would be sent to set up at once.")
def preview_at_once(scene: Scene) -> None:
    """Members would be sent to set up at once."""
    crowd(scene, 40)
    changed(scene, enforce="1", from_date="2027-01-04")


@state("Nothing is different from what holds now.")
def preview_same(scene: Scene) -> None:
    """Nothing is different from what holds."""
    changed(scene)


@state("so nobody can be counted", members=False)
def preview_unknown_members(scene: Scene) -> None:
    """Nobody can be counted."""
    changed(scene, enforce="1", from_date="2027-02-01")


@state("There is no location of this name")
def not_your_location(scene: Scene) -> None:
    """The location is not one of the user's to administer."""
    scene.person("ada").place(location=scene.names.billing)


@state("before you ask it of others")
def location_not_enrolled(scene: Scene) -> None:
    """An administrator who has disabled it themselves asks others to set up."""
    ada = scene.person("ada")
    ada.place()
    form = ada.form("from_date")
    ada.page("/disable")
    ada.type_right()
    ada.send(form)


@state("Your last code is more than five minutes old.")
def no_tickets_issued(scene: Scene) -> None:
    """Tickets are asked for where none are taken."""
    ada = saved(scene, enforce="1", from_date="2027-02-01", tickets="1")
    form = next(each for each in ada.browser.page.forms if each.url.endswith("/tickets"))  # type: ignore[union-attr] # it is open
    scene.time.advance(400)
    ada.send(form)
