"""What a host can mail to a person when something happened to their second factor, ready and translated.

The gate sends nothing itself. An `on_event` hook gives its event to `message_for`, and sends what comes back with
the host's own mailer. No notification holds a code, a secret or a ticket.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from twofa_gate.core.asking import DEFAULT_LOCATION
from twofa_gate.model import Event, EventKind
from twofa_gate.pages.language import ENGLISH, Language, negotiate, speaking

__all__ = ["WRONG_CODES", "Notification", "message_for"]

WRONG_CODES = frozenset({5, 20, 50})
"""Of how many wrong codes (in 30 days) a person is told."""
FEW_CODES = 3
MAX_VALUE = 200
"""Characters of a name or a reason that are shown."""

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Notification:
    """A mail: its subject, its text, and the same as HTML. None of the three has a line break it should not have."""

    subject: str
    plain: str
    html: str


@dataclass(frozen=True, slots=True)
class _Told:
    """What a notification says: its heading, sentences, and facts as label and value."""

    heading: str
    sentences: list[str]
    facts: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Letter:
    """What the writers below need. `by` is who did it, if somebody else than the user did."""

    event: Event
    issuer: str
    language: Language
    by: str

    def fact(self, name: str) -> str:
        """Give a fact as text on one line, `""` if there is none."""
        value = self.event.facts.get(name)
        return "" if value is None else _clean(str(value))

    def count(self, name: str) -> int:
        """Give a fact that is a number."""
        value = self.event.facts.get(name)
        return value if isinstance(value, int) else 0

    def date(self, name: str) -> str:
        """Give a fact that is a moment, written out."""
        try:
            return self.language.moment(datetime.fromisoformat(str(self.event.facts.get(name))))
        except ValueError:
            return ""

    @property
    def place(self) -> str:
        """Who asks for it: a location, or the installation where there is only the one."""
        location = self.fact("location")
        return self.issuer if location in ("", DEFAULT_LOCATION) else location


def message_for(
    event: Event,
    *,
    user_label: str,
    issuer: str,
    language: str = ENGLISH,
    account_url: str | None = None,
    by_label: str | None = None,
) -> Notification | None:
    """Say what an event means to its user, or return `None` if it is nothing to write to them about.

    - `user_label`: how the user is named, usually their e-mail address; `issuer`: the gate's.
    - `language`: a tag such as `"pt-BR"`, or what an Accept-Language header holds; English if we don't speak it.
    - `account_url`: the full address of their `/2fa/` page, to be linked.
    - `by_label`: how to name who did it (`event.facts["by"]`), where an administrator did.

    Raises `ValueError` if `account_url` is no http or https address.
    """
    if account_url is not None and urlsplit(account_url).scheme not in ("http", "https"):
        raise ValueError("account_url must be a full address that begins with https:// or http://")
    write = _WRITERS.get(event.kind)
    spoken = speaking(negotiate(language))
    by = _clean(by_label if by_label is not None else str(event.facts.get("by", "")))
    told = None if write is None else write(_Letter(event, _clean(issuer), spoken, by))
    if told is None:
        return None
    _ = spoken.gettext
    facts = [
        (_("Account"), _clean(user_label)),
        *((label, value) for label, value in told.facts if value),
        (_("When"), spoken.moment(event.at)),
    ]
    return _compose(told, facts, _clean(issuer), spoken, account_url)


def _compose(
    told: _Told, facts: list[tuple[str, str]], issuer: str, language: Language, account_url: str | None
) -> Notification:
    from twofa_gate.pages.rendering import mail

    settings = language.gettext("Two-factor settings")
    lines = [told.heading, "", *told.sentences, "", *(f"{label}: {value}" for label, value in facts)]
    if account_url is not None:
        lines += ["", f"{settings}: {account_url}"]
    context = {"told": told, "facts": facts, "issuer": issuer, "settings": settings, "url": account_url}
    html = mail(context, language)
    return Notification(f"{issuer}: {told.heading}", "\n".join([*lines, ""]), html)


def _clean(text: str) -> str:
    """Put a text from outside on one line, without what could break a header or turn a line around."""
    kept = (
        " "
        if character in _BIDI or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        else character
        for character in text
    )
    return " ".join("".join(kept).split())[:MAX_VALUE]


def _not_you(letter: _Letter) -> str:
    _ = letter.language.gettext
    return _("If this was not you, change your password and tell the people who run this service.")


def _enabled(letter: _Letter) -> _Told:
    _ = letter.language.gettext
    said = _("From now on, signing in to %(issuer)s takes a code from your authenticator app.")
    sentences = [said % {"issuer": letter.issuer}, _not_you(letter)]
    return _Told(
        _("Two-factor authentication is on"), sentences, [(_("Device"), letter.fact("authenticator"))]
    )


def _disabled(letter: _Letter) -> _Told:
    _ = letter.language.gettext
    said = _("Signing in no longer takes a code. Your devices and recovery codes were removed.")
    return _Told(_("Two-factor authentication is off"), [said, _not_you(letter)])


def _added(letter: _Letter) -> _Told:
    _ = letter.language.gettext
    sentences = [_("Codes from this device let you in from now on, too."), _not_you(letter)]
    return _Told(_("A device was added"), sentences, [(_("Device"), letter.fact("authenticator"))])


def _removed(letter: _Letter) -> _Told:
    _ = letter.language.gettext
    sentences = [_("Codes from this device no longer let you in."), _not_you(letter)]
    return _Told(_("A device was removed"), sentences, [(_("Device"), letter.fact("authenticator"))])


def _recovery_used(letter: _Letter) -> _Told:
    _ = letter.language.gettext
    left = letter.count("left")
    sentences = [_("One of your recovery codes was used to get in. It does not work again.")]
    if left:
        counted = letter.language.ngettext(
            "%(n)s unused recovery code is left.", "%(n)s unused recovery codes are left.", left
        )
        sentences.append(counted % {"n": letter.language.number(left)})
    else:
        sentences.append(_("No recovery codes left."))
    if left <= FEW_CODES:
        sentences.append(_("Make new ones, so that you can get in without your phone."))
    return _Told(_("A recovery code was used"), [*sentences, _not_you(letter)])


def _renewed(letter: _Letter) -> _Told:
    _ = letter.language.gettext
    sentences = [_("New codes replace all earlier ones, which then no longer work."), _not_you(letter)]
    return _Told(_("New recovery codes were made"), sentences)


def _wrong_codes(letter: _Letter) -> _Told | None:
    count = letter.count("failures")
    if count not in WRONG_CODES:
        return None
    language, _ = letter.language, letter.language.gettext
    counted = language.ngettext(
        "%(n)s wrong code was entered for your account in the last 30 days.",
        "%(n)s wrong codes were entered for your account in the last 30 days.",
        count,
    )
    warning = _("If this was not you, somebody may know your password: change it now.")
    return _Told(_("Wrong codes for your account"), [counted % {"n": language.number(count)}, warning])


def _locked(letter: _Letter) -> _Told:
    _ = letter.language.gettext
    if letter.event.facts.get("known_browser") is False:
        why = _(
            "There were too many wrong codes for this account, so codes from the app aren\u2019t accepted for now "
            "in browsers where you have not verified before."
        )
    else:
        why = _(
            "There were too many wrong codes for this account, so codes from the app aren\u2019t accepted for now."
        )
    sentences = [
        why,
        _("A recovery code works right away. With your phone you can unlock them by three codes in a row."),
        _("If this was not you, somebody may know your password: change it now."),
    ]
    return _Told(_("Codes from your app are locked"), sentences)


def _unlocked(letter: _Letter) -> _Told:
    _ = letter.language.gettext
    by = "" if letter.event.facts.get("by") == "self" else letter.by
    return _Told(
        _("Codes from your app work again"), [_("They were unlocked."), _not_you(letter)], [(_("By"), by)]
    )


def _reset(letter: _Letter) -> _Told:
    language, _ = letter.language, letter.language.gettext
    sentences = [
        _("Your devices and recovery codes were removed, and you were signed out everywhere."),
        _("Sign in and set up two-factor authentication again."),
    ]
    hours = _hours(letter)
    if hours:
        within = language.ngettext("You have %(n)s hour to do so.", "You have %(n)s hours to do so.", hours)
        sentences.append(within % {"n": language.number(hours)})
    sentences.append(_("If you did not ask for this, tell the people who run this service at once."))
    facts = [(_("By"), letter.by), (_("Reason"), letter.fact("reason"))]
    return _Told(_("Two-factor authentication was reset"), sentences, facts)


def _hours(letter: _Letter) -> int:
    seconds = letter.event.facts.get("extension_seconds")
    return int(seconds // 3600) if isinstance(seconds, int | float) else 0


def _ticket(letter: _Letter) -> _Told:
    _ = letter.language.gettext
    sentences = [
        _("An administrator has a ticket for you, with which you can set up two-factor authentication."),
        _("It is not in this message: it is handed to you in person or by phone."),
    ]
    facts = [
        (_("By"), letter.by),
        (_("Location"), letter.fact("location")),
        (_("Valid until"), letter.date("until")),
    ]
    return _Told(_("A ticket for setting up"), sentences, facts)


def _extended(letter: _Letter) -> _Told:
    _ = letter.language.gettext
    said = _("%(location)s requires two-factor authentication from %(date)s.")
    sentences = [said % {"location": letter.place, "date": letter.date("until")}]
    facts = [(_("By"), letter.by), (_("Reason"), letter.fact("reason"))]
    return _Told(_("You have more time to set up"), sentences, facts)


def _reminder(letter: _Letter) -> _Told:
    _ = letter.language.gettext
    said = _("%(place)s will require two-factor authentication from %(date)s.")
    sentences = [said % {"place": letter.place, "date": letter.date("cutoff")}]
    if letter.event.facts.get("kept_out") is True:
        sentences.append(_("Without it you can\u2019t get in after that."))
    return _Told(_("Set up two-factor authentication"), sentences)


_WRITERS: dict[EventKind, Callable[[_Letter], _Told | None]] = {
    EventKind.ENABLED: _enabled,
    EventKind.DISABLED: _disabled,
    EventKind.AUTHENTICATOR_ADDED: _added,
    EventKind.AUTHENTICATOR_REMOVED: _removed,
    EventKind.RECOVERY_CODE_USED: _recovery_used,
    EventKind.RECOVERY_CODES_RENEWED: _renewed,
    EventKind.CODE_REFUSED: _wrong_codes,
    EventKind.LOCKED: _locked,
    EventKind.UNLOCKED: _unlocked,
    EventKind.RESET: _reset,
    EventKind.TICKET_ISSUED: _ticket,
    EventKind.EXTENDED: _extended,
    EventKind.REMINDER_DUE: _reminder,
}
