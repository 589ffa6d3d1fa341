"""The command that re-seals everything after a new key was put at the head of `secret_keys`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from twofa_gate.cli.finding import gate_option, operating
from twofa_gate.core.rotation import RotationPage
from twofa_gate.operations import RotationReport

__all__ = ["COMMANDS"]


@click.command()
@gate_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rotate(gate: str, as_json: bool) -> None:
    """Seal every account anew with the newest key, while the gate serves.

    It can be interrupted and run again. Once it has ended without a failure, older keys can be taken out of
    secret_keys.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed} accounts"),
        TimeElapsedColumn(),
    )
    # Progress is for people: it goes to standard error, and only to a terminal.
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("Re-sealing", total=None)

        def seen(page: RotationPage) -> None:
            progress.advance(task, page.seen)

        with operating(gate) as run:
            report: RotationReport = run("rotate", seen)
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        click.echo(f"{report.accounts} accounts seen, {report.resealed} re-sealed, {report.failures} failed.")
        for key, reason in report.failed:
            click.echo(f"  {key}: {reason}", err=True)
    if report.failures:
        raise click.ClickException("Keep the older keys: not everything could be re-sealed.")


COMMANDS = (rotate,)
"""What `twofa-gate` gets of this module."""
