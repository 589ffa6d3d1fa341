"""A demand for a fresh code, step by step: what is good enough, what is answered, and what is on the record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.test import create_environ

from tests.core.stepping import KEY, NOW, Host, Request, Sabotage, World, user
from twofa_gate import BadRequest, Decision, Enforcement, Gate, GateRequest, Method, Policy, User, hookimpl
from twofa_gate.adapters.performing import run
from twofa_gate.adapters.wsgi_request import WSGIRequest
from twofa_gate.core.answer import Answer, Source
from twofa_gate.core.returning import Demand
from twofa_gate.core.step_up import demand_verification
from twofa_gate.stores.memory import MemoryStore


class Lost:
    """Knows nobody, and can't tell where a request is heading."""

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`."""
        return None

    @hookimpl
    def locate(self, request: GateRequest, user: User) -> str:
        """See `HostHooks.locate`."""
        raise BadRequest("This host name is not served here.", status=421)


def test_a_bad_request_is_answered_as_one() -> None:
    """What a hook refuses as malformed is answered so, and the application does not go on."""
    gate = Gate(
        secret_keys=[KEY], issuer="Acme", policy=Policy(Enforcement.REQUIRED), plugins=[Lost(), MemoryStore()]
    )
    source = Source(gate.settings, WSGIRequest(create_environ("/vault")))
    answer = run(demand_verification(source, User("u1", "u1"), None, Demand(300.0)))
    assert answer is not None
    assert answer.status == 421


TOTP_ONLY = Policy(Enforcement.REQUIRED, methods=frozenset({Method.TOTP}))
OFF_TOTP_ONLY = Policy(Enforcement.OFF, methods=frozenset({Method.TOTP}))


def demanded(
    world: World, cookies: dict[str, str], demand: Demand, how: Sabotage | None = None
) -> Answer | None:
    """Demand a fresh code of u1, as the application does that serves `/office`."""
    source = Source(world.settings, Request("/office", cookies=world.cookies(cookies)))
    flow = demand_verification(source, user("u1"), "office", demand)
    return world.run(flow, how.perform if how else None)


def told(world: World) -> dict[str, Any]:
    """Give the last event that was logged."""
    event: dict[str, Any] = json.loads(world.log[-1])
    return event


@pytest.mark.parametrize(
    ("policy", "method", "good"),
    [
        (TOTP_ONLY, "totp", True),
        (TOTP_ONLY, "recovery_code", False),
        (OFF_TOTP_ONLY, "recovery_code", True),
        (Policy(Enforcement.REQUIRED), "recovery_code", True),
    ],
)
def test_what_the_policy_takes_is_good_enough(policy: Policy, method: str, good: bool) -> None:
    """A demand that names no methods goes by those of the policies that ask for anything at all."""
    world = World(Host({"office": policy}))
    world.enrolled()
    cookies = world.verified(method=method)
    assert (demanded(world, cookies, Demand(300.0)) is None) is good


def test_a_demand_that_refuses_is_on_the_record() -> None:
    """The event names the user, the decision, the location, and that the application asked."""
    world = World()
    world.enrolled()
    cookies = world.verified(at=NOW - 301)
    answer = demanded(world, cookies, Demand(300.0))
    assert answer is not None
    line = told(world)
    assert (line["event"], line["user"]) == ("refused", "u1")
    facts = (line["decision"], line["location"], line["why"])
    assert facts == (Decision.CHALLENGE.value, "office", "step-up")


def test_a_demand_of_who_has_not_set_up_says_so() -> None:
    """Where the location itself sends somebody to set up, the event has that decision."""
    world = World()
    assert demanded(world, {}, Demand(300.0)) is not None
    assert told(world)["decision"] == Decision.ENROLL.value


def test_a_demand_that_fails_is_on_the_record_and_refuses() -> None:
    """Where something fails, the answer is 503, and the event says whose request it was, and what failed."""
    world = World()
    world.enrolled()
    answer = demanded(world, world.verified(), Demand(300.0), Sabotage(world, 0))
    assert answer is not None
    assert answer.status == 503
    line = told(world)
    assert (line["event"], line["user"], line["moment"]) == ("unavailable", "u1", "step-up")
    assert "failed on purpose" in line["error"]


def test_a_demand_that_fails_for_nobody_refuses() -> None:
    """Nobody's failure, which can't even be told, is 503 as well."""
    world = World()
    source = Source(world.settings, Request("/office", query="x"))
    everything = Sabotage(world, 0)
    everything.how = type(everything.how).ALL_FROM_HERE
    answer = world.run(demand_verification(source, user("u1"), None, Demand(300.0)), everything.perform)
    assert answer is not None
    assert answer.status == 503
