"""Where a user stands at a location."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.core.stepping import NOW, REQUIRED, TOKEN, Host, Observer, Request, World, user
from twofa_gate import Credential, Decision, Enforcement, Policy, Tokens
from twofa_gate.core.account import Account
from twofa_gate.core.effects import CallHook
from twofa_gate.core.standing import REDELIVER_AFTER, Standing, assess, login_digest, may_pass, token_of
from twofa_gate.core.verification import write_token
from twofa_gate.errors import SealError, StoreError


def stand(world: World, request: Request | None = None, **options: object) -> Standing:
    """Assess u1."""
    named = options.pop("user", user())
    return world.run(assess(world.settings, request or Request("/x"), named, **options))  # type: ignore[arg-type]  # as given


def reads(world: World) -> int:
    """How often the store was read."""
    return sum(isinstance(each, CallHook) and each.hook.name == "load" for each in world.effects)


def test_store_is_not_read_where_nothing_is_asked() -> None:
    """Where every policy is off, or excuses the token, the store isn't needed."""
    token = user(credential=Credential.TOKEN)
    for policy, named, needed in [
        (Policy(Enforcement.OFF), user(), 0),
        (Policy(Enforcement.REQUIRED, tokens=Tokens.ALLOW), token, 0),
        (Policy(Enforcement.REQUIRED, tokens=Tokens.ALLOW), user(), 1),
        (REQUIRED, token, 1),
    ]:
        world = World(Host({"office": policy}))
        world.enrolled()
        stand(world, user=named)
        assert reads(world) == needed
    world = World(Host({"office": Policy(Enforcement.OFF)}))
    world.enrolled()
    assert stand(world, with_account=True).account is not None


def test_location_that_governs() -> None:
    """A location that is given governs; else the host is asked."""
    world = World(Host({"office": REQUIRED, "lax": Policy(Enforcement.OFF)}))
    assert stand(world, Request("/lax")).ruling.decision is Decision.PASS
    assert stand(world, Request("/lax"), location="office").ruling.decision is Decision.ENROLL


def test_login_digest() -> None:
    """A login's digest is of its user too, and there is none where the host names none."""
    assert login_digest(user()) is None
    digests = {login_digest(user(name, login=login)) for name in ("u1", "u2") for login in ("a", "b")}
    assert len(digests) == 4


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "x",
        "x.y",
        f"{TOKEN}",
        f"{TOKEN}.",
        f"{TOKEN}x.{'y' * 22}",
        f"{TOKEN[:-1]}.{'y' * 22}",
        f".{TOKEN}",
        "é" * 45,
    ],
)
def test_malformed_verification_cookie(cookie: str) -> None:
    """A cookie that can be none of ours is no verification, and no error."""
    world = World()
    world.enrolled()
    request = Request("/x", cookies={world.settings.cookies.verification: cookie})
    assert token_of(world.settings, request) is None
    assert stand(world, request).ruling.decision is Decision.CHALLENGE


def test_doubled_verification_cookie_is_none() -> None:
    """Our cookie twice in a request means no verification, though both be right."""
    world = World()
    world.enrolled()
    ((name, value),) = world.verified().items()
    assert stand(world, Request("/x", headers={"cookie": f"{name}={value}"})).ruling.decision is Decision.PASS
    doubled = Request("/x", headers={"cookie": f"{name}={value}; {name}={value}"})
    assert stand(world, doubled).ruling.decision is Decision.CHALLENGE


def test_one_character_changed() -> None:
    """A token with any character changed opens nothing."""
    world = World()
    world.enrolled()
    ((name, value),) = world.verified().items()
    for place in range(len(TOKEN)):
        altered = value[:place] + ("A" if value[place] != "A" else "B") + value[place + 1 :]
        decision = stand(world, Request("/x", cookies={name: altered})).ruling.decision
        assert decision is Decision.CHALLENGE


def test_another_users_verification() -> None:
    """u2's verification opens nothing in u1's session, whatever digest stands beside it."""
    world = World()
    world.enrolled()
    world.enrolled("u2")
    ((name, value),) = world.verified("u2").items()
    for cookie in (value, write_token(TOKEN, world.settings.keys, "u1")):
        assert stand(world, Request("/x", cookies={name: cookie})).ruling.decision is Decision.CHALLENGE


def test_verification_cookie_in_anothers_place() -> None:
    """A verification's token is no trusted browser, and the other way round."""
    policy = Policy(Enforcement.REQUIRED, trust_browser_for=timedelta(days=1))
    world = World(Host({"office": policy}))
    world.enrolled()
    ours = world.settings.cookies
    made, trust = world.verified()[ours.verification], world.trusted()[ours.trust]
    swapped = Request("/x", cookies={ours.verification: trust, ours.trust: made})
    assert stand(world, swapped).ruling.decision is Decision.CHALLENGE
    assert stand(world, Request("/x", cookies={ours.trust: trust})).ruling.decision is Decision.PASS


def test_without_its_verification() -> None:
    """`use_verification=False` decides as if the request had come without one."""
    world = World()
    world.enrolled()
    request = Request("/x", cookies=world.verified())
    assert stand(world, request).ruling.decision is Decision.PASS
    assert stand(world, request, use_verification=False).ruling.decision is Decision.CHALLENGE


def test_verification_of_another_login_is_not_this_ones() -> None:
    """The standing's verification is of this login, or there is none."""
    world = World()
    world.enrolled()
    cookies = world.verified(login=login_digest(user(login="l1")))
    standing = stand(world, Request("/x", cookies=cookies), user=user(login="l1"))
    assert standing.verification is not None
    standing = stand(world, Request("/x", cookies=cookies), user=user(login="l2"))
    assert standing.verification is None


def test_fresh_reads_the_store() -> None:
    """`fresh` reads the store, whatever is remembered."""
    world = World(revocation_lag=timedelta(hours=1))
    world.enrolled()
    request = Request("/x", cookies=world.verified())
    for fresh, expected in ((False, 1), (False, 1), (True, 2)):
        stand(world, request, fresh=fresh)
        assert reads(world) == expected


def test_lost_account_is_an_alarm() -> None:
    """A token that names this user, without any account, means that the store is not the right one."""
    world = World()
    name = world.settings.cookies.verification
    with pytest.raises(StoreError, match="is it the right one"):
        stand(world, Request("/x", cookies={name: write_token(TOKEN, world.settings.keys, "u1")}))
    assert '"alarm"' in world.log[-1]
    request = Request("/x", cookies={name: write_token(TOKEN, world.settings.keys, "u2")})
    assert stand(world, request).ruling.decision is Decision.ENROLL


def test_lost_account_is_noticed_after_a_rotation() -> None:
    """The digest beside a token is read with every listed key."""
    old = World()
    value = write_token(TOKEN, old.settings.keys, "u1")
    world = World(secret_keys=["n" * 32, "k" * 32])
    with pytest.raises(StoreError):
        stand(world, Request("/x", cookies={world.settings.cookies.verification: value}))


def test_code_that_could_not_be_checked_is_not_asked_for() -> None:
    """Where a secret doesn't open, nobody is asked for a code: that is an error."""
    world = World()
    account = world.enrolled()
    other = world.settings.sealer.seal("x", b"n" * 12, user_id="u2", thing="totp/a1")
    world.put(account.but(authenticators=(account.authenticators[0].but(secret=other),)))
    with pytest.raises(SealError):
        stand(world)


def test_what_a_dead_process_left_is_delivered() -> None:
    """Events that stay in the outbox for a while are delivered by whoever reads the account next."""
    observer = Observer()
    world = World(Host(), observer)
    world.put(Account(user="u1").with_event("e1", "verified", NOW, {}))
    observer.kinds.clear()
    world.later(REDELIVER_AFTER)
    stand(world)
    assert observer.kinds == []
    world.later(0.1)
    stand(world)
    assert observer.kinds == ["verified"]
    account = world.account()
    assert account is not None
    assert account.outbox == ()


@pytest.mark.parametrize("decision", list(Decision))
def test_only_pass_and_remind_may_pass(decision: Decision) -> None:
    """On PASS and REMIND the answer may go out, and on nothing else."""
    from dataclasses import replace

    from twofa_gate.core.decision import Ruling

    world = World()
    standing = replace(stand(world), ruling=Ruling(decision))
    expected = decision in (Decision.PASS, Decision.REMIND)
    assert world.run(may_pass(world.settings, standing)) is expected
    world = World(report_only_until=datetime.fromtimestamp(NOW, UTC))
    assert world.run(may_pass(world.settings, standing)) is expected
