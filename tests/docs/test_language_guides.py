"""The guides for languages, for mails and for the look of the pages do what they say."""

from __future__ import annotations

import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.docs.journey import log_in_by_form
from tests.docs.pages import DOCS
from tests.docs.test_examples import run_page
from tests.support.http import PlainBrowser
from tests.support.phone import Phone
from twofa_gate import asgi, wsgi
from twofa_gate.core.words import Text
from twofa_gate.pages import rendering

GUIDES = DOCS / "how-to"


def opened(gate: Any, driver: str, page: str = "hello") -> PlainBrowser:
    """Open a browser on an application that answers everything alike, behind the gate."""
    kind = "text/html; charset=utf-8" if page.startswith("<") else "text/plain"

    def by_wsgi(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", kind)])
        return [page.encode()]

    async def by_asgi(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                await send({"type": f"{(await receive())['type']}.complete"})
            return
        headers = [(b"content-type", kind.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": page.encode()})

    if driver == "wsgi":
        return PlainBrowser.on_wsgi(wsgi.TwoFactorMiddleware(by_wsgi, gate))
    return PlainBrowser.on_asgi(asgi.TwoFactorMiddleware(by_asgi, gate))


def come_as(browser: PlainBrowser, name: str) -> None:
    """Be logged in."""
    browser.cookies.take(f"user={name}; Path=/; Secure", "https://app.test/")


@pytest.mark.parametrize("driver", ["wsgi", "asgi"])
def test_the_host_says_which(workplace: Path, driver: str) -> None:
    """With the guide's hook the host's word decides, and for whom it knows none the browser's."""
    gate = run_page(GUIDES / "add-a-language.md", workplace)["gate"]
    for name, tag in (("ada", "pt-BR"), ("bo", "ar"), ("cid", "ja")):
        with opened(gate, driver) as browser:
            come_as(browser, name)
            page = browser.navigate("/2fa/", headers={"Accept-Language": "ja"})
            assert f'<html lang="{tag}"' in page.text


@pytest.mark.needs("oathtool")
@pytest.mark.parametrize("driver", ["wsgi", "asgi"])
def test_mails_are_sent(workplace: Path, phone: Phone, driver: str) -> None:
    """The guide's observer mails the person who set up, in their language, and says by whom they were reset."""
    page = run_page(GUIDES / "send-notifications.md", workplace)
    sent: list[EmailMessage] = []
    page["mailer"].send = sent.append
    with opened(page["gate"], driver) as browser:
        come_as(browser, "ada")
        begun = browser.submit(browser.navigate("/2fa/enroll").form(button="Continue"))
        phone.scan(begun.link("Open authenticator app"))
        browser.submit(begun.form(button="Verify and enable"), code=phone.code(), name="Telefon <3>")
        page["gate"].reset("ada", by="ben", reason="lost phone")
    on, reset = sent
    assert on["To"] == reset["To"] == "ada@example.com"
    assert on["Subject"] == "Acme: Die Zwei-Faktor-Authentifizierung ist eingeschaltet"
    plain, html = (part.get_content() for part in on.iter_parts() if isinstance(part, EmailMessage))
    assert "Gerät: Telefon <3>" in plain
    assert "Telefon &lt;3&gt;" in html
    body = reset.get_body(("plain",))
    assert body is not None
    assert "Von: ben@example.com" in body.get_content()


def test_pages_are_made_theirs(workplace: Path) -> None:
    """The guide's name, logo and color are on the first gate's pages; its own template speaks for the second."""
    page = run_page(GUIDES / "make-the-pages-yours.md", workplace)
    with PlainBrowser.on_wsgi(page["app"].wsgi_app) as browser:
        log_in_by_form(browser)
        asked = browser.navigate("/", follow=True)
        assert asked.title == "Set up two-factor authentication · Acme Ovens"
        logo = re.search(r'<img src="([^"]+)" alt="">Acme Ovens', asked.text)
        assert logo
        assert browser.navigate(logo[1]).text == (workplace / "logo.svg").read_text()
    themed = rendering.message(
        page["themed"].settings, "/2fa", Text("Signed out"), [Text("Bye.")], status=200
    )
    assert b"<p>Bye.</p>" in themed.body
    assert b"Acme &ndash; staff only" in themed.body
    assert b"/assets/two-factor.css" in themed.body
