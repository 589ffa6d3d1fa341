"""A browser without JavaScript, as far as the demo needs one: cookies, pages, forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx

__all__ = ["Seen", "Visitor"]

_FORM = re.compile(r'<form[^>]*\bmethod="post" action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
_KEY = re.compile(r'<code class="key" id="key"[^>]*>(.*?)</code>', re.DOTALL)
_RECOVERY_CODE = re.compile(r"<li><code>([^<]*)</code></li>")


@dataclass(frozen=True)
class Seen:
    """An answer, and what of it the demo tells and uses."""

    method: str
    path: str
    status: int
    location: str
    content_type: str
    text: str

    @property
    def key(self) -> str:
        """The key that the page shows beside the QR code."""
        found = _KEY.search(self.text)
        return "" if found is None else re.sub(r"<[^>]*>", "", found[1])

    @property
    def recovery_codes(self) -> list[str]:
        """The recovery codes that the page shows."""
        return _RECOVERY_CODE.findall(self.text)


class Visitor:
    """Somebody's browser."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._origin = url
        self._page = ""

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def open(self, path: str) -> Seen:
        """Open a page, as from the address bar."""
        return self._send("GET", path, {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})

    def fetch(self, path: str) -> Seen:
        """Ask for data, as a script on a page does."""
        return self._send("GET", path, {"Accept": "application/json", "Sec-Fetch-Mode": "cors"})

    def submit(self, action: str, **fields: str) -> Seen:
        """Fill in and send the first form with this action on the page, with its hidden fields."""
        forms = [(unescape(target), inside) for target, inside in _FORM.findall(self._page)]
        inside = next((inside for target, inside in forms if target == action), "")
        data = {name: unescape(value) for name, value in _HIDDEN.findall(inside)} | fields
        headers = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Origin": self._origin}
        return self._send("POST", action, headers, data=data)

    def _send(self, method: str, path: str, headers: dict[str, str], **body: Any) -> Seen:
        answer = self._client.request(method, path, headers=headers, **body)
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if kind == "text/html":
            self._page = answer.text
        location = answer.headers.get("location", "").removeprefix(self._origin)
        return Seen(method, path, answer.status_code, location, kind, answer.text)
