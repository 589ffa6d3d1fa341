"""One visit of one of the gate's own pages: who, where they stand, and what their forms are tied to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from twofa_gate.core import cookies, refusal, returning
from twofa_gate.core.account import Account
from twofa_gate.core.answer import Answer
from twofa_gate.core.asking import identify
from twofa_gate.core.browser import browser_of, draw_browser, is_known, known_cookie
from twofa_gate.core.challenge import Passage, draw_passage
from twofa_gate.core.decision import is_alive
from twofa_gate.core.effects import Flow, ReadClock, perform
from twofa_gate.core.problems import Problem
from twofa_gate.core.settings import Settings
from twofa_gate.core.standing import Standing, assess, token_of
from twofa_gate.core.verification import digest, write_token
from twofa_gate.core.words import Text
from twofa_gate.model import Credential, Enforcement, User
from twofa_gate.pages.language import ENGLISH, choose
from twofa_gate.request import GateRequest

__all__ = [
    "CSRF_PURPOSES",
    "FRESH_SECONDS",
    "Visit",
    "anonymous",
    "csrf_token",
    "open_visit",
    "passage_cookies",
]

FRESH_SECONDS = 300
"""Managing the second factor needs a verification by code in the last five minutes."""

CSRF_SECONDS = 12 * 3600
CSRF_PURPOSES = (
    "challenge",
    "enroll",
    "recovery_codes",
    "disable",
    "authenticators",
    "browsers",
    "sign_out",
    "unlock",
)


@dataclass(frozen=True, slots=True)
class Visit:
    """A user on one of our pages.

    `next` is the signed parameter as it came, and `back` what it says; `browser` the browser's random name,
    `cookies` the headers that any answer sets, and `language` the tag of the page's language.
    """

    settings: Settings
    request: GateRequest
    user: User
    standing: Standing
    next: str
    back: returning.Return
    browser: str
    now: float
    cookies: tuple[cookies.Header, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    language: str = ENGLISH

    @property
    def account(self) -> Account:
        """The account; an empty one where there is none."""
        return self.standing.account or Account(user=self.user.id)

    @property
    def seen(self) -> tuple[Account, str] | None:
        """The account and its version, for a change of what this request has read."""
        account, version = self.standing.account, self.standing.version
        return None if account is None or version is None else (account, version)

    @property
    def base(self) -> str:
        """The URL of the mount, with the host's prefix."""
        return f"{self.request.prefix}{self.settings.mount}"

    @property
    def known(self) -> bool:
        """Whether this browser verified as this user before, and so has its own lane of attempts."""
        return is_known(self.settings, self.request, self.user.id, self.now)

    @property
    def verified(self) -> bool:
        """Whether this browser may see and manage the account: verified, by whichever method, and in time.

        A trusted browser is not; nor does it need to be where there is no authenticator yet.
        """
        made = self.standing.verification
        asking = [
            each.policy for each in self.standing.policies if each.policy.enforcement is not Enforcement.OFF
        ]
        longest = min((policy.max_age.total_seconds() for policy in asking), default=12 * 3600.0)
        return made is not None and is_alive(made.at, longest, self.standing.facts)

    @property
    def may_manage(self) -> bool:
        """Whether this credential may manage the second factor: a token, which no person types, may not."""
        return self.user.credential is not Credential.TOKEN

    @property
    def fresh(self) -> bool:
        """Whether this browser verified by a code in the last five minutes."""
        made = self.standing.verification
        return made is not None and is_alive(made.at, FRESH_SECONDS, self.standing.facts)

    def url(self, page: str, **query: str) -> str:
        """Return the URL of one of our pages, carrying on where this visit is to lead."""
        if self.next:
            query["next"] = self.next
        text = "&".join(f"{name}={quote(value)}" for name, value in query.items())
        return f"{self.base}{page}{'?' if text else ''}{text}"

    def leading_to(self, address: str) -> Visit:
        """Return the same visit, but going on at `address` afterwards."""
        signed = returning.sign_return(self.settings, address, self.standing.location, self.now)
        return replace(self, next=signed, back=returning.Return(address, self.standing.location))

    def csrf(self, purpose: str) -> str:
        """Make the token of a form: bound to purpose, user, login and browser."""
        return csrf_token(self.settings, self.standing, self.browser, purpose, self.now)

    def holds_csrf(self, purpose: str, token: str) -> bool:
        """Whether a token is this visit's for a form."""
        bound = _bound(self.standing, self.browser, purpose)
        return bool(self.settings.signer.read("csrf", token, self.now, CSRF_SECONDS) == bound)

    def passage(self, *, trust: bool = False) -> Flow[Passage]:
        """Draw what this browser gets if its code is right."""
        token = token_of(self.settings, self.request)
        replaces = None if token is None else digest(token.token)
        return draw_passage(self.known, self.standing.facts.login, replaces, trust=trust)


def csrf_token(settings: Settings, standing: Standing, browser: str, purpose: str, now: float) -> str:
    """Make the token of a form: bound to purpose, user, login and browser."""
    return settings.signer.sign("csrf", _bound(standing, browser, purpose), now)


def _bound(standing: Standing, browser: str, purpose: str) -> list[str | None]:
    return [purpose, digest(standing.user.id), standing.facts.login, digest(browser)]


def open_visit(settings: Settings, request: GateRequest, fields: dict[str, Any]) -> Flow[Visit | Answer]:
    """Open a page for who is asking; anonymous visitors are sent to the login, or get a plain 403."""
    user = yield from identify(settings, request)
    now = (yield from perform(ReadClock())).now
    if user is None:
        return anonymous(settings, request)
    given = fields.get("next") or request.query.get("next", "")
    signed = given if isinstance(given, str) else ""
    back = returning.read_return(settings, request, signed, now)
    standing = yield from assess(
        settings, request, user, location=back.location, fresh=True, with_account=True
    )
    browser = browser_of(settings, request)
    headers: tuple[cookies.Header, ...] = ()
    if browser is None:
        browser, header = yield from draw_browser(settings)
        headers = (header,)
    kept = signed if back.location is not None else ""
    language = yield from choose(settings, request, user)
    return Visit(settings, request, user, standing, kept, back, browser, now, headers, fields, language)


def anonymous(settings: Settings, request: GateRequest) -> Answer:
    """Refuse somebody who is not logged in: to the login, or with a plain 403."""
    if refusal.is_api(settings, request) or refusal.audience(request, None) is refusal.Audience.FETCH:
        return refusal.problem(Problem.ANONYMOUS)
    if settings.links.login_url:
        return refusal.redirect(settings.links.login_url)
    return refusal.spoken_answer(request, 403, Text("Sign in first."))


def passage_cookies(visit: Visit, passage: Passage) -> tuple[cookies.Header, ...]:
    """Give the cookies of a browser that passed."""
    settings, ours = visit.settings, visit.settings.cookies
    headers = [
        cookies.set_cookie(ours, ours.verification, write_token(passage.token, settings.keys, visit.user.id)),
        known_cookie(settings, visit.user.id, visit.now),
    ]
    if passage.trust is not None:
        value = write_token(passage.trust, settings.keys, visit.user.id)
        seconds = max(
            (
                int(each.policy.trust_browser_for.total_seconds())
                for each in visit.standing.policies
                if each.policy.trust_browser_for is not None
            ),
            default=0,
        )
        headers.append(cookies.set_cookie(ours, ours.trust, value, seconds))
    return tuple(headers)
