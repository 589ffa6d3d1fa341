"""Cookies: those of the gate, as it sets and ends them, and those of the host, as its answers set them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from werkzeug.http import dump_cookie, parse_date

from twofa_gate.core.settings import CookieSettings

__all__ = ["Header", "HostCookie", "expire", "expire_host_cookie", "set_cookie", "set_cookie_changes"]

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class HostCookie:
    """A session cookie of the host, so that "Sign out" can expire it."""

    name: str
    path: str = "/"
    domain: str | None = None


def set_cookie(settings: CookieSettings, name: str, value: str, max_age: int | None = None) -> Header:
    """Give the header that sets one of our cookies; without `max_age` it ends with the browser's session."""
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


def set_cookie_changes(headers: Iterable[Header], now: float) -> dict[str, str | None]:
    """Read what an answer's Set-Cookie headers change: a name to its new value, or `None` where it is deleted."""
    changes: dict[str, str | None] = {}
    for name, text in headers:
        if name.lower() != "set-cookie":
            continue
        pair, *attributes = text.split(";")
        cookie, _, value = pair.partition("=")
        changes[cookie.strip()] = None if _deletes(attributes, now) else value.strip()
    return changes


def _deletes(attributes: Iterable[str], now: float) -> bool:
    given = {
        name.strip().lower(): value.strip() for name, _, value in (each.partition("=") for each in attributes)
    }
    if "max-age" in given:
        # Max-Age wins over Expires, RFC 6265 section 5.3.
        try:
            return int(given["max-age"]) <= 0
        except ValueError:
            pass
    expires = parse_date(given.get("expires"))
    return expires is not None and expires <= datetime.fromtimestamp(now, UTC)
