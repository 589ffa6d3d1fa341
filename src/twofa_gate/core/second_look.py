"""The second moment of decision: as an answer begins, who is asking is looked at again.

A login arrives as an anonymous request, and many applications answer it with a page that is already private.
`SecondLook` is one object without I/O that both drivers feed with what the application answers; what it gives
back is what may go out.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

from twofa_gate.core import asking, banner, cookies, events, refusal, returning, storage
from twofa_gate.core.account import Account
from twofa_gate.core.answer import SAFE_METHODS, Answer, Forward, Mode
from twofa_gate.core.bare import bare_headers, is_json, leads_away, values
from twofa_gate.core.cookies import Header
from twofa_gate.core.effects import Flow, ReadClock, perform
from twofa_gate.core.quiet import can_change_unseen, identity
from twofa_gate.core.settings import Settings
from twofa_gate.core.standing import Standing, assess, may_pass, token_of
from twofa_gate.core.verification import digest
from twofa_gate.errors import BadRequest
from twofa_gate.model import Decision, EventKind, User
from twofa_gate.request import GateRequest, merge_cookies

__all__ = ["Outgoing", "SecondLook"]


class _State(Enum):
    BEFORE = auto()
    PASSING = auto()
    INSERTING = auto()
    HOLDING = auto()
    SWALLOWING = auto()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What may go out now: the start of an answer, some of its body, its end; any of these may be missing."""

    start: tuple[int, list[Header]] | None = None
    data: bytes = b""
    end: bool = False


class SecondLook:
    """Looks at one answer: to `request` as it came, which went through as `end` says.

    Once `passing` is true the driver hands on what the application sends, untouched.
    """

    def __init__(self, settings: Settings, request: GateRequest, end: Forward) -> None:
        self._settings = settings
        self._request = request
        self._forward = end
        self._user = end.context.user
        self._mode = end.mode
        self._standing = end.standing
        self._insertion: banner.Insertion | None = None
        self.demanded: Answer | None = None
        """What goes out in place of the application's answer, as `require_verification` has it."""
        self._state = _State.BEFORE
        self._held: tuple[int, list[Header]] | None = None
        self._replacement: Answer | None = None
        # If nobody is logged in any more, a failure after that must not bring the session back.
        self._logout_cookies: tuple[Header, ...] = ()

    @property
    def passing(self) -> bool:
        """Whether the rest of the answer goes out untouched."""
        return self._state is _State.PASSING

    @property
    def inserting(self) -> bool:
        """Whether the answer goes out, with the banner, as the driver feeds its parts."""
        return self._state is _State.INSERTING

    @property
    def swallowing(self) -> bool:
        """Whether nothing more of the application's answer goes out."""
        return self._state is _State.SWALLOWING

    def begin(self, status: int, headers: list[Header]) -> Flow[Outgoing]:
        """Look at the start of an answer; of a second one too (`exc_info`), unless the first was held back."""
        if self._state in (_State.HOLDING, _State.SWALLOWING):
            return Outgoing()
        if self._mode is Mode.PUBLIC and self.demanded is not None:
            return self._replace(self.demanded)
        if self._mode is Mode.PUBLIC:
            return self._pass(status, [each for each in headers if each[0].lower() != "set-cookie"])
        try:
            outgoing = yield from self._look(status, headers)
            if self.demanded is not None and self.passing:
                # The application itself wants a fresh code; whatever it answers beside that stays in.
                kept = [each for each in headers if each[0].lower() == "set-cookie"]
                return self._replace(self.demanded.with_headers(*kept))
            return (yield from self._with_banner(outgoing))
        except BadRequest as error:
            return self._replace(refusal.malformed(self._settings, self._request, error))
        except Exception as error:  # whatever failed, the application's answer stays in
            with suppress(Exception):  # it stays in even if that can't be told
                yield from events.record(
                    self._settings, EventKind.UNAVAILABLE, self._id, error=repr(error), moment="answer"
                )
            return self._replace(
                refusal.unavailable(self._settings, self._request).with_headers(*self._logout_cookies)
            )

    def body(self, data: bytes, *, last: bool) -> Outgoing:
        """Look at a part of the body; only asked while the answer isn't passing."""
        if self._insertion is not None and self.inserting:
            start, out = self._insertion.feed(data, last=last)
            if last or self._insertion.over:
                self._state = _State.PASSING
            return Outgoing(start, out, end=last)
        if self._state is _State.HOLDING:
            if data and self._replacement is not None:
                return self._replace(self._replacement)
            if last and self._held is not None:
                return self._end(*self._held)
        return Outgoing()

    def leave_alone(self) -> Outgoing:
        """Give up the banner for an answer whose body is not fed in parts; it is passing from here on."""
        if self._insertion is None or not self.inserting:
            return Outgoing()
        self._state = _State.PASSING
        return Outgoing(*self._insertion.leave())

    @property
    def _id(self) -> str | None:
        return None if self._user is None else self._user.id

    def _pass(self, status: int, headers: list[Header]) -> Outgoing:
        self._state = _State.PASSING
        return Outgoing((status, headers))

    def _end(self, status: int, headers: list[Header]) -> Outgoing:
        """Let out a start that shows nothing, and no body, whatever the application sends."""
        self._state = _State.SWALLOWING
        return Outgoing((status, bare_headers(status, headers)), b"", end=True)

    def _replace(self, answer: Answer) -> Outgoing:
        self._state = _State.SWALLOWING
        return Outgoing((answer.status, list(answer.headers)), answer.body, end=True)

    def _with_banner(self, outgoing: Outgoing) -> Flow[Outgoing]:
        """Put the banner into a page that passes, for a user who is to be reminded."""
        start, standing = outgoing.start, self._standing
        if standing is None or start is None or not self.passing or not banner.is_fit(*start):
            return outgoing
        from twofa_gate.pages.banner import banner_for

        markup, ours = yield from banner_for(self._settings, self._request, standing)
        self._insertion, self._state = banner.Insertion(start, markup, ours), _State.INSERTING
        return Outgoing(self._insertion.open())

    def _look(self, status: int, headers: list[Header]) -> Flow[Outgoing]:
        sets_cookie = any(name.lower() == "set-cookie" for name, _ in headers)
        if not sets_cookie and not can_change_unseen(self._settings, self._request, self._forward):
            return self._pass(status, headers)
        users = yield from self._users(headers, sets_cookie)
        if all(user is None for user in users):
            self._logout_cookies = tuple(each for each in headers if each[0].lower() == "set-cookie")
        if all(identity(user) != identity(self._user) for user in users):
            headers = [*headers, *(yield from self._end_verification(users)), *self._end_hiding()]
        if any(identity(user) != identity(self._user) for user in users):
            self._standing = None  # the banner was for who asked; who comes after sees it on the next page
        for user in users:
            refused = yield from self._refused(user)
            if refused is not None:
                return (yield from self._withhold(status, headers, refused))
        return self._pass(status, headers)

    def _users(self, headers: list[Header], sets_cookie: bool) -> Flow[list[User | None]]:
        """Ask who is asking now: one user, or one for each way in which the answer's cookies can be read."""
        if not sets_cookie:
            return [(yield from asking.identify(self._settings, self._request))]
        now = (yield from perform(ReadClock())).now
        users = []
        for changes in cookies.set_cookie_readings(headers, now):
            merged = merge_cookies(self._request.cookie_header, changes)
            request = self._request.with_cookie_header(merged)
            users.append((yield from asking.identify(self._settings, request)))
        if all(user is None for user in users):
            # A deletion may be for a path or domain where the browser has no such cookie.
            kept = yield from asking.identify(self._settings, self._request)
            if identity(kept) != identity(self._user):
                users.append(kept)
        return users

    def _refused(self, user: User | None) -> Flow[Standing | None]:
        """Tell where somebody stands who is asking now and may not see the answer; `None` if they may."""
        changed = identity(user) != identity(self._user)
        if user is None or (not changed and self._mode is Mode.ORDINARY):
            return None
        standing = yield from assess(self._settings, self._request, user, use_verification=not changed)
        if (yield from may_pass(self._settings, standing)) is True:
            return None
        if self._mode is Mode.LOGOUT and not changed and self._request.method in SAFE_METHODS:
            # A page that asks whether to log out is what a logout path is for.
            return None
        return standing

    def _end_verification(self, users: list[User | None]) -> Flow[list[Header]]:
        """End the verification that came with the request, since this browser is somebody else's now."""
        settings = self._settings
        token = token_of(settings, self._request)
        if token is None:
            # It stays at home when a login is posted from another site (SAML), as does every cookie that is
            # Lax; but what the browser keeps it can be told to forget.
            if all(user is None for user in users) or returning.allows_origin(settings, self._request):
                return []
            return [cookies.expire(settings.cookies, settings.cookies.verification)]
        ended = digest(token.token)

        def act(account: Account, now: float) -> Flow[tuple[Account, None]]:
            if account.verification(ended) is None:
                return account, None
            left = account.without_verification(ended)
            return (
                yield from events.queue(left, EventKind.VERIFICATION_ENDED, now, why="browser changed hands")
            ), None

        for user_id in dict.fromkeys(each.id for each in (self._user, *users) if each is not None):
            yield from storage.transact(settings, user_id, act)
        return [cookies.expire(settings.cookies, settings.cookies.verification), refusal.FORGET_PAGES]

    def _end_hiding(self) -> list[Header]:
        """Show the banner again to whoever logs in next, where the host's logins have no names too."""
        ours = self._settings.cookies
        return [cookies.expire(ours, ours.reminder)] if ours.reminder in self._request.cookie_header else []

    def _withhold(self, status: int, headers: list[Header], standing: Standing) -> Flow[Outgoing]:
        """Let out what shows nothing: an empty answer, a redirect within the origin; replace the rest."""
        away = leads_away(headers, self._leads_within)
        redirects = 300 <= status < 400 and bool(values(headers, "location"))
        if not away:
            if self._mode is Mode.LOGIN and is_json(headers) and not redirects:
                return self._pass(status, headers)
            if redirects or self._has_no_body(status, headers):
                return self._end(status, headers)
        kept = [each for each in headers if each[0].lower() == "set-cookie"]
        decision = standing.ruling.decision
        yield from events.record(
            self._settings,
            EventKind.WITHHELD,
            standing.user.id,
            decision=decision.value,
            location=standing.location,
        )
        answer = yield from refusal.refuse(self._settings, self._request, standing)
        if decision is not Decision.UNAVAILABLE:
            answer = answer.with_headers(*kept)
        if away or values(headers, "content-length") or 300 <= status < 400:
            return self._replace(answer)
        # Whether the body is empty shows only when it comes, or doesn't.
        self._state, self._held, self._replacement = _State.HOLDING, (status, headers), answer
        return Outgoing()

    def _has_no_body(self, status: int, headers: list[Header]) -> bool:
        lengths = values(headers, "content-length")
        return status in (204, 205, 304) or lengths == ["0"] or self._request.method == "HEAD"

    def _leads_within(self, location: str) -> bool:
        if returning.is_path(location):
            return True
        return returning.is_same_origin(self._settings, self._request, location)
