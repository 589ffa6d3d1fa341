"""Asking the host's hooks, and checking what they answer."""

from __future__ import annotations

import itertools
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.core.stepping import NOW, REQUIRED, Host, Request, World, user
from twofa_gate import Credential, Enforcement, GateRequest, Policy, User, hookimpl
from twofa_gate.core import asking
from twofa_gate.errors import BadRequest, HookError
from twofa_gate.locations import LocationSettings

SESSION, PASSWORD, TOKEN = Credential.SESSION, Credential.PASSWORD, Credential.TOKEN
PAGE = Request("/x", cookies={"session": "s1"})


class Says:
    """A plugin whose `identify` says this."""

    def __init__(self, said: Any) -> None:
        self.said = said

    @hookimpl
    def identify(self) -> Any:
        """Say it."""
        return self.said


def identified(*said: Any) -> User | None:
    """Ask plugins that say this."""
    world = World(Says(said[0]), *[Says(each) for each in said[1:]], policy=REQUIRED)
    return world.run(asking.identify(world.settings, Request("/x")))


def test_nobody() -> None:
    """If no plugin knows anybody, nobody asks."""
    assert identified(None, None) is None


def test_one_knows() -> None:
    """One plugin that knows the user is enough, wherever it stands."""
    for order in itertools.permutations([user(), None, None]):
        assert identified(*order) == user()


@pytest.mark.parametrize("order", [(SESSION, TOKEN), (TOKEN, SESSION), (PASSWORD, TOKEN), (TOKEN, PASSWORD)])
def test_known_by_the_credential_that_owes_most(order: tuple[Credential, ...]) -> None:
    """An allowed token doesn't excuse the session or the password beside it, in any order."""
    found = identified(*[user(credential=each) for each in order])
    assert found is not None
    assert found.credential is not TOKEN


@pytest.mark.parametrize("order", list(itertools.permutations([TOKEN, TOKEN, SESSION])))
def test_three_plugins_in_any_order(order: tuple[Credential, ...]) -> None:
    """However many tokens there are, the session counts."""
    found = identified(*[user(credential=each) for each in order])
    assert found is not None
    assert found.credential is SESSION


def test_different_users_are_refused() -> None:
    """Two users in one request are a bad request, whatever their credentials."""
    for first, second in itertools.product(Credential, Credential):
        with pytest.raises(BadRequest, match="two different users"):
            identified(user("u1", credential=first), user("u2", credential=second))
    with pytest.raises(BadRequest, match="two different users"):
        identified(user("u1"), user("U1"))


def test_different_logins_are_refused() -> None:
    """So are two logins of one user, a nameless one between them or not."""
    with pytest.raises(BadRequest, match="two different logins"):
        identified(user(login="l1"), user(login="l2"))
    with pytest.raises(BadRequest, match="two different logins"):
        identified(user(login="l1"), user(), user(login="l2"))


def test_what_one_knows_adds_to_the_other() -> None:
    """A login's name, or when the user joined, is taken from whichever plugin knows it."""
    joined = datetime.fromtimestamp(NOW, UTC)
    facts = user(login="l1", joined=joined)
    for order in ([facts, user()], [user(), facts]):
        assert identified(*order) == facts
    for order in (
        [user(joined=joined, credential=TOKEN), user()],
        [user(), user(joined=joined, credential=TOKEN)],
    ):
        assert identified(*order) == user(joined=joined)


@pytest.mark.parametrize("said", ["u1", 1, True, False, 0, "", {}, {"id": "u1"}, ("u1", "x"), object(), User])
def test_anything_else_is_an_error(said: Any) -> None:
    """Only a `User` or `None` is taken; a falsy value is not read as "nobody"."""
    with pytest.raises(HookError, match=r"Says\.identify must return a User or None, not "):
        identified(said)


def test_coroutine_is_an_error_and_closed() -> None:
    """A coroutine that nobody will await is an error, and closed, so that nothing is warned about."""

    async def later() -> User:
        return user()

    pending: Coroutine[Any, Any, User] = later()
    with pytest.raises(HookError, match="coroutine"):
        identified(pending)
    with pytest.raises(RuntimeError, match="cannot reuse"):
        pending.send(None)


def test_doubled_authorization_is_refused() -> None:
    """A request with Authorization twice is a bad one, before anybody is asked."""
    world = World(Says(user()), policy=REQUIRED)
    request = Request("/x", headers={"authorization": "Basic x"})
    request.doubled_authorization = True
    with pytest.raises(BadRequest, match="Authorization twice"):
        world.run(asking.identify(world.settings, request))
    assert world.effects == []


@pytest.mark.parametrize(
    "header",
    [
        "Basic dTE6eA==,",
        "Basic\tdTE6eA==",
        "Basic  dTE6eA==",
        "\xa0basic dTE6eA==",
        "Basic dTE6!eA==",
        "basic dTE6eA== x",
    ],
)
def test_oddly_framed_basic_is_refused(header: str) -> None:
    """Basic in a form that lax readers take for credentials and strict ones for none is a bad request."""
    world = World(Says(user()), policy=REQUIRED)
    with pytest.raises(BadRequest, match="different ways"):
        world.run(asking.identify(world.settings, Request("/x", headers={"authorization": header})))
    assert world.effects == []


@pytest.mark.parametrize(
    "header", ["Basic dTE6eA==", "BASIC dTE6eA==", "Basic", "Bearer a,b", "Basically x", " "]
)
def test_other_authorization_is_the_plugins_matter(header: str) -> None:
    """What every reader reads alike, or is no Basic at all, goes to the plugins."""
    world = World(Says(user()), policy=REQUIRED)
    assert (
        world.run(asking.identify(world.settings, Request("/x", headers={"authorization": header}))) == user()
    )


class Place(Host):
    """A host whose `locate` says this."""

    def __init__(self, said: Any) -> None:
        super().__init__()
        self.said = said

    @hookimpl
    def locate(self, request: GateRequest) -> Any:
        """Say it."""
        return self.said


@pytest.mark.parametrize("said", [None, "", 5, b"office", ["office"], "x" * 201, True])
def test_location_must_be_a_key(said: Any) -> None:
    """A location is a string of 1 to 200 characters."""
    world = World(Place(said))
    with pytest.raises(HookError, match=r"Place\.locate must return a location's key"):
        world.run(asking.locate(world.settings, PAGE, user()))


def test_location_without_the_hook() -> None:
    """Without the hook it is `default`."""
    world = World(Says(user()), policy=REQUIRED)
    assert world.run(asking.locate(world.settings, PAGE, user())) == "default"
    world = World(Place("x" * 200))
    assert world.run(asking.locate(world.settings, PAGE, user())) == "x" * 200


class Opinion:
    """A plugin with this opinion."""

    def __init__(self, said: Any) -> None:
        self.said = said

    @hookimpl
    def policy(self) -> Any:
        """Say it."""
        return self.said


OFF = Policy(Enforcement.OFF)


def opinions(*said: Any, default: Policy | None = None) -> list[tuple[Policy, str]]:
    """Ask plugins with these opinions."""
    world = World(Says(user()), *[Opinion(each) for each in said], policy=default)
    found = world.run(asking.policies(world.settings, "office", user()))
    return [(each.policy, each.source) for each in found]


def test_all_policies_are_asked() -> None:
    """Each plugin's policy counts, under its name; no opinion is none."""
    assert sorted(map(repr, opinions(REQUIRED, None, OFF))) == sorted(
        map(repr, [(REQUIRED, "Opinion"), (OFF, "Opinion")])
    )


def test_default_holds_where_nobody_has_an_opinion() -> None:
    """The gate's own policy holds where no plugin has one, and only there."""
    assert opinions(None, default=OFF) == [(OFF, "Gate(policy=...)")]
    assert opinions(REQUIRED, default=OFF) == [(REQUIRED, "Opinion")]
    assert opinions(None) == []


@pytest.mark.parametrize("said", [False, True, 0, "off", Enforcement.OFF, {}, [OFF], Policy])
def test_policy_must_be_one(said: Any) -> None:
    """Anything but a `Policy` or `None` is an error, beside good ones too."""
    with pytest.raises(HookError, match=r"Opinion\.policy must return a Policy or None"):
        opinions(OFF, said, OFF)


class Leaving(Host):
    """A host whose further hooks say this."""

    def __init__(self, said: Any) -> None:
        super().__init__()
        self.said = said

    @hookimpl
    def is_logout(self) -> Any:
        """Say it."""
        return self.said

    @hookimpl
    def user_locations(self) -> Any:
        """Say it."""
        return self.said


def test_logout() -> None:
    """A listed path is a logout; else the hook says, and only True counts."""
    world = World(Leaving(False), logout_paths=["/logout"])
    assert world.run(asking.is_logout(world.settings, Request("/logout"))) is True
    assert world.run(asking.is_logout(world.settings, Request("/x"))) is False
    assert World().run(asking.is_logout(World().settings, Request("/logout"))) is False
    world = World(Leaving(True))
    assert world.run(asking.is_logout(world.settings, Request("/x"))) is True


@pytest.mark.parametrize("said", [None, 1, 0, "yes", [], object()])
def test_logout_must_be_a_bool(said: Any) -> None:
    """Anything else is an error."""
    world = World(Leaving(said))
    with pytest.raises(HookError, match=r"Leaving\.is_logout must return True or False"):
        world.run(asking.is_logout(world.settings, Request("/x")))


def test_locations_of_a_user() -> None:
    """A list of keys, or `None` where the host doesn't say."""
    world = World()
    assert world.run(asking.user_locations(world.settings, user())) is None
    for said in (["a", "b"], ("a", "b"), iter(["a", "b"])):
        world = World(Leaving(said))
        assert world.run(asking.user_locations(world.settings, user())) == ["a", "b"]


@pytest.mark.parametrize("said", [None, "office", 5, [None], ["a", ""], [["a"]]])
def test_locations_must_be_keys(said: Any) -> None:
    """A bare string is not taken for a list of letters, nor `None` for an empty list."""
    world = World(Leaving(said))
    with pytest.raises(HookError, match="must return"):
        world.run(asking.user_locations(world.settings, user()))


class Administered(Host):
    """A host whose hooks about administrators say this."""

    def __init__(self, said: Any) -> None:
        super().__init__()
        self.said = said

    @hookimpl
    def may_administer(self) -> Any:
        """Say it."""
        return self.said

    @hookimpl
    def may_reset(self) -> Any:
        """Say it."""
        return self.said


@pytest.mark.parametrize("said", [True, False])
def test_administrators(said: bool) -> None:
    """The host says who administers a location, and who may be reset; without the hooks nobody does."""
    world = World(Administered(said))
    assert world.run(asking.may_administer(world.settings, user(), "office")) is said
    assert world.run(asking.may_reset(world.settings, user(), user("u2"), "office")) is said
    bare = World()
    assert bare.run(asking.may_administer(bare.settings, user(), "office")) is False
    assert bare.run(asking.may_reset(bare.settings, user(), user("u2"), "office")) is False


@pytest.mark.parametrize("said", [None, 1, "yes", [user()]])
def test_administrators_must_be_a_bool(said: Any) -> None:
    """Anything else is an error."""
    world = World(Administered(said))
    for flow in (
        asking.may_administer(world.settings, user(), "office"),
        asking.may_reset(world.settings, user(), user("u2"), "office"),
    ):
        with pytest.raises(HookError, match="must return True or False"):
            world.run(flow)


def test_locations_own_policy_stands_beside_the_hooks() -> None:
    """A location's stored or default settings count beside what hooks say, and before the gate's default."""
    world = World(Host(), LocationSettings(default=OFF), policy=REQUIRED)
    found = world.run(asking.policies(world.settings, "office", user()))
    assert [each.source for each in found] == ["Host", "LocationSettings(default=...)"]
    found = world.run(asking.policies(world.settings, "elsewhere", user()))
    assert [each.policy for each in found] == [OFF]
