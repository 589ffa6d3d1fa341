"""Flask sessions that were opened before: they name the same user for as long as Flask says the same, and no longer."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import TimestampSigner

from twofa_gate.adapters.wsgi_request import WSGIRequest
from twofa_gate.hosts import opened
from twofa_gate.hosts.flask import FlaskSession
from twofa_gate.model import User

KEY = "s" * 32
NOW = 1_800_000_000


class Site:
    """A Flask application, its plugin, and how often a signature was verified."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
        self.app = Flask("site")
        self.app.secret_key = KEY
        self.app.session_interface = SecureCookieSessionInterface()  # its own, since all share one
        self.plugin = FlaskSession(self.app, **fields)
        self.now, self.verified = NOW, 0
        unsign = TimestampSigner.unsign

        def counted(signer: TimestampSigner, *args: Any, **named: Any) -> Any:
            self.verified += 1
            return unsign(signer, *args, **named)

        monkeypatch.setattr(TimestampSigner, "unsign", counted)
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: self.now)
        monkeypatch.setattr(time, "time", lambda: float(self.now))

    def cookie(self, **session: Any) -> str:
        """Sign a session."""
        serializer = SecureCookieSessionInterface().get_signing_serializer(self.app)
        assert serializer is not None
        return f"session={serializer.dumps(session)}"

    def ask(self, header: str) -> User | None:
        """Ask the plugin who sends this Cookie header."""
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/",
            "HTTP_COOKIE": header,
            "wsgi.url_scheme": "https",
        }
        return self.plugin.identify(WSGIRequest({**environ, "SERVER_NAME": "app.test", "SERVER_PORT": "443"}))

    def warm(self, header: str) -> None:
        """Ask until nothing is verified any more."""
        assert self.ask(header) is not None
        before = self.verified
        assert self.ask(header) is not None
        assert self.verified == before


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    """Give an application with sessions in signed cookies."""
    return Site(monkeypatch)


def test_the_same_cookie_is_verified_once(site: Site) -> None:
    """What is sent again names the same user; another cookie is opened by itself."""
    one, other = site.cookie(user_id=1), site.cookie(user_id=2)
    site.warm(one)
    site.warm(other)
    users = [site.ask(one), site.ask(other), site.ask(f"{one}; theme=dark")]
    assert [user and user.id for user in users] == ["1", "2", "1"]


def test_a_forged_cookie_beside_a_known_one_is_nobody(site: Site) -> None:
    """Nothing but the very same header is taken for known."""
    header = site.cookie(user_id=1)
    site.warm(header)
    for forged in (
        header[:-1] + "x",
        header.replace("session=", "session=x"),
        header.upper(),
        f"theme=1; x{header}",
    ):
        assert site.ask(forged) is None
    assert site.ask(f"session=x; {header}") is None  # of two, Flask takes the first


@pytest.mark.parametrize("seconds", [31 * 86400 + 1, -1])
def test_an_expired_session_is_nobody_at_once(site: Site, seconds: int) -> None:
    """A session older than it may be, or from the future after the clock was set back, ends with the next request."""
    header = site.cookie(user_id=1)
    site.warm(header)
    site.now += 31 * 86400
    assert site.ask(header) is not None
    site.now = NOW + seconds
    assert site.ask(header) is None


def drop_key(app: Flask) -> None:
    """Sign with another key from now on."""
    app.secret_key = "t" * 32


def shorten(app: Flask) -> None:
    """Let sessions last less long."""
    app.permanent_session_lifetime = timedelta(seconds=-1)


def rename(app: Flask) -> None:
    """Read another cookie."""
    app.config["SESSION_COOKIE_NAME"] = "other"


def other_salt(app: Flask) -> None:
    """Sign with another salt."""
    app.session_interface.salt = "other"  # type: ignore[attr-defined]  # it is Flask's own


class Empty(SecureCookieSessionInterface):
    """Sessions that a server has forgotten."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession:
        """Find nothing."""
        return SecureCookieSession()


def other_interface(app: Flask) -> None:
    """Keep sessions elsewhere."""
    app.session_interface = Empty()


class Blind(Request):
    """A request that reads no cookies."""

    cookies: Any = MappingProxyType({})


def other_requests(app: Flask) -> None:
    """Read cookies in another way."""
    app.request_class = Blind


@pytest.mark.parametrize(
    "change",
    [drop_key, shorten, rename, other_salt, other_interface, other_requests],
    ids=lambda each: str(each.__name__),
)
def test_what_says_how_it_is_read_is_part_of_it(site: Site, change: Callable[[Flask], None]) -> None:
    """After a change of keys, lifetime, name or way, the very next request is what Flask says it is: nobody's."""
    header = site.cookie(user_id=1)
    site.warm(header)
    change(site.app)
    assert site.ask(header) is None


def test_a_fallback_key_holds_until_it_is_dropped(site: Site) -> None:
    """A session under a former key is somebody's for as long as that key is listed."""
    header = site.cookie(user_id=1)
    site.app.secret_key, site.app.config["SECRET_KEY_FALLBACKS"] = "t" * 32, [KEY]
    site.warm(header)
    site.app.config["SECRET_KEY_FALLBACKS"].clear()
    assert site.ask(header) is None


def test_nobody_is_not_remembered(site: Site) -> None:
    """A session that names nobody, and a cookie that is none, are opened each time."""
    for header in (site.cookie(theme="dark"), "session=nonsense", ""):
        assert site.ask(header) is None
        assert site.ask(header) is None
    assert not site.plugin._opened._known


def test_a_field_that_is_a_function_is_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function may look at anything, such as a list of users who were blocked."""
    blocked: set[str] = set()
    site = Site(monkeypatch, user_id=lambda found: None if found["user_id"] in blocked else found["user_id"])
    header = site.cookie(user_id="1")
    assert site.ask(header) is not None
    blocked.add("1")
    assert site.ask(header) is None


def test_it_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is remembered than the bound says, and no long header."""
    monkeypatch.setattr(opened, "MAX_SESSIONS", 5)
    for number in range(20):
        assert site.ask(site.cookie(user_id=number + 1)) is not None
    assert len(site.plugin._opened._known) == 5
    assert site.ask(f"{site.cookie(user_id=50)}; long={'x' * opened.MAX_HEADER}") is not None
    assert len(site.plugin._opened._known) == 5
