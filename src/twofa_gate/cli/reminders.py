"""The command that finds who is due to be reminded, for a timer to run every day or every hour."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from twofa_gate.cli.finding import gate_option, operating
from twofa_gate.core.reminders import DAYS, ReminderPage
from twofa_gate.operations import ReminderReport

__all__ = ["COMMANDS"]


@click.command()
@gate_option
@click.argument("locations", metavar="[LOCATION]...", nargs=-1)
@click.option(
    "--days",
    type=click.IntRange(min=1),
    multiple=True,
    default=DAYS,
    show_default=True,
    help="Days before the date; give it once for each reminder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def remind(gate: str, locations: tuple[str, ...], days: tuple[int, ...], as_json: bool) -> None:
    """Emit an event for each member of LOCATION who has few days left to set up two-factor authentication.

    Without LOCATION all locations that have stored settings are looked at. Each member is reminded once for
    each date and number of days, however often and wherever this runs.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed} members"),
        TimeElapsedColumn(),
    )
    # Progress is for people: it goes to standard error, and only to a terminal.
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("Reminding", total=None)

        def seen(page: ReminderPage) -> None:
            name = "".join(
                each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in page.location
            )
            progress.update(task, advance=page.members, description=f"Reminding at {name}")

        with operating(gate) as run:
            report: ReminderReport = run("remind", days, locations=locations or None, progress=seen)
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        click.echo(
            f"{report.members} members of {report.locations} locations seen, {report.reminded} reminded."
        )


COMMANDS = (remind,)
"""What `twofa-gate` gets of this module."""
