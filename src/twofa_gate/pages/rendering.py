"""Rendering pages from templates: the built-in ones, or those of the host's folder that override them."""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

from twofa_gate.core.answer import Answer
from twofa_gate.core.cookies import Header
from twofa_gate.core.refusal import SECURITY_HEADERS, plain_answer
from twofa_gate.core.settings import Settings
from twofa_gate.core.words import Text
from twofa_gate.pages import service
from twofa_gate.pages.language import ENGLISH, Language, speaking
from twofa_gate.pages.visit import CSRF_PURPOSES, Visit

__all__ = ["fragment", "mail", "message", "render"]

_log = logging.getLogger("twofa_gate")


@cache
def _environment(folder: str | None) -> Environment:
    built_in = PackageLoader("twofa_gate.pages", "templates")
    loader = ChoiceLoader([FileSystemLoader(folder), built_in]) if folder else built_in
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, auto_reload=False
    )


def _page_context(settings: Settings, base: str, language: Language) -> dict[str, Any]:
    return {
        "_": language.gettext,
        "ngettext": language.ngettext,
        "say": language.say,
        "number": language.number,
        "when": language.moment,
        "lang": language.tag,
        "dir": language.direction,
        "issuer": settings.issuer,
        "brand": settings.brand,
        "base": base,
        "static": partial(service.address, settings, base),
        "user_label": None,
        "next": "",
        "server_clock": False,
        "clock_after": None,
        "csrf": SimpleNamespace(**dict.fromkeys(CSRF_PURPOSES, "")),
        "links": SimpleNamespace(
            login_url=settings.links.login_url,
            logout_url=settings.links.logout_url,
            support=settings.links.support,
            can_sign_out=bool(settings.session_cookies),
        ),
    }


class _Tokens:
    """A token for each purpose of a visit, made when a template first asks for it: a page has one or two of them."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    def __getattr__(self, purpose: str) -> str:
        if purpose not in CSRF_PURPOSES:
            raise AttributeError(purpose)
        token = self.__dict__[purpose] = self._visit.csrf(purpose)
        return token


def _visit_context(visit: Visit) -> dict[str, Any]:
    return {
        **_page_context(visit.settings, visit.base, speaking(visit.language)),
        "user_label": visit.user.label,
        "next": visit.next,
        "server_clock": _suspects_clock(visit),
        "clock_after": partial(_clock_after, visit),
        "csrf": _Tokens(visit),
    }


def _suspects_clock(visit: Visit) -> bool:
    """Whether the server's clock is under suspicion; the visitor's own codes don't count, so they tell nothing."""
    monotonic = visit.standing.clock.monotonic
    return visit.settings.server_clock.suspicion(monotonic, but=visit.user.id) is not None


def _clock_after(visit: Visit, seconds: int) -> str:
    """Say at what time of day that many seconds will have passed: to the minute, and not too early."""
    whole = math.ceil((visit.now + seconds) / 60) * 60
    return speaking(visit.language).clock(datetime.fromtimestamp(whole, UTC))


def _answer(
    settings: Settings, template: str, status: int, context: dict[str, Any], headers: tuple[Header, ...]
) -> Answer:
    try:
        body = _environment(settings.templates).get_template(template).render(context).encode()
    except Exception:  # a host's template may fail in any way; it must not take the gate with it
        _log.exception("The template %s failed; a built-in answer was sent instead.", template)
        told = context["say"](Text("This page is unavailable right now."))
        return plain_answer(status if status >= 400 else 503, f"{told}\n", *headers)
    kind = ("Content-Type", "text/html; charset=utf-8")
    length = ("Content-Length", str(len(body)))
    return Answer(status, (kind, length, *SECURITY_HEADERS, *headers), body)


def fragment(
    settings: Settings,
    folder: str | None,
    template: str,
    base: str,
    context: dict[str, Any],
    language: Language,
) -> str:
    """Render a part of a page of the host. Raises whatever the template does."""
    everything = {**_page_context(settings, base, language), **context}
    return _environment(folder).get_template(template).render(everything)


def mail(context: dict[str, Any], language: Language) -> str:
    """Render a mail to a person."""
    spoken = {"lang": language.tag, "dir": language.direction}
    return _environment(None).get_template("mail/notification.html").render({**spoken, **context})


def render(
    visit: Visit, template: str, *headers: Header, status: int = 200, context: dict[str, Any]
) -> Answer:
    """Render a page of a visit. If the template fails, a built-in answer is given instead."""
    everything = {**_visit_context(visit), **context}
    return _answer(visit.settings, template, status, everything, (*visit.cookies, *headers))


def message(
    settings: Settings,
    base: str,
    heading: Text,
    paragraphs: list[Text],
    *,
    status: int,
    actions: list[tuple[Text, str]] | None = None,
    visit: Visit | None = None,
    language: str = ENGLISH,
) -> Answer:
    """Render a page that only says something; `actions` are labels and URLs, the first being the main one.

    `language` is for a page without a visit, which has its own.
    """
    spoken = speaking(language if visit is None else visit.language)
    context = _page_context(settings, base, spoken) if visit is None else _visit_context(visit)
    context |= {
        "heading": spoken.say(heading),
        "paragraphs": [spoken.say(each) for each in paragraphs],
        "actions": [
            SimpleNamespace(label=spoken.say(label), url=url, primary=index == 0)
            for index, (label, url) in enumerate(actions or [])
        ],
    }
    return _answer(settings, "message.html", status, context, visit.cookies if visit else ())
