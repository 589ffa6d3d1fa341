"""The streamed report from real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clock import MovableClock
from tests.support.http import PlainBrowser
from tests.support.phone import Phone
from tests.support.servers import gunicorn, uvicorn

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_the_report_is_streamed_by_real_servers(kind: str, tmp_path: Path) -> None:
    """The download arrives whole and without a length; HEAD has no body, and the connection lives on."""
    clock = MovableClock(tmp_path / "clock")
    phone = Phone(clock)
    run = gunicorn if kind == "wsgi" else uvicorn
    app = f"tests.locations.hosted:{kind}_app"
    with run(app, clock=clock) as server, PlainBrowser.on_server(server.url) as ada:
        ada.navigate("/login?user=ada")
        begun = ada.submit(ada.navigate("/2fa/enroll").form(button="Continue"))
        phone.scan(next(each.url for each in begun.links if each.url.startswith("otpauth:")))
        ada.submit(begun.form(field="code"), code=phone.fresh_code())
        table = ada.navigate("/2fa/locations/office/members.csv")
        assert table.status == 200
        assert "content-length" not in table.headers
        assert table.headers["transfer-encoding"] == "chunked"
        assert [line.partition(",")[0] for line in table.text.splitlines()][:3] == [
            "user_id",
            "ada",
            "max",
        ]
        assert len(table.text.splitlines()) == 8
        assert len(ada.navigate("/2fa/locations/office/members.json").json()) == 7
        assert ada.send("HEAD", "/2fa/locations/office/members.csv").content == b""
        assert ada.navigate("/office").status == 200
