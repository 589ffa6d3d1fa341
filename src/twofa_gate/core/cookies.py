"""Cookies: those of the gate, as it sets and ends them, and those of the host, as its answers set them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from twofa_gate.core.settings import CookieSettings
from twofa_gate.errors import BadRequest

__all__ = ["Header", "HostCookie", "expire", "expire_host_cookie", "set_cookie", "set_cookie_readings"]

Header = tuple[str, str]

MAX_READINGS = 4
"""Ways in which one answer's cookies may be read; nobody needs more paths and domains for one name."""


@dataclass(frozen=True, slots=True)
class HostCookie:
    """A session cookie of the host, so that "Sign out" can expire it."""

    name: str
    path: str = "/"
    domain: str | None = None


def set_cookie(settings: CookieSettings, name: str, value: str, max_age: int | None = None) -> Header:
    """Give the header that sets one of our cookies; without `max_age` it ends with the browser's session."""
    from werkzeug.http import dump_cookie

    return "Set-Cookie", dump_cookie(
        name,
        value,
        max_age=max_age,
        path="/",
        secure=settings.secure,
        httponly=True,
        samesite=settings.samesite,
    )


def expire(settings: CookieSettings, name: str) -> Header:
    """Give the header that deletes one of our cookies, with the attributes that it was set with."""
    return set_cookie(settings, name, "", max_age=0)


def expire_host_cookie(cookie: HostCookie, *, secure: bool) -> Header:
    """Give the header that deletes a session cookie of the host."""
    from werkzeug.http import dump_cookie

    return "Set-Cookie", dump_cookie(
        cookie.name,
        "",
        max_age=0,
        path=cookie.path,
        domain=cookie.domain,
        secure=secure or cookie.name.startswith("__"),
        httponly=True,
        samesite="Lax",
    )


def set_cookie_readings(headers: Iterable[Header], now: float) -> list[dict[str, str | None]]:
    """Read what an answer's Set-Cookie headers change, in each way in which that may turn out.

    A reading maps a name to its new value, or to `None` where it is deleted. Cookies of one name may live on
    several paths and domains: what is set on one of them counts, though it be deleted on another, and where
    several values are set each may be the one that is sent. Raises `BadRequest` for too many.
    """
    lives: dict[str, dict[tuple[str, str], str | None]] = {}
    for header, text in headers:
        if header.lower() != "set-cookie":
            continue
        pair, *rest = text.split(";")
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not name:
            # Browsers send a cookie without a name as its bare value, `=` and all that is in it.
            name, value = "", value if equals else name
        attributes = {
            key.strip().lower(): given.strip() for key, _, given in (each.partition("=") for each in rest)
        }
        place = (attributes.get("domain", "").lstrip(".").lower(), attributes.get("path", ""))
        lives.setdefault(name, {})[place] = None if _deletes(attributes, now) else value
    values = {name: _distinct(places.values()) for name, places in lives.items()}
    ways = max((len(each) for each in values.values()), default=1)
    if ways > MAX_READINGS:
        raise BadRequest("The answer sets one cookie in too many ways.")
    return [{name: each[min(way, len(each) - 1)] for name, each in values.items()} for way in range(ways)]


def _distinct(values: Iterable[str | None]) -> list[str | None]:
    return list(dict.fromkeys(each for each in values if each is not None)) or [None]


def _deletes(attributes: Mapping[str, str], now: float) -> bool:
    if re.fullmatch("-?[0-9]+", attributes.get("max-age", "")):
        # Max-Age wins over Expires, RFC 6265 section 5.3; browsers ignore one that is not a plain number.
        return attributes["max-age"][0] == "-" or not attributes["max-age"].strip("0")
    from werkzeug.http import parse_date

    expires = parse_date(attributes.get("expires"))
    return expires is not None and expires <= datetime.fromtimestamp(now, UTC)
