"""Measure a challenge on PostgreSQL as accounts and workers grow: `python -m bench.scale.growing`.

It loads tables of 1,000 to 1,000,000 accounts into one PostgreSQL of its own and answers challenges on all of them by
turns; then it answers challenges in 1, 2 and 4 processes at once. It writes `docs/explanation/performance/scale.json`,
of which `bench.report` makes tables and a plot; `make bench` runs both. `bench.scale.measure` has more kinds of
request, on two tables.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pyotp

from bench.scale import measure
from bench.scale.measure import LAG, TUNING, Person, Site, Timed
from tests.support import services
from twofa_gate.adapters.performing import run
from twofa_gate.core import totp
from twofa_gate.core.account import encode
from twofa_gate.core.settings import Settings
from twofa_gate.core.storage import user_key

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "performance"
SIZES = (1_000, 10_000, 100_000, 1_000_000)
WORKERS = (1, 2, 4)
SAMPLE = 300
EACH = 300
ROUNDS = 3
WORKERS_DATABASE = "of_workers"


def by_accounts(service: Any, sizes: tuple[int, ...]) -> dict[str, Any]:
    """Answer challenges on tables of these sizes, by turns."""
    people = [
        Person(measure.name_of(n), run(totp.draw_secret())) for n in random.sample(range(min(sizes)), SAMPLE)
    ]
    tables = []
    for size in sizes:
        database = f"of_{size}"
        with psycopg.connect(
            host="127.0.0.1", port=service.port, user="postgres", autocommit=True
        ) as connection:
            connection.execute(f"CREATE DATABASE {database}")
        site = Site(service.port, database, LAG)
        tables.append(
            Timed(str(size), site, {kind: [] for kind in measure.KINDS}, dict.fromkeys(measure.KINDS, 0))
        )
        for person in people:
            measure.put(site, person)
        measure.load(service.port, site.gate.settings, people, size, database)
        print(f"loaded {size}", flush=True)
    measure.time_all(tables, people)
    found = {}
    for table in tables:
        cuts = statistics.quantiles(table.took["right code"], n=100)
        statements = table.statements["right code"] / SAMPLE
        found[table.label] = {"p50": cuts[49], "p90": cuts[89], "p99": cuts[98], "statements": statements}
        table.site.gate.close()
    return found


def _answer_challenges(port: int, people: list[Person], begin: Any, done: Any) -> None:
    """Be one worker: answer one challenge after the other, each of somebody else; tell when it began and ended."""
    logging.getLogger("twofa_gate").addHandler(logging.NullHandler())
    site = Site(port, WORKERS_DATABASE, LAG)
    site.request(people[0], "/x")  # warm
    begin.wait()
    began = time.monotonic()
    for person in people:
        code = pyotp.TOTP(person.secret).now()
        status, _, _ = site.request(person, "/2fa/api/v1/challenge", {"code": code})
        if status != 200:
            raise AssertionError(status)
    done.put((began, time.monotonic()))
    site.gate.close()


def _enroll(port: int, settings: Settings, people: list[Person]) -> None:
    """Store the accounts of those who will answer."""
    with (
        psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname=WORKERS_DATABASE) as connection,
        connection.cursor().copy(
            "COPY twofa_gate (key, document, version) FROM STDIN (FORMAT BINARY)"
        ) as copy,
    ):
        copy.set_types(["varchar", "bytea", "varchar"])
        for person in people:
            document = encode(measure.account_of(settings, person.name, person.secret))
            copy.write_row((user_key(settings.realm, person.name), document, os.urandom(16).hex()))


def by_workers(service: Any) -> dict[str, Any]:
    """Answer challenges in so many processes at once, in rounds; give the median of the challenges a second."""
    context = multiprocessing.get_context("spawn")
    with psycopg.connect(host="127.0.0.1", port=service.port, user="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {WORKERS_DATABASE}")
    site = Site(service.port, WORKERS_DATABASE, LAG)
    rates: dict[int, list[float]] = {number: [] for number in WORKERS}
    for turn in range(ROUNDS):
        for number in WORKERS:
            begin, done = context.Barrier(number), context.Queue()
            processes = []
            for worker in range(number):
                names = [f"w-{turn}-{number}-{worker}-{n}" for n in range(EACH)]
                people = [Person(name, run(totp.draw_secret())) for name in names]
                _enroll(service.port, site.gate.settings, people)
                processes.append(
                    context.Process(target=_answer_challenges, args=(service.port, people, begin, done))
                )
            for process in processes:
                process.start()
            times = [done.get(timeout=300) for _ in processes]
            for process in processes:
                process.join(60)
            took = max(end for _, end in times) - min(began for began, _ in times)
            rates[number].append(number * EACH / took)
        print(f"workers, round {turn + 1}: {rates}", flush=True)
    site.gate.close()
    return {
        str(number): {"median": statistics.median(each), "low": min(each), "high": max(each)}
        for number, each in rates.items()
    }


def main(largest: int) -> None:
    """Measure and write."""
    logging.getLogger("twofa_gate").addHandler(logging.NullHandler())
    begin = time.monotonic()
    found: dict[str, Any] = {"cores": os.cpu_count(), "load before": os.getloadavg()[0]}
    with services.postgresql(*TUNING) as service:
        found["workers"] = by_workers(service)
        found["accounts"] = by_accounts(service, tuple(size for size in SIZES if size <= largest))
    found["load after"], found["seconds"] = os.getloadavg()[0], time.monotonic() - begin
    (FOLDER / "scale.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1])
