"""Where setting up takes a ticket, whoever has the password alone can't set up first."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest

from tests.locations.test_members import OFFICE, member_page, send
from tests.locations.town import Person, Stage
from twofa_gate.core import tickets
from twofa_gate.core.storage import user_key
from twofa_gate.errors import BadRequest


@pytest.fixture
def strict(stage: Stage, admin: Person) -> Person:
    """Have the office take tickets and require a second factor now; give its administrator."""
    stage.time.advance(1)
    done = admin.save(enforce="1", from_date="2027-01-04", tickets="1", zone="UTC")
    assert done.status == 303
    return admin


def issue(admin: Person, name: str) -> str:
    page = member_page(admin, name)
    shown = admin.browser.submit(page.form(button="Issue a ticket"))
    found = re.search(r"shown only now: ([0-9A-Z]{4}-[0-9A-Z]{4})", shown.words)
    assert found, shown.words
    return found[1]


def test_a_ticket_lets_its_user_set_up_once(stage: Stage, strict: Person) -> None:
    """With the ticket a named member sets up; it is spent then, and nobody else's."""
    ticket = issue(strict, "zoe")
    tom = stage.person("tom")
    assert "valid for you" in tom.set_up(ticket=ticket, page="/office").words
    zoe = stage.person("zoe")
    assert zoe.set_up(ticket=ticket.lower().replace("-", " "), page="/office").status == 200
    assert zoe.go("/office").status == 200
    stage.gate.reset("zoe", by="support", reason="test")
    again = stage.person("zoe")
    assert "valid for you" in again.set_up(ticket=ticket).words
    stored = stage.store.load(user_key("main", "zoe"))
    assert stored is not None
    assert ticket.replace("-", "").encode() not in stored.document


def test_the_password_alone_does_not_set_up(stage: Stage, strict: Person) -> None:
    """Without a ticket nothing begins, at the location's own door or at another, and guessing is throttled."""
    thief = stage.person("zoe")
    assert "ticket" in thief.go("/office", follow=True).words.lower()
    refused = [thief.set_up(ticket="0000-0000").status for _ in range(6)]
    assert refused[:3] == [403, 403, 403]
    assert refused[-1] == 429
    assert not stage.gate.status("zoe").enrolled
    assert thief.set_up(ticket="").status == 403
    assert thief.set_up(ticket="much too short").status == 400


def test_guessing_does_not_keep_the_owner_out(stage: Stage, strict: Person) -> None:
    """After guesses by somebody else a new ticket works at once."""
    thief = stage.person("zoe")
    for _ in range(8):
        thief.set_up(ticket="0000-0000")
    zoe = stage.person("zoe")
    assert zoe.set_up(ticket=issue(strict, "zoe")).status == 200


def test_setting_up_through_an_open_door_does_not_count(stage: Stage, strict: Person) -> None:
    """Who sets up where no ticket is asked for does not get in where one is, even if the host forgets it."""
    zoe = stage.person("zoe")
    stage.town.members["office"].remove("zoe")
    assert zoe.set_up(page="/2fa/enroll").status == 200
    stage.town.members["office"].append("zoe")
    sent = zoe.go("/office")
    assert sent.status == 303
    assert "/2fa/enroll" in sent.location
    ticket = issue(strict, "zoe")
    stage.time.advance(30)
    page = zoe.go("/2fa/enroll")
    assert "ticket" in page.form(button="Continue").names()
    assert zoe.set_up(ticket=ticket).status == 303
    assert zoe.go("/office").status == 200


def test_who_had_set_up_before_goes_on(stage: Stage, admin: Person) -> None:
    """Switching tickets on asks nobody for one who set up before it."""
    zoe = stage.person("zoe")
    zoe.set_up()
    stage.time.advance(60)
    admin.save(enforce="1", from_date="2027-01-04", tickets="1", zone="UTC")
    assert zoe.go("/office").status == 200
    assert admin.go("/office").status == 200


def test_a_ticket_runs_out_and_a_new_one_replaces_it(stage: Stage, strict: Person) -> None:
    """Seven days later a ticket is worth nothing; and so is one that was replaced."""
    first, second = issue(strict, "zoe"), issue(strict, "zoe")
    assert stage.person("zoe").set_up(ticket=first).status == 403
    stage.time.advance(7 * 86400)
    assert stage.person("zoe").set_up(ticket=second).status == 403
    assert not stage.gate.status("zoe").enrolled


def test_a_reset_takes_the_vouching_away(stage: Stage, strict: Person) -> None:
    """Who was vouched for before a reset is not after it: setting up by an open door does not count then."""
    zoe = stage.person("zoe")
    zoe.set_up(ticket=issue(strict, "zoe"))
    assert zoe.go("/office").status == 200
    stage.gate.reset("zoe", by="support", reason="lost phone", extension=timedelta(0))
    stage.town.members["office"].remove("zoe")
    thief = stage.person("zoe")
    assert thief.set_up().status == 200
    assert "/2fa/enroll" in thief.go("/office").location


def test_a_spent_ticket_stays_spent(stage: Stage, admin: Person) -> None:
    """After setting up with a ticket and disabling again, the same ticket opens nothing."""
    stage.time.advance(1)
    admin.save(tickets="1")
    ticket = issue(admin, "zoe")
    zoe = stage.person("zoe")
    assert zoe.set_up(ticket=ticket).status == 200
    disabled = zoe.browser.submit(zoe.go("/2fa/disable").form(field="code"), code=zoe.phone.fresh_code())
    assert disabled.status == 303
    assert zoe.set_up(ticket=ticket).status == 403
    assert not stage.gate.status("zoe").enrolled


def test_a_reset_issues_a_ticket(stage: Stage, strict: Person) -> None:
    """Where setting up takes a ticket, so does setting up again: the reset shows one."""
    zoe = stage.person("zoe")
    zoe.set_up(ticket=issue(strict, "zoe"))
    shown = send(strict, "zoe", action="reset", reason="lost phone")
    found = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", shown.words)
    assert found, shown.words
    assert stage.person("zoe").set_up().status == 403
    assert stage.person("zoe").set_up(ticket=found[0]).status == 200
    ticket = stage.gate.reset("zoe", by="support", reason="again", ticket=True)
    assert ticket
    assert stage.person("zoe").set_up(ticket=ticket).status == 200


def test_tickets_for_many_come_as_csv(stage: Stage, strict: Person) -> None:
    """One file has a ticket for each who needs one and is the administrator's to help; each is on record."""
    form = strict.go(OFFICE).form(button="Issue tickets for all")
    answer = strict.browser.submit(form)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["user_id"] for row in rows] == ["mia", "tom", "zoe"], "not max, who is billing's too"
    assert stage.town.kinds().count("ticket_issued") == 3
    assert stage.person("tom").set_up(ticket=rows[1]["ticket"]).status == 200
    stage.time.advance(301)
    strict.browser.navigate(OFFICE)
    assert strict.browser.submit(form).status == 403


def test_no_event_holds_a_ticket(stage: Stage, strict: Person, caplog: pytest.LogCaptureFixture) -> None:
    """Neither an event nor a log line tells a ticket."""
    ticket = issue(strict, "zoe")
    stage.person("zoe").set_up(ticket=ticket)
    told = "\n".join([*map(str, stage.town.events), caplog.text])
    assert ticket not in told
    assert ticket.replace("-", "") not in told


@pytest.mark.parametrize("typed", ["K7QX2M9", "K7QX-2M9PP", "U7QX-2M9P", "K7QX_2M9P", "\uff2b7QX-2M9P", ""])
def test_what_cannot_be_a_ticket_is_malformed(typed: str) -> None:
    """Length and letters are judged before anything is counted."""
    with pytest.raises(BadRequest):
        tickets.canonical(typed)


def test_letters_that_are_misread_are_read_alike() -> None:
    """O is 0, and I and L are 1, with and without blanks and hyphens."""
    assert tickets.canonical("o1l-i 0abc") == "01110ABC"
