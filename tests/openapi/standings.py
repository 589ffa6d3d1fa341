"""Where a front end can stand, on a running example: browsers with their cookies and tokens, each with an account.

Each generated request meets the same account: what the one before it changed is undone. So wrong codes lock nobody
out before everything was tried, and a right code is good more than once.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.e2e.sites import USER, Site, log_in
from tests.support.http import PlainBrowser
from tests.support.phone import Phone
from twofa_gate.stores.sqlite import SQLiteStore

__all__ = ["API", "STANDINGS", "Stage", "Standing"]

API = "/2fa/api/v1"
KEY = f"main/user/{USER}"
STANDINGS = ("anonymous", "newcomer", "unverified", "verified", "throttled", "locked")


@dataclass
class Standing:
    """A browser: its session's cookie and the others, its token, and the account as it is to be when it calls."""

    session: str = ""
    others: dict[str, str] = field(default_factory=dict)
    csrf: str = ""
    document: bytes | None = None


class Stage:
    """One example, with a browser in every standing. `next` is the signed parameter of a refusal of its billing."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.store = SQLiteStore(site.env["EXAMPLE_TWOFA_DATABASE"])
        self._written: str | None = None
        self._codes: dict[tuple[str, int], str] = {}
        self.standings = {"anonymous": Standing()}
        with site.browser() as browser:
            self._set_up(browser)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def _set_up(self, first: PlainBrowser) -> None:
        newcomer = first.another()
        log_in(newcomer)
        self.standings["newcomer"] = self._standing(newcomer, document=None)
        log_in(first)
        refusal = first.fetch("GET", self.site.office.data).json()
        self.next = parse_qs(urlsplit(refusal["url"]).query)["next"][0]
        self.phone, tablet, self.new_phone = (self.site.phone() for _ in range(3))
        codes = []
        for phone in (self.phone, tablet):
            phone.scan(self._post(first, "enrollment")["otpauth_uri"])
            codes += self._post(first, "enrollment", code=phone.code(), name="A device")["recovery_codes"]
        self.recovery_code = codes[0]
        self.site.clock.sleep(60)  # a code is good once
        self._post(first, "challenge", code=self.phone.code())
        self.site.clock.sleep(30)
        self.new_phone.scan(self._post(first, "enrollment")["otpauth_uri"])  # pending: not yet confirmed
        unverified = first.another()
        log_in(unverified)
        status = first.fetch("GET", f"{API}/status").json()
        self.devices = [each["id"] for each in status["authenticators"]]
        self.browsers = [each["id"] for each in status["browsers"]]
        document = self.document()
        self.standings["verified"] = self._standing(first, document)
        self.standings["unverified"] = self._standing(unverified, document)
        self.standings["throttled"] = self._standing(first, _held(document, until=9e9, streak=12))
        self.standings["locked"] = self._standing(first, _held(document, locked=True))

    def document(self) -> bytes:
        """Return the account as it is stored."""
        stored = self.store.load(KEY)
        assert stored is not None
        return stored.document

    def _standing(self, browser: PlainBrowser, document: bytes | None) -> Standing:
        csrf = browser.fetch("GET", f"{API}/status").json()["csrf"]
        cookies = {each.name: each.value for each in browser.cookies}
        return Standing(cookies.pop("session"), cookies, csrf, document)

    def _post(self, browser: PlainBrowser, endpoint: str, **members: Any) -> Any:
        token = browser.fetch("GET", f"{API}/status").json()["csrf"]
        answer = browser.fetch("POST", f"{API}/{endpoint}", json=members, headers={"X-CSRF-Token": token})
        assert answer.status == 200, answer.text
        return answer.json()

    def restore(self, standing: Standing) -> None:
        """Put the account back, if anything has changed it."""
        stored = self.store.load(KEY)
        if stored is None and standing.document is None:
            return
        if stored is not None and stored.version == self._written and stored.document == standing.document:
            return
        version = secrets.token_urlsafe(16)
        assert self.store.save(KEY, standing.document, version, None if stored is None else stored.version)
        self._written = version

    def code(self, phone: Phone) -> str:
        """Return the code that a phone shows; it has to be asked only once in a time step."""
        step = (phone.key.secret, int(self.site.clock.time()) // 30)
        if step not in self._codes:
            self._codes[step] = phone.display()
        return self._codes[step]


def _held(document: bytes, **lane: float) -> bytes:
    """Return the account with both lanes of attempts held."""
    account = json.loads(document)
    attempts = account.setdefault("attempts", {})
    for name in ("stranger", "known"):
        attempts[name] = {**attempts.get(name, {}), **lane}
    return json.dumps(account).encode()
