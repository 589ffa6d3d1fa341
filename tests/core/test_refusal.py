"""Refusals that fit the request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.core.stepping import BROWSER, NOW, TOKEN, Host, Request, World, header, set_cookies, user
from twofa_gate import AfterCutoff, Credential, Decision, Enforcement, Policy
from twofa_gate.core.answer import Answer
from twofa_gate.core.flow import handle
from twofa_gate.core.refusal import SECURITY_HEADERS, Audience, audience, malformed, unavailable
from twofa_gate.core.returning import read_return
from twofa_gate.errors import BadRequest

NOBODY = None
BEARER = user(credential=Credential.TOKEN)


@pytest.mark.parametrize(
    ("headers", "who"),
    [
        ({}, Audience.NAVIGATION),
        ({"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, Audience.NAVIGATION),
        ({"accept": "*/*"}, Audience.NAVIGATION),
        ({"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, Audience.NAVIGATION),
        ({"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, Audience.NAVIGATION),
        ({"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, Audience.FETCH),
        ({"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, Audience.RESOURCE),
        ({"sec-fetch-dest": "script", "accept": "text/html"}, Audience.RESOURCE),
        ({"accept": "application/json"}, Audience.FETCH),
        ({"accept": "application/vnd.api+JSON"}, Audience.FETCH),
        ({"accept": "text/event-stream"}, Audience.FETCH),
        ({"content-type": "application/json"}, Audience.FETCH),
        ({"accept": "text/html, application/json"}, Audience.NAVIGATION),
        ({"accept": "text/html", "content-type": "application/json"}, Audience.NAVIGATION),
        ({"x-requested-with": "XMLHttpRequest", "accept": "text/html"}, Audience.FETCH),
        ({"x-requested-with": "com.example.app"}, Audience.NAVIGATION),
        ({"hx-request": "true", "x-requested-with": "XMLHttpRequest"}, Audience.HTMX),
        ({"accept": "image/avif,image/webp"}, Audience.RESOURCE),
        ({"accept": "text/css,*/*;q=0.1"}, Audience.RESOURCE),
        ({"accept": "audio/*"}, Audience.RESOURCE),
        ({"authorization": "Bearer x"}, Audience.NAVIGATION),
    ],
)
def test_who_waits_for_the_answer(headers: Mapping[str, str], who: Audience) -> None:
    """A browser's own headers tell who waits; without them Accept and Content-Type do."""
    assert audience(Request("/x", headers=headers), NOBODY) is who


def test_bearer_and_socket() -> None:
    """A user known by a token in a Bearer header is told so; a socket is a socket, whatever else it says."""
    for scheme in ("Bearer x", "bearer x"):
        assert audience(Request("/x", headers={"authorization": scheme}), BEARER) is Audience.BEARER
    assert audience(Request("/x", headers={"authorization": "Basic x"}), BEARER) is Audience.NAVIGATION
    assert audience(Request("/x", headers={"authorization": "Bearer x"}), user()) is Audience.NAVIGATION
    socket = Request("/x", kind="websocket", headers={"authorization": "Bearer x", "hx-request": "1"})
    assert audience(socket, BEARER) is Audience.SOCKET


LATE = datetime.fromtimestamp(NOW - 10, UTC)
POLICIES = {
    "challenge": Policy(Enforcement.REQUIRED),
    "enroll": Policy(Enforcement.REQUIRED),
    "deny": Policy(Enforcement.REQUIRED, cutoff=LATE, after_cutoff=AfterCutoff.DENY),
}
PAGES = {"challenge": "/app/2fa/challenge", "enroll": "/app/2fa/enroll", "deny": "/app/2fa/"}


def refused(decision: str, headers: Mapping[str, str] | None = None, **fields: Any) -> tuple[World, Answer]:
    """Let a request be refused."""
    credential = fields.pop("credential", Credential.SESSION)
    host = Host({"office": POLICIES[decision]}, s1=user(credential=credential))
    world = World(host, **fields.pop("settings", {}))
    if decision == "challenge":
        world.enrolled()
    cookies = fields.pop("cookies", world.cookies())
    end = world.run(
        handle(
            world.settings,
            Request("/x", prefix="/app", query="a=b", headers=headers, cookies=cookies, **fields),
        )
    )
    assert isinstance(end, Answer)
    return world, end


def check_url(world: World, url: str, decision: str) -> None:
    """See that a URL is our page, with the address and the location in one signed parameter."""
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.path) == ("", "", PAGES[decision])
    query = parse_qs(parts.query, strict_parsing=True)
    assert list(query) == ["next"]
    back = read_return(world.settings, Request("/", prefix="/app"), query["next"][0], world.now)
    assert back.location == "office"
    assert back.address in ("/app/x?a=b", "/app/")


@pytest.mark.parametrize("decision", ["challenge", "enroll"])
def test_navigation_is_redirected(decision: str) -> None:
    """A navigation gets a 303, with a Content-Type."""
    world, answer = refused(decision, {"sec-fetch-mode": "navigate"})
    assert answer.status == 303
    assert header(answer, "content-type")
    check_url(world, header(answer, "location") or "", decision)


def test_kept_out_page() -> None:
    """DENY is a 403 page that says since when, why, and whom to ask."""
    _, answer = refused("deny", {"sec-fetch-mode": "navigate"}, settings={"support": "Ask <Kim>, ext. 5"})
    assert answer.status == 403
    text = answer.body.decode()
    for words in ("office", f"{LATE:%B %d, %Y}", "not set up in time", "Ask &lt;Kim&gt;, ext. 5"):
        assert words in text, words


@pytest.mark.parametrize("decision", ["challenge", "enroll", "deny"])
@pytest.mark.parametrize("headers", [{"accept": "application/json"}, {"sec-fetch-dest": "empty"}])
def test_script_gets_a_problem(decision: str, headers: Mapping[str, str]) -> None:
    """JSON, fetch and XHR get a 403 problem with decision, location and url."""
    world, answer = refused(decision, headers)
    assert (answer.status, header(answer, "content-type")) == (403, "application/problem+json")
    problem = json.loads(answer.body)
    assert (problem["decision"], problem["location"], problem["status"]) == (decision, "office", 403)
    check_url(world, problem["url"], decision)


@pytest.mark.parametrize("decision", ["challenge", "enroll", "deny"])
def test_htmx_is_sent_on(decision: str) -> None:
    """Htmx gets a 403 with HX-Redirect."""
    world, answer = refused(decision, {"hx-request": "true"})
    assert answer.status == 403
    check_url(world, header(answer, "hx-redirect") or "", decision)


@pytest.mark.parametrize("decision", ["challenge", "enroll", "deny"])
def test_bearer_gets_401(decision: str) -> None:
    """A bearer token gets a 401 with the error of RFC 9470."""
    _, answer = refused(
        decision,
        {"authorization": "Bearer x", "cookie": "session=s1"},
        cookies=None,
        credential=Credential.TOKEN,
    )
    assert answer.status == 401
    assert 'error="insufficient_user_authentication"' in (header(answer, "www-authenticate") or "")
    assert json.loads(answer.body)["decision"] == decision


@pytest.mark.parametrize("decision", ["challenge", "enroll", "deny"])
@pytest.mark.parametrize("fields", [{"headers": {"sec-fetch-dest": "image"}}, {"kind": "websocket"}])
def test_nothing_for_images_and_sockets(decision: str, fields: dict[str, Any]) -> None:
    """An image, a script or a socket gets an empty 403."""
    _, answer = refused(decision, **fields)
    assert (answer.status, answer.body) == (403, b"")
    assert header(answer, "location") is None


@pytest.mark.parametrize("decision", ["challenge", "enroll", "deny"])
@pytest.mark.parametrize("headers", [{}, {"accept": "application/json"}, {"sec-fetch-dest": "image"}])
def test_every_refusal_is_guarded(decision: str, headers: Mapping[str, str]) -> None:
    """Each refusal has the security headers, and is stored by no cache."""
    _, answer = refused(decision, headers)
    assert set(SECURITY_HEADERS) <= set(answer.headers)
    assert header(answer, "cache-control") == "no-store"
    assert header(answer, "content-length") == str(len(answer.body))


def test_browser_cookie_is_given_once() -> None:
    """A browser that is refused gets a random name; one that has a good one keeps it."""
    _, answer = refused("challenge")
    assert set_cookies(answer) == {}
    for cookies in ({"session": "s1"}, {"session": "s1", "__Host-twofa-browser-main": "short"}):
        world, answer = refused("challenge", cookies=cookies)
        assert len(set_cookies(answer)[world.settings.cookies.browser]) == len(BROWSER) == 22


def test_dead_verification_cookie_is_cleared() -> None:
    """A verification cookie that opens nothing any more, or is another user's, is cleared; a living one stays."""
    world = World(Host({"office": Policy(Enforcement.REQUIRED)}))
    world.enrolled()
    world.enrolled("u2")
    name = world.settings.cookies.verification
    foreign = world.verified("u2")
    aged = world.verified(at=NOW - 86400 * 2)
    for cookies, cleared in ((foreign | {name: foreign[name].replace(TOKEN, "x" * 22)}, True), (aged, False)):
        end = world.run(handle(world.settings, Request("/x", cookies=world.cookies(cookies))))
        assert isinstance(end, Answer)
        assert (set_cookies(end) == {name: ""}) is cleared


@pytest.mark.parametrize(
    ("path", "headers", "status", "kind"),
    [
        ("/2fa/api/v1/status", {"accept": "text/html"}, 400, "bad-request"),
        ("/x", {"sec-fetch-dest": "empty"}, 400, "bad-request"),
        ("/x", {"hx-request": "1"}, 413, "too-large"),
        ("/x", {"accept": "application/json"}, 415, "media-type"),
        ("/x", {"accept": "text/html"}, 400, None),
    ],
)
def test_malformed(path: str, headers: Mapping[str, str], status: int, kind: str | None) -> None:
    """What can't be understood is told in the form that the client reads; at the JSON API always as a problem."""
    error = BadRequest("It is odd.", status=status)
    answer = malformed(World().settings, Request(path, headers=headers), error)
    assert answer.status == status
    if kind is None:
        assert answer.body == b"It is odd.\n"
    else:
        told = json.loads(answer.body)
        assert (told["type"], told["detail"]) == (f"urn:twofa-gate:{kind}", "It is odd.")


def test_unavailable_at_the_api() -> None:
    """At the JSON API 503 is a problem, whatever the client says that it reads."""
    answer = unavailable(World().settings, Request("/2fa/api/v1/status", headers={"accept": "text/html"}))
    assert header(answer, "content-type") == "application/problem+json"


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, "text/plain; charset=utf-8"),
        ({"accept": "application/json"}, "application/problem+json"),
        ({"hx-request": "1"}, "application/problem+json"),
        ({"sec-fetch-dest": "image"}, "text/plain; charset=utf-8"),
    ],
)
def test_unavailable(headers: Mapping[str, str], kind: str) -> None:
    """503 comes in the form that the client reads, and says when to try again."""
    answer = unavailable(World().settings, Request("/x", headers=headers))
    assert (answer.status, header(answer, "content-type"), header(answer, "retry-after")) == (503, kind, "5")
    assert set(SECURITY_HEADERS) <= set(answer.headers)
    if kind.endswith("json"):
        assert json.loads(answer.body)["decision"] == Decision.UNAVAILABLE.value


def test_unavailable_even_if_words_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """503 is given in English where finding the reader's language fails too."""

    def failing(*unused: object) -> None:
        raise OSError("the catalogs are gone")

    monkeypatch.setattr("twofa_gate.core.refusal.spoken_answer", failing)
    answer = unavailable(World().settings, Request("/x"))
    assert answer.status == 503
    assert b"unavailable right now" in answer.body
