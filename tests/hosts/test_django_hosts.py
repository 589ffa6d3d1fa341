"""Django's sessions behind the gate, under WSGI and ASGI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyotp
import pytest

from tests.hosts.django_site import PASSWORD, configure
from tests.support.http import PlainBrowser
from twofa_gate import Enforcement, Gate, Policy
from twofa_gate.adapters.wsgi_request import WSGIRequest
from twofa_gate.asgi import TwoFactorMiddleware as ASGIMiddleware
from twofa_gate.hosts.django import DjangoSession
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.wsgi import TwoFactorMiddleware as WSGIMiddleware

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LOGIN = f"user=ada&password={PASSWORD.replace(' ', '+')}".encode()


@pytest.fixture(scope="module", autouse=True)
def django(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Set the project up."""
    configure(tmp_path_factory.mktemp("django"))


@pytest.fixture(params=["wsgi", "asgi"])
def browser(request: pytest.FixtureRequest) -> Iterator[PlainBrowser]:
    """Give a browser of the gated project, through each driver."""
    from django.core.asgi import get_asgi_application
    from django.core.wsgi import get_wsgi_application
    from django.db import connections

    gate = Gate(
        secret_keys=["k" * 32],
        issuer="Acme",
        plugins=[DjangoSession(), MemoryStore()],
        policy=Policy(Enforcement.REQUIRED),
        login_paths=["/login"],
        logout_paths=["/logout"],
    )
    if request.param == "wsgi":
        made = PlainBrowser.on_wsgi(WSGIMiddleware(get_wsgi_application(), gate))
    else:
        made = PlainBrowser.on_asgi(ASGIMiddleware(get_asgi_application(), gate))
    with made:
        yield made
    connections.close_all()


def api(browser: PlainBrowser, endpoint: str, payload: dict[str, Any]) -> Any:
    """Call the JSON API."""
    token = browser.fetch("GET", "/2fa/api/v1/status").json()["csrf"]
    return browser.fetch("POST", f"/2fa/api/v1/{endpoint}", json=payload, headers={"X-CSRF-Token": token})


def test_flow(browser: PlainBrowser) -> None:
    """Log in, be sent to set up, set up, pass, log out, log in again, be challenged."""
    browser.send("POST", "/login", content=LOGIN, headers=FORM)
    assert "/2fa/enroll" in browser.navigate("/who").location
    secret = api(browser, "enrollment", {}).json()["secret"]
    assert api(browser, "enrollment", {"code": pyotp.TOTP(secret).now()}).status == 200
    assert browser.navigate("/who").text == "private ada"
    assert browser.send("POST", "/logout", headers=FORM).text == "bye"
    browser.send("POST", "/login", content=LOGIN, headers=FORM)
    assert "/2fa/challenge" in browser.navigate("/who").location


def test_private_answer_to_a_login_is_withheld(browser: PlainBrowser) -> None:
    """The private page in the answer to the login itself does not come through."""
    answer = browser.send(
        "POST", "/login", content=LOGIN + b"&page=1", headers={**FORM, "Accept": "text/html"}
    )
    assert "private" not in answer.text
    assert "/2fa/enroll" in answer.location


def test_wrong_password_is_seen(browser: PlainBrowser) -> None:
    """The host's own answer to a wrong password comes through."""
    answer = browser.send("POST", "/login", content=b"user=ada&password=no", headers=FORM)
    assert (answer.status, answer.text) == (403, "wrong")


ODD_COOKIES = [
    [b"sessionid=%s; sessionid\xa0="],
    [b"sessionid=%s; sessionid\x85=x"],
    [b"sessionid\xa0=; sessionid=%s"],
    [b"sessionid=%s; x=y", b"sessionid=other"],
    [b"sessionid=other", b"sessionid=%s"],
    [b"sessionid=other; x=y", b"a=b; sessionid=%s"],
    [b'sessionid=%s; sessionid="'],
    [b"sessionid=%s\xa0"],
]


@pytest.mark.parametrize("lines", ODD_COOKIES, ids=repr)
def test_cookies_are_read_as_django_reads_them(browser: PlainBrowser, lines: list[bytes]) -> None:
    """Whatever Django takes for a session the plugin does too: bytes that are no ASCII, and two Cookie lines."""
    browser.send("POST", "/login", content=LOGIN, headers=FORM)
    key = browser.cookies["sessionid"].value.encode()
    headers: Any = [(b"Cookie", line.replace(b"%s", key)) for line in lines]
    answer = browser.send("GET", "/who", headers=headers, cookies=False)
    assert "private ada" not in answer.text
    assert answer.status != 503


def test_a_query_that_django_cannot_read(browser: PlainBrowser) -> None:
    """A query that is no UTF-8, which Django refuses on ASGI, is no failure of the gate."""
    browser.send("POST", "/login", content=LOGIN, headers=FORM)
    key = browser.cookies["sessionid"].value
    answer = browser.send("GET", "/who?%FF", headers={"Cookie": f"sessionid={key}"}, cookies=False)
    assert answer.status == 303


def environ_of(cookie: str) -> dict[str, Any]:
    """Make an environ with a session cookie."""
    from django.test import RequestFactory

    return {**RequestFactory().get("/").environ, "HTTP_COOKIE": f"sessionid={cookie}"}


def test_identify_changes_nothing_and_verifies() -> None:
    """A session whose password hash is stale names nobody, and is not flushed by asking."""
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore

    ada = User.objects.get(username="ada")
    session = SessionStore()
    session.update(
        {
            "_auth_user_id": str(ada.pk),
            "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
            "_auth_user_hash": ada.get_session_auth_hash(),
        }
    )
    session.save()
    plugin = DjangoSession()
    found = plugin.identify(WSGIRequest(environ_of(session.session_key)))
    assert found is not None
    assert (found.id, found.label, found.login) == (str(ada.pk), "ada@example.com", session.session_key)
    session["_auth_user_hash"] = "stale"
    session.save()
    assert plugin.identify(WSGIRequest(environ_of(session.session_key))) is None
    assert SessionStore().exists(session.session_key)
    assert plugin.identify(WSGIRequest(environ_of("nonsense"))) is None
