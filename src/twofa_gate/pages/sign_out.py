"""The button "Sign out" on the gate's pages: expires the host's session cookies and our verification."""

from __future__ import annotations

from twofa_gate.core import cookies, management
from twofa_gate.core.answer import Answer
from twofa_gate.core.effects import Flow
from twofa_gate.core.refusal import FORGET_PAGES, redirect
from twofa_gate.core.standing import token_of
from twofa_gate.core.verification import digest
from twofa_gate.core.words import Text
from twofa_gate.pages.rendering import message
from twofa_gate.pages.visit import Visit

__all__ = ["submit"]


def submit(visit: Visit) -> Flow[Answer]:
    """Sign this browser out."""
    settings = visit.settings
    token = token_of(settings, visit.request)
    if token is not None:
        yield from management.end_own(settings, visit.user.id, digest(token.token))
    ended = [
        cookies.expire_host_cookie(each, secure=settings.cookies.secure) for each in settings.session_cookies
    ]
    ended.append(cookies.expire(settings.cookies, settings.cookies.verification))
    ended.append(FORGET_PAGES)
    if settings.links.login_url:
        return redirect(settings.links.login_url, *ended)
    paragraphs = [Text("You are signed out in this browser.")]
    heading = Text("Signed out")
    said = message(settings, visit.base, heading, paragraphs, status=200, language=visit.language)
    return said.with_headers(*ended)
