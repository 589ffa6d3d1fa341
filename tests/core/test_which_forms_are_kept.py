"""Which refused forms are kept, by what their head and their fields say; and what is told of the others."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.core.stepping import BROWSER, NOW, Request, World, header, user
from twofa_gate.core.answer import Answer, Forward
from twofa_gate.core.effects import ReadBody
from twofa_gate.core.flow import handle
from twofa_gate.core.kept_form import (
    FORM_TYPE,
    KEPT_SECONDS,
    MAX_FIELDS,
    MAX_KEPT,
    MAX_TARGET,
    Kept,
    Lost,
    carries_kept,
    carries_something,
    lost_of,
    open_kept,
    sign_hint,
    take,
)
from twofa_gate.core.sending import MAX_ENVELOPE, sealed_in
from twofa_gate.core.standing import assess

ABSENT = None


def head(**changed: str | None) -> dict[str, str]:
    """Give what a browser sends with a form of this origin, in which something is changed or absent."""
    said = {
        "content_type": FORM_TYPE,
        "content_length": "3",
        "origin": "https://app.test",
        "referer": "https://app.test/new?draft=1",
        "sec_fetch_mode": "navigate",
        **changed,
    }
    return {name.replace("_", "-"): value for name, value in said.items() if value is not None}


def enrolled(**settings: Any) -> World:
    """Make a world in which u1 is to be challenged."""
    world = World(**settings)
    world.enrolled()
    return world


def taken(world: World, headers: dict[str, str], body: bytes = b"a=b", **fields: Any) -> Kept | Lost:
    """Take the form of a refused POST by u1."""
    world.body = body
    path = fields.pop("path", "/x")
    request = Request(path, "POST", headers=headers, cookies=world.cookies(), **fields)
    standing = world.run(assess(world.settings, request, user("u1")))
    return world.run(take(world.settings, request, standing, world.now))


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"content_type": f"{FORM_TYPE}; charset=utf-8"},
        {"content_type": FORM_TYPE.upper()},
        {"content_type": f" {FORM_TYPE} ;charset=utf-8"},
        {"origin": ABSENT, "sec_fetch_site": "same-origin"},
        {"origin": "null", "sec_fetch_site": "same-origin"},
        {"sec_fetch_mode": ABSENT, "accept": "text/html,*/*;q=0.8"},
        {"sec_fetch_mode": ABSENT, "accept": "Text/HTML"},
        {"content_length": str(MAX_KEPT)},
    ],
)
def test_forms_of_people_are_kept(changed: dict[str, str | None]) -> None:
    """A form that a person sent from a page of this origin is kept as it was."""
    world = enrolled()
    kept = taken(world, head(**changed))
    assert isinstance(kept, Kept)
    assert (kept.at, kept.target, kept.back, kept.body) == (NOW, "/x", "/new?draft=1", "a=b")
    assert kept.content_type == head(**changed)["content-type"]
    assert len(kept.id) == 32


@pytest.mark.parametrize(
    ("changed", "lost"),
    [
        ({"content_type": "multipart/form-data; boundary=b"}, Lost.UPLOAD),
        ({"content_type": "Multipart/Form-Data"}, Lost.UPLOAD),
        ({"content_type": "text/plain"}, Lost.OTHER),
        ({"content_type": ABSENT}, Lost.OTHER),
        ({"content_type": f"{FORM_TYPE};{'x' * 100}"}, Lost.OTHER),
        ({"content_type": f'{FORM_TYPE};charset="utf-8"'}, Lost.OTHER),
        ({"content_length": ABSENT}, Lost.OTHER),
        ({"content_length": ""}, Lost.OTHER),
        ({"content_length": "-1"}, Lost.OTHER),
        ({"content_length": "3 "}, Lost.OTHER),
        ({"content_encoding": "gzip"}, Lost.OTHER),
        ({"transfer_encoding": "chunked"}, Lost.OTHER),
        ({"content_length": str(MAX_KEPT + 1)}, Lost.LARGE),
        ({"origin": ABSENT}, Lost.OTHER),
        ({"origin": "null"}, Lost.OTHER),
        ({"origin": ABSENT, "sec_fetch_site": "none"}, Lost.OTHER),
        ({"origin": ABSENT, "sec_fetch_site": "cross-site"}, Lost.OTHER),
        ({"origin": "https://evil.test", "sec_fetch_site": "same-origin"}, Lost.OTHER),
        ({"sec_fetch_mode": ABSENT}, Lost.OTHER),
        ({"sec_fetch_mode": ABSENT, "accept": "*/*"}, Lost.OTHER),
        ({"sec_fetch_mode": "cors", "accept": "*/*"}, Lost.OTHER),
    ],
)
def test_other_heads_keep_nothing(changed: dict[str, str | None], lost: Lost) -> None:
    """Whatever else a head says, the form is not kept, its body is not read, and it is told why."""
    world = enrolled()
    assert taken(world, head(**changed)) is lost
    assert not any(isinstance(each, ReadBody) for each in world.effects)


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        (b"a=%ff", Lost.OTHER),
        (b'a="', Lost.OTHER),
        (b"twofa_form=x", Lost.OTHER),
        (b"a=b&twofa_form=", Lost.OTHER),
        (b"password=x", Lost.PASSWORD),
        (b"user%5Bpassword%5D=", Lost.PASSWORD),
        (b"a=b&pass=", Lost.PASSWORD),
        (b"userPw=x", Lost.PASSWORD),
        (b"&".join([b"a=b"] * (MAX_FIELDS + 1)), Lost.LARGE),
    ],
)
def test_other_fields_keep_nothing(body: bytes, lost: Lost) -> None:
    """Passwords, what could not be shown or told from our own field, and too many fields are not kept."""
    assert taken(enrolled(), head(), body) is lost


@pytest.mark.parametrize("body", [b"", b"compass=x", b"pwned=x", b"&".join([b"a=b"] * MAX_FIELDS)])
def test_ordinary_fields_are_kept(body: bytes) -> None:
    """Fields that only look like it, and as many as may be, are kept."""
    assert isinstance(taken(enrolled(), head(), body), Kept)


def test_the_login_form_is_never_kept() -> None:
    """A form to the login's own path is lost as a password is, whatever its fields are called; others are not."""
    world = enrolled(login_url="/login?next=/")
    assert taken(world, head(), path="/login") is Lost.PASSWORD
    assert isinstance(taken(world, head(), path="/login/help"), Kept)
    assert taken(enrolled(login_url="/app/login"), head(), path="/login", prefix="/app") is Lost.PASSWORD
    assert isinstance(taken(enrolled(login_url="/app/login"), head(), path="/login"), Kept)


def test_the_longest_target_is_kept() -> None:
    """A target of as many characters as may be is kept, and of one more is not."""
    query = "a" * (MAX_TARGET - len("/x?"))
    assert isinstance(taken(enrolled(), head(), query=query), Kept)
    assert taken(enrolled(), head(), query=f"{query}a") is Lost.OTHER


@pytest.mark.parametrize(
    ("headers", "something"),
    [
        ({}, False),
        ({"content-length": ""}, False),
        ({"content-length": "0"}, False),
        ({"content-length": "1"}, True),
        ({"content-type": "text/plain"}, True),
        ({"transfer-encoding": "chunked"}, True),
    ],
)
def test_what_there_is_to_lose(headers: dict[str, str], something: bool) -> None:
    """A body, or the type of one, is something to lose; a refused POST without either is told of no form."""
    request = Request("/x", "POST", headers={"sec-fetch-mode": "navigate", **headers})
    assert carries_something(request) is something
    world = enrolled()
    asked = Request("/x", "POST", headers=request.given, cookies=world.cookies())
    answer = world.run(handle(world.settings, asked))
    assert isinstance(answer, Answer)
    query = parse_qs(urlsplit(header(answer, "location") or "").query)
    assert ("form" in query) is something
    if something:
        assert lost_of(world.settings, query["form"][0], world.now) is Lost.OTHER


def test_hints_say_what_they_were_signed_for() -> None:
    """A hint that a form is carried lasts as long as the form; why one was lost is read back; nothing else counts."""
    settings = World().settings
    carried = sign_hint(settings, None, NOW)
    assert carries_kept(settings, carried, NOW + KEPT_SECONDS)
    assert not carries_kept(settings, carried, NOW + KEPT_SECONDS + 1)
    assert lost_of(settings, carried, NOW) is None
    for lost in Lost:
        hint = sign_hint(settings, lost, NOW)
        assert lost_of(settings, hint, NOW) is lost
        assert not carries_kept(settings, hint, NOW)
    for other in (None, "", settings.signer.sign("csrf", "kept", NOW)):
        assert not carries_kept(settings, other, NOW)
        assert lost_of(settings, other, NOW) is None
    assert carries_kept(settings, settings.signer.sign("form", "kept", NOW), NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"content_length": str(MAX_ENVELOPE + 1)},
        {"content_length": ABSENT, "transfer_encoding": "chunked"},
        {"content_length": ABSENT},
        {"content_type": "multipart/form-data; boundary=b"},
        {"content_type": ABSENT},
        {"content_encoding": "gzip"},
    ],
)
def test_what_can_hold_no_kept_form_goes_on_unread(changed: dict[str, str | None]) -> None:
    """What a verified user sends to a marked URL that can be no kept form reaches the application as it came."""
    world = enrolled()
    cookies = world.cookies(world.verified())
    request = Request("/x", "POST", headers=head(**changed), cookies=cookies, query="a=b&twofa_form")
    end = world.run(handle(world.settings, request))
    assert isinstance(end, Forward)
    assert end.instead is None
    assert not any(isinstance(each, ReadBody) for each in world.effects)


def test_a_body_of_the_longest_envelope_is_read() -> None:
    """What is as long as a kept form may be is read, and goes on to the application where it is none."""
    world = enrolled()
    cookies = world.cookies(world.verified())
    world.body = b"a=" + b"x" * (MAX_ENVELOPE - 2)
    request = Request(
        "/x", "POST", headers=head(content_length=str(MAX_ENVELOPE)), cookies=cookies, query="a=b&twofa_form"
    )
    end = world.run(handle(world.settings, request))
    assert isinstance(end, Forward)
    assert end.instead is not None
    assert (end.instead.posted, end.instead.query_string) == (world.body, "a=b")


@pytest.mark.parametrize(
    ("body", "sealed"),
    [
        (b"a=b", None),
        (b"", None),
        (b"a=b&twofa_form=x", None),
        (b"twofa_form=x%3D", "x="),
        (b"twofa_form=", ""),
        (b"twofa_form=x&a=", ""),
        (b"twofa_form=x&twofa_form=y", ""),
    ],
)
def test_what_is_read_as_a_kept_form(body: bytes, sealed: str | None) -> None:
    """Our field alone, and once, is a kept form; with anything beside it, an empty one too, it is none that opens."""
    assert sealed_in(body) == sealed
    if not sealed:
        settings = World().settings
        assert open_kept(settings, sealed or "", user("u1"), BROWSER, NOW) is None
