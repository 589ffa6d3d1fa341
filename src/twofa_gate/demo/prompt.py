"""The phone that a person without one plays with: they type the key that the page shows, and get its codes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import click

from twofa_gate.demo.phone import Phone

__all__ = ["play_phone"]


def play_phone(server: subprocess.Popen[bytes], wait: Callable[[float], None]) -> None:
    """Ask for keys and tell codes until the person has had enough, or the server has ended."""
    click.echo("No phone at hand? This terminal can play one:")
    phone: Phone | None = None
    while server.poll() is None:
        again = ", or Enter for its next code" if phone else ""
        try:
            typed = click.prompt(f"key that the page shows{again} (q: end)", default="", show_default=False)
        except click.Abort:  # Ctrl-C or the end of the input
            click.echo()
            return
        if typed.strip().lower() in ("q", "quit", "exit"):
            return
        try:
            phone = Phone(typed, wait) if typed.strip() else phone
        except ValueError as error:
            click.echo(f"  {error}")
            continue
        if phone is not None:
            code, seconds = phone.shown()
            click.echo(f"  code {code[:3]} {code[3:]}, good once, for {seconds} s")
    click.echo("The server has ended.")
