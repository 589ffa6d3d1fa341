"""What a demand for a fresh code answers when the request can't be understood any more."""

from __future__ import annotations

from werkzeug.test import create_environ

from tests.core.stepping import KEY
from twofa_gate import BadRequest, Enforcement, Gate, GateRequest, Policy, User, hookimpl
from twofa_gate.adapters.performing import run
from twofa_gate.adapters.wsgi_request import WSGIRequest
from twofa_gate.core.answer import Source
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
