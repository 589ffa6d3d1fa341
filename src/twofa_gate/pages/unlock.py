"""The page on which the owner of a locked account unlocks it by three codes in a row."""

from __future__ import annotations

import re

from twofa_gate.core import management
from twofa_gate.core.answer import Answer
from twofa_gate.core.effects import Flow
from twofa_gate.core.refusal import redirect
from twofa_gate.pages.forms import text_field
from twofa_gate.pages.rendering import render
from twofa_gate.pages.visit import Visit

__all__ = ["show", "submit"]


def show(visit: Visit, *, error: str | None = None, status: int = 200) -> Flow[Answer]:
    """Show the form."""
    yield from ()
    return render(visit, "unlock.html", status=status, context={"error": error})


def submit(visit: Visit) -> Flow[Answer]:
    """Take three codes; a right row unlocks, and is no verification."""
    typed = [re.sub(r"[ \t-]", "", text_field(visit.fields, name)) for name in ("code1", "code2", "code3")]
    if not all(re.fullmatch(r"[0-9]{6}|[0-9]{8}", code) for code in typed):
        return (yield from show(visit, error="malformed", status=400))
    row = (typed[0], typed[1], typed[2])
    if (yield from management.unlock(visit.settings, visit.user.id, row, visit.known)) is not True:
        return (yield from show(visit, error="wrong", status=403))
    return redirect(visit.url("/challenge"), *visit.cookies)
