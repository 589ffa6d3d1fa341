"""Commands about a location: who has set up, and why the gate decides as it does for one user."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

import click

from twofa_gate.cli.finding import gate_option, operating
from twofa_gate.locations.adoption import FILTERS, MemberStatus, matches, write_csv, write_json
from twofa_gate.locations.explain import Explanation

__all__ = ["COMMANDS"]


def _printable(text: str) -> str:
    # Users choose their names: no control character of theirs may reach the operator's terminal.
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _moment(value: datetime | None) -> str:
    return "-" if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


class _Report:
    """Writes members as they come, in one of three forms, and counts them."""

    def __init__(self, show: str, form: str, progress: Callable[[int], object]) -> None:
        self._show, self._form, self._progress = show, form, progress
        self._written = 0
        self.total = self.missing = self.refused = self.locked = 0

    def begin(self) -> None:
        """Write what comes first."""
        if self._form == "csv":
            click.echo(write_csv([], header=True), nl=False)
        elif self._form == "json":
            click.echo("[", nl=False)

    def take(self, members: list[MemberStatus]) -> None:
        """Write some members."""
        self.total += len(members)
        self.missing += sum(not each.enrolled for each in members)
        self.refused += sum(each.would_refuse for each in members)
        self.locked += sum(each.locked for each in members)
        self._write([each for each in members if matches(each, self._show)])
        self._progress(len(members))

    def _write(self, chosen: list[MemberStatus]) -> None:
        if self._form == "csv":
            click.echo(write_csv(chosen, header=False), nl=False)
        elif self._form == "json":
            for line in write_json(chosen):
                click.echo(f"{',' if self._written else ''}\n{line}", nl=False)
                self._written += 1
        else:
            for each in chosen:
                click.echo(_line(each))

    def end(self) -> None:
        """Write what comes last."""
        if self._form == "json":
            click.echo("\n]")
        elif self._form == "words":
            click.echo(
                f"{self.missing} of {self.total} have not set up; {self.refused} would be refused right now; "
                f"{self.locked} locked."
            )


def _line(member: MemberStatus) -> str:
    state = f"set up {_moment(member.since)}" if member.enrolled else "not set up"
    marks = [*(["locked"] if member.locked else []), *([member.decision] if member.would_refuse else [])]
    told = [
        f"{member.label} ({member.user_id})",
        state,
        f"last verified {_moment(member.last_verified)}",
        *marks,
    ]
    return _printable("  ".join(told))


@click.command()
@click.argument("location")
@gate_option
@click.option(
    "--show", type=click.Choice(list(FILTERS)), default="all", help="Which members to list; all are counted."
)
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
def adoption(location: str, gate: str, show: str, form: str | None) -> None:
    """List the members of LOCATION: who has set up, who has not, and who would be refused right now."""
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), TextColumn("{task.completed} members"), TimeElapsedColumn())
    # Progress is for people: it goes to standard error, and only to a terminal; a list on a terminal is enough.
    silent = not sys.stderr.isatty() or sys.stdout.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=silent) as progress:
        task = progress.add_task("Reading", total=None)
        report = _Report(show, form or "words", lambda count: progress.advance(task, count))
        with operating(gate) as run:
            report.begin()
            run("report_adoption", location, report.take)
    report.end()


@click.command()
@click.argument("user_id", metavar="USER")
@click.argument("location")
@gate_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(user_id: str, location: str, gate: str, as_json: bool) -> None:
    """Tell what the gate decides for USER at LOCATION, whose policy that is, and when it will change."""
    with operating(gate) as run:
        found: Explanation = run("explain", user_id, location)
    if as_json:
        click.echo(json.dumps(asdict(found), default=_plain))
        return
    for line in _lines(found):
        click.echo(_printable(line))


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _lines(found: Explanation) -> list[str]:
    lines = [
        f"{found.user_id} at {found.location}: {found.decision}",
        f"  policy of {found.policy or 'nobody'}",
    ]
    if found.verified_decision is not None:
        lines.append(f"  {found.verified_decision} in the browser that verified last")
    if found.cutoff is not None:
        lines.append(f"  required from {_moment(found.cutoff)}")
    if found.extended_until is not None:
        lines.append(f"  extended until {_moment(found.extended_until)}")
    if found.changes_at is not None:
        lines.append(f"  becomes {found.changes_to} at {_moment(found.changes_at)}")
    else:
        lines.append("  does not change by itself")
    if found.report_only_until is not None:
        lines.append(f"  refuses nobody until {_moment(found.report_only_until)}")
    if found.member is False:
        lines.append("  is not among the members of this location")
    account = found.account
    since = f" since {_moment(account.enabled_at)}" if account.enrolled else ""
    lines.append(f"  {'set up' if account.enrolled else 'not set up'}{since}, {account.failures} failures")
    lines += [
        f"  {each.source}: {each.enforcement}, from {_moment(each.cutoff)}, then {each.after_cutoff}; "
        f"a code lasts {each.max_age_seconds // 60} min; setting up: {each.enrollment}; alone: {each.decision}"
        for each in found.policies
    ]
    return lines


COMMANDS = (adoption, explain)
"""What `twofa-gate` gets of this module."""
