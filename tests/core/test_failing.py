"""Each effect of each main story fails in turn, in every way, and nothing is let through that was not passed.

A story sets a world up and makes one request. It is first run undisturbed, to count its effects; then once for
each effect and each way of failing. The application of all stories answers with a page that is private to the
user whose session the request carries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.core.managing_stories import Told, managing
from tests.core.stepping import (
    BROWSER,
    REQUIRED,
    SECRET,
    Host,
    How,
    Observer,
    Request,
    Sabotage,
    World,
    set_cookies,
    user,
)
from twofa_gate import Credential, Enforcement, Policy
from twofa_gate.core.account import PendingEnrollment, secret_thing
from twofa_gate.core.answer import Answer
from twofa_gate.core.effects import CallHook, Effect
from twofa_gate.core.flow import handle
from twofa_gate.core.kept_form import FORM_TYPE, Kept, seal_kept
from twofa_gate.core.second_look import Outgoing, SecondLook
from twofa_gate.core.verification import digest, read_token

PRIVATE = b"the private page"


@dataclass
class Story:
    """A world, a request in it, and whether its user has passed and may see the private page."""

    world: World
    request: Request
    passed: bool = False
    answers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html"),)
    """The headers of the application's answer."""


@dataclass
class End:
    """What became of a request: the gate's own answer, or what the second look let out of the host's."""

    answer: Answer | None
    shown: bytes
    status: int


def play(story: Story, sabotage: Sabotage) -> End:
    """Play a request through the gate and, where it gets there, the application."""
    end = story.world.run(handle(story.world.settings, story.request), sabotage.perform)
    if isinstance(end, Answer):
        return End(end, end.body, end.status)
    sabotage.second = sabotage.done
    look = SecondLook(story.world.settings, story.request, end)
    out = story.world.run(look.begin(200, list(story.answers)), sabotage.perform)
    return _shown(out, look)


def _shown(out: Outgoing, look: SecondLook) -> End:
    outgoing = [out]
    shown = out.data
    for data, last in ((PRIVATE, False), (b"", True)):
        if look.passing:
            shown += data
        elif not look.swallowing:
            outgoing.append(look.body(data, last=last))
            shown += outgoing[-1].data
    starts = [each.start for each in outgoing if each.start is not None]
    assert len(starts) == 1, "an answer starts once"
    return End(Answer(starts[0][0], tuple(starts[0][1]), shown), shown, starts[0][0])


# the stories


def anonymous() -> Story:
    """Tell how nobody asks for a page."""
    return Story(World(), Request("/x"), passed=True)


def unverified() -> Story:
    """Tell how a user who has set up, and not verified, asks for a page."""
    world = World(Host(), Observer())
    world.enrolled()
    return Story(world, Request("/x", cookies=world.cookies()))


def not_set_up() -> Story:
    """Tell how a user who has not set up asks for a page."""
    return Story(World(), Request("/x", cookies={"session": "s1"}))


def verified() -> Story:
    """Tell how a verified user asks for a page."""
    world = World()
    world.enrolled()
    return Story(world, Request("/x", cookies=world.cookies(world.verified())), passed=True)


def expired() -> Story:
    """Tell how a user whose verification is too old asks for a page by fetch."""
    world = World(Host({"office": Policy(Enforcement.REQUIRED, max_age=timedelta(minutes=5))}))
    world.enrolled()
    made = world.verified(at=world.now - 301)
    return Story(world, Request("/x", cookies=world.cookies(made), headers={"sec-fetch-dest": "empty"}))


def posting() -> Story:
    """Tell how a verified user posts to the application, which is looked at again."""
    story = verified()
    cookies = story.world.cookies(story.world.verified())
    return Story(story.world, Request("/x", "POST", cookies=cookies), passed=True)


def basic() -> Story:
    """Tell how a user known by a password on each request, on a socket."""
    world = World(Host({"office": REQUIRED}, s1=user("u1", credential=Credential.PASSWORD)))
    world.enrolled()
    return Story(world, Request("/ws", cookies=world.cookies(), kind="websocket"))


def challenge_page() -> Story:
    """Tell how a user looks at the challenge."""
    world = World()
    world.enrolled()
    return Story(world, Request("/2fa/challenge", cookies=world.cookies()))


def right_code() -> Story:
    """Tell how a user answers the challenge rightly."""
    world = World(
        Host({"office": Policy(Enforcement.REQUIRED, trust_browser_for=timedelta(days=1))}), Observer()
    )
    world.enrolled()
    return Story(world, world.form("/challenge", "challenge", code=world.code(), trust="1"))


def wrong_code() -> Story:
    """Tell how a user answers the challenge wrongly."""
    world = World(Host(), Observer())
    world.enrolled()
    return Story(world, world.form("/challenge", "challenge", code=world.wrong()))


def begin() -> Story:
    """Tell how a user who has not set up begins to."""
    world = World()
    return Story(world, world.form("/enroll", "enroll"))


def _pending(world: World) -> None:
    sealed = world.settings.sealer.seal(SECRET, b"n" * 12, user_id="u1", thing=secret_thing("p1"))
    account = world.enrolled().but(authenticators=(), enabled_at=None)
    pending = PendingEnrollment(id="p1", secret=sealed, browser=digest(BROWSER), began=world.now)
    world.put(account.but(pending=pending))


def confirm() -> Story:
    """Tell how a user confirms what they set up."""
    world = World(Host(), Observer())
    _pending(world)
    return Story(world, world.form("/enroll", "enroll", code=world.code(), name="Phone"))


def confirm_wrongly() -> Story:
    """Tell how a user confirms with a wrong code."""
    world = World()
    _pending(world)
    return Story(world, world.form("/enroll", "enroll", code=world.wrong(), name="Phone"))


def disable() -> Story:
    """Tell how a verified user disables."""
    world = World(Host({"office": Policy(Enforcement.OPTIONAL)}), Observer())
    world.enrolled()
    return Story(world, world.form("/disable", "disable", cookies=world.verified(), code=world.code()))


def login() -> Story:
    """Tell how an anonymous request logs a user in, and is answered by a private page."""
    world = World(login_paths=["/login"])
    world.enrolled()
    request = Request("/login", "POST", cookies={world.settings.cookies.browser: BROWSER})
    answers = (("Content-Type", "text/html"), ("Set-Cookie", "session=s1; Path=/; HttpOnly"))
    return Story(world, request, answers=answers)


def switch() -> Story:
    """Tell how a verified user's request makes the browser another user's, with a private page of theirs."""
    world = World()
    world.enrolled()
    world.enrolled("u2")
    request = Request("/switch", "POST", cookies=world.cookies(world.verified()))
    return Story(world, request, answers=(("Set-Cookie", "session=s2; Path=/"),))


def told_as_story(tell: Callable[[], Told]) -> Callable[[], Story]:
    """Make a story of one that is told elsewhere."""

    @wraps(tell)
    def story() -> Story:
        world, request, passed, _ = tell()
        world.effects.clear()  # those of what came before are not the request's
        return Story(world, request, passed)

    return story


def form_refused() -> Story:
    """Tell how a user whose verification has run out sends a form, which is kept."""
    world = World(Host(), Observer())
    world.enrolled()
    return Story(world, world.typed(b"item=cake"))


def _sealed(world: World) -> str:
    kept = Kept("f1", world.now, "/x?a=b", FORM_TYPE, "/new", "item=cake")
    sealed = world.run(seal_kept(world.settings, kept, user("u1"), BROWSER))
    world.effects.clear()  # only those of the request are counted
    return sealed


def form_carried() -> Story:
    """Tell how the page that carries a form is answered with a right code."""
    world = World(Host(), Observer())
    world.enrolled()
    return Story(world, world.form("/challenge", "challenge", code=world.code(), form=_sealed(world)))


def form_sent() -> Story:
    """Tell how a verified user sends a kept form on."""
    world = World(Host(), Observer())
    world.enrolled()
    made = world.verified()
    body = urlencode({"twofa_form": _sealed(world)}).encode()
    return Story(world, world.typed(body, query="a=b&twofa_form", cookies=made), passed=True)


def form_sent_unverified() -> Story:
    """Tell how a user whose verification has run out again sends a kept form on."""
    world = World(Host(), Observer())
    world.enrolled()
    return Story(
        world, world.typed(urlencode({"twofa_form": _sealed(world)}).encode(), query="a=b&twofa_form")
    )


STORIES: list[Callable[[], Story]] = [
    anonymous,
    unverified,
    not_set_up,
    verified,
    expired,
    posting,
    basic,
    challenge_page,
    right_code,
    wrong_code,
    begin,
    confirm,
    confirm_wrongly,
    disable,
    login,
    switch,
    *(told_as_story(each) for each in managing),
    form_refused,
    form_carried,
    form_sent,
    form_sent_unverified,
]


def is_an_answer(effect: Effect[Any], how: How, *, second: bool) -> bool:
    """Whether this is no failure but what a hook may say: a host or a store that lies can't be told from one.

    `None` of `identify` at the first look is not excused: the second look is there for it.
    """
    if not isinstance(effect, CallHook):
        return False
    saved = effect.hook.name == "save" and how is How.TRUE
    return saved or (second and effect.hook.name == "identify" and how is How.NOTHING)


def sabotaged() -> list[Any]:
    """List every effect of every story, with every way in which it may fail."""
    cases = []
    for tell in STORIES:
        story = tell()
        counting = Sabotage(story.world)
        play(story, counting)
        cases += [
            pytest.param(tell, index, how, id=f"{tell.__name__}-{index}-{how.name.lower()}")
            for index, effect in enumerate(story.world.effects)
            for how in How
            if not is_an_answer(effect, how, second=index >= counting.second)
        ]
    return cases


def check_honest(story: Story, end: End) -> None:
    """Hold what was answered against what is stored."""
    account = story.world.account()
    assert end.answer is not None
    given = set_cookies(end.answer).get(story.world.settings.cookies.verification)
    if given:
        token = read_token(given)
        assert token is not None
        assert account is not None
        assert account.verification(digest(token.token)) is not None, (
            "a verification was given and not stored"
        )
    location = next((value for name, value in end.answer.headers if name == "Location"), "")
    if "notice=disabled" in location:
        assert account is not None
        assert not account.enrolled


@pytest.mark.parametrize(("tell", "index", "how"), sabotaged())
def test_failure_lets_nothing_through(tell: Callable[[], Story], index: int, how: How) -> None:
    """Whichever effect fails, and however: an answer, and the private page for nobody who was not passed."""
    story = tell()
    before = story.world.account()
    end = play(story, Sabotage(story.world, index, how))
    if not story.passed:
        assert PRIVATE not in end.shown
    if PRIVATE in end.shown:
        assert end.status == 200
    account = story.world.account()
    if PRIVATE in end.shown and tell is form_sent:
        assert account is not None
        assert [each.id for each in account.forms] == ["f1"], "a form was sent that is not marked as sent"
    check_honest(story, end)
    after = story.world.account()
    if before is not None and before.enrolled and tell is not disable:
        assert after is not None
        assert after.enrolled, "a failure took the second factor away"


@pytest.mark.parametrize("tell", STORIES, ids=lambda tell: tell.__name__)
def test_stories_end_as_they_should(tell: Callable[[], Story]) -> None:
    """Undisturbed, each story shows the private page to whom it belongs, so that the other test can fail."""
    story = tell()
    end = play(story, Sabotage(story.world))
    assert (PRIVATE in end.shown) is story.passed
    expected = {
        challenge_page: 200, wrong_code: 403, begin: 200, confirm: 200, confirm_wrongly: 403, expired: 403, basic: 403,
        form_refused: 403, form_carried: 200, form_sent_unverified: 403,
    }  # fmt: skip
    told = {each.__name__: each()[3] for each in managing}
    usual = 200 if story.passed else 303
    assert end.status == told.get(tell.__name__, expected.get(tell, usual))
    check_honest(story, end)


@pytest.mark.parametrize("tell", STORIES, ids=lambda tell: tell.__name__)
def test_hooks_and_clock_that_fail_at_once_are_503(tell: Callable[[], Story]) -> None:
    """If the first thing that is asked fails, the answer is 503, or 400 where the request was to blame."""
    for how in (How.RAISE, How.ALL_FROM_HERE, How.NONSENSE, How.TRUE):
        story = tell()
        end = play(story, Sabotage(story.world, 0, how))
        assert end.status == 503, how


def test_spent_code_stays_spent() -> None:
    """A right code that was spent in a failed request is refused afterwards, or its passage was given."""
    story = right_code()
    counting = Sabotage(story.world)
    play(story, counting)
    for index in range(counting.done):
        for how in (How.RAISE, How.LOST):
            story = right_code()
            first = play(story, Sabotage(story.world, index, how))
            account = story.world.account()
            assert account is not None
            spent = account.authenticators[0].last_step >= 0
            again = play(
                Story(story.world, story.world.form("/challenge", "challenge", code=story.world.code())),
                Sabotage(story.world),
            )
            assert again.status == (403 if spent else 303), (index, how, first.status)
