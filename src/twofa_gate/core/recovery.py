"""Recovery codes: ten, of 120 bits each, single use, stored as salted SHA-256 and sealed."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from twofa_gate.core.document import Part
from twofa_gate.core.effects import DrawRandom, Flow, perform
from twofa_gate.core.sealing import NONCE_BYTES, Sealer

__all__ = ["CODES", "RecoverySet", "canonical", "draw_set", "find", "reseal"]

CODES = 10
CODE_BYTES = 15
GROUP = 6
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U."""
_LENGTH = CODE_BYTES * 8 // 5
_ALIASES = str.maketrans("ILO", "110")


@dataclass(frozen=True, kw_only=True)
class RecoverySet(Part):
    """The unused codes of one set: `salt` in hex, and the sealed hash of each code."""

    id: str
    salt: str
    codes: tuple[str, ...]
    made: float


def canonical(typed: str) -> str | None:
    """Return the canonical form of a code without blanks and hyphens, or `None` if it can't be one."""
    code = typed.upper().translate(_ALIASES)
    return code if len(code) == _LENGTH and all(letter in _ALPHABET for letter in code) else None


def _encode(raw: bytes) -> str:
    number = int.from_bytes(raw, "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range((_LENGTH - 1) * 5, -1, -5))


def _hash(salt: str, code: str) -> str:
    return hashlib.sha256(bytes.fromhex(salt) + code.encode()).hexdigest()


def _thing(set_id: str) -> str:
    return f"recovery/{set_id}"


def draw_set(sealer: Sealer, user_id: str, now: float) -> Flow[tuple[RecoverySet, list[str]]]:
    """Make a new set; return it with the codes as they are shown to their owner, once."""
    set_id = (yield from perform(DrawRandom(8))).hex()
    salt = (yield from perform(DrawRandom(16))).hex()
    shown: list[str] = []
    sealed: list[str] = []
    for _ in range(CODES):
        code = _encode((yield from perform(DrawRandom(CODE_BYTES))))
        nonce = yield from perform(DrawRandom(NONCE_BYTES))
        sealed.append(sealer.seal(_hash(salt, code), nonce, user_id=user_id, thing=_thing(set_id)))
        shown.append("-".join(code[at : at + GROUP] for at in range(0, _LENGTH, GROUP)))
    return RecoverySet(id=set_id, salt=salt, codes=tuple(sealed), made=now), shown


def find(recovery: RecoverySet, code: str, sealer: Sealer, user_id: str) -> int | None:
    """Return the index of a code in the set, or `None`. All are opened and compared, whichever is right.

    Raises `SealError` if one does not open.
    """
    wanted = _hash(recovery.salt, code).encode()
    found = None
    for index, sealed in enumerate(recovery.codes):
        stored = sealer.open(sealed, user_id=user_id, thing=_thing(recovery.id))
        if hmac.compare_digest(stored.encode(), wanted):
            found = index
    return found


def reseal(recovery: RecoverySet, sealer: Sealer, user_id: str) -> Flow[RecoverySet]:
    """Seal every hash of the set anew with the newest key."""
    codes: list[str] = []
    for sealed in recovery.codes:
        text = sealer.open(sealed, user_id=user_id, thing=_thing(recovery.id))
        nonce = yield from perform(DrawRandom(NONCE_BYTES))
        codes.append(sealer.seal(text, nonce, user_id=user_id, thing=_thing(recovery.id)))
    return recovery.but(codes=tuple(codes))
