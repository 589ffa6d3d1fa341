"""The banner in the host's pages, and the form in it that hides it for this login."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from twofa_gate.core import notice, returning
from twofa_gate.core.answer import Answer, Reminder
from twofa_gate.core.browser import browser_of, draw_browser
from twofa_gate.core.cookies import Header
from twofa_gate.core.effects import Flow
from twofa_gate.core.notice import hours_between
from twofa_gate.core.refusal import redirect
from twofa_gate.core.settings import Settings
from twofa_gate.core.standing import Standing
from twofa_gate.pages import rendering
from twofa_gate.pages.language import ENGLISH, Language, choose, speaking
from twofa_gate.pages.visit import Visit, csrf_token
from twofa_gate.request import GateRequest

__all__ = ["banner_for", "submit"]

_log = logging.getLogger("twofa_gate")


def banner_for(
    settings: Settings, request: GateRequest, standing: Standing
) -> Flow[tuple[bytes, tuple[Header, ...]]]:
    """Give the banner as ASCII, and the cookies that a page with it sets."""
    reminder = notice.reminder_of(settings, request, standing)
    if reminder is None:
        raise ValueError("There is nothing to remind this user of.")
    headers: tuple[Header, ...] = ()
    browser = browser_of(settings, request)
    if browser is None:
        browser, header = yield from draw_browser(settings)
        headers = (header,)
    now = standing.clock.now
    language = speaking((yield from choose(settings, request, standing.user)))
    if language.tag != ENGLISH:
        reminder = _translated(reminder, language, now)
    address = returning.address_of(settings, request)
    context = {
        "reminder": reminder,
        "place_html": _strong(notice.place(settings, standing.location)),
        "date_html": _time(reminder),
        "next": returning.sign_return(settings, address, standing.location, now),
        "csrf": csrf_token(settings, standing, browser, "banner", now),
    }
    markup = _render(settings, f"{request.prefix}{settings.mount}", context, language)
    return markup.encode("ascii", "xmlcharrefreplace"), headers


def _translated(reminder: Reminder, language: Language, now: float) -> Reminder:
    """Say the words of a reminder that the banner shows in another language."""
    days, hours = reminder.days_left, hours_between(reminder.cutoff.timestamp() - now)
    if reminder.last_day:
        left = language.ngettext("less than %(n)s hour left", "less than %(n)s hours left", hours)
    else:
        left = language.ngettext("%(n)s day left", "%(n)s days left", days)
    told = left % {"n": language.number(hours if reminder.last_day else days)}
    return replace(reminder, left=told, date=language.moment(reminder.cutoff, weekday=True))


def _strong(text: str) -> Markup:
    return Markup('<strong dir="auto">{}</strong>').format(text)


def _time(reminder: Reminder) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(reminder.cutoff.isoformat(), reminder.date)


def _render(settings: Settings, base: str, context: dict[str, Any], language: Language) -> str:
    try:
        return rendering.fragment(settings, settings.templates, "banner.html", base, context, language)
    except Exception:  # a host's template may fail in any way; the page is to come all the same
        _log.exception("The template banner.html failed; the built-in one was used instead.")
        return rendering.fragment(settings, None, "banner.html", base, context, language)


def submit(visit: Visit) -> Flow[Answer]:
    """Hide the banner for this login, and go back to the page."""
    yield from ()
    hiding = notice.hiding_cookie(visit.settings, visit.standing)
    return redirect(visit.back.address, *visit.cookies, hiding)
