"""A cookie jar that takes and gives cookies as browsers do (RFC 6265 with the prefixes of its successor)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

__all__ = ["Cookie", "Cookies"]


@dataclass(frozen=True)
class Cookie:
    """One cookie, and the line that set it."""

    name: str
    value: str
    host: str
    host_only: bool
    path: str
    secure: bool
    http_only: bool
    same_site: str
    expires: float | None
    line: str


class Cookies:
    """What one browser keeps; :attr:`refused` has the lines that a browser would not have taken."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], Cookie] = {}
        self.refused: list[str] = []

    def __iter__(self) -> Iterator[Cookie]:
        return iter(list(self._kept.values()))

    def __contains__(self, name: object) -> bool:
        return any(cookie.name == name for cookie in self)

    def __getitem__(self, name: str) -> Cookie:
        found = [cookie for cookie in self if cookie.name == name]
        if len(found) != 1:
            raise KeyError(f"{len(found)} cookies named {name} among {[cookie.name for cookie in self]}")
        return found[0]

    def names(self) -> list[str]:
        """Return the names of all cookies, sorted."""
        return sorted(cookie.name for cookie in self)

    def set(self, name: str, value: str, url: str) -> None:
        """Put a cookie in by hand, as somebody with a stolen one does."""
        self.take(f"{name}={value}; Path=/" + ("; Secure" if name.startswith("__") else ""), url)

    def forget(self, name: str) -> None:
        """Delete the cookies of that name."""
        self._kept = {key: cookie for key, cookie in self._kept.items() if cookie.name != name}

    def clear(self) -> None:
        """Delete all cookies."""
        self._kept.clear()

    def copy_to(self, other: Cookies) -> None:
        """Give all cookies to another browser too, as a thief does."""
        other._kept = dict(self._kept)  # of our own class

    def take(self, line: str, url: str) -> None:
        """Obey one ``Set-Cookie`` line that came from this URL, or refuse it."""
        cookie = _read(line, url)
        if cookie is None:
            self.refused.append(line)
            return
        key = (cookie.host, cookie.path, cookie.name)
        if cookie.expires is not None and cookie.expires <= time.time():
            self._kept.pop(key, None)
        else:
            self._kept[key] = cookie

    def header(self, url: str) -> str:
        """Return the ``Cookie`` line for a request to this URL, longer paths first."""
        fitting = [cookie for cookie in self if _sent_to(cookie, url)]
        fitting.sort(key=lambda cookie: -len(cookie.path))
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in fitting)


def _read(line: str, url: str) -> Cookie | None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    pair, *rest = line.split(";")
    name, equals, value = (word.strip() for word in pair.partition("="))
    if not equals or not name:
        return None
    attributes = {
        key.strip().lower(): text.strip() for key, _, text in (item.partition("=") for item in rest)
    }
    domain = attributes.get("domain", "").removeprefix(".").lower()
    path = attributes.get("path", "")
    cookie = Cookie(
        name=name,
        value=value,
        host=domain or host,
        host_only=not domain,
        path=path if path.startswith("/") else _default_path(parts.path),
        secure="secure" in attributes,
        http_only="httponly" in attributes,
        same_site=attributes.get("samesite", ""),
        expires=_expires(attributes),
        line=line,
    )
    return cookie if _acceptable(cookie, host, url, attributes) else None


def _acceptable(cookie: Cookie, host: str, url: str, attributes: dict[str, str]) -> bool:
    if not cookie.host_only and not _within(host, cookie.host):
        return False
    if cookie.secure and not _trusted(url):
        return False
    if cookie.same_site.lower() == "none" and not cookie.secure:
        return False
    if cookie.name.lower().startswith("__secure-"):
        return cookie.secure
    if cookie.name.lower().startswith("__host-"):
        return cookie.secure and cookie.host_only and attributes.get("path") == "/"
    return True


def _expires(attributes: dict[str, str]) -> float | None:
    if "max-age" in attributes:
        return time.time() + int(attributes["max-age"])
    if "expires" in attributes:
        return parsedate_to_datetime(attributes["expires"]).timestamp()
    return None


def _sent_to(cookie: Cookie, url: str) -> bool:
    parts = urlsplit(url)
    host, path = parts.hostname or "", parts.path or "/"
    if cookie.expires is not None and cookie.expires <= time.time():
        return False
    if not (host == cookie.host if cookie.host_only else _within(host, cookie.host)):
        return False
    if cookie.secure and not _trusted(url):
        return False
    return path == cookie.path or path.startswith(cookie.path.rstrip("/") + "/")


def _within(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _trusted(url: str) -> bool:
    """Whether a secure cookie may go there; browsers trust the loopback without encryption."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" or host == "localhost" or host.startswith("127.")


def _default_path(path: str) -> str:
    folder = path.rpartition("/")[0]
    return folder if folder.startswith("/") else "/"
