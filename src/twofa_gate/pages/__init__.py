"""The gate's own pages: which one answers a request, and what it demands before it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any

from twofa_gate.core.answer import Answer
from twofa_gate.core.effects import Flow
from twofa_gate.core.refusal import redirect, spoken_answer
from twofa_gate.core.settings import Settings
from twofa_gate.core.words import Text
from twofa_gate.pages import (
    account,
    api,
    banner,
    challenge,
    disable,
    enroll,
    forms,
    kept_form,
    recovery_codes,
    service,
    sign_out,
    unlock,
)
from twofa_gate.pages.visit import Visit, open_visit
from twofa_gate.request import GateRequest

__all__ = ["dispatch"]


class Demand(Enum):
    """What a page demands of a user who has set up."""

    NOTHING = auto()
    VERIFIED = auto()


@dataclass(frozen=True, slots=True)
class Page:
    """A page: `purpose` names its form for CSRF; `show` answers GET and `submit` POST."""

    purpose: str
    show: Callable[..., Flow[Answer]] | None
    submit: Callable[[Visit], Flow[Answer]] | None
    demand: Demand = Demand.VERIFIED

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that the page answers."""
        return (("GET", "HEAD") if self.show else ()) + (("POST",) if self.submit else ())


_PAGES = {
    "/": Page("account", account.show, None),
    "/challenge": Page("challenge", challenge.show, challenge.submit, Demand.NOTHING),
    "/enroll": Page("enroll", enroll.show, enroll.submit),
    "/recovery-codes": Page("recovery_codes", recovery_codes.show, recovery_codes.submit),
    "/disable": Page("disable", disable.show, disable.submit),
    "/browsers": Page("browsers", None, account.submit_browsers),
    "/banner": Page("banner", None, banner.submit, Demand.NOTHING),
    "/unlock": Page("unlock", unlock.show, unlock.submit, Demand.NOTHING),
    "/sign-out": Page("sign_out", None, sign_out.submit, Demand.NOTHING),
}


def dispatch(settings: Settings, request: GateRequest, path: str) -> Flow[Answer]:
    """Answer a request for a path below the mount."""
    if path.startswith("/api/v1/"):
        return (yield from api.dispatch(settings, request, path.removeprefix("/api/v1")))
    service_answer = yield from _service(settings, request, path)
    if service_answer is not None:
        return service_answer
    page = _find(path)
    if page is None:
        return spoken_answer(request, 404, Text("There is no such page."))
    if request.method not in page.methods:
        return _not_allowed(request, page.methods)
    fields: dict[str, Any] = {}
    if request.method == "POST":
        limit = forms.MAX_BODY
        if path == "/challenge" and request.query_string:
            limit = yield from kept_form.limit(settings, request)
        fields = yield from forms.read_form(settings, request, limit)
    visit = yield from open_visit(settings, request, fields)
    return visit if isinstance(visit, Answer) else (yield from _serve(page, visit))


def _find(path: str) -> Page | None:
    head, _, rest = path.removeprefix("/").partition("/")
    if head == "authenticators" and rest and "/" not in rest:
        return Page("authenticators", None, partial(account.submit_authenticator, authenticator_id=rest))
    if head == "locations" and rest:
        from twofa_gate.pages import location_routes  # most gates have none of these pages

        found = location_routes.find(rest)
        return None if found is None else Page(*found)
    return _PAGES.get(path)


def _service(settings: Settings, request: GateRequest, path: str) -> Flow[Answer | None]:
    """Answer what needs no user, if it is that."""
    if path == "":
        return redirect(f"{request.prefix}{settings.mount}/")
    is_static = path.startswith("/static/")
    if not is_static and path != "/health":
        return None
    if request.method not in ("GET", "HEAD"):
        return _not_allowed(request, ("GET", "HEAD"))
    if is_static:
        found = service.static(settings, path.removeprefix("/static/"), request.query.get("v"))
        return found or spoken_answer(request, 404, Text("There is no such file."))
    return (yield from service.health(settings))


def _not_allowed(request: GateRequest, methods: tuple[str, ...]) -> Answer:
    told = Text("This page does not answer that method.")
    return spoken_answer(request, 405, told, ("Allow", ", ".join(methods)))


def _serve(page: Page, visit: Visit) -> Flow[Answer]:
    posted = visit.request.method == "POST"
    admitted = visit.verified or not visit.account.enrolled
    if posted and not visit.holds_csrf(page.purpose, forms.text_field(visit.fields, "csrf", limit=1000)):
        if page.show is not None and (admitted or page.demand is Demand.NOTHING):
            return (yield from page.show(visit, error="stale", status=403))
        again = account.show if admitted else challenge.show
        return (yield from again(visit, error="stale", status=403))
    if page.demand is Demand.VERIFIED and not visit.may_manage:
        told = Text("An API token can't manage two-factor authentication: sign in as a person.")
        return spoken_answer(visit.request, 403, told)
    if page.demand is Demand.VERIFIED and not admitted:
        if posted:
            # Whoever sends the last page of setting up twice is here with the second one, still without the cookie.
            error = "enabled" if page.purpose == "enroll" and "code" in visit.fields else None
            return (yield from challenge.show(visit, error=error, status=403))
        return redirect(visit.leading_to(_address(visit)).url("/challenge"), *visit.cookies)
    answer = page.submit if posted else page.show
    if answer is None:
        return spoken_answer(visit.request, 404, Text("There is no such page."))
    return (yield from answer(visit))


def _address(visit: Visit) -> str:
    """Return where a challenge in front of one of our pages leads: to that page."""
    path = visit.request.decoded_path[len(visit.settings.mount) :]
    # Who was sent to set up, and has done so in another tab, is heading for the application.
    return visit.back.address if path == "/enroll" and visit.next else f"{visit.base}{path}"
