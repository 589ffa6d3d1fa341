"""Pages about a form that was refused: the challenge that carries it, the one that sends it on, and what is told."""

from __future__ import annotations

from types import SimpleNamespace

from twofa_gate.core import kept_form, returning
from twofa_gate.core.answer import Answer
from twofa_gate.core.cookies import Header
from twofa_gate.core.effects import Flow, ReadClock, perform
from twofa_gate.core.kept_form import KEPT_SECONDS, MAX_SEALED, Kept, Lost, Sending
from twofa_gate.core.sending import marked
from twofa_gate.core.settings import Settings
from twofa_gate.core.standing import Standing
from twofa_gate.core.words import Text
from twofa_gate.pages.forms import MAX_BODY
from twofa_gate.pages.language import choose
from twofa_gate.pages.rendering import message, render
from twofa_gate.pages.visit import Visit, open_visit
from twofa_gate.request import GateRequest

__all__ = ["already", "challenge_page", "gone", "limit", "of", "offer", "over", "shown"]


def challenge_page(
    settings: Settings,
    request: GateRequest,
    standing: Standing,
    kept: Kept,
    signed: str,
    browser: str,
) -> Flow[Answer]:
    """Answer a refused POST by the challenge, with its form sealed into the page."""
    from twofa_gate.pages import challenge

    sealed = yield from kept_form.seal_kept(settings, kept, standing.user, browser)
    back = returning.Return(kept.back, standing.location)
    language = yield from choose(settings, request, standing.user)
    user, now, fields = standing.user, standing.clock.now, {"form": sealed}
    visit = Visit(settings, request, user, standing, signed, back, browser, now, (), fields, language)
    return (yield from challenge.show(visit, status=403))


def limit(settings: Settings, request: GateRequest) -> Flow[int]:
    """Tell how long the body of an answer to the challenge may be: longer only where the page carries a form."""
    now = (yield from perform(ReadClock())).now
    carries = kept_form.carries_kept(settings, request.query.get("form"), now)
    return MAX_BODY + MAX_SEALED if carries else MAX_BODY


def of(visit: Visit) -> Kept | Lost | None:
    """Return the form that a visit carries, or why it was lost."""
    sealed = visit.fields.get("form")
    if isinstance(sealed, str) and sealed:
        opened = kept_form.open_kept(visit.settings, sealed, visit.user, visit.browser, visit.now)
        return Lost.GONE if opened is None else opened
    return kept_form.lost_of(visit.settings, visit.request.query.get("form"), visit.now)


def shown(visit: Visit, form: Kept | Lost | None) -> SimpleNamespace:
    """Tell a template about the form that a visit carries."""
    hint = "" if form is None else kept_form.sign_hint(visit.settings, _lost(form), visit.now)
    sealed = visit.fields["form"] if isinstance(form, Kept) else None
    lost = form.value if isinstance(form, Lost) else None
    left = int(form.at + KEPT_SECONDS - visit.now) if isinstance(form, Kept) else 0
    return SimpleNamespace(hint=hint, sealed=sealed, lost=lost, left=max(1, left))


def _lost(form: Kept | Lost) -> Lost | None:
    return form if isinstance(form, Lost) else None


def offer(visit: Visit, kept: Kept, *headers: Header, next_url: str | None = None) -> Answer:
    """Say what will be sent where, with one button that sends it.

    `next_url`: where to go first, if the code that was given does not count at the location.
    """
    known = kept_form.sent_already(visit.account, kept)
    if known is Sending.ALREADY:
        return _already(visit, kept).with_headers(*headers)
    if known is not None:
        return over(visit, *headers)
    fields = [
        SimpleNamespace(name=name, value=value, hidden=bool(value) and kept_form.hides(name))
        for name, value in kept_form.fields_of(kept.body)
    ]
    context = {
        "form": shown(visit, kept),
        "field": kept_form.FIELD,
        "action": marked(kept.target),
        "target": kept.target,
        "fields": fields,
        "back": kept.back,
        "first": next_url,
    }
    return render(visit, "kept_form.html", *headers, context=context)


def over(visit: Visit, *headers: Header) -> Answer:
    """Say that a form is not kept any more, or was never this visitor's."""
    paragraphs = [
        Text(
            "Nothing was sent. A form is kept for ten minutes, and for the browser and sign-in it came from."
        ),
        Text("Go back to the page where you filled it in, and send it again."),
    ]
    actions = [(Text("Continue"), visit.back.address)]
    heading = Text("Your form was not kept")
    told = message(visit.settings, visit.base, heading, paragraphs, status=403, actions=actions, visit=visit)
    return told.with_headers(*headers)


def _already(visit: Visit, kept: Kept) -> Answer:
    paragraphs = [
        Text("It was sent to %(address)s, and it is sent only once.", address=kept.target),
        Text("Look there to see what became of it."),
    ]
    actions = [(Text("Continue"), kept.back)]
    heading = Text("Your form was already sent")
    return message(visit.settings, visit.base, heading, paragraphs, status=409, actions=actions, visit=visit)


def gone(settings: Settings, request: GateRequest) -> Flow[Answer]:
    """Answer somebody who would send what is not kept for them."""
    visit = yield from open_visit(settings, request, {})
    return visit if isinstance(visit, Answer) else over(visit)


def already(settings: Settings, request: GateRequest, kept: Kept) -> Flow[Answer]:
    """Answer somebody who would send a form once more."""
    visit = yield from open_visit(settings, request, {})
    return visit if isinstance(visit, Answer) else _already(visit, kept)
