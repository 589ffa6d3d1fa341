"""Keeping a refused form, and sending it on, step by step."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.core.stepping import BROWSER, NOW, Host, Request, World, user
from twofa_gate import Credential, Enforcement, Policy
from twofa_gate.core.account import SentForm
from twofa_gate.core.answer import Answer, Forward
from twofa_gate.core.effects import ReadBody
from twofa_gate.core.flow import handle
from twofa_gate.core.kept_form import (
    FORM_TYPE,
    MAX_SENT,
    Kept,
    Sending,
    hides,
    open_kept,
    seal_kept,
    send_once,
    sent_already,
    target_of,
)
from twofa_gate.core.sending import marked, sealed_in

KEPT = Kept("f1", NOW, "/x?a=b", FORM_TYPE, "/new", "item=cake")


def answered(world: World, request: Request) -> Answer:
    """Give the gate's own answer to a request."""
    end = world.run(handle(world.settings, request))
    assert isinstance(end, Answer)
    return end


def reads(world: World) -> list[ReadBody]:
    """Return the effects that read the body."""
    return [each for each in world.effects if isinstance(each, ReadBody)]


def sealed(world: World, kept: Kept = KEPT, browser: str = BROWSER) -> str:
    """Seal a form for `u1`."""
    return world.run(seal_kept(world.settings, kept, user("u1"), browser))


def sending(world: World, text: str, query: str = "a=b&twofa_form", **more: Any) -> Request:
    """Send a sealed form on."""
    return world.typed(urlencode({"twofa_form": text}).encode(), query=query, **more)


def test_only_what_can_be_kept_is_read() -> None:
    """A form is read to 64 KiB; of an upload, of what is too long and of what needs no keeping nothing is read."""
    world = World()
    world.enrolled()
    assert answered(world, world.typed(b"a=b")).status == 403
    assert [each.limit for each in reads(world)] == [65536]
    for name, value in (
        ("content-type", "multipart/form-data"),
        ("content-length", "65537"),
        ("content-length", "\u0663"),
        ("transfer-encoding", "chunked"),
        ("origin", "https://evil.test"),
    ):
        world.effects.clear()
        request = world.typed(b"a=b")
        request.given[name] = value
        assert answered(world, request).status == 303, name
        assert reads(world) == [], name


def test_a_browser_without_a_name_gets_one() -> None:
    """The form is bound to the name that the same answer gives the browser."""
    world = World()
    world.enrolled()
    request = world.typed(b"a=b")
    request.given["cookie"] = request.cookie_header = "session=s1"
    answer = answered(world, request)
    assert answer.status == 403
    assert b"What you sent is kept." in answer.body
    assert sum(name == "Set-Cookie" for name, _ in answer.headers) == 1


def test_tokens_keep_no_forms() -> None:
    """Whoever comes with a token is no person at a form."""
    world = World(Host(s1=user("u1", credential=Credential.TOKEN)))
    world.enrolled()
    assert answered(world, world.typed(b"a=b")).status == 303


def test_a_place_that_cannot_be_named() -> None:
    """A path that readers could read differently, or a target that is too long, keeps nothing."""
    world = World()
    world.enrolled()
    for path, query in (("/x//y", ""), ("/x", "a" * 1500), ("/x", "a='")):
        request = Request(
            path, "POST", headers=world.typed(b"a=b").given, cookies=world.cookies(), query=query
        )
        assert answered(world, request).status == 303


def test_target_and_mark() -> None:
    """The target has the mount point and the query; the mark comes last."""
    assert target_of(Request("/x", prefix="/a b", query="c=d")) == "/a%20b/x?c=d"
    assert marked("/x") == "/x?twofa_form"
    assert marked("/x?a") == "/x?a&twofa_form"


def test_sealed_in() -> None:
    """Only a body that is nothing but the one field holds a form."""
    assert sealed_in(b"twofa_form=v1.a.b%3D%3D") == "v1.a.b=="
    assert sealed_in(b"twofa_form=") == ""
    assert sealed_in(b"twofa_form=a&b=c") == ""
    assert sealed_in(b"a=b&twofa_form=a") is None


def test_opens_for_its_own_alone() -> None:
    """It opens for its user, login and browser, from 30 s before to ten minutes after, and for nobody else."""
    world = World()
    text = sealed(world)
    settings, ada = world.settings, user("u1")
    for at in (NOW - 30, NOW, NOW + 600):
        assert open_kept(settings, text, ada, BROWSER, at) == KEPT
    for at in (NOW - 31, NOW + 601):
        assert open_kept(settings, text, ada, BROWSER, at) is None
    for who, browser in (
        (user("u2"), BROWSER),
        (user("u1", login="l"), BROWSER),
        (ada, "other"),
        (ada, None),
    ):
        assert open_kept(settings, text, who, browser, NOW) is None
    assert open_kept(settings, text + "\u00e9", ada, BROWSER, NOW) is None
    other = settings.sealer.seal(text, b"n" * 12, user_id="u1", thing="form")
    assert open_kept(settings, other, ada, BROWSER, NOW) is None


def test_sent_once() -> None:
    """The first sends, the second is told; whoever has not set up any more sends nothing."""
    world = World()
    world.enrolled()
    assert world.run(send_once(world.settings, "u1", KEPT)) is Sending.SENT
    assert world.run(send_once(world.settings, "u1", KEPT)) is Sending.ALREADY
    assert world.run(send_once(world.settings, "u2", KEPT)) is Sending.GONE


def test_few_are_remembered_and_none_is_forgotten() -> None:
    """Of forms older than those that are remembered none is sent any more, in whichever order they came."""
    world = World()
    world.enrolled()
    forms = [KEPT._replace(id=f"f{number}", at=NOW + number) for number in range(MAX_SENT + 3)]
    for kept in reversed(forms[1:]):
        assert world.run(send_once(world.settings, "u1", kept)) in (Sending.SENT, Sending.GONE)
    account = world.account()
    assert account is not None
    assert len(account.forms) == MAX_SENT
    for kept in forms:
        assert sent_already(account, kept) is not None, kept
        assert world.run(send_once(world.settings, "u1", kept)) is not Sending.SENT
    later = KEPT._replace(id="later", at=NOW + 100)
    assert world.run(send_once(world.settings, "u1", later)) is Sending.SENT


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("csrfmiddlewaretoken", True),
        ("_csrf", True),
        ("api-key", True),
        ("licenceKey", True),
        ("PIN", True),
        ("client_secret", True),
        ("shipping", False),
        ("keyword", False),
        ("postcode", False),
        ("", False),
    ],
)
def test_secrets_by_name(name: str, hidden: bool) -> None:
    """What is a secret by its name is not shown; what only sounds like one is."""
    assert hides(name) is hidden


def test_sent_as_it_was() -> None:
    """What goes to the application is the form, at its own address, with its own type."""
    world = World()
    world.enrolled()
    request = sending(
        world,
        sealed(world, KEPT._replace(content_type=f"{FORM_TYPE}; charset=utf-8")),
        cookies=world.verified(),
    )
    end = world.run(handle(world.settings, request))
    assert isinstance(end, Forward)
    sent = end.instead
    assert sent is not None
    assert (sent.posted, sent.query_string) == (b"item=cake", "a=b")
    assert sent.header("content-type") == f"{FORM_TYPE}; charset=utf-8"
    assert sent.header("content-length") == "9"


def test_a_place_where_nothing_is_decided() -> None:
    """To a path that has become one to log in or out at, nothing is sent."""
    for world in (World(login_paths=["/x"]), World(logout_paths=["/x"])):
        world.enrolled()
        assert answered(world, sending(world, sealed(world), cookies=world.verified())).status == 403
        account = world.account()
        assert account is not None
        assert account.forms == ()


def test_another_user_in_between() -> None:
    """If who is asking changes while it is decided, nothing is sent."""
    world = World(Host({"office": Policy(Enforcement.OFF)}))
    world.enrolled()
    host = world.settings.hooks.identify[0]
    asked = [user("u1"), user("u2")]

    def perform(effect: Any) -> Any:
        if getattr(effect, "hook", None) is host and asked:
            return asked.pop(0)
        return world.perform(effect)

    request = sending(world, sealed(world))
    end = world.run(handle(world.settings, request), perform)
    assert isinstance(end, Answer)
    assert end.status == 403


def test_who_has_not_set_up_any_more() -> None:
    """After a reset, or at a place that demands nothing, without an account: nothing is sent, and none is made."""
    world = World(Host({"office": Policy(Enforcement.OFF)}), initialize=True)
    assert answered(world, sending(world, sealed(world))).status == 403
    assert world.account() is None


def test_sent_forms_of_the_account_are_told() -> None:
    """The page that would offer a form says that it was sent, or that it is kept no more."""
    for fields, status in (({"forms": (SentForm(id="f1", at=NOW),)}, 409), ({"forms_before": NOW}, 403)):
        world = World()
        world.enrolled(**fields)
        text = sealed(world)
        request = world.form("/challenge", "challenge", code=world.code(), form=text)
        assert answered(world, request).status == status
