"""What a check finds, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

__all__ = ["Finding", "Level", "Report", "RouteFinding"]


class Level(Enum):
    """How bad it is: a hole, something to look at, or something to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: a stable `code`, and a text that says what to do."""

    level: Level
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class RouteFinding:
    """What an unverified user meets at one route of the application.

    `methods` are those that the route answers, `meets` a decision or the setting that lets the route through,
    and `location` where it lies.
    """

    path: str
    methods: tuple[str, ...]
    meets: str
    location: str | None = None


@dataclass(slots=True)
class Report:
    """Everything found."""

    routes: list[RouteFinding] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(self, level: Level, code: str, text: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(level, code, text))

    @property
    def worst(self) -> Level | None:
        """The worst level found."""
        order = [Level.ERROR, Level.WARNING, Level.NOTE]
        return next((level for level in order if any(each.level is level for each in self.findings)), None)
