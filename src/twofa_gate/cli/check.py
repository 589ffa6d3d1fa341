"""The command that looks at a gate and its application before they go live."""

from __future__ import annotations

import json
from typing import Any

import click

from twofa_gate.checking import Level, Report, inspect_gate
from twofa_gate.cli.finding import find_gate, gate_option
from twofa_gate.config import load_object

__all__ = ["COMMANDS"]

_SIGNS = {Level.ERROR: "!!", Level.WARNING: " !", Level.NOTE: "  "}


@click.command()
@gate_option
@click.option(
    "--app", "application", metavar="MODULE:ATTRIBUTE", help="The application, to look at its routes."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
def check(gate: str, application: str | None, as_json: bool, strict: bool) -> None:
    """Say what a careful colleague would say of the gate and its application.

    The exit status is 1 if there is an error (with --strict, a warning), for use in CI.
    """
    found = find_gate(gate)
    report = inspect_gate(found, None if application is None else load_object(application))
    found.close()
    if as_json:
        click.echo(json.dumps(_members(report)))
    else:
        _print(report)
    failing = (Level.ERROR, Level.WARNING) if strict else (Level.ERROR,)
    if report.worst in failing:
        raise click.exceptions.Exit(1)


def _members(report: Report) -> dict[str, Any]:
    routes = [
        {"path": each.path, "methods": each.methods, "meets": each.meets, "location": each.location}
        for each in report.routes
    ]
    findings = [{"level": each.level.value, "code": each.code, "text": each.text} for each in report.findings]
    return {"routes": routes, "findings": findings}


def _print(report: Report) -> None:
    if report.routes:
        click.echo("An unverified user who has set up meets, at each route:")
        width = max(len(each.path) for each in report.routes)
        for route in report.routes:
            place = f" at {route.location}" if route.location else ""
            click.echo(f"   {route.path:<{width}}  {'/'.join(route.methods):<10}  {route.meets}{place}")
    for finding in report.findings:
        click.echo(f"{_SIGNS[finding.level]} {finding.text} [{finding.code}]")
    counts = {level: sum(each.level is level for each in report.findings) for level in Level}
    click.echo(f"{counts[Level.ERROR]} errors, {counts[Level.WARNING]} warnings, {counts[Level.NOTE]} notes.")


COMMANDS = (check,)
"""What `twofa-gate` gets of this module."""
