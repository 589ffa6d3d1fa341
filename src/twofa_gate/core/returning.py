"""Return addresses: where a person goes on after a page of the gate. Always within this application.

The address and the location travel in one signed parameter, `next`; nothing unsigned is ever followed.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from twofa_gate.core.settings import Settings
from twofa_gate.request import GateRequest, canonical_path

__all__ = [
    "Demand",
    "Return",
    "address_of",
    "allows_origin",
    "home",
    "is_path",
    "is_same_origin",
    "is_within",
    "read_return",
    "sign_return",
]

MAX_ADDRESS = 1500
MAX_AGE = 86400
"""Seconds for which a signed return address holds; a tab may stay open over lunch."""

_ADDRESS = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_DOTS = re.compile(r"[/\\]\.\.?(?:[/\\]|\Z)")
_OWN_PAGES = ("", "/", "/enroll", "/recovery-codes", "/disable")
"""The pages of ours that a person may come back to: none that changes anything by itself."""


class Demand(NamedTuple):
    """What the application itself asks for: a verification of at most `max_age` seconds.

    It has to be by one of `methods` (`Method` values); where there are none, by one that counts at the location.
    """

    max_age: float
    methods: tuple[str, ...] = ()


class Return(NamedTuple):
    """What the signed parameter holds.

    `location` is that of the refusal that led here, or `None`; `demand` what the application asked for.
    """

    address: str
    location: str | None
    demand: Demand | None = None


def home(request: GateRequest) -> str:
    """Return the default page: the application's root."""
    return f"{request.prefix}/"


def is_within(settings: Settings, request: GateRequest, address: str) -> bool:
    """Whether an address is a path of this application that is fit to return to."""
    if (
        len(address) > MAX_ADDRESS
        or not _ADDRESS.fullmatch(address)
        or not address.startswith(request.prefix + "/")
    ):
        return False
    # The path as the application will read it: `/log%6Fut` is the logout too.
    decoded = unquote(re.split(r"[?#]", address[len(request.prefix) :], maxsplit=1)[0])
    path = canonical_path(decoded)
    # Browsers resolve dots before they ask, and not as others do: `/a//..` is `/a/` to them.
    if _DOTS.search(decoded) or settings.logout.covers(path):
        return False
    if path == settings.mount or path.startswith(settings.mount + "/"):
        below = path[len(settings.mount) :]
        return below in _OWN_PAGES or below.startswith("/locations/")
    return True


def is_path(address: str) -> bool:
    """Whether an address is an absolute path, which no browser takes for another host."""
    return _ADDRESS.fullmatch(address) is not None


def is_same_origin(settings: Settings, request: GateRequest, url: str) -> bool:
    """Whether an absolute URL (a Referer, an Origin, a Location) is of this origin or a listed one.

    The scheme may be https where the server says http: a proxy in front has ended the TLS.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if re.search(r"[\x00-\x20\\]", url) or parts.scheme not in ("http", "https") or "@" in parts.netloc:
        return False
    if f"{parts.scheme}://{parts.netloc}".lower() in settings.origins:
        return True
    return (
        bool(parts.netloc)
        and parts.netloc.lower() == request.host.lower()
        and parts.scheme in (request.scheme, "https")
    )


def allows_origin(settings: Settings, request: GateRequest) -> bool:
    """Whether a form or a WebSocket may come from where it says it comes from.

    `Origin` must be ours; absent it may be where nothing else says that the request is from another site, and
    `null` where the browser says that it is from the same origin.
    """
    origin = request.header("origin")
    site = request.header("sec-fetch-site")
    if origin is None:
        return site in (None, "same-origin", "none")
    if origin == "null":
        return site == "same-origin"
    return is_same_origin(settings, request, origin)


def address_of(settings: Settings, request: GateRequest) -> str:
    """Give the return address of a refused request.

    It is the page itself where that was a plain GET; otherwise the page that the person was on, as Referer or
    htmx tell it; otherwise the default page.
    """
    current = request.header("hx-current-url")
    mode = request.header("sec-fetch-mode")
    is_page = (
        request.method in ("GET", "HEAD") and mode in (None, "navigate") and not request.header("hx-request")
    )
    if is_page and not request.header("x-requested-with"):
        # A server may decode what is no UTF-8 into surrogates; they are letters like any other here.
        path = quote(request.prefix + request.path, safe="/!$&'()*+,;=:@~", errors="surrogatepass")
        query = f"?{request.query_string}" if request.query_string else ""
        candidates = [path + query, path]
    else:
        page = current or request.header("referer") or ""
        parts = urlsplit(page) if is_same_origin(settings, request, page) else urlsplit("")
        candidates = [parts.path + (f"?{parts.query}" if parts.query else "")]
    return next((each for each in candidates if is_within(settings, request, each)), home(request))


def sign_return(
    settings: Settings, address: str, location: str | None, now: float, demand: Demand | None = None
) -> str:
    """Sign a return address, a location, and what the application asked for."""
    return settings.signer.sign("return", [address, location, *([] if demand is None else [demand])], now)


def read_return(settings: Settings, request: GateRequest, text: str | None, now: float) -> Return:
    """Read the signed parameter; anything else gives the default page and no location."""
    value = settings.signer.read("return", text, now, MAX_AGE)
    if value is None:
        return Return(home(request), None)
    address, location, *asked = value
    demand = Demand(asked[0][0], tuple(asked[0][1])) if asked else None
    return Return(address if is_within(settings, request, address) else home(request), location, demand)
