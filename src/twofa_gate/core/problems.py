"""The kinds of problems that scripts are told (RFC 9457): one table, for the code and for its description.

A kind's `type` never changes once it has been released, since front ends go by it; nor does its `title`, which
is for people who read logs. What differs from one occurrence to the next stands in `detail` and in the members.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["Problem"]


class Problem(Enum):
    """A kind of problem: its name within `type`, its title, its statuses (the first is usual), and what to do."""

    CHALLENGE = (
        "challenge",
        "A second factor is needed",
        (403, 401),
        "Ask for a code, or go to `url`. 401 where the credential was a bearer token.",
    )
    ENROLL = (
        "enroll",
        "Two-factor authentication has to be set up",
        (403, 401),
        "Go to `url`, where it is set up. 401 where the credential was a bearer token.",
    )
    DENY = (
        "deny",
        "Kept out: two-factor authentication was not set up in time",
        (403, 401),
        "Somebody has to move the date, or give more time. 401 where the credential was a bearer token.",
    )
    UNAVAILABLE = (
        "unavailable",
        "Two-factor authentication is unavailable right now",
        (503,),
        "A hook or the store has failed. Try again after `Retry-After`.",
    )
    ANONYMOUS = (
        "anonymous",
        "Nobody is signed in",
        (401,),
        "The application's own login has ended, or never began. Sign in again.",
    )
    CSRF = (
        "csrf",
        "The CSRF token is missing, out of date or not this browser's",
        (403,),
        "`GET status` anew: it tells who is signed in now, and their token. "
        "Only if that is still the same user, call again.",
    )
    ORIGIN = (
        "origin",
        "The request was sent from another site",
        (403,),
        "`Origin` is neither the application's own nor listed in the setting `origins`.",
    )
    TOKEN = (
        "token",
        "An API token can't manage two-factor authentication",
        (403,),
        "Sign in as a person.",
    )
    WRONG = (
        "wrong",
        "The code is wrong",
        (403,),
        "It was counted. `clock_minutes`, if there, tells by how much the phone's clock seems to be off.",
    )
    THROTTLED = (
        "throttled",
        "Too many tries; wait before the next one",
        (429,),
        "No code of an app is looked at for `retry_after` seconds. A recovery code is.",
    )
    LOCKED = (
        "locked",
        "Too many tries; the account is locked",
        (429,),
        "Its owner unlocks it with three codes in a row on the page `/unlock`, or an administrator does. "
        "A recovery code works all the same.",
    )
    NOT_ENROLLED = (
        "not-enrolled",
        "Two-factor authentication is not set up",
        (409,),
        "There is nothing that a code could be checked against.",
    )
    NO_PENDING_ENROLLMENT = (
        "no-pending-enrollment",
        "There is nothing to confirm in this browser",
        (409,),
        "Begin anew: it was begun in another browser, or more than ten minutes ago.",
    )
    TOO_MANY = (
        "too-many",
        "There are as many authenticators as an account can have",
        (409,),
        "Remove one first.",
    )
    TICKET = (
        "ticket",
        "Setting up takes a ticket from an administrator",
        (403,),
        "Begin with `ticket`.",
    )
    REQUIRED = (
        "required",
        "A location requires two-factor authentication",
        (403,),
        "It can't be disabled while the locations in `required_by` require it.",
    )
    LAST = (
        "last",
        "The last authenticator can't be removed",
        (409,),
        "Disable two-factor authentication instead.",
    )
    NOT_FOUND = (
        "not-found",
        "There is no such thing",
        (404,),
        "No such endpoint, or no such authenticator or browser in this account.",
    )
    METHOD_NOT_ALLOWED = (
        "method-not-allowed",
        "This endpoint does not answer that method",
        (405,),
        "`Allow` names those that it does answer.",
    )
    BAD_REQUEST = (
        "bad-request",
        "The request is malformed",
        (400,),
        "`detail` says what is wrong with it. Nothing was counted or changed, not even for a code that can't be one.",
    )
    TOO_LARGE = (
        "too-large",
        "The request is too large",
        (413,),
        "A body has at most 16 KiB.",
    )
    MEDIA_TYPE = (
        "media-type",
        "The request is of the wrong type",
        (415,),
        "Send JSON as `application/json`, not compressed.",
    )

    def __init__(self, kind: str, title: str, statuses: tuple[int, ...], advice: str) -> None:
        self.kind = kind
        self.type = f"urn:twofa-gate:{kind}"
        self.title = title
        self.statuses = statuses
        self.advice = advice
