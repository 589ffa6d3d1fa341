"""Measure the gate on PostgreSQL with few accounts and with a million: `python -m bench.scale.measure [accounts]`.

It starts a PostgreSQL of its own (Debian's package, waiting for the disk as it comes), times requests end to end
through the WSGI driver in this process, loads accounts with COPY, times the same requests again, and prints a table.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import pyotp
from sqlalchemy import create_engine, event

from tests.support import services
from twofa_gate import Enforcement, Gate, GateRequest, Policy, User, hookimpl
from twofa_gate.adapters.performing import run
from twofa_gate.core import recovery, totp
from twofa_gate.core.account import Account, encode, secret_thing
from twofa_gate.core.attempts import Attempts, Lane
from twofa_gate.core.settings import Settings
from twofa_gate.core.storage import user_key
from twofa_gate.core.totp import Authenticator
from twofa_gate.core.verification import Verification, digest
from twofa_gate.stores.sql import SQLStore
from twofa_gate.wsgi import TwoFactorMiddleware

SAMPLE = 1_000
LAG = 3600.0
BROWSER = "browser-browser-browse"
TUNING = ("fsync=on", "shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=30min")


class Host:
    """The cookie `session` is the user's id."""

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """Go by the cookie."""
        user = request.cookies.get("session", "")
        return User(user, f"{user}@example.com", login="l1") if user else None


@dataclass
class Person:
    """One of those whose requests are timed."""

    name: str
    secret: str
    cookie: str = ""


def account_of(settings: Settings, name: str, secret: str) -> Account:
    """Make the account of somebody with a phone, ten codes, two browsers and five failures."""
    now = time.time()
    sealed = settings.sealer.seal(secret, os.urandom(12), user_id=name, thing=secret_thing("a1"))
    one = Authenticator(id="a1", name="Phone", secret=sealed, added=now - 9e6, used=now - 9e4)
    made, _ = run(recovery.draw_set(settings.sealer, name, now))
    browsers = tuple(
        Verification(digest=os.urandom(32).hex(), at=now - 9e4 - n, method="totp", login=os.urandom(32).hex())
        for n in range(2)
    )
    lane = Lane(failures=tuple(now - 1e6 - n for n in range(5)))
    return Account(
        user=name,
        authenticators=(one,),
        enabled_at=now - 9e6,
        recovery=made,
        verifications=browsers,
        attempts=Attempts(known=lane),
    )


def name_of(number: int) -> str:
    """Give the id of a user."""
    return f"person-{number:09d}"


class Template:
    """Writes documents as large and as random as real ones, quickly."""

    def __init__(self, settings: Settings) -> None:
        account = account_of(settings, "@user@", "A" * 32)
        document = json.loads(encode(account))
        self._sealed = [document["authenticators"][0]["secret"], *document["recovery"]["codes"]]
        self._hexes = [each[field] for each in document["verifications"] for field in ("digest", "login")]
        text = encode(account).decode().replace("{", "{{").replace("}", "}}").replace("@user@", "{user}")
        for index, value in enumerate(self._sealed):
            head, _, tail = value.rpartition(".")
            text = text.replace(value, f"{head}.{{sealed[{index}]}}")
            self._tail = len(tail)
        for index, value in enumerate(self._hexes):
            text = text.replace(value, f"{{hexes[{index}]}}")
        self._text = text

    def document(self, name: str) -> bytes:
        """Write the document of a user."""
        size = self._tail
        drawn = base64.urlsafe_b64encode(os.urandom(len(self._sealed) * size)).decode()
        sealed = [drawn[at * size : (at + 1) * size] for at in range(len(self._sealed))]
        noise = os.urandom(32 * len(self._hexes)).hex()
        hexes = [noise[at * 64 : (at + 1) * 64] for at in range(len(self._hexes))]
        return self._text.format(user=name, sealed=sealed, hexes=hexes).encode()


class Site:
    """The application and its gate, in this process, and the statements that it sends."""

    def __init__(self, port: int, database: str, lag: float) -> None:
        self.engine = create_engine(f"postgresql+psycopg://postgres@127.0.0.1:{port}/{database}")
        self.statements = 0
        event.listen(self.engine, "before_cursor_execute", self._count)
        self.gate = Gate(
            secret_keys=["k" * 32],
            issuer="Scale",
            policy=Policy(Enforcement.REQUIRED),
            plugins=[Host(), SQLStore(self.engine)],
            initialize=True,
            revocation_lag=lag,
        )
        self._app = TwoFactorMiddleware(self._private, self.gate)

    def _count(self, *unused: object) -> None:
        self.statements += 1

    @staticmethod
    def _private(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"private"]

    def request(
        self, person: Person, path: str, members: dict[str, str] | None = None
    ) -> tuple[int, str, float]:
        """Send a request; return the status, the verification that was given, and the seconds it took."""
        settings = self.gate.settings
        cookies = [f"session={person.name}", f"{settings.cookies.browser}={BROWSER}"]
        cookies += [f"{settings.cookies.verification}={person.cookie}"] if person.cookie else []
        body = b"" if members is None else json.dumps(members).encode()
        bound = ["api", digest(person.name), digest(f"{person.name}\0l1"), digest(BROWSER)]
        environ = {
            "REQUEST_METHOD": "GET" if members is None else "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "app.test",
            "SERVER_PORT": "443",
            "HTTP_HOST": "app.test",
            "HTTP_COOKIE": "; ".join(cookies),
            "HTTP_ORIGIN": "https://app.test",
            "HTTP_SEC_FETCH_MODE": "navigate" if members is None else "cors",
            "HTTP_X_CSRF_TOKEN": settings.signer.sign("csrf", bound, time.time()),
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body),
        }
        given: list[Any] = []
        begin = time.perf_counter()
        answer: Any = self._app(environ, lambda *parts: given.extend(parts))
        b"".join(answer)
        took = time.perf_counter() - begin
        cookie = f"{settings.cookies.verification}="
        found = next((v for n, v in given[1] if n == "Set-Cookie" and v.startswith(cookie)), "")
        return int(given[0][:3]), found.removeprefix(cookie).partition(";")[0], took


KINDS = ("refused visit", "wrong code", "right code", "verified visit, read", "verified visit, remembered")


@dataclass
class Timed:
    """One table, and what the requests on it took."""

    label: str
    site: Site
    took: dict[str, list[float]]
    statements: dict[str, int]


def time_all(tables: list[Timed], people: list[Person]) -> None:
    """Time each kind of request for each person on each table by turns, so that all see the same machine."""
    for person in random.sample(people, len(people)):
        for table in random.sample(tables, len(tables)):
            time_one(table, person)


def time_one(table: Timed, person: Person) -> None:
    """Time each kind of request once."""
    person.cookie, phone, now = "", pyotp.TOTP(person.secret), int(time.time())
    near = {phone.at(now + 30 * steps) for steps in (-1, 0, 1, 2)}
    wrong = next(f"{number:06}" for number in range(9) if f"{number:06}" not in near)
    codes = (
        ("/2fa/api/v1/challenge", {"code": wrong}, 403),
        ("/2fa/api/v1/challenge", {"code": phone.at(now)}, 200),
    )
    steps = (("/x", None, 303), *codes, ("/x", None, 200), ("/x", None, 200))
    for kind, (path, members, expected) in zip(KINDS, steps, strict=True):
        before = table.site.statements
        status, cookie, seconds = table.site.request(person, path, members)
        if status != expected:
            raise AssertionError(f"{kind}: {status}")
        person.cookie = cookie or person.cookie
        table.took[kind].append(seconds)
        table.statements[kind] += table.site.statements - before


def load(
    port: int, settings: Settings, people: list[Person], accounts: int, database: str = "postgres"
) -> None:
    """Fill the table with COPY, around those who are there."""
    template, there = Template(settings), {person.name for person in people}
    with psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname=database) as connection:
        sql = "COPY twofa_gate (key, document, version) FROM STDIN (FORMAT BINARY)"
        with connection.cursor().copy(sql) as copy:
            copy.set_types(["varchar", "bytea", "varchar"])
            for number in range(accounts):
                name = name_of(number)
                if name not in there:
                    key = user_key(settings.realm, name)
                    copy.write_row((key, template.document(name), os.urandom(16).hex()))
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE twofa_gate")
        connection.execute("CHECKPOINT")


def sizes(port: int) -> dict[str, int]:
    """Return the bytes of the table, its TOAST and its index, and the mean document."""
    with psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres") as connection:
        row = connection.execute(
            "SELECT count(*), pg_relation_size('twofa_gate'), pg_table_size('twofa_gate'),"
            " pg_indexes_size('twofa_gate'), avg(octet_length(document))::int FROM twofa_gate"
        ).fetchone()
    if row is None:
        raise AssertionError("PostgreSQL says nothing of its table")
    names = ("accounts", "main fork", "table with TOAST", "index", "mean document")
    return dict(zip(names, row, strict=True))


def main(accounts: int) -> None:
    """Measure and print."""
    begin = time.monotonic()
    logging.getLogger("twofa_gate").addHandler(logging.NullHandler())  # as if it went to a fast handler
    with services.postgresql(*TUNING) as service:
        with psycopg.connect(
            host="127.0.0.1", port=service.port, user="postgres", autocommit=True
        ) as connection:
            connection.execute("CREATE DATABASE few")
        people = [Person(name_of(n), run(totp.draw_secret())) for n in random.sample(range(accounts), SAMPLE)]
        tables = []
        for label, database in ((f"{SAMPLE} accounts", "few"), (f"{accounts} accounts", "postgres")):
            site = Site(service.port, database, LAG)
            tables.append(Timed(label, site, {kind: [] for kind in KINDS}, dict.fromkeys(KINDS, 0)))
            for person in people:
                put(site, person)
        loading = time.monotonic()
        load(service.port, tables[1].site.gate.settings, people, accounts)
        print(f"loaded {accounts} in {time.monotonic() - loading:.0f} s: {sizes(service.port)}", flush=True)
        time_all(tables, people)
        for table in tables:
            table.site.gate.close()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for kind in KINDS:
        for table in tables:
            cuts = statistics.quantiles(table.took[kind], n=100)
            each = f"{table.statements[kind] / SAMPLE:.2f} statements"
            times = f"p50 {cuts[49] * 1e3:6.2f} ms  p99 {cuts[98] * 1e3:6.2f} ms"
            print(f"{kind:<28} {table.label:>18}: {times}  {each}")
    print(f"took {time.monotonic() - begin:.0f} s")


def put(site: Site, person: Person) -> None:
    """Store the account of somebody whose requests will be timed."""
    document = encode(account_of(site.gate.settings, person.name, person.secret))
    key = user_key(site.gate.settings.realm, person.name)
    site.gate.settings.hooks.save.function(key, document, os.urandom(16).hex(), None)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
