"""The page of the templates: what each is given. Held against what the pages give by `tests/pages/`."""

from __future__ import annotations

from docs_markdown import page, table

__all__ = ["COMMON", "TEMPLATES", "templates_page"]

COMMON = {
    "_, ngettext": "The catalogs' texts in the page's language: `_(text)`, and `ngettext(one, many, n)`.",
    "say": "Says a text of the gate's own in the page's language.",
    "number, when": "A whole number, and a date with its time, as the language writes them.",
    "lang, dir": "The language's tag and direction of writing, for the `html` element.",
    "issuer": "The setting `issuer`: the name that the authenticator app shows.",
    "brand": "`brand.name`; `brand.style` and `brand.logo`, each with its `name`, or none.",
    "base": "The address of the mount, with the host's prefix: forms post to `{{ base }}/challenge`, for example.",
    "static": '`static("style.css")`: the address of a file of the gate\'s, with its version. The files are '
    "`style.css`, `twofa.js`, `banner.css`, and those of `brand`.",
    "user_label": "The user's label, or none where nobody is signed in.",
    "next": "The signed parameter: where to go on. Each form carries it as `next`, if it isn't empty.",
    "clock_after": "`clock_after(retry_after)`: at what time of day the wait is over.",
    "server_clock": "Whether the server's clock is suspected of being wrong, which may be why a code isn't taken.",
    "csrf": "A token for each form: `csrf.challenge`, `enroll`, `recovery_codes`, `disable`, `authenticators`, "
    "`browsers`, `sign_out`, `unlock`. Each form carries its own as `csrf`.",
    "links": "`login_url`, `logout_url`, `support` as set, and `can_sign_out`: whether `/sign-out` does so.",
}

_ERROR = "Why the form comes again: `wrong`, `malformed`, `throttled`, `locked`, `stale` (its token was old), or none."
_FORM = (
    "A form that was refused: `sealed` if it is kept, `left` (seconds), `lost` (why not: `upload`, `large`, "
    "`password`, `other`, `gone`), and `hint`, which goes along in addresses."
)
_WAIT = "Seconds until the next try, or none."

TEMPLATES = {
    "challenge.html": {
        "error": _ERROR[:-1] + "; `enabled` if it was set up a moment ago.",
        "retry_after": _WAIT,
        "location": "The location that asks.",
        "reason": "Why somebody is asked who has entered a code before: `fresh` (the application wants a new one), "
        "`again` (it doesn't count here, or no longer), or none.",
        "recovery_accepted": "Whether a recovery code counts there.",
        "trust_days": "For how many days the browser may be trusted, or none where that isn't offered.",
        "form": _FORM
        + " Each form posts to `/challenge?form=` with `form.hint`, and carries `form.sealed` as `form`, "
        "where they aren't empty: otherwise what was typed is lost.",
    },
    "kept_form.html": {
        "form": _FORM,
        "action": "Where the form posts to, and nothing else.",
        "field": "The name of the one field in it, whose value is `form.sealed`.",
        "target": "The address of the application that it is for.",
        "fields": "What will be sent: `name`, `value`, and `hidden` where the value is a secret by its name.",
        "back": "The page that it was sent from.",
        "first": "Where to set up a new device first, if a recovery code doesn't count there, or none.",
    },
    "enroll.html": {
        "step": "`begin`, or `confirm`.",
        "adding": "Whether it is a further device.",
        "error": "The same as above, and `expired`, `replaced`, `ticket`.",
        "retry_after": _WAIT,
        "ticket_needed": "Whether beginning takes a ticket.",
        "qr_svg": "The QR code as SVG; only on the page that begins shows it, else none.",
        "secret_groups": "The key in groups of four characters, or none.",
        "otpauth_uri": "The key as an address that authenticator apps open, or none.",
        "clock_minutes": "How many minutes the phone's clock seems to be off, or none.",
        "setup": "Which secret the page showed; the form carries it on as `setup`, if it isn't empty.",
        "device_name": "The name that was typed beside a code that was refused.",
        "form": _FORM,
    },
    "codes_shown.html": {
        "codes": "The recovery codes.",
        "just_enabled": "Whether two-factor authentication was set up just now.",
        "continue_url": "Where the form with `continue` and `saved` leads, which posts to `/recovery-codes`.",
    },
    "recovery_codes.html": {
        "error": _ERROR,
        "retry_after": _WAIT,
        "left": "How many unused recovery codes there are.",
    },
    "disable.html": {
        "error": _ERROR,
        "retry_after": _WAIT,
        "required_by": "Names of the locations because of which it can't be disabled.",
    },
    "unlock.html": {"error": "`wrong`, `malformed`, `stale`, or none."},
    "account.html": {
        "enrolled": "Whether there is an authenticator.",
        "enabled_since": "When it was set up, or none.",
        "authenticators": "The devices: `id`, `name`, `added`, `last_used`.",
        "can_remove": "Whether there are several.",
        "recovery_left": "How many unused recovery codes there are.",
        "browsers": "Verified browsers: `id`, `at`, `method`, `current`.",
        "trusted": "Trusted browsers: `id`, `at`, `current`.",
        "requirement": "`location`, `cutoff`, `passed`, where the location requires it, else none.",
        "notice": "What was done just now: `enabled`, `renamed`, `removed`, `signed-out`, `trusted-forgotten`, "
        "`disabled`, or none.",
        "error": "`wrong`, `malformed`, `throttled`, `stale`, `last`, or none.",
        "retry_after": _WAIT,
        "home_url": "Where the application goes on.",
        "error_for": "The id of the device whose form had the error, or none.",
    },
    "message.html": {
        "heading": "The heading.",
        "paragraphs": "The paragraphs.",
        "actions": "Buttons: `label`, `url`, `primary`.",
    },
    "banner.html": {
        "reminder": "As in [the request's context](values.md): `left`, `date`, `last_day`, `kept_out`, `url`.",
        "place_html": "The location's name, as markup.",
        "date_html": "The date, as markup.",
    },
}

_INTRO = """A file of the same name in the folder of the setting `templates` takes the place of a built-in
template; it may extend `base.html` or import from `_macros.html` as the built-in ones do. Templates are Jinja2, with
automatic escaping and without undefined names: what isn't listed here is an error, and then a built-in answer of one
line is sent. The names are kept: a release that takes one away says so in the changelog. See
[how](../how-to/make-the-pages-yours.md)."""


def templates_page() -> str:
    """Write the page."""
    parts = [_INTRO, "## Every template", _table(COMMON)]
    for name, context in TEMPLATES.items():
        parts += [f"## `{name}`", _table(context)]
    parts.append(
        "In `banner.html`, `csrf` is the token of the form that hides it; it goes into the host's own pages.\n\n"
        "The pages of a location (`location.html`, `location_member.html`, `location_preview.html`) can be replaced "
        "too, but their contexts follow their forms and may change with any release."
    )
    return page("Templates", *parts)


def _table(context: dict[str, str]) -> str:
    return table(
        ["name", "is"], [[f"`{name.replace(', ', '`, `')}`", text] for name, text in context.items()]
    )
