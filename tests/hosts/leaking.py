"""Host plugins that leak, each in a way in which somebody's plugin might: the conformance suite catches all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from flask import Flask

from twofa_gate import GateRequest, User, hookimpl
from twofa_gate.hosts.flask import FlaskLogin, FlaskSession

__all__ = ["LEAKING_BY_FLASK_LOGIN", "FirstCookieWins", "NobodyUnderTest", "SessionOnly"]


class SessionOnly:
    """Sees Flask's session and no other plane of login."""

    def __init__(self, app: Flask) -> None:
        self._inner = FlaskSession(app, user_id="_user_id")

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`."""
        return self._inner.identify(request)


class NobodyUnderTest:
    """Knows nobody, whoever asks."""

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`."""
        return None


class FirstCookieWins:
    """Reads the first of two session cookies where the application reads another, with a parser of its own."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`."""
        values = re.findall(r"session=([^;]*)", request.cookie_header)
        if not values:
            return None
        return FlaskSession(self._app, user_id="_user_id").identify(
            request.with_cookie_header(f"session={values[-1]}")
        )


class Spoilt:
    """Flask-Login's plugin, spoilt: `spoil` is given the request and whom the plugin found."""

    def __init__(self, app: Flask, spoil: Callable[[GateRequest, User | None], User | None]) -> None:
        self._inner = FlaskLogin(app)
        self._spoil = spoil

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`."""
        return self._spoil(request, self._inner.identify(request))


def only_remembered(request: GateRequest, found: User | None) -> User | None:
    """See only whom the remember-me cookie names."""
    return found if "remember_token=" in request.cookie_header else None


def only_pages(request: GateRequest, found: User | None) -> User | None:
    """See users only where a page is asked for."""
    return found if "text/html" in (request.header("accept") or "") else None


def only_below_page(request: GateRequest, found: User | None) -> User | None:
    """See users only in the part of the application that somebody thought of."""
    return found if request.path.startswith("/page") else None


def always_the_first(request: GateRequest, found: User | None) -> User | None:
    """Take everybody for the same user."""
    return None if found is None else replace(found, id="1")


def only_administrators(request: GateRequest, found: User | None) -> User | None:
    """See those whom somebody wanted to protect; the others are nobody."""
    return found if found is not None and found.id == "1" else None


def remembered_in_the_request(request: GateRequest, found: User | None) -> User | None:
    """Keep what was found beside the request, where the second look finds it again."""
    assert request.environ is not None
    known: User | None = request.environ.setdefault("plugin.user", found)
    return known


def first_ever(memo: dict[str, User]) -> Callable[[GateRequest, User | None], User | None]:
    """Remember whom a path was first asked for by, as a cache under too short a key does."""

    def spoil(request: GateRequest, found: User | None) -> User | None:
        return None if found is None else memo.setdefault(request.path, found)

    return spoil


LEAKING_BY_FLASK_LOGIN: list[tuple[Callable[[Flask], list[object]], str]] = [
    (lambda app: [Spoilt(app, only_remembered)], "every_plane_is_gated"),
    (lambda app: [Spoilt(app, only_pages)], "every_plane_is_gated"),
    (lambda app: [Spoilt(app, only_below_page)], "every_plane_is_gated"),
    (lambda app: [Spoilt(app, remembered_in_the_request)], "every_plane_is_gated"),
    (lambda app: [Spoilt(app, always_the_first)], "a_verified_user_passes"),
    (lambda app: [Spoilt(app, first_ever({}))], "a_verified_user_passes"),
    (lambda app: [Spoilt(app, only_administrators)], "every_plane_is_gated"),
]
