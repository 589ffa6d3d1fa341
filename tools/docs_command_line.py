"""The page of the command line, from the commands themselves."""

from __future__ import annotations

import inspect
import re

import click
from docs_markdown import page, table

__all__ = ["command_line_page"]


def command_line_page() -> str:
    """Write the page."""
    from twofa_gate import cli

    parts = [inspect.cleandoc(cli.main.help or "")]
    for name, command in cli.main.commands.items():
        parts += _command(name, command)
    exits = "The exit status is 0 if it was done, 1 if not (with one line that says why), 2 if the command was not"
    return page("Command line", *parts, "## Exit status", f"{exits} understood.")


def _command(name: str, command: click.Command) -> list[str]:
    context = click.Context(command, info_name=f"twofa-gate {name}")
    usage = " ".join(command.collect_usage_pieces(context))
    help_text = re.sub(r"\b([A-Z]{4,})\b", r"`\1`", inspect.cleandoc(command.help or "")).replace("\f", "")
    rows = [_option(each, context) for each in command.params if isinstance(each, click.Option)]
    options = [table(["option", "meaning"], rows)] if rows else []
    return [f"## `{name}`", f"`twofa-gate {name} {usage}`", help_text, *options]


def _option(option: click.Option, context: click.Context) -> list[str]:
    record = option.get_help_record(context)
    if record is None:
        return [f"`{'`, `'.join(option.opts)}`", ""]
    names, text = record
    return [f"`{names}`", text]
