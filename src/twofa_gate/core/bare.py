"""Answers that show nothing: what is left of one that somebody may not see, if anything can be left.

A login's answer often is empty, or a redirect into the application. Such an answer goes out without its body
and with the headers named here alone, since a header too can tell something or lead a browser elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twofa_gate.core.cookies import Header

__all__ = ["bare_headers", "is_json", "leads_away", "values"]

_HARMLESS = frozenset(
    {
        "allow",
        "cache-control",
        "clear-site-data",
        "connection",
        "content-security-policy",
        "cross-origin-embedder-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "date",
        "expires",
        "hx-redirect",
        "permissions-policy",
        "pragma",
        "referrer-policy",
        "retry-after",
        "server",
        "set-cookie",
        "strict-transport-security",
        "vary",
        "www-authenticate",
        "x-content-type-options",
        "x-frame-options",
    }
)
_NEVER_SIZED = (204, 304)


def values(headers: Iterable[Header], name: str) -> list[str]:
    """Return the values of every header of this lower-case name: which one counts, readers may disagree about."""
    return [value for key, value in headers if key.lower() == name]


def leads_away(headers: Iterable[Header], leads_within: Callable[[str], bool]) -> bool:
    """Whether an answer's headers lead a browser, or htmx, anywhere that is not surely within the origin."""
    headers = list(headers)
    if values(headers, "refresh") or values(headers, "hx-location"):
        return True
    leads = [*values(headers, "location"), *values(headers, "hx-redirect")]
    return not all(leads_within(each) for each in leads)


def bare_headers(status: int, headers: Iterable[Header]) -> list[Header]:
    """Return the headers that an answer keeps when it goes out without its body."""
    kept = [
        (name, value)
        for name, value in headers
        if name.lower() in _HARMLESS
        or name.lower().startswith("access-control-")
        or (name.lower() == "location" and 300 <= status < 400)
    ]
    return kept if status in _NEVER_SIZED else [*kept, ("Content-Length", "0")]


def is_json(headers: Iterable[Header]) -> bool:
    """Whether an answer says that it is JSON, and says nothing else."""
    kinds = [each.partition(";")[0].strip().lower() for each in values(headers, "content-type")]
    return bool(kinds) and all(
        kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
        for kind in kinds
    )
