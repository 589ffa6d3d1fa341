"""A form that was refused because the verification had run out: kept, so that one click sends it on after the code.

It is kept nowhere but in the challenge page: sealed, for one user, one login and one browser, for minutes. That
it is sent on at most once is decided by one write to the account.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

from twofa_gate.core import returning
from twofa_gate.core.account import Account, SentForm
from twofa_gate.core.effects import DrawRandom, Flow, ReadBody, perform
from twofa_gate.core.sealing import NONCE_BYTES
from twofa_gate.core.settings import Settings
from twofa_gate.core.signing import CLOCK_SKEW
from twofa_gate.core.standing import Standing, login_digest
from twofa_gate.core.storage import transact
from twofa_gate.core.verification import digest
from twofa_gate.errors import SealError
from twofa_gate.model import Credential, Decision, User
from twofa_gate.request import GateRequest

__all__ = [
    "FIELD",
    "FORM_TYPE",
    "KEPT_SECONDS",
    "MARK",
    "MAX_SEALED",
    "Kept",
    "Lost",
    "Sending",
    "carries_kept",
    "carries_something",
    "fields_of",
    "hides",
    "length_of",
    "lost_of",
    "open_kept",
    "seal_kept",
    "send_once",
    "sent_already",
    "sign_hint",
    "take",
    "target_of",
]

KEPT_SECONDS = 600
"""How long a form is kept, from the moment when it was refused."""

MAX_KEPT = 64 * 1024
"""Bytes of a form that is kept."""

MAX_SEALED = 96 * 1024
"""Characters of a sealed form: 64 KiB in base64, where it goes, and what it is bound to."""

MAX_FIELDS = 1000
MAX_TARGET = 1500
MAX_TYPE = 100
MAX_SENT = 10
"""How many forms that were sent are remembered; of those kept before, none is sent any more."""

MARK = "twofa_form"
"""The last parameter of a URL to which a kept form is sent; the application does not see it."""

FIELD = "twofa_form"
"""The one field in which a kept form is sent."""

FORM_TYPE = "application/x-www-form-urlencoded"

_QUERY = re.compile(r"[\x21\x24-\x26\x28-\x3b\x3d\x3f-\x7e]*")
"""What browsers send as it stands in the page."""
_BODY = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]*")
_PASSWORD = re.compile(r"passw|passphrase|passcode|pwd|kennwort|contrase|senha|mot_?de_?passe", re.IGNORECASE)
_SECRET = re.compile(r"passw|secret|token|csrf|xsrf|nonce|credential", re.IGNORECASE)
_SECRET_WORDS = frozenset({"pin", "otp", "totp", "key", "apikey", "cvv", "cvc", "csc"})
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


class Lost(Enum):
    """Why a form is not kept."""

    UPLOAD = "upload"
    LARGE = "large"
    PASSWORD = "password"  # noqa: S105 - a reason
    OTHER = "other"
    GONE = "gone"
    """It was kept; that is over, or it was somebody else's."""


class Kept(NamedTuple):
    """A kept form: `target` is the path and the query that it goes to, `at` when it was refused.

    `back`: the page that it was sent from.
    """

    id: str
    at: float
    target: str
    content_type: str
    back: str
    body: str


class Sending(Enum):
    """What became of sending a kept form on."""

    SENT = "sent"
    ALREADY = "already"
    GONE = "gone"


def carries_something(request: GateRequest) -> bool:
    """Whether there is something to lose: a body, or the type of one."""
    length = request.header("content-length")
    return bool(
        request.header("content-type") or request.header("transfer-encoding") or length not in (None, "", "0")
    )


def target_of(request: GateRequest) -> str:
    """Give the path, with the mount point, and the query of a request."""
    path = quote(request.prefix, safe="/!$&'()*+,;=:@~") + request.decoded_path
    return f"{path}?{request.query_string}" if request.query_string else path


def take(settings: Settings, request: GateRequest, standing: Standing, now: float) -> Flow[Kept | Lost]:
    """Take the form of a refused navigation, or tell why not. Only what could be kept is read at all."""
    if request.resending is not None and standing.ruling.decision is Decision.CHALLENGE:
        return request.resending  # it was taken before, and is the same one still
    lost = _unfit(settings, request, standing)
    if lost is not None:
        return lost
    posted = request.posted
    body = (yield from perform(ReadBody(MAX_KEPT))) if posted is None else posted
    text = body.decode("latin-1")
    lost = _unfit_body(text)
    if lost is not None:
        return lost
    form_id = (yield from perform(DrawRandom(16))).hex()
    back = returning.address_of(settings, request)
    return Kept(form_id, now, target_of(request), request.header("content-type") or FORM_TYPE, back, text)


def _unfit(settings: Settings, request: GateRequest, standing: Standing) -> Lost | None:
    """Tell what a request's head says against keeping its form."""
    kind = request.header("content-type") or ""
    named = kind.partition(";")[0].strip().lower()
    if named == "multipart/form-data":
        return Lost.UPLOAD
    length = length_of(request)
    if (
        named != FORM_TYPE
        or length is None
        or len(kind) > MAX_TYPE
        or not _BODY.fullmatch(kind.replace(" ", ""))
    ):
        return Lost.OTHER
    if length > MAX_KEPT:
        return Lost.LARGE
    if _is_login(settings, request):
        return Lost.PASSWORD
    asked = (
        standing.ruling.decision is Decision.CHALLENGE and standing.user.credential is not Credential.TOKEN
    )
    fits = request.plain and len(target_of(request)) <= MAX_TARGET and _QUERY.fullmatch(request.query_string)
    return None if asked and fits and _comes_from_us(settings, request) else Lost.OTHER


def length_of(request: GateRequest) -> int | None:
    """Return how long a plain body says it is; `None` if it is compressed, comes in chunks, or doesn't say."""
    declared = request.header("content-length") or ""
    if request.header("content-encoding") or request.header("transfer-encoding"):
        return None
    return int(declared) if re.fullmatch("[0-9]{1,10}", declared) else None


def _is_login(settings: Settings, request: GateRequest) -> bool:
    # Where `login_paths` names it, it never comes here.
    login = settings.links.login_url
    return login is not None and urlsplit(login).path == request.prefix + request.decoded_path


def _comes_from_us(settings: Settings, request: GateRequest) -> bool:
    """Whether a browser says that a person sent this from a page of this origin. Silence says nothing."""
    navigates = request.header("sec-fetch-mode") == "navigate"
    if not navigates and "text/html" not in (request.header("accept") or "").lower():
        return False
    said = request.header("sec-fetch-site") == "same-origin" or request.header("origin") not in (None, "null")
    return said and returning.allows_origin(settings, request)


def _unfit_body(text: str) -> Lost | None:
    if not _BODY.fullmatch(text):
        return Lost.OTHER
    if text.count("&") >= MAX_FIELDS:
        return Lost.LARGE
    try:
        names = [name for name, _ in fields_of(text)]
    except ValueError:  # not in UTF-8, so it could not be shown
        return Lost.OTHER
    if FIELD in names:
        return Lost.OTHER
    return Lost.PASSWORD if any(_is_password(name) for name in names) else None


def fields_of(text: str) -> list[tuple[str, str]]:
    """Read a form's fields. Raises `ValueError` for what is not UTF-8."""
    return parse_qsl(text, keep_blank_values=True, errors="strict")


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def _is_password(name: str) -> bool:
    return _PASSWORD.search(name) is not None or not {"pass", "pw"}.isdisjoint(_words(name))


def hides(name: str) -> bool:
    """Whether a field's value looks like a secret by the field's name, and is not to be shown."""
    return _SECRET.search(name) is not None or not _SECRET_WORDS.isdisjoint(_words(name))


def _thing(user: User, browser: str) -> str:
    return json.dumps(["form", login_digest(user), digest(browser)])


def seal_kept(settings: Settings, kept: Kept, user: User, browser: str) -> Flow[str]:
    """Seal a form for its user, login and browser."""
    nonce = yield from perform(DrawRandom(NONCE_BYTES))
    return settings.form_sealer.seal(json.dumps(kept), nonce, user_id=user.id, thing=_thing(user, browser))


def open_kept(settings: Settings, sealed: str, user: User, browser: str | None, now: float) -> Kept | None:
    """Open a form; `None` if it was altered, is not for this user, login and browser, or is kept no more."""
    if browser is None or not sealed.isascii():
        return None
    try:
        opened = settings.form_sealer.open(sealed, user_id=user.id, thing=_thing(user, browser))
    except SealError:
        return None
    kept = Kept(*json.loads(opened))
    return kept if -CLOCK_SKEW <= now - kept.at <= KEPT_SECONDS else None


def sign_hint(settings: Settings, said: Lost | None, now: float) -> str:
    """Sign what a page's URL says of a form: why it was lost, or, with `None`, that one may be carried there."""
    return settings.signer.sign("form", "kept" if said is None else said.value, now)


def carries_kept(settings: Settings, hint: str | None, now: float) -> bool:
    """Whether a hint says that the body may be as long as a kept form makes it."""
    return bool(settings.signer.read("form", hint, now, KEPT_SECONDS) == "kept")


def lost_of(settings: Settings, hint: str | None, now: float) -> Lost | None:
    """Return why a form was lost, as a hint says."""
    said = settings.signer.read("form", hint, now, returning.MAX_AGE)
    return next((each for each in Lost if each.value == said), None)


def sent_already(account: Account, kept: Kept) -> Sending | None:
    """Tell whether a form was sent on, or can't be told from one that was; `None` if it was not."""
    if any(each.id == kept.id for each in account.forms):
        return Sending.ALREADY
    return Sending.GONE if account.forms_before is not None and kept.at <= account.forms_before else None


def send_once(settings: Settings, user_id: str, kept: Kept) -> Flow[Sending]:
    """Note that a form is sent on; of all who try at once, one gets `Sending.SENT`."""

    def act(account: Account, _now: float) -> Flow[tuple[Account, Sending]]:
        yield from ()
        known = sent_already(account, kept)
        if known is not None or not account.enrolled:
            return account, known or Sending.GONE
        forms = sorted((*account.forms, SentForm(id=kept.id, at=kept.at)), key=lambda each: each.at)
        before = account.forms_before
        if len(forms) > MAX_SENT:
            before = forms[0].at  # the forms are in order, so it is no earlier than what went before
            forms = forms[1:]
        return account.but(forms=tuple(forms), forms_before=before), Sending.SENT

    return (yield from transact(settings, user_id, act))
