"""What the gate owes each request, judged by what the bare application did with the same one."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from tests.abuse.target import PRIVATE

from .grammar import Cast
from .requests import Request
from .worlds import Outcome

__all__ = ["Tally", "Verdict", "judge"]

_WITHIN = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


@dataclass(frozen=True)
class Verdict:
    """Of what kind a request was; `hit` says what the gate did wrong, if anything."""

    kind: str
    hit: str = ""


def judge(request: Request, cast: Cast, bare: Outcome, gated: Outcome) -> Verdict:
    """Judge one request by what came of it on both sides."""
    hit = _leak(request, cast, bare, gated) or _mishap(bare, gated)
    return Verdict(_kind(bare, gated), hit)


def _leak(request: Request, cast: Cast, bare: Outcome, gated: Outcome) -> str:
    """Say what was let by that must not be."""
    if gated.reached("private", "u1") or f"{PRIVATE} of u1".encode() in gated.body:
        return "a private handler was reached as u1, who has not verified"
    if gated.reached("public", "u1"):
        return "a public path was served as to u1, with credentials"
    verified = any(cast.token in value for value in request.values(b"cookie"))
    # login and logout paths keep credentials
    if not verified and (gated.reached("private", "u2") or gated.reached("public", "u2")):
        return "a handler was reached as u2 without u2's verification"
    if bare.reached("private", "u1") and any(handler == "private" for handler, _ in gated.seen):
        return "a path that is private was taken for a public one"
    return ""


def _mishap(bare: Outcome, gated: Outcome) -> str:
    """Say what the gate itself got wrong."""
    if gated.error and not (gated.seen or bare.error):
        return f"the gate raised {gated.error}"
    if gated.error and not bare.error:
        return f"behind the gate the application raised {gated.error}"
    if gated.status >= 500 and bare.status < 500 and not bare.error:
        return f"the gate answered {gated.status}"
    if any(re.search(r"[\x00-\x1f\x7f]", name + value) for name, value in gated.headers):
        return "a header of the answer holds a control character"
    for name, value in gated.headers:
        leads = name.lower() in ("location", "hx-redirect") and (name, value) not in bare.headers
        if leads and not _WITHIN.fullmatch(value):
            return f"the gate leads away, to {value!r}"
    return ""


def _kind(bare: Outcome, gated: Outcome) -> str:
    if bare.reached("private", "u1"):
        if gated.status in (303, 400, 401, 403):
            return "private as u1: refused"
        return "private as u1: a page of the gate's own"
    if bare.reached("private", "u2"):
        return "private as u2: " + ("passed" if gated.reached("private", "u2") else "refused")
    if bare.error or bare.status >= 500:
        return "the bare application failed"
    if not bare.seen:
        return "no handler of the bare application"
    handler, user = bare.seen[-1]
    who = "nobody" if user is None else "somebody"
    return f"{handler} as {who}: " + ("passed" if gated.seen else "refused")


@dataclass
class Tally:
    """Counts of what was tried, and the hits."""

    inputs: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    hits: list[str] = field(default_factory=list)

    def add(self, verdict: Verdict, where: str) -> None:
        """Count one verdict; `where` tells how to have it again."""
        self.inputs += 1
        self.kinds[verdict.kind] += 1
        if verdict.hit:
            self.hits.append(f"{verdict.hit}\n{where}")

    @property
    def reached(self) -> int:
        """How many requests reached a private handler of the bare application as the one who must not pass."""
        return sum(count for kind, count in self.kinds.items() if kind.startswith("private as u1"))

    def merge(self, other: Tally) -> None:
        """Take in what another run counted."""
        self.inputs += other.inputs
        self.kinds += other.kinds
        self.hits += other.hits

    def lines(self) -> list[str]:
        """Say it in lines."""
        share = 100 * self.reached / max(self.inputs, 1)
        told = [f"inputs {self.inputs}, reached a private handler bare as u1 {self.reached} ({share:.0f} %)"]
        told += [f"  {count:>9}  {kind}" for kind, count in sorted(self.kinds.items())]
        return [*told, f"hits {len(self.hits)}", *self.hits[:20]]
