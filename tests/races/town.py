"""A gate on a real store behind real workers, and people who use it."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.races.app import make_gate
from tests.races.opening import open_store
from tests.races.tally import Tally, tallying
from tests.races.volley import Reply, send_all
from tests.support import servers
from tests.support.clock import MovableClock
from tests.support.phone import Phone
from tests.support.servers import Server
from tests.support.services import Service
from twofa_gate import User
from twofa_gate.adapters.performing import run
from twofa_gate.audit import AuditLog
from twofa_gate.core import recovery, storage, totp
from twofa_gate.core.account import Account, secret_thing
from twofa_gate.core.effects import Flow
from twofa_gate.core.standing import login_digest
from twofa_gate.core.totp import Authenticator
from twofa_gate.core.verification import digest
from twofa_gate.errors import StoreError

KEY = "the key of the races, which has thirty-two bytes and more"
BROWSER = "browser-browser-browse"
WORKERS = 8
_numbers = itertools.count()


@dataclass
class Person:
    """Somebody who has set up, with the phone and the recovery codes."""

    town: Town
    name: str
    phone: Phone
    codes: list[str]

    def post(
        self, endpoint: str, login: str = "l1", *, place: str = "office", cookie: str = "", **members: Any
    ) -> bytes:
        """Make a request to the JSON API, from the browser in which `login` happened."""
        settings = self.town.gate.settings
        bound = ["api", digest(self.name), login_digest(User(self.name, "", login=login)), digest(BROWSER)]
        token = settings.signer.sign("csrf", bound, self.town.clock.time())
        body = json.dumps(members).encode()
        lines = [
            f"POST /2fa/api/v1/{endpoint} HTTP/1.1",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            f"Origin: http://127.0.0.1:{self.town.port}",
            f"X-CSRF-Token: {token}",
            f"X-Place: {place}",
        ]
        return self._request(lines, login, cookie) + body

    def challenge(self, code: str, login: str = "l1") -> bytes:
        """Make an answer to the challenge."""
        return self.post("challenge", login, code=code)

    def visit(self, cookie: str, login: str = "l1", path: str = "/office/x") -> bytes:
        """Make a request for a private page."""
        return self._request([f"GET {path} HTTP/1.1", "Sec-Fetch-Mode: navigate"], login, cookie)

    def _request(self, lines: list[str], login: str, cookie: str) -> bytes:
        names = self.town.gate.settings.cookies
        cookies = [f"session={self.name}.{login}", f"{names.browser}={BROWSER}"]
        cookies += [f"{names.verification}={cookie}"] if cookie else []
        lines += [f"Host: 127.0.0.1:{self.town.port}", f"Cookie: {'; '.join(cookies)}", "Connection: close"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def cookie_of(self, reply: Reply) -> str:
        """Return the verification that a reply gave, or nothing."""
        return reply.cookies.get(self.town.gate.settings.cookies.verification, "")

    @property
    def account(self) -> Account:
        """The account as it is stored."""
        account, _ = run(storage.read_account(self.town.gate.settings, self.name))
        return account or Account(user=self.name)

    def change(self, how: Callable[[Account], Account]) -> None:
        """Put the account into a state."""

        def act(account: Account, now: float) -> Flow[tuple[Account, None]]:
            yield from ()
            return how(account), None

        run(storage.transact(self.town.gate.settings, self.name, act))


@dataclass
class Town:
    """One store, one server. `service` is the database's server, if it has one."""

    kind: str
    label: str
    folder: Path
    clock: MovableClock
    server: Server
    service: Service | None
    store: Any
    keys: Sequence[str]
    gate: Any = field(init=False)

    def __post_init__(self) -> None:
        self.gate = make_gate(self.store, list(self.keys), AuditLog(self.log))

    @property
    def port(self) -> int:
        """Where the server listens."""
        return self.server.port

    @property
    def log(self) -> Path:
        """The audit log."""
        return self.folder / "audit.jsonl"

    def person(self, *, enrolled: bool = True) -> Person:
        """Let somebody new set up."""
        name = f"u{next(_numbers)}-{os.getpid()}"
        phone = Phone(self.clock)
        codes: list[str] = []
        person = Person(self, name, phone, codes)
        if not enrolled:
            return person
        sealer, now = self.gate.settings.sealer, self.clock.time()
        secret = run(totp.draw_secret())
        phone.type_in(secret)
        sealed = sealer.seal(secret, os.urandom(12), user_id=name, thing=secret_thing("a1"))
        made, shown = run(recovery.draw_set(sealer, name, now))
        codes.extend(shown)
        one = Authenticator(id="a1", name="Phone", secret=sealed, added=now)
        person.change(lambda account: account.but(authenticators=(one,), enabled_at=now, recovery=made))
        return person

    def new_step(self) -> None:
        """Move on to the beginning of a time step, so that the codes of now last for a while."""
        self.clock.sleep(30 - self.clock.time() % 30 + 0.5)

    def tally(self, race: str) -> AbstractContextManager[Tally]:
        """Count what comes of a race."""
        return tallying(Tally(race, self.kind, self.label, WORKERS))

    def send(self, *requests: bytes) -> list[Reply | None]:
        """Send requests at once."""
        return send_all(self.port, requests)

    def until_answered(self, tally: Tally, request: bytes, patience: float = 20) -> Reply:
        """Send a request again and again, until it is answered by other than 503."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            for reply in tally.count(self.send(request)):
                if reply.status != 503:
                    return reply
            time.sleep(0.05)
        raise AssertionError(f"not served again within {patience} s:\n{self.server.log()[-3000:]}")

    def order(self, point: str) -> None:
        """Order the next worker that comes to this point to die there."""
        (self.folder / f"die-at-{point}").touch()

    def ordered(self, point: str) -> bool:
        """Whether an order is still open."""
        return (self.folder / f"die-at-{point}").exists()

    @contextmanager
    def close_race(self) -> Iterator[None]:
        """Let workers wait between compare and set, so that all of them have read before the first one writes."""
        (self.folder / "slow").touch()
        try:
            yield
        finally:
            (self.folder / "slow").unlink()

    @contextmanager
    def killing(self, seed: int) -> Iterator[list[int]]:
        """Kill workers at random within this block; gunicorn's first process starts others."""
        draw, over, killed = random.Random(seed), threading.Event(), []  # noqa: S311 - nothing secret

        def kill() -> None:
            while not over.wait(draw.uniform(0.02, 0.15)):
                workers = self.server.children()
                if workers:
                    killed.append(draw.choice(workers))
                    _kill(killed[-1])

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            yield killed
        finally:
            over.set()
            thread.join()

    def events(self, person: Person) -> list[dict[str, Any]]:
        """Return what the audit log says of somebody."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in map(json.loads, lines) if line["user"] == person.name]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it was gone already


def environment(
    kind: str, where: str, folder: Path, keys: Sequence[str], *, asynchronous: bool = False
) -> dict[str, str]:
    """Give what `app` is told by the environment."""
    told = {"kind": kind, "where": where, "asynchronous": asynchronous}
    return {
        "RACES_STORE": json.dumps(told),
        "RACES_KEYS": json.dumps(list(keys)),
        "RACES_FOLDER": str(folder),
    }


@contextmanager
def town_on(
    kind: str,
    service: Service | None,
    folder: Path,
    *,
    driver: str = "wsgi",
    asynchronous: bool = False,
    keys: Sequence[str] = (KEY,),
    clock: MovableClock | None = None,
) -> Iterator[Town]:
    """Start eight workers behind gunicorn, on a store that is taken into use."""
    folder.mkdir(exist_ok=True)
    where = str(folder / "2fa.db") if service is None else str(service.port)
    clock = clock or MovableClock(folder / "clock")
    store = open_store(kind, where)
    make_gate(store, list(keys), AuditLog(folder / "audit.jsonl"), initialize=True)
    env = environment(kind, where, folder, keys, asynchronous=asynchronous)
    app = "tests.races.app:application" if driver == "wsgi" else "tests.races.app:asgi_application"
    with servers.gunicorn(
        app,
        workers=WORKERS,
        worker_class="sync" if driver == "wsgi" else "asgi",
        preload=True,
        args=["--timeout=4"],
        env=env,
        clock=clock,
    ) as server:
        label = f"gunicorn {driver}" + (" async" if asynchronous else "")
        town = Town(kind, label, folder, clock, server, service, store, keys)
        try:
            yield town
        finally:
            town.gate.close()
            server.kill()  # which is quicker than to ask eight workers to end


def recovered(town: Town, patience: float = 20) -> None:
    """Wait until this process reaches the store again."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            run(storage.is_installed(town.gate.settings))
        except StoreError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the store can't be reached")


def statuses(replies: Sequence[Reply | None]) -> list[int]:
    """Return the statuses of the replies that came, sorted."""
    return sorted(reply.status for reply in replies if reply is not None)
