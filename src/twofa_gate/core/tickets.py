"""Tickets: what setting up takes where a location closes the hole that otherwise whoever has the password goes first.

A ticket is short, so that it can be read out on the phone; it holds for a few days, once, for one named user,
and wrong ones are counted like wrong codes. The store has only a sealed hash of it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import NamedTuple

from twofa_gate.core.account import Account, Ticket
from twofa_gate.core.decision import NamedPolicy, is_vouched
from twofa_gate.core.effects import DrawRandom, Flow, perform
from twofa_gate.core.sealing import NONCE_BYTES, Sealer
from twofa_gate.errors import BadRequest
from twofa_gate.model import Enforcement, Enrollment

__all__ = ["TICKET_SECONDS", "DrawnTicket", "canonical", "demanded", "draw", "matches", "reseal"]

TICKET_SECONDS = 7 * 86400
TICKET_BYTES = 5
"""40 bits: the budget of attempts allows 100 guesses in 30 days."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALIASES = str.maketrans("OIL", "011")
_TICKET = re.compile(f"[{_ALPHABET}]{{8}}")


class DrawnTicket(NamedTuple):
    """A ticket for the account, and the text that is handed over, once."""

    ticket: Ticket
    shown: str


def _thing(ticket_id: str) -> str:
    return f"ticket/{ticket_id}"


def _hash(salt: str, text: str) -> str:
    return hashlib.sha256(bytes.fromhex(salt) + text.encode()).hexdigest()


def canonical(typed: str) -> str:
    """Return a typed ticket without blanks and hyphens. Raises `BadRequest` if it can't be one."""
    if len(typed) <= 32 and typed.isascii():
        compact = re.sub(r"[ \t-]", "", typed).upper().translate(_ALIASES)
        if _TICKET.fullmatch(compact):
            return compact
    raise BadRequest("Enter the ticket that you were given: eight letters and digits.")


def draw(sealer: Sealer, user_id: str, now: float, seconds: float = TICKET_SECONDS) -> Flow[DrawnTicket]:
    """Draw a ticket for one user."""
    ticket_id = (yield from perform(DrawRandom(8))).hex()
    salt = (yield from perform(DrawRandom(16))).hex()
    number = int.from_bytes((yield from perform(DrawRandom(TICKET_BYTES))))
    nonce = yield from perform(DrawRandom(NONCE_BYTES))
    text = "".join(_ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))
    sealed = sealer.seal(_hash(salt, text), nonce, user_id=user_id, thing=_thing(ticket_id))
    ticket = Ticket(id=ticket_id, salt=salt, code=sealed, until=now + seconds)
    return DrawnTicket(ticket, f"{text[:4]}-{text[4:]}")


def matches(sealer: Sealer, account: Account, typed: str, now: float) -> bool:
    """Whether a canonical ticket is the account's, and still holds."""
    ticket = account.ticket
    if ticket is None:
        return False
    stored = sealer.open(ticket.code, user_id=account.user, thing=_thing(ticket.id))
    right = hmac.compare_digest(stored.encode(), _hash(ticket.salt, typed).encode())
    return right and now < ticket.until


def demanded(policies: Iterable[NamedPolicy], account: Account) -> bool:
    """Whether this account takes a ticket before it takes an authenticator that counts."""
    asking = [
        each.policy
        for each in policies
        if each.policy.enforcement is not Enforcement.OFF and each.policy.enrollment is Enrollment.TICKET
    ]
    return any(not account.enrolled or not is_vouched(policy, account) for policy in asking)


def reseal(ticket: Ticket, sealer: Sealer, user_id: str) -> Flow[Ticket]:
    """Seal the hash anew with the newest key."""
    text = sealer.open(ticket.code, user_id=user_id, thing=_thing(ticket.id))
    nonce = yield from perform(DrawRandom(NONCE_BYTES))
    return ticket.but(code=sealer.seal(text, nonce, user_id=user_id, thing=_thing(ticket.id)))
