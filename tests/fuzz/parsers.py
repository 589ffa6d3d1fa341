"""What every parser owes any text: at most a `BadRequest`, and no reading that another reader does not share.

Each check takes a text, of which it makes its inputs, and fails by an assertion or by what it lets be raised.
Hypothesis, atheris and the plain generator all feed the same checks.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import ada_url

from tests.abuse.test_credentials import READERS
from tests.core.stepping import Host, Request, World
from twofa_gate.core import asking, browser, cookies, returning
from twofa_gate.core.codes import MalformedCode, RecoveryInput, parse_code
from twofa_gate.core.cookies import HostCookie
from twofa_gate.core.effects import Flow
from twofa_gate.core.settings import Settings
from twofa_gate.core.standing import token_of
from twofa_gate.errors import AmbiguousCookie, BadRequest
from twofa_gate.hosts.basic import BasicAuth
from twofa_gate.pages import forms, language
from twofa_gate.request import StrictCookies, merge_cookies

from .pieces import SPLIT

__all__ = ["CHECKS"]

ORIGIN = "https://app.test"
NOW = 1_800_000_000.0


@cache
def gate() -> Settings:
    """Return a gate's settings."""
    return World(
        Host(), origins=["https://other.test"], logout_paths=["/logout", "/bye/"], public=["/static/"]
    ).settings


def parted(text: str, number: int) -> list[str]:
    """Return so many parts of a text, the missing ones empty."""
    found = text.split(SPLIT, number - 1)
    return found + [""] * (number - len(found))


def readings(header: str) -> list[Mapping[str, str]]:
    """Read a Cookie header as every framework does, from latin-1 and from UTF-8."""
    as_utf8 = header.encode("latin-1", "replace").decode("utf-8", "replace")
    found: list[Mapping[str, str]] = []
    for read in READERS.values():
        for text in dict.fromkeys((header, as_utf8)):
            with suppress(UnicodeError):  # werkzeug's way of finding nobody
                found.append(read(text))
    return found


def check_cookies(text: str) -> None:
    """Check that nobody finds another session than the gate, and none where the gate finds none."""
    header = text.encode("latin-1", "replace").decode("latin-1")
    strict = StrictCookies(header)
    assert len(strict) == len(list(strict))
    for name in ("sid", "a"):
        strict.single(name)
        try:
            found = strict.get(name)
        except AmbiguousCookie:
            continue
        for reading in readings(header):
            # a quotation mark or a backslash is no part of any session's name
            assert reading.get(name, "") in ("", found), (header, found, reading)


def check_merging(text: str) -> None:
    """Check that with an answer's cookie merged in, nobody is taken for who was there before."""
    header, value = parted(text.encode("latin-1", "replace").decode("latin-1"), 2)
    for given in ("new", value, None):
        merged = merge_cookies(header, {"sid": given})
        try:
            found = StrictCookies(merged).get("sid")
        except AmbiguousCookie:
            continue
        if given is None:
            assert found is None, (header, merged)
        elif given == "new":
            assert found == "new", (header, merged)


def check_set_cookie(text: str) -> None:
    """Check that what an answer sets is read, or refused as too much."""
    headers = [("Set-Cookie", each) for each in text.split(SPLIT)]
    try:
        found = cookies.set_cookie_readings(headers, NOW)
    except BadRequest:
        return
    assert 1 <= len(found) <= cookies.MAX_READINGS
    for reading in found:
        merge_cookies("sid=old", reading)


def check_own_cookies(text: str) -> None:
    """Check that our own cookies, with anything at all in them, are worth nothing."""
    settings, value = gate(), text.encode("latin-1", "replace").decode("latin-1")
    for name in settings.cookies.names:
        request = Request("/x", headers={"cookie": f"{name}={value}"})
        token_of(settings, request)
        browser.browser_of(settings, request)
        assert not browser.is_known(settings, request, "u1", NOW)


def drive(flow: Flow[Any], body: bytes) -> Any:
    """Run a flow whose only wish is the body."""
    try:
        next(flow)
        flow.send(body)
    except StopIteration as done:
        return done.value
    raise AssertionError("The flow wants more than the body.")


def check_form(text: str) -> None:
    """Check that a form is fields of text, each once, or a bad request."""
    kind, body = "application/x-www-form-urlencoded", text.encode("utf-8", "surrogatepass")
    for data in (body, text.encode("latin-1", "replace")):
        request = Request("/2fa/challenge", "POST", headers={"content-type": kind})
        try:
            fields = drive(forms.read_form(gate(), request), data)
        except BadRequest:
            continue
        assert all(type(name) is type(value) is str and "\0" not in value for name, value in fields.items())
        _typed(fields)


def check_json(text: str) -> None:
    """Check that JSON is an object, each name once, or a bad request; and a code in it a text."""
    for data in (text.encode("utf-8", "surrogatepass"), text.encode("latin-1", "replace")):
        request = Request("/2fa/api/v1/challenge", "POST", headers={"content-type": "application/json"})
        try:
            fields = drive(forms.read_json(gate(), request), data)
        except BadRequest:
            continue
        assert type(fields) is dict
        _typed(fields)


def _typed(fields: dict[str, Any]) -> None:
    try:
        typed = forms.text_field(fields, "code", limit=64)
    except BadRequest:
        return
    check_code(typed)


def check_code(text: str) -> None:
    """Check that what is typed is digits, a recovery code, or malformed."""
    try:
        found = parse_code(text)
    except MalformedCode:
        return
    if isinstance(found, RecoveryInput):
        assert found.code.isascii()
        assert found.code.isalnum()
    else:
        assert found.digits.isascii()
        assert found.digits.isdigit()
        assert found.digits == "".join(each for each in text if each not in " -\t")


def resolved(address: str, prefix: str) -> Any:
    """Resolve an address as browsers do (the WHATWG's URL standard), on a page of the application's."""
    try:
        return ada_url.URL(address, base=f"{ORIGIN}{prefix}/app/page?x")
    except ValueError:
        return None


def check_return(text: str) -> None:
    """Check that a return address stays within the origin, and off the pages that log out."""
    settings = gate()
    for prefix in ("", "/mounted"):
        request = Request("/app/x", prefix=prefix)
        for address in (text, "/" + text, prefix + "/" + text, prefix + "/bye/" + text):
            assert_within(settings, request, address)
    signed = settings.signer.sign("return", [text.encode("utf-8", "replace").decode(), None], NOW)
    back = returning.read_return(settings, Request("/app/x"), signed, NOW).address
    url = resolved(back, "")
    assert url is not None, back
    assert url.origin == ORIGIN, back


def assert_within(settings: Settings, request: Request, address: str) -> None:
    """Assert that an address that is allowed leads nowhere else, and never to the logout."""
    url = resolved(address, request.prefix)
    if returning.is_path(address):
        assert url is not None, address
        assert url.origin == ORIGIN, address
    if returning.is_within(settings, request, address):
        assert url.origin == ORIGIN, address
        path = unquote(url.pathname.removeprefix(request.prefix))
        assert path != "/logout", address
        assert not path.startswith("/bye/"), address
        assert path not in ("/2fa/challenge", "/2fa/sign-out"), address


def check_origin(text: str) -> None:
    """Check that what passes for this origin is this origin to a browser too."""
    settings, request = gate(), Request("/app/x")
    for url in (text, f"https://{text}", f"https://app.test{text}", f"http://app.test{text}"):
        if not returning.is_same_origin(settings, request, url):
            continue
        seen = resolved(url, "")
        if seen is not None:
            assert seen.origin in (ORIGIN, "https://other.test"), url


def check_addresses(text: str) -> None:
    """Check that the address that is signed stays within the origin, whatever the request says."""
    settings = gate()
    path, query, referer, current = parted(text, 4)
    headers = {"referer": f"{ORIGIN}{referer}"} if referer[:1] == "/" else {"referer": referer}
    kinds: list[dict[str, str]] = [{}, {"hx-request": "true"}, {"x-requested-with": "XMLHttpRequest"}]
    for more in kinds:
        htmx = {"hx-current-url": current} if current else {}
        request = Request(f"/{path}", query=query, headers={**headers, **more, **htmx})
        address = returning.address_of(settings, request)
        assert_within(settings, request, address)
        assert returning.is_within(settings, request, address), address


def check_signed(text: str) -> None:
    """Check that what nobody signed leads to the default page."""
    for given in (text, f"{text}.x.y", f".{text}"):
        back = returning.read_return(gate(), Request("/x"), given, NOW)
        assert back == returning.Return("/", None), given


def check_language(text: str) -> None:
    """Check that any wish for a language gets one that there is."""
    tag = language.negotiate(text)
    assert tag.partition("-")[0] in language.LANGUAGES, text
    language.speaking(tag)


def lax_user(header: str) -> str | None:
    """Read Basic as laxly as frameworks' examples do."""
    words = header.split(None, 1)
    if len(words) != 2 or words[0].lower() != "basic":
        return None
    try:
        data = base64.b64decode(words[1].strip())
    except (binascii.Error, ValueError):
        return None
    name, colon, password = data.decode("latin-1").partition(":")
    return name if colon and password == "password" else None


def check_basic(text: str) -> None:
    """Check that whom lax readers take for logged in by Basic the gate knows too, or refuses."""
    plugin = BasicAuth(lambda name, password: name or None if password == "password" else None)
    as_bytes = text.encode("utf-8", "surrogatepass")
    encoded = base64.b64encode(as_bytes + b":password").decode()
    for header in (
        text,
        f"Basic {text}",
        f"Basic {encoded}",
        f"basic{text[:2]}{encoded}",
        f"Basic {encoded}{text[:2]}",
    ):
        sent = header.encode("latin-1", "replace").decode("latin-1")
        request = Request("/x", headers={"authorization": sent})
        try:
            asking.refuse_ambiguous(request)
            found = plugin.identify(request)
        except BadRequest:
            continue
        assert found is not None or not lax_user(sent), sent


def check_query(text: str) -> None:
    """Check that any query can be read, or is as none."""
    request = Request("/x", query=text.encode("latin-1", "replace").decode("latin-1"))
    dict(request.query)
    cookies.expire_host_cookie(HostCookie("sid"), secure=True)
    SimpleNamespace(path=request.path, plain=request.plain)


CHECKS: dict[str, Callable[[str], None]] = {
    "cookies": check_cookies,
    "merging": check_merging,
    "set-cookie": check_set_cookie,
    "own cookies": check_own_cookies,
    "form": check_form,
    "json": check_json,
    "code": check_code,
    "return address": check_return,
    "origin": check_origin,
    "addresses": check_addresses,
    "signed": check_signed,
    "language": check_language,
    "basic": check_basic,
    "query": check_query,
}
