"""The adoption report on a location's page: figures, a list that can be filtered, and the downloads."""

from __future__ import annotations

from types import SimpleNamespace

from twofa_gate.core.answer import Answer
from twofa_gate.core.effects import Flow
from twofa_gate.core.refusal import SECURITY_HEADERS, spoken_answer
from twofa_gate.core.words import Text
from twofa_gate.locations.adoption import (
    FILTERS,
    AdoptionReader,
    MemberStatus,
    matches,
    status_of,
    write_csv,
    write_json,
)
from twofa_gate.model import User
from twofa_gate.pages.location_access import Desk, open_desk
from twofa_gate.pages.visit import Visit

__all__ = ["PAGE", "ReportStream", "download", "list_members"]

PAGE = 25
"""Members on one page of the list."""
MAX_READ = 5_000
"""Accounts that one page reads; the downloads and the command line read all."""


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0


def list_members(desk: Desk) -> Flow[SimpleNamespace | None]:
    """Read one page of the list; `None` where the host does not say who belongs to a location.

    `start` in the query is how many members come before it, `show` a filter, `q` a part of a name. The
    figures count from the start of the list, and say so where they don't count everybody.
    """
    visit = desk.visit
    if visit.settings.hooks.location_members is None:
        return None
    query = visit.request.query
    show, part, start = query.get("show", "all"), query.get("q", "")[:200], _number(query.get("start", ""))
    listing = _Listing(show if show in FILTERS else "all", part.strip().casefold(), start)
    yield from listing.read(desk)
    return SimpleNamespace(
        rows=listing.rows,
        figures=None if start or part.strip() else SimpleNamespace(**listing.figures),
        complete=listing.complete,
        read=listing.read_accounts,
        next_start=listing.next_start,
        show=listing.show,
        q=part,
        start=start,
    )


class _Listing:
    """Reads members until a page is full, and counts what it reads."""

    def __init__(self, show: str, part: str, start: int) -> None:
        self.show, self.part, self.start = show, part, start
        self.rows: list[MemberStatus] = []
        self.figures = {"total": 0, "enrolled": 0, "missing": 0, "locked": 0, "refused": 0}
        self.read_accounts = 0
        self.complete = True
        self.next_start: int | None = None
        self._position = 0

    def read(self, desk: Desk) -> Flow[None]:
        """Read on until the end, or as far as one page goes."""
        settings = desk.visit.settings
        reader = AdoptionReader(settings, desk.location)
        while users := (yield from reader.users()):
            chosen = [(place, each) for place, each in self._placed(users) if self._may_show(place, each)]
            if chosen:
                found = yield from reader.facts_of([each for _, each in chosen])
                for facts, (place, _) in zip(found, chosen, strict=True):
                    self._take(place, status_of(settings, facts))
            if self.read_accounts >= MAX_READ or (self.next_start is not None and self._counts_nothing):
                self.complete = False
                self.next_start = self._position if self.next_start is None else self.next_start
                return

    @property
    def _counts_nothing(self) -> bool:
        return bool(self.start or self.part)

    def _placed(self, users: list[User]) -> list[tuple[int, User]]:
        placed = list(enumerate(users, self._position))
        self._position += len(users)
        return placed

    def _may_show(self, place: int, user: User) -> bool:
        return place >= self.start and (self.part in user.label.casefold() or self.part == user.id.casefold())

    def _take(self, place: int, member: MemberStatus) -> None:
        self.read_accounts += 1
        self.figures["total"] += 1
        self.figures["enrolled"] += member.enrolled
        self.figures["missing"] += not member.enrolled
        self.figures["locked"] += member.locked
        self.figures["refused"] += member.would_refuse
        if not matches(member, self.show):
            return
        if len(self.rows) < PAGE:
            self.rows.append(member)
        elif self.next_start is None:
            self.next_start = place


def download(visit: Visit, location: str, kind: str) -> Flow[Answer]:
    """Stream the whole report as CSV or JSON, in constant memory; `show` in the query filters it."""
    desk = yield from open_desk(visit, location)
    if isinstance(desk, Answer):
        return desk
    show = visit.request.query.get("show", "all")
    if visit.settings.hooks.location_members is None or show not in FILTERS:
        return spoken_answer(visit.request, 404, Text("There is no such report."), *visit.cookies)
    stream = ReportStream(desk, show, kind)
    types = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
    headers = (
        ("Content-Type", types[kind]),
        ("Content-Disposition", f'attachment; filename="two-factor-adoption.{kind}"'),
        *SECURITY_HEADERS,
        *visit.cookies,
    )
    return Answer(200, headers, stream.head(), stream.more)


class ReportStream:
    """Writes the report part by part."""

    def __init__(self, desk: Desk, show: str, kind: str) -> None:
        self._settings = desk.visit.settings
        self._reader = AdoptionReader(desk.visit.settings, desk.location)
        self._show, self._kind = show, kind
        self._begun = self._ended = False

    def head(self) -> bytes:
        """Give what stands before the first member."""
        return write_csv([], header=True).encode() if self._kind == "csv" else b"[\n"

    def more(self) -> Flow[bytes]:
        """Give the next part; `b""` after the last."""
        while chunk := (yield from self._reader.chunk()):
            members = [status_of(self._settings, each) for each in chunk]
            part = self._write([each for each in members if matches(each, self._show)])
            if part:
                return part
        tail = b"" if self._ended or self._kind == "csv" else b"\n]\n"
        self._ended = True
        return tail

    def _write(self, members: list[MemberStatus]) -> bytes:
        if self._kind == "csv":
            return write_csv(members, header=False).encode()
        lines = ",\n".join(write_json(members))
        joint = ",\n" if self._begun and lines else ""
        self._begun = self._begun or bool(lines)
        return (joint + lines).encode()
