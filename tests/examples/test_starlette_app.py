"""The harbor office alone, without the gate, on a real server: what the gate must leave as it is."""

from __future__ import annotations

import re
import shutil
import socket
import sqlite3
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from json import loads
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any, NamedTuple

import httpx
import pytest
import uvicorn
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from examples.starlette_app import app as harbor
from examples.starlette_app.database import hash_password, password_matches, prepare

PASSWORDS = {
    "ada@example.com": "correct horse",
    "grace@example.com": "battery staple",
    "max@example.com": "open sesame",
}


class Site(NamedTuple):
    """A running server, and the file behind it."""

    host: str
    database: Path


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database once: hashing passwords takes its time."""
    path = tmp_path_factory.mktemp("seeded") / "seeded.db"
    prepare(str(path))
    return path


@pytest.fixture
def site(seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("EXAMPLE_SECRET", "EXAMPLE_PRODUCTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(harbor, "TICK_SECONDS", 0.05)
    database = tmp_path / "marina.db"
    shutil.copy(seeded, database)
    config = uvicorn.Config(
        harbor.create_app(str(database)), log_level="warning", lifespan="on", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = monotonic() + 10
            while not server.started and monotonic() < deadline:
                sleep(0.01)
            assert server.started
            yield Site(f"127.0.0.1:{listener.getsockname()[1]}", database)
        finally:
            server.should_exit = True
            thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{site.host}") as client:
        yield client


def token(client: httpx.Client, path: str = "/login") -> str:
    """Return the CSRF token that a page's form carries."""
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return found[1]


def log_in(client: httpx.Client, email: str = "ada@example.com", **fields: str) -> httpx.Response:
    form = {"csrf": token(client), "email": email, "password": PASSWORDS[email], **fields}
    return client.post("/login", data=form)


def session_of(client: httpx.Client) -> dict[str, Any]:
    """Return what the session cookie says."""
    values: dict[str, Any] = loads(b64decode(client.cookies["session"].split(".")[0]))
    return values


def place(answer: httpx.Response) -> str:
    """Return where a redirect leads, seen from the site."""
    return answer.headers["location"].removeprefix(str(answer.request.url.copy_with(raw_path=b"/"))[:-1])


def open_socket(site: Site, client: httpx.Client) -> ClientConnection:
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    return connect(f"ws://{site.host}/office/ws", additional_headers={"Cookie": cookies}, proxy=None)


def test_start_page_says_that_nobody_is_logged_in(client: httpx.Client) -> None:
    """The start page is open to everybody and knows nobody at first."""
    answer = client.get("/")
    assert answer.status_code == 200
    assert "Nobody is logged in" in answer.text


@pytest.mark.parametrize(
    ("email", "rank"),
    [
        ("ada@example.com", "run the office"),
        ("grace@example.com", "run the billing"),
        ("max@example.com", None),
    ],
)
def test_right_password_logs_in(client: httpx.Client, email: str, rank: str | None) -> None:
    """Each seeded user gets in with their password, and is told what they administer."""
    answer = log_in(client, email)
    assert (answer.status_code, place(answer)) == (303, "/")
    page = client.get("/").text
    assert f"logged in as <strong>{email}</strong>" in page
    assert "Welcome back" in page
    assert (rank in page) if rank else "run the" not in page


@pytest.mark.parametrize(
    ("email", "password"),
    [("ada@example.com", "wrong"), ("ada@example.com", ""), ("nobody@example.com", "correct horse")],
)
def test_wrong_password_shows_the_form_again(client: httpx.Client, email: str, password: str) -> None:
    """A wrong password opens no session, and the form keeps the address and `next`."""
    form = {"csrf": token(client), "email": email, "password": password, "next": "/office/log"}
    answer = client.post("/login", data=form)
    assert answer.status_code == 403
    assert "E-mail address or password is wrong." in answer.text
    assert f'value="{email}"' in answer.text
    assert 'name="next" value="/office/log"' in answer.text
    assert "user_id" not in session_of(client)


def test_login_starts_a_new_session_with_an_id_of_its_own(site: Site, client: httpx.Client) -> None:
    """A login drops what the session held, and each login has a random id that the audit log knows."""
    log_in(client)
    first = session_of(client)
    log_in(client)
    second = session_of(client)
    assert first["user_id"] == second["user_id"] == 1
    assert first["email"] == "ada@example.com"
    assert first["login_id"] != second["login_id"]
    assert "csrf" not in first
    with closing(sqlite3.connect(site.database)) as database:
        logged = {row[0] for row in database.execute("SELECT login_id FROM logins")}
    assert logged == {first["login_id"], second["login_id"]}


def test_private_page_sends_to_login_and_back(client: httpx.Client) -> None:
    """Whoever asks for a private page logs in first and then arrives there, query included."""
    sent = client.get("/office/log?week=2")
    assert (sent.status_code, place(sent)) == (303, "/login?next=%2Foffice%2Flog%3Fweek%3D2")
    assert 'name="next" value="/office/log?week=2"' in client.get(sent.headers["location"]).text
    assert place(log_in(client, next="/office/log?week=2")) == "/office/log?week=2"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "log", ""]
)
def test_next_stays_on_this_site(client: httpx.Client, target: str) -> None:
    """A `next` that leads elsewhere leads to the start page."""
    assert place(log_in(client, next=target)) == "/"


@pytest.mark.parametrize("path", ["/office/api/log", "/billing/api/summary"])
def test_json_needs_a_login(client: httpx.Client, path: str) -> None:
    """The JSON endpoints answer 401 in JSON to nobody."""
    answer = client.get(path)
    assert answer.status_code == 401
    assert answer.json() == {"error": "login required"}


@pytest.mark.parametrize(
    "path", ["/office/log", "/office/log.csv", "/office/live", "/office/events", "/billing/fees"]
)
def test_pages_need_a_login(client: httpx.Client, path: str) -> None:
    """Pages, the download and the event stream show nothing to nobody."""
    answer = client.get(path)
    assert answer.status_code == 303
    assert place(answer).startswith("/login?next=")


def test_log_form_writes_an_entry(client: httpx.Client) -> None:
    """A posted entry is stored under the name of who wrote it, and shown in the page and in JSON."""
    log_in(client)
    form = {"berth": "B4", "note": "Heron arrived <late>"}
    answer = client.post("/office/log", data={"csrf": token(client, "/office/log"), **form})
    assert (answer.status_code, place(answer)) == (303, "/office/log")
    page = client.get("/office/log").text
    assert "Noted for berth B4." in page
    assert "<td>Heron arrived &lt;late&gt;</td>" in page
    last = client.get("/office/api/log").json()["entries"][-1]
    assert last.pop("at")
    assert last == {**form, "id": 19, "entered_by": "ada@example.com"}


@pytest.mark.parametrize("wrong", [{"berth": "Z1"}, {"berth": "A4 or B4"}, {"note": " "}])
def test_log_form_refuses_nonsense(client: httpx.Client, wrong: dict[str, str]) -> None:
    """An entry that makes no sense is not stored, and the page says what an entry needs."""
    log_in(client)
    form = {"csrf": token(client, "/office/log"), "berth": "B4", "note": "Heron arrived", **wrong}
    client.post("/office/log", data=form)
    page = client.get("/office/log").text
    assert "An entry needs" in page
    assert "Heron" not in page


@pytest.mark.parametrize("path", ["/login", "/logout", "/office/log", "/billing/fees/1/paid"])
def test_forms_need_their_token(client: httpx.Client, path: str) -> None:
    """No form is taken without the token of this session."""
    log_in(client)
    client.get("/")
    for sent in ({}, {"csrf": ""}, {"csrf": "foreign"}, {"csrf": "ü"}):
        assert client.post(path, data=sent).status_code == 400
    assert session_of(client)["user_id"] == 1


def test_download_is_streamed(client: httpx.Client) -> None:
    """The download comes in several pieces without a length, and holds every entry."""
    log_in(client)
    with client.stream("GET", "/office/log.csv") as answer:
        assert answer.headers["content-type"].startswith("text/csv")
        assert answer.headers["content-disposition"] == "attachment; filename=log.csv"
        assert "content-length" not in answer.headers
        lines = list(answer.iter_lines())
    assert lines[0] == "id,at,berth,note,entered_by"
    assert re.fullmatch(r"1,[0-9: -]{19},A1,Albatross moored,ada@example\.com", lines[1])
    assert [line.split(",")[0] for line in lines[1:]] == [str(number) for number in range(1, 19)]


def test_event_stream_ticks_until_the_reader_leaves(client: httpx.Client) -> None:
    """The event stream sends one tick after the other to whoever is logged in, and ends when they leave."""
    log_in(client)
    with client.stream("GET", "/office/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        seen = [next(lines) for _ in range(6)]
    assert seen == ["event: tick", "data: 0 for Ada", "", "event: tick", "data: 1 for Ada", ""]
    assert client.get("/").status_code == 200


def test_socket_greets_ticks_and_repeats(site: Site, client: httpx.Client) -> None:
    """The WebSocket greets the user by name, ticks by itself, and repeats what it is told."""
    log_in(client, "grace@example.com")
    with open_socket(site, client) as radio:
        assert radio.recv(5) == "Good watch, Grace."
        assert radio.recv(5) == "tick 1"
        radio.send("Heron at B4")
        heard = [radio.recv(5) for _ in range(5)]
    assert heard.count("Grace: Heron at B4") == 1
    assert "tick 2" in heard


def test_socket_refuses_nobody(site: Site, client: httpx.Client) -> None:
    """The WebSocket is closed (1008) before it is accepted, which clients see as 403, if nobody is there."""
    with pytest.raises(InvalidStatus) as refused:
        open_socket(site, client)
    assert refused.value.response.status_code == 403


def test_live_page_brings_its_script(client: httpx.Client) -> None:
    """The live page names the socket's path and an external script, which is public."""
    log_in(client)
    page = client.get("/office/live").text
    assert 'data-url="/office/ws"' in page
    assert '<script src="/static/live.js" defer></script>' in page
    client.cookies.clear()
    assert "new WebSocket" in client.get("/static/live.js").text


def test_fees_can_be_marked_as_paid(client: httpx.Client) -> None:
    """The billing pages list the fees, and paying one lowers what is owed."""
    log_in(client, "grace@example.com")
    assert "Blue Peter" in client.get("/billing/fees").text
    assert client.get("/billing/api/summary").json() == {"open": 6, "cents": 105750}
    form = {"csrf": token(client, "/billing/fees")}
    assert place(client.post("/billing/fees/2/paid", data=form)) == "/billing/fees"
    assert client.get("/billing/api/summary").json() == {"open": 5, "cents": 90000}
    assert client.post("/billing/fees/99/paid", data=form).status_code == 404


def test_logout_ends_the_session(client: httpx.Client) -> None:
    """Logging out is a POST, and nothing of the session is left but the message."""
    log_in(client)
    assert client.get("/logout").status_code == 405
    answer = client.post("/logout", data={"csrf": token(client, "/")})
    assert (answer.status_code, place(answer)) == (303, "/")
    assert set(session_of(client)) == {"messages"}
    assert "You are logged out." in client.get("/").text
    assert client.get("/office/log").status_code == 303


def test_session_of_a_removed_user_is_nobody(site: Site, client: httpx.Client) -> None:
    """A user who was removed is logged out by that, on the WebSocket too."""
    log_in(client)
    with closing(sqlite3.connect(site.database)) as database, database:
        database.execute("DELETE FROM users WHERE email = 'ada@example.com'")
    assert client.get("/office/log").status_code == 303
    with pytest.raises(InvalidStatus):
        open_socket(site, client)


def test_style_sheet_is_public(client: httpx.Client) -> None:
    """The style sheet is served to everybody and sets no cookie."""
    answer = client.get("/static/marina.css")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert "set-cookie" not in answer.headers


def test_passwords_are_salted() -> None:
    """A hash matches its password alone, and the same password has another hash each time."""
    first, second = hash_password("open sesame"), hash_password("open sesame")
    assert first != second
    assert password_matches("open sesame", first)
    assert not password_matches("open sesam", first)


def test_seeding_is_safe_when_workers_start_at_once(tmp_path: Path) -> None:
    """Several workers that prepare the same new file leave every row in it once."""
    path = str(tmp_path / "new.db")
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(prepare, [path] * 8))
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT email, is_admin_of, joined FROM users ORDER BY id").fetchall()
        assert database.execute("SELECT count(*) FROM log").fetchone() == (18,)
    assert rows == [
        ("ada@example.com", "office", "2021-03-01"),
        ("grace@example.com", "billing", "2022-09-15"),
        ("max@example.com", None, "2024-06-03"),
    ]


@pytest.mark.parametrize("secret", ["", "tern-bay-development"])
def test_production_refuses_the_development_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    """In production the application starts only with a secret of its own."""
    monkeypatch.setenv("EXAMPLE_PRODUCTION", "1")
    monkeypatch.setenv("EXAMPLE_SECRET", secret)
    monkeypatch.setenv("EXAMPLE_DATABASE", str(tmp_path / "named.db"))
    with pytest.raises(RuntimeError, match="EXAMPLE_SECRET"):
        harbor.create_app()
    monkeypatch.setenv("EXAMPLE_SECRET", "a secret of its own")
    harbor.create_app()
    assert (tmp_path / "named.db").exists()
