"""The command line, `twofa-gate`: what operators do without writing Python.

Each module lists its commands in `COMMANDS`; a new one is one more name in `_MODULES`. The exit status is 0
if it was done, 1 if not (with one line that says why), 2 if the command was not understood.
"""

from __future__ import annotations

from typing import Any

import click

from twofa_gate import __version__
from twofa_gate.cli import accounts, check, locations, reminders, rotation, setup
from twofa_gate.demo import command
from twofa_gate.errors import GateError

__all__ = ["main"]

_MODULES = (
    setup,
    check,
    accounts,
    locations,
    reminders,
    rotation,
    command,
)


class _Commands(click.Group):
    """Says in one line why something was not done; commands are listed in the order of a gate's life."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except GateError as error:
            raise click.ClickException(" ".join(str(error).split())) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands as they were added."""
        return list(self.commands)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="twofa-gate")
def main() -> None:
    """Set up and look after a twofa_gate: two-factor authentication in front of an application."""


for module in _MODULES:
    for each in module.COMMANDS:
        main.add_command(each)
