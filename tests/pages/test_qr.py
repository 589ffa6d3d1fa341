"""The QR code, read back by an independent reader from what a browser draws."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.camera import read_qr
from twofa_gate.pages.qr import qr_svg

if TYPE_CHECKING:
    from playwright.sync_api import Page

URI = "otpauth://totp/Acme:ada%40example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Acme"
LONG = URI.replace("ada", "a" * 120)


@pytest.mark.needs("chromium", "zbarimg")
@pytest.mark.parametrize("uri", [URI, LONG], ids=["usual", "long"])
@pytest.mark.parametrize("background", ["#ffffff", "#10141a"], ids=["light", "dark"])
def test_a_camera_reads_the_uri(page: Page, uri: str, background: str) -> None:
    """Drawn by Chromium on a light and on a dark page, the code reads back as exactly the URI."""
    page.set_content(f'<body style="background:{background};width:300px;margin:50px">{qr_svg(uri)}')
    assert read_qr(page.screenshot()) == uri


def test_one_path_without_style() -> None:
    """The drawing is one path on a white ground, crisp, with a quiet zone of four modules and no style."""
    svg = qr_svg(URI, "Setup key")
    assert svg.count("<path ") == svg.count("<rect ") == 1
    assert 'shape-rendering="crispEdges"' in svg
    assert "style" not in svg
    assert "M4 4.5h7m" in svg
    columns = [int(x) for x in re.findall(r"M(\d+) ", svg)]
    assert min(columns) == 4


def test_text_alternative() -> None:
    """The drawing is an image with the given name, in which markup stays text."""
    svg = qr_svg(URI, "<b>Key</b>")
    assert 'role="img" aria-labelledby="qr-title"' in svg
    assert '<title id="qr-title">&lt;b&gt;Key&lt;/b&gt;</title>' in svg


def test_the_uri_is_not_in_the_markup() -> None:
    """The URI, which holds the secret, is drawn and nowhere written."""
    assert "JBSWY3DP" not in qr_svg(URI)
