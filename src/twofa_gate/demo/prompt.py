"""The phone that a person without one plays with: they type the key that the page shows, and get its codes."""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Callable

import click

from twofa_gate.demo.phone import Phone

__all__ = ["play_phone"]

LOOK_SECONDS = 0.5
"""How often it is looked whether the server still runs, and a signal is noticed at the latest."""


def play_phone(server: subprocess.Popen[bytes], wait: Callable[[float], None]) -> None:
    """Ask for keys and tell codes until the person has had enough, or the server has ended."""
    click.echo("No phone at hand? This terminal can play one:")
    phone: Phone | None = None
    while True:
        again = ", or Enter for its next code" if phone else ""
        click.echo(f"key that the page shows{again} (q: end): ", nl=False)
        typed = _read_line(server)
        if typed is None:
            return
        try:
            phone = Phone(typed, wait) if typed else phone
        except ValueError as error:
            click.echo(f"  {error}")
            continue
        if phone is not None:
            code, seconds = phone.shown()
            click.echo(f"  code {code[:3]} {code[3:]}, good once, for {seconds} s")


def _read_line(server: subprocess.Popen[bytes]) -> str | None:
    """Read a line; `None` if that was enough, or the server has ended."""
    try:
        while not select.select([sys.stdin], [], [], LOOK_SECONDS)[0]:
            if server.poll() is not None:
                click.echo("\nThe server has ended.")
                return None
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        line = ""
    if not line:  # Ctrl-C, or the end of the input
        click.echo()
        return None
    typed = line.strip()
    return None if typed.lower() in ("q", "quit", "exit") else typed
