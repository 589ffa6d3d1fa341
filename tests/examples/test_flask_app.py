"""The bakeries' back office alone, without the gate: what the gate must leave as it is."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from examples.flask_app.app import create_app
from examples.flask_app.database import prepare

PASSWORDS = {
    "ada@example.com": "correct horse",
    "grace@example.com": "battery staple",
    "max@example.com": "open sesame",
}


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database once: hashing passwords takes its time."""
    path = tmp_path_factory.mktemp("seeded") / "seeded.db"
    prepare(str(path))
    return path


@pytest.fixture
def app(seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    for name in ("EXAMPLE_SECRET", "EXAMPLE_PRODUCTION"):
        monkeypatch.delenv(name, raising=False)
    return create_app(str(shutil.copy(seeded, tmp_path / "example.db")))


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    with app.test_client() as client:
        yield client


def token(client: FlaskClient, path: str = "/login") -> str:
    """Return the CSRF token that a page's form carries."""
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return found[1]


def log_in(client: FlaskClient, email: str = "ada@example.com", **fields: str) -> TestResponse:
    form = {"csrf": token(client), "email": email, "password": PASSWORDS[email], **fields}
    return client.post("/login", data=form)


def session_of(client: FlaskClient) -> dict[str, object]:
    with client.session_transaction() as session:
        return dict(session)


def test_start_page_says_that_nobody_is_logged_in(client: FlaskClient) -> None:
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
def test_right_password_logs_in(client: FlaskClient, email: str, rank: str | None) -> None:
    """Each seeded user gets in with their password, and is told what they administer."""
    answer = log_in(client, email)
    assert (answer.status_code, answer.location) == (303, "/")
    page = client.get("/").text
    assert f"logged in as <strong>{email}</strong>" in page
    assert "Welcome back" in page
    assert (rank in page) if rank else "run the" not in page


@pytest.mark.parametrize(
    ("email", "password"),
    [("ada@example.com", "wrong"), ("ada@example.com", ""), ("nobody@example.com", "correct horse")],
)
def test_wrong_password_shows_the_form_again(client: FlaskClient, email: str, password: str) -> None:
    """A wrong password opens no session, and the form keeps the address and `next`."""
    form = {"csrf": token(client), "email": email, "password": password, "next": "/office/orders"}
    answer = client.post("/login", data=form)
    assert answer.status_code == 403
    assert "E-mail address or password is wrong." in answer.text
    assert f'value="{email}"' in answer.text
    assert 'name="next" value="/office/orders"' in answer.text
    assert "user_id" not in session_of(client)


def test_login_starts_a_new_session_with_an_id_of_its_own(app: Flask, client: FlaskClient) -> None:
    """A login drops what the session held, and each login has a random id that the audit log knows."""
    log_in(client)
    first = session_of(client)
    log_in(client)
    second = session_of(client)
    assert first["user_id"] == second["user_id"] == 1
    assert first["email"] == "ada@example.com"
    assert first["login_id"] != second["login_id"]
    assert "csrf" not in first
    with closing(sqlite3.connect(app.config["DATABASE"])) as database:
        logged = {row[0] for row in database.execute("SELECT login_id FROM logins")}
    assert logged == {first["login_id"], second["login_id"]}


def test_private_page_sends_to_login_and_back(client: FlaskClient) -> None:
    """Whoever asks for a private page logs in first and then arrives there, query included."""
    sent = client.get("/office/orders?week=2")
    assert (sent.status_code, sent.location) == (303, "/login?next=/office/orders?week%3D2")
    assert 'name="next" value="/office/orders?week=2"' in client.get(sent.location).text
    assert log_in(client, next="/office/orders?week=2").location == "/office/orders?week=2"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "orders", ""]
)
def test_next_stays_on_this_site(client: FlaskClient, target: str) -> None:
    """A `next` that leads elsewhere leads to the start page."""
    assert log_in(client, next=target).location == "/"


@pytest.mark.parametrize("path", ["/office/api/orders", "/billing/api/summary"])
def test_json_needs_a_login(client: FlaskClient, path: str) -> None:
    """The JSON endpoints answer 401 in JSON to nobody."""
    answer = client.get(path)
    assert answer.status_code == 401
    assert answer.json == {"error": "login required"}


@pytest.mark.parametrize("path", ["/office/orders", "/office/orders.csv", "/billing/invoices"])
def test_pages_need_a_login(client: FlaskClient, path: str) -> None:
    """Pages and the download show nothing to nobody."""
    answer = client.get(path)
    assert answer.status_code == 303
    assert answer.location.startswith("/login?next=")


def test_order_form_enters_an_order(client: FlaskClient) -> None:
    """A posted order is stored under the name of who entered it, and shown in the page and in JSON."""
    log_in(client)
    form = {"bakery": "Harbor", "item": "Plum cake", "quantity": "7", "day": "2026-01-12"}
    answer = client.post("/office/orders", data={"csrf": token(client, "/office/orders"), **form})
    assert (answer.status_code, answer.location) == (303, "/office/orders")
    page = client.get("/office/orders").text
    assert "Ordered for Harbor: 7 of Plum cake." in page
    assert "<td>Plum cake</td>" in page
    listed = client.get("/office/api/orders").json
    assert listed is not None
    assert listed["orders"][-1] == {**form, "quantity": 7, "id": 61, "entered_by": "ada@example.com"}


@pytest.mark.parametrize(
    "wrong", [{"bakery": "Moon"}, {"item": " "}, {"quantity": "0"}, {"quantity": "many"}, {"day": "soon"}]
)
def test_order_form_refuses_nonsense(client: FlaskClient, wrong: dict[str, str]) -> None:
    """An order that makes no sense is not stored, and the page says what an order needs."""
    log_in(client)
    form = {"bakery": "Harbor", "item": "Plum cake", "quantity": "7", "day": "2026-01-12", **wrong}
    client.post("/office/orders", data={"csrf": token(client, "/office/orders"), **form})
    page = client.get("/office/orders").text
    assert "An order needs" in page
    assert "Plum cake" not in page


@pytest.mark.parametrize("path", ["/login", "/logout", "/office/orders", "/billing/invoices/1/paid"])
@pytest.mark.parametrize("sent", [{}, {"csrf": ""}, {"csrf": "foreign"}, {"csrf": "ü"}])
def test_forms_need_their_token(client: FlaskClient, path: str, sent: dict[str, str]) -> None:
    """No form is taken without the token of this session."""
    log_in(client)
    assert client.post(path, data=sent).status_code == 400
    assert session_of(client)["user_id"] == 1


def test_download_is_streamed_row_by_row(client: FlaskClient) -> None:
    """The download comes in one piece for each row, header first, and holds every order."""
    log_in(client)
    answer = client.get("/office/orders.csv")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == "attachment; filename=orders.csv"
    assert answer.is_streamed
    chunks = list(answer.iter_encoded())
    assert chunks[0] == b"id,day,bakery,item,quantity,entered_by\r\n"
    assert chunks[1] == b"1,2026-01-05,Mill Street,Rye loaf,24,ada@example.com\r\n"
    assert len(chunks) == 61


def test_download_may_be_abandoned(client: FlaskClient) -> None:
    """A client that leaves in the middle of a download leaves no open database behind."""
    log_in(client)
    answer = client.get("/office/orders.csv", buffered=False)
    next(answer.iter_encoded())
    answer.close()


def test_invoices_can_be_marked_as_paid(client: FlaskClient) -> None:
    """The billing pages list the invoices, and paying one lowers what is owed."""
    log_in(client, "grace@example.com")
    assert "Hotel Seeblick" in client.get("/billing/invoices").text
    assert client.get("/billing/api/summary").json == {"open": 4, "cents": 148205}
    form = {"csrf": token(client, "/billing/invoices")}
    assert client.post("/billing/invoices/2/paid", data=form).location == "/billing/invoices"
    assert client.get("/billing/api/summary").json == {"open": 3, "cents": 56105}
    assert client.post("/billing/invoices/99/paid", data=form).status_code == 404


def test_logout_ends_the_session(client: FlaskClient) -> None:
    """Logging out is a POST, and nothing of the session is left but the message."""
    log_in(client)
    assert client.get("/logout").status_code == 405
    answer = client.post("/logout", data={"csrf": token(client, "/")})
    assert (answer.status_code, answer.location) == (303, "/")
    assert set(session_of(client)) == {"_flashes"}
    assert "You are logged out." in client.get("/").text
    assert client.get("/office/orders").status_code == 303


def test_session_of_a_removed_user_is_nobody(app: Flask, client: FlaskClient) -> None:
    """A user who was removed is logged out by that."""
    log_in(client)
    with closing(sqlite3.connect(app.config["DATABASE"])) as database, database:
        database.execute("DELETE FROM users WHERE email = 'ada@example.com'")
    assert client.get("/office/orders").status_code == 303


def test_style_sheet_is_public(client: FlaskClient) -> None:
    """The style sheet is served to everybody and sets no cookie."""
    answer = client.get("/static/ovens.css")
    assert answer.status_code == 200
    assert answer.mimetype == "text/css"
    assert "Set-Cookie" not in answer.headers
    answer.close()


def test_seeding_is_safe_when_workers_start_at_once(tmp_path: Path) -> None:
    """Several workers that prepare the same new file leave every row in it once."""
    path = str(tmp_path / "new.db")
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(prepare, [path] * 8))
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT email, is_admin_of, joined FROM users ORDER BY id").fetchall()
        assert database.execute("SELECT count(*) FROM orders").fetchone() == (60,)
    assert rows == [
        ("ada@example.com", "office", "2021-03-01"),
        ("grace@example.com", "billing", "2022-09-15"),
        ("max@example.com", None, "2024-06-03"),
    ]


def test_database_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EXAMPLE_DATABASE names the file, and without it there is one in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EXAMPLE_DATABASE", raising=False)
    create_app()
    assert (tmp_path / "example.db").exists()
    monkeypatch.setenv("EXAMPLE_DATABASE", str(tmp_path / "other.db"))
    create_app()
    assert (tmp_path / "other.db").exists()


@pytest.mark.parametrize("secret", ["", "three-ovens-development"])
def test_production_refuses_the_development_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    """In production the application starts only with a secret of its own, and its cookie is `Secure`."""
    monkeypatch.setenv("EXAMPLE_PRODUCTION", "1")
    monkeypatch.setenv("EXAMPLE_SECRET", secret)
    with pytest.raises(RuntimeError, match="EXAMPLE_SECRET"):
        create_app(str(tmp_path / "example.db"))
    monkeypatch.setenv("EXAMPLE_SECRET", "a secret of its own")
    assert create_app(str(tmp_path / "example.db")).config["SESSION_COOKIE_SECURE"] is True
