"""Planted holes: what a fuzzer is worth shows when the gate has a hole.

Each is a context in which the gate has lost one protection. `PATHS` are found by the differential fuzzer, `PARSERS`
by the check of that name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest import mock

from django.http.cookie import parse_cookie
from werkzeug.datastructures import Authorization

from twofa_gate import User
from twofa_gate.adapters import asgi, asgi_request, wsgi
from twofa_gate.core import asking, flow, refusal, returning
from twofa_gate.core.answer import Forward, Mode
from twofa_gate.core.paths import PathRules
from twofa_gate.hosts import basic, django
from twofa_gate.pages import forms
from twofa_gate.request import GateRequest, StrictCookies

__all__ = ["PARSERS", "PATHS", "WHERE"]

Hole = Callable[[], AbstractContextManager[Any]]
ANYTHING, NOTHING = re.compile("(?s).*"), re.compile("(?!)")


def instead(target: object, name: str, value: Any) -> Hole:
    """Put something in the place of a part of the gate."""
    return lambda: mock.patch.object(target, name, value)


def all_of(*holes: Hole) -> Hole:
    """Open several at once."""

    @contextmanager
    def opened() -> Iterator[None]:
        with ExitStack() as stack:
            for hole in holes:
                stack.enter_context(hole())
            yield

    return opened


def before(change: Callable[[Any, GateRequest], Forward | None]) -> Hole:
    """Put something before the decision, in both ways to it."""

    def handle(settings: Any, request: GateRequest) -> Any:
        found = change(settings, request)
        return found if found is not None else (yield from flow_handle(settings, request))

    def at_once(settings: Any, request: GateRequest, clock: Any) -> Any:
        found = change(settings, request)
        return found if found is not None else flow_at_once(settings, request, clock)

    flow_handle, flow_at_once = flow.handle, flow.at_once
    ways = {"handle": handle, "at_once": at_once}
    found = [(module, name) for module in (wsgi, asgi) for name in ways if hasattr(module, name)]
    return all_of(*(instead(module, name, ways[name]) for module, name in found))


def exempt(spared: Callable[[GateRequest], bool]) -> Hole:
    """Let requests of some kind through undecided."""
    return before(lambda settings, request: flow._nobody(settings, request) if spared(request) else None)


def believed(name: str) -> Hole:
    """Take the path from a header."""

    def take(settings: Any, request: GateRequest) -> None:
        request.decoded_path = request.header(name) or request.decoded_path

    return before(take)


def covers_by_beginning(rules: PathRules, path: str) -> bool:
    """Compare letters, not segments."""
    return path.startswith(tuple(each.rstrip("/") for each in rules._trees | rules._exact))


def last_cookie_wins(self: StrictCookies, pair: str) -> None:
    """Read cookies as many parsers do."""
    name, _, value = pair.partition("=")
    self._values[name.strip()] = value.strip()


def first_cookie_wins(self: StrictCookies, pair: str) -> None:
    """Read cookies as some parsers do."""
    name, _, value = pair.partition("=")
    self._values.setdefault(name.strip(" \t"), value.strip(" \t"))


def unquoted_cookies(self: StrictCookies, pair: str) -> None:
    """Take quotation marks off, and nothing else."""
    name, _, value = pair.partition("=")
    self._values[name.strip(" \t")] = value.strip(' \t"')


def public_with_credentials(settings: Any, request: GateRequest) -> Forward:
    """Forward to a public path with everything."""
    return Forward(flow._context(settings, request), Mode.PUBLIC)


def redirect_to_two_slashes(url: str, *headers: Any) -> Any:
    """Make a redirect that leads to another host."""
    return refusal.plain_answer(303, "", ("Location", f"/{url}"), *headers)


def lax_basic(plugin: basic.BasicAuth, header: str) -> User | None:
    """Take what can't be read for nobody's."""
    given = Authorization.from_header(header)
    if given is None or not given.username or given.password is None:
        return None
    found = plugin._verify(given.username, given.password)
    return found if found is None or isinstance(found, User) else User(found, found)


def touchy(request: GateRequest) -> bool:
    """Stumble over a letter."""
    request.decoded_path.encode("ascii")
    return False


def probes(request: GateRequest) -> bool:
    """Trust what calls itself a probe."""
    return (request.header("user-agent") or "").startswith("kube-probe")


plain: Hole = all_of(
    instead(asgi_request, "is_plain", lambda path, raw=None: True),
    instead(GateRequest, "plain", property(lambda self: True)),
)
WHERE = {
    "the undecoded path is not looked at": "target",
    "Basic is read laxly": "asgi",
    "Django's cookies are read by the gate": "django, its",
}
"""Worlds by a part of their names, where a hole is open in few."""
PATHS: dict[str, Hole] = {
    "every path is taken for plain": plain,
    "the undecoded path is not looked at": lambda: mock.patch("twofa_gate.request._ODD_WHEN_RAW", NOTHING),
    "lists compare letters, not segments": instead(PathRules, "covers", covers_by_beginning),
    "the last of two cookies wins": instead(StrictCookies, "_add", last_cookie_wins),
    "the first of two cookies wins": instead(StrictCookies, "_add", first_cookie_wins),
    "cookies are unquoted": instead(StrictCookies, "_add", unquoted_cookies),
    "quotation marks are part of a cookie": lambda: mock.patch("twofa_gate.request._COOKIE_VALUE", ANYTHING),
    "HEAD is exempt": exempt(lambda request: request.method == "HEAD"),
    "unknown methods are exempt": exempt(lambda request: request.method not in ("GET", "POST", "HEAD")),
    "WebSockets are exempt": exempt(lambda request: request.kind == "websocket"),
    "probes are exempt": exempt(probes),
    "X-Original-URL is believed": believed("x-original-url"),
    "a public path keeps its credentials": instead(flow, "_public", public_with_credentials),
    "letters beyond ASCII raise": exempt(touchy),
    "redirects begin with two slashes": instead(refusal, "redirect", redirect_to_two_slashes),
    "Basic is read laxly": all_of(
        instead(asking, "_BASIC", ANYTHING), instead(basic.BasicAuth, "_check", lax_basic)
    ),
    "two Authorization lines are one": instead(asking, "refuse_ambiguous", lambda request: None),
    "Django's cookies are read by the gate": instead(
        django, "cookies_of", lambda request: parse_cookie(request.cookie_header)
    ),
}
_LOOSE = re.compile(r"/[\x00-\xff]*")
PARSERS: dict[str, tuple[str, Hole]] = {
    "a doubled cookie is no matter": ("cookies", instead(StrictCookies, "_add", last_cookie_wins)),
    "quotation marks are taken off": ("cookies", instead(StrictCookies, "_add", unquoted_cookies)),
    "a merged cookie is put beside the old one": (
        "merging",
        lambda: mock.patch("tests.fuzz.parsers.merge_cookies", lambda header, changes: f"sid=; {header}"),
    ),
    "return addresses may hold a backslash": (
        "return address", instead(returning, "_ADDRESS", re.compile(r"/(?!/)[\x21-\x7e]*")),
    ),
    "return addresses may begin with two slashes": (
        "return address", instead(returning, "_ADDRESS", re.compile(r"/[\x21-\x5b\x5d-\x7e]*")),
    ),
    "return addresses may hold tabs": (
        "return address", instead(returning, "_ADDRESS", re.compile(r"/(?![/\\])[\x00-\x7e]*")),
    ),
    "return addresses may hold dots": ("return address", instead(returning, "_DOTS", NOTHING)),
    "return addresses are not decoded": ("return address", instead(returning, "unquote", str)),
    "an origin is compared by its beginning": (
        "origin", instead(returning, "is_same_origin", lambda _, request, url: url.startswith("https://app.test")),
    ),
    "an address is not looked at when it is signed": (
        "addresses", instead(returning, "is_within", lambda _, request, address: bool(_LOOSE.fullmatch(address))),
    ),
    "fields may come twice": ("json", instead(forms, "_once", lambda pairs: dict(pairs)["code"])),
    "bytes are taken for UTF-8": ("form", instead(forms, "BadRequest", KeyError)),
    "any digits are digits": (
        "code", lambda: mock.patch("twofa_gate.core.codes._TOTP", re.compile(r"\d{6}.*", re.DOTALL)),
    ),
    "Basic in any form": (
        "basic", all_of(instead(asking, "_BASIC", ANYTHING), instead(basic.BasicAuth, "_check", lax_basic)),
    ),
}  # fmt: skip
"""By name: the check that finds it, and the hole."""
