"""`Gate`: settings and plugins in, decisions and operations out."""

from __future__ import annotations

import inspect
import math
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from twofa_gate.adapters.performing import run
from twofa_gate.binding import bind, listed
from twofa_gate.branding import brand
from twofa_gate.core import storage
from twofa_gate.core.answer import Answer
from twofa_gate.core.cookies import HostCookie
from twofa_gate.core.effects import Flow
from twofa_gate.core.keys import KeyList
from twofa_gate.core.passes import PassCache
from twofa_gate.core.paths import PathRules
from twofa_gate.core.sealing import Sealer
from twofa_gate.core.settings import CREDENTIAL_HEADERS, CookieSettings, Links, Settings
from twofa_gate.core.signing import ValueSigner
from twofa_gate.errors import ConfigurationError
from twofa_gate.locations import LocationSettings
from twofa_gate.model import Policy
from twofa_gate.operations import Operations
from twofa_gate.request import GateRequest, is_plain

__all__ = ["Gate", "initializing"]

T = TypeVar("T")

_REALM = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_COOKIE_BASE = re.compile(r"[A-Za-z0-9_-]{1,32}")
_COOKIE_TEXT = re.compile(r"[!-:<-~]*")
_SAMESITE = ("Lax", "Strict", "None")
_REMINDERS = ("banner", "context")
_COOKIES = ("verification", "browser", "known", "trust", "reminder")

_initializing: ContextVar[bool] = ContextVar("twofa_gate_initializing", default=False)


@contextmanager
def initializing() -> Iterator[None]:
    """Let gates that are made inside take an empty store into use, as `twofa-gate init` does."""
    token = _initializing.set(True)
    try:
        yield
    finally:
        _initializing.reset(token)


class Gate(Operations):
    """Puts a second factor in front of an application; see the settings' reference in the documentation.

    Raises `ConfigurationError`, with what to do, for everything that can be checked at start.
    """

    def __init__(
        self,
        *,
        secret_keys: Sequence[str],
        issuer: str,
        plugins: Sequence[object],
        policy: Policy | None = None,
        realm: str = "main",
        initialize: bool = False,
        mount: str = "/2fa",
        public: Iterable[str] = (),
        login_paths: Iterable[str] = (),
        logout_paths: Iterable[str] = (),
        login_url: str | None = None,
        logout_url: str | None = None,
        support: str | None = None,
        session_cookies: Iterable[str | tuple[str, ...] | HostCookie] = (),
        origins: Iterable[str] = (),
        cookie_secure: bool = True,
        cookie_name: str = "twofa",
        cookie_samesite: str = "Lax",
        revocation_lag: timedelta | float = timedelta(seconds=1),
        void_before: datetime | None = None,
        report_only_until: datetime | None = None,
        reminder: str = "banner",
        hook_timeout: timedelta | float = timedelta(seconds=10),
        templates: str | os.PathLike[str] | None = None,
        brand_name: str | None = None,
        brand_logo: str | os.PathLike[str] | None = None,
        brand_color: str | None = None,
    ) -> None:
        if not isinstance(realm, str) or not _REALM.fullmatch(realm):
            raise ConfigurationError(
                "realm must be 1 to 32 lower-case letters, digits, hyphens or underscores."
            )
        if not isinstance(issuer, str) or not issuer.strip() or ":" in issuer or not issuer.isprintable():
            raise ConfigurationError(
                "issuer must be the name that the authenticator app shows, without a colon."
            )
        if policy is not None and not isinstance(policy, Policy):
            raise ConfigurationError("policy must be a Policy, such as Policy(Enforcement.REQUIRED).")
        if reminder not in _REMINDERS:
            raise ConfigurationError(f"reminder must be one of {', '.join(_REMINDERS)}.")
        plugins = listed(plugins)
        hooks = bind(plugins)
        locations = _locations(plugins)
        decides = locations is not None and locations.default is not None
        if policy is None and not hooks.policy and not decides:
            raise ConfigurationError(
                "There is no policy: give a plugin with a policy hook, policy=Policy(...), or "
                "LocationSettings(default=Policy(...))."
            )
        keys = KeyList(secret_keys, realm)
        login = PathRules(login_paths, setting="login_paths")
        logout = PathRules(logout_paths, setting="logout_paths")
        lag = _seconds(revocation_lag, "revocation_lag", allow_zero=True)
        self.hook_timeout = _seconds(hook_timeout, "hook_timeout", allow_zero=False)
        self.plugins = plugins
        self.settings = Settings(
            realm=realm,
            issuer=issuer.strip(),
            mount=_mount(mount),
            hooks=hooks,
            keys=keys,
            sealer=Sealer(keys, realm),
            form_sealer=Sealer(keys, realm, "form"),
            signer=ValueSigner(keys),
            cookies=_cookie_settings(cookie_name, realm, cookie_secure, cookie_samesite),
            passes=PassCache(lag),
            pages=_pages,
            brand=brand(issuer.strip(), brand_name, brand_logo, brand_color),
            default_policy=policy,
            public=PathRules(public, setting="public"),
            login=login,
            logout=logout,
            links=Links(login_url, logout_url, support),
            session_cookies=tuple(
                _host_cookie(each) for each in _several(session_cookies, "session_cookies")
            ),
            origins=frozenset(_origin(each) for each in _several(origins, "origins")),
            credential_headers=_credential_headers(plugins),
            revocation_lag=lag,
            hook_timeout=self.hook_timeout,
            void_before=_moment(void_before, "void_before"),
            report_only_until=_moment(report_only_until, "report_only_until"),
            reminder=reminder,
            live=hooks.live,
            modes=bool(hooks.is_logout or login or logout),
            templates=_templates(templates),
            locations=locations,
            location_memory=PassCache(lag),
        )
        self._check_store(initialize=initialize)

    @property
    def volatile(self) -> bool:
        """Whether the store keeps nothing beyond this process, as `MemoryStore` does."""
        return any(getattr(plugin, "volatile", False) for plugin in self.plugins)

    def require_plain_hooks(self) -> None:
        """Raise `ConfigurationError` if a hook is an `async def` function, which WSGI can't await."""
        names = [f"{hook.plugin}.{hook.name}" for hook in self.settings.hooks.all() if hook.is_async]
        if names:
            raise ConfigurationError(
                f"Under WSGI hooks must be plain functions, but {', '.join(names)} is async def."
            )

    def close(self) -> None:
        """Release what the plugins hold, such as a store's connections."""
        for plugin in self.plugins:
            close = getattr(plugin, "close", None)
            if close is not None and not inspect.iscoroutinefunction(close):
                close()

    async def aclose(self) -> None:
        """Release what the plugins hold; awaits those that close asynchronously."""
        for plugin in self.plugins:
            close = getattr(plugin, "aclose", None) or getattr(plugin, "close", None)
            if close is not None:
                closing = close()
                if inspect.isawaitable(closing):
                    await closing

    def _check_store(self, *, initialize: bool) -> None:
        hooks = self.settings.hooks
        may_create = initialize or self.volatile or _initializing.get()

        def check() -> Flow[bool]:
            return storage.initialize(self.settings, may_create=may_create)

        self.newly_installed = False
        self.pending_check: Callable[[], Flow[bool]] | None = None
        observers_wait = may_create and any(hook.is_async for hook in hooks.on_event)
        if hooks.load.is_async or hooks.save.is_async or observers_wait:
            # Nothing can be awaited here: the ASGI driver checks at lifespan start-up or with the first request.
            self.pending_check = check
        else:
            self.newly_installed = run(check())


def _credential_headers(plugins: Sequence[object]) -> frozenset[str]:
    """Name the headers that carry credentials: the usual ones, and those that plugins identify users by."""
    named: set[str] = set()
    for plugin in plugins:
        names = getattr(plugin, "credential_headers", ())
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            kind = type(plugin).__name__
            raise ConfigurationError(
                f"{kind}.credential_headers must be a list of header names, not {names!r}."
            )
        named.update(name.lower() for name in names)
    return CREDENTIAL_HEADERS.union(named)


def _templates(folder: str | os.PathLike[str] | None) -> str | None:
    if folder is not None and not Path(folder).is_dir():
        raise ConfigurationError(f"templates: {folder!r} is not a folder.")
    return None if folder is None else os.fspath(folder)


def _locations(plugins: Sequence[object]) -> LocationSettings | None:
    found = [plugin for plugin in plugins if isinstance(plugin, LocationSettings)]
    if len(found) > 1:
        raise ConfigurationError("LocationSettings is given twice; one serves all locations.")
    return found[0] if found else None


def _pages(settings: Settings, request: GateRequest, path: str) -> Flow[Answer]:
    # Pages are not imported until one is asked for.
    from twofa_gate.pages import dispatch

    return dispatch(settings, request, path)


def _seconds(value: timedelta | float, name: str, *, allow_zero: bool) -> float:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool) and math.isfinite(seconds)
    if not is_number or seconds < 0 or (not seconds and not allow_zero):
        least = "zero or more" if allow_zero else "above zero"
        raise ConfigurationError(f"{name} must be a timedelta, or a number of seconds, of {least}.")
    return float(seconds)


def _moment(value: datetime | None, name: str) -> float | None:
    if value is None:
        return None
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise ConfigurationError(
            f"{name} must be a datetime with a time zone, such as datetime(2027, 1, 4, tzinfo=UTC)."
        )
    return value.timestamp()


def _mount(mount: str) -> str:
    if not isinstance(mount, str) or not is_plain(mount) or not mount.startswith("/") or mount.endswith("/"):
        raise ConfigurationError('mount must be a plain path without a slash at its end, such as "/2fa".')
    return mount


def _several(values: Iterable[T], name: str) -> Iterable[T]:
    if isinstance(values, str | bytes):
        raise ConfigurationError(f"{name} must be a list, not a string.")
    return values


def _origin(origin: str) -> str:
    parts = urlsplit(origin) if isinstance(origin, str) else urlsplit("")
    if (
        parts.scheme not in ("http", "https")
        or not parts.netloc
        or parts.path
        or parts.query
        or "@" in parts.netloc
    ):
        raise ConfigurationError(
            f'origins: {origin!r} is not an origin; write it like "https://app.example.com".'
        )
    return origin.lower()


def _host_cookie(cookie: str | tuple[str, ...] | HostCookie | dict[str, Any]) -> HostCookie:
    try:
        if isinstance(cookie, HostCookie):
            made = cookie
        elif isinstance(cookie, dict):
            made = HostCookie(**cookie)
        else:
            made = HostCookie(*((cookie,) if isinstance(cookie, str) else cookie))
    except TypeError as error:
        raise ConfigurationError(
            "session_cookies holds names, or tuples of name, path and domain."
        ) from error
    texts = (made.name, made.path, made.domain or "")
    if not made.name or not all(isinstance(each, str) and _COOKIE_TEXT.fullmatch(each) for each in texts):
        raise ConfigurationError(f"session_cookies: {cookie!r} is not the name, path and domain of a cookie.")
    return made


def _cookie_settings(base: str, realm: str, secure: bool, samesite: str) -> CookieSettings:
    if not isinstance(base, str) or not _COOKIE_BASE.fullmatch(base):
        raise ConfigurationError("cookie_name must be 1 to 32 letters, digits, hyphens or underscores.")
    if samesite not in _SAMESITE:
        raise ConfigurationError(f"cookie_samesite must be one of {', '.join(_SAMESITE)}.")
    if samesite == "None" and not secure:
        raise ConfigurationError(
            "Browsers drop cookies with SameSite=None that are not Secure; leave cookie_secure on."
        )
    if not secure:
        warnings.warn("cookie_secure=False is for development over plain http only.", stacklevel=3)
    prefix = "__Host-" if secure else ""
    names = {kind: f"{prefix}{base}-{kind}-{realm}" for kind in _COOKIES}
    return CookieSettings(**names, secure=secure, samesite=samesite)
