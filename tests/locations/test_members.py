"""What an administrator can do for one member, and what not, through both drivers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.locations.town import Person, Stage
from tests.support.http import Answer
from twofa_gate import User, hookimpl

OFFICE = "/2fa/locations/office"


def member_page(admin: Person, name: str, place: str = "office") -> Answer:
    return admin.go(f"/2fa/locations/{place}/member?id={quote(name)}")


def send(admin: Person, name: str, **fields: str) -> Answer:
    """Send the form for a member as it stands on somebody's page, whatever that page offers."""
    page = member_page(admin, "zoe")
    token = page.form(field="until").value("csrf") or ""
    pairs = {"csrf": token, "id": name, **fields}
    body = "&".join(f"{key}={quote(value)}" for key, value in pairs.items())
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://app.test"}
    return admin.browser.send("POST", f"{OFFICE}/member", content=body.encode(), headers=headers)


def test_one_member_is_extended(stage: Stage, admin: Person) -> None:
    """An extension lets one person in until its day begins, at this location, on the record."""
    admin.save(enforce="1", from_date="2027-01-05", missed="deny", zone="UTC")
    stage.time.advance(86400)
    admin.verify()
    assert stage.person("zoe").go("/office").status == 403
    page = member_page(admin, "zoe")
    assert "Kept out" in page.words
    done = admin.browser.submit(
        page.form(field="until"), until="2027-01-08", reason="on sick leave", follow=True
    )
    assert "The extension has been granted." in done.words
    assert stage.person("zoe").go("/office").status == 200
    assert stage.person("tom").go("/office").status == 403
    event = next(each for each in stage.town.events if each.kind.value == "extended")
    assert (event.user, event.facts["by"], event.facts["reason"]) == ("zoe", "ada", "on sick leave")
    stage.time.advance(3 * 86400)
    assert stage.person("zoe").go("/office").status == 403


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"until": "2027-01-03", "reason": "x"}, 400, "This day is past."),
        ({"until": "2027-01-04", "reason": "x"}, 400, "Choose a later day"),
        ({"until": "2027-13-01", "reason": "x"}, 400, "There is no such day."),
        ({"until": "2027-02-01", "reason": "  "}, 400, "Say why"),
    ],
)
def test_a_bad_extension_is_told_beside_its_field(
    stage: Stage, admin: Person, fields: dict[str, str], status: int, said: str
) -> None:
    """A message stands beside the field, and nothing is granted."""
    answer = send(admin, "zoe", action="extend", **fields)
    assert (answer.status, said in answer.words) == (status, True)
    assert "extended" not in stage.town.kinds()


def test_a_lost_phone_is_reset(stage: Stage, admin: Person) -> None:
    """A reset takes the second factor and every passage, tells the member, and lets them set up again."""
    admin.save(enforce="1", from_date="2027-01-05", missed="deny", zone="UTC")
    zoe = stage.person("zoe")
    zoe.set_up()
    stage.time.advance(2 * 86400)
    admin.verify()
    zoe.verify()
    assert zoe.go("/office").status == 200
    page = member_page(admin, "zoe")
    done = admin.browser.submit(
        page.form(button="Reset two-factor authentication"), reason="lost phone", follow=True
    )
    assert "has been reset" in done.words
    event = next(each for each in stage.town.events if each.kind.value == "reset")
    assert (event.user, event.facts["by"], event.facts["reason"]) == ("zoe", "ada", "lost phone")
    anew = stage.person("zoe")
    assert "/2fa/enroll" in anew.go("/office").location, "sent to set up, instead of kept out"
    anew.set_up()
    stage.time.advance(3 * 86400)
    anew.verify()
    assert anew.go("/office").status == 200, "set up within the extension"


def test_only_members_all_of_whose_locations_are_theirs_can_be_reset(stage: Stage, admin: Person) -> None:
    """Max belongs to billing too, which Ada does not administer: no reset, no ticket, by no form."""
    stage.person("max").set_up()
    page = member_page(admin, "max")
    assert "reset them here" in page.words
    for action in ("reset", "ticket"):
        answer = send(admin, "max", action=action, reason="a favor")
        assert answer.status == 403
        assert "all of whose locations you administer" in answer.words
    assert not {"reset", "ticket_issued"} & set(stage.town.kinds())
    assert stage.gate.status("max").enrolled


def test_nobody_resets_themselves(stage: Stage, admin: Person) -> None:
    """An administrator is a member too, and gets no reset and no ticket from their own hand."""
    stage.town.admins["billing"].add("ada")
    for action in ("reset", "ticket"):
        assert send(admin, "ada", action=action, reason="convenient").status == 403
    assert "Nobody resets themselves" in member_page(admin, "ada").words
    assert stage.gate.status("ada").enrolled


class Support:
    """A host that lets some administrators reset anybody."""

    @hookimpl
    def may_reset(self, user: User, member: User, location: str) -> bool:
        """Say so of Ada, for the office."""
        return (user.id, location) == ("ada", "office")


def test_the_host_may_allow_more(make_stage: Callable[..., Stage]) -> None:
    """`may_reset` lets an administrator reset somebody of other locations, but never themselves."""
    stage = make_stage(plugins=[Support()])
    ada = stage.person("ada")
    ada.set_up()
    stage.person("max").set_up()
    assert send(ada, "max", action="reset", reason="asked in person").status == 303
    assert not stage.gate.status("max").enrolled
    assert send(ada, "ada", action="reset", reason="asked myself").status == 403


@pytest.mark.parametrize("name", ["grace", "nobody", "", "zoe/../max", "zoe\u00a0"])
@pytest.mark.parametrize("action", ["extend", "reset", "ticket"])
def test_who_is_no_member_is_not_touched(stage: Stage, admin: Person, name: str, action: str) -> None:
    """An id that is not a member's is told as that, and nothing is stored for it."""
    before = stage.town.kinds()
    answer = send(admin, name, action=action, reason="x", until="2027-02-01")
    assert answer.status == 404
    assert "Nobody of this id belongs to this location" in answer.words
    assert stage.town.kinds() == before


def test_acting_takes_a_code_in_the_last_minutes(stage: Stage, admin: Person) -> None:
    """Five minutes after the last code a reset is refused."""
    stage.time.advance(301)
    assert send(admin, "zoe", action="reset", reason="x").status == 403
    assert "reset" not in stage.town.kinds()


def test_the_report_can_be_filtered_and_downloaded(stage: Stage, admin: Person) -> None:
    """The page and both downloads tell who has set up; names are no formulas in a spreadsheet."""
    stage.town.members["office"].append("=cmd()")
    stage.person("mia").set_up()
    assert "4 of 6 have not set up." in admin.go(OFFICE).words
    missing = admin.go(f"{OFFICE}?show=missing&q=TOM").words
    assert "tom@example.com" in missing
    assert "zoe@example.com" not in missing
    table = admin.go(f"{OFFICE}/members.csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["enrolled"] for row in rows] == ["yes", "no", "yes", "no", "no", "no"]
    assert rows[-1]["user_id"] == "'=cmd()"
    told = admin.go(f"{OFFICE}/members.json?show=enrolled").json()
    assert [each["user_id"] for each in told] == ["ada", "mia"]
    assert json.loads(admin.go(f"{OFFICE}/members.json?show=locked").text) == []
    assert admin.go(f"{OFFICE}/members.csv?show=nonsense").status == 404
    for path in ("/members.csv", "/members.json", "/member?id=mia"):
        assert stage.person("max").go(f"{OFFICE}{path}").status == 403
