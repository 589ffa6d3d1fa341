"""Commands for the first day: a secret key, and taking an empty store into use."""

from __future__ import annotations

import asyncio
import secrets

import click

from twofa_gate.cli.finding import check_store, find_gate, gate_option
from twofa_gate.errors import ConfigurationError
from twofa_gate.gate import Gate, initializing

__all__ = ["COMMANDS"]

KEY_BYTES = 48


@click.command()
def keygen() -> None:
    """Print a new secret key, for `secret_keys`.

    Keep it out of the repository, and keep it safe: what the gate stores can't be read without it.
    """
    click.echo(secrets.token_urlsafe(KEY_BYTES))


@click.command()
@gate_option
def init(gate: str) -> None:
    """Take an empty store into use, once, before the first start.

    It writes the installation record by which the gate knows its store. A store that lacks it later is a
    wrong or lost one, and nobody is let through on its word.
    """
    with initializing():
        found = find_gate(gate)
        if found.volatile:
            raise ConfigurationError(f"The store of {gate} keeps nothing, so it needs no init.")
        wrote = found.newly_installed if found.pending_check is None else asyncio.run(_finish(found))
    if found.pending_check is None:
        found.close()
    realm = found.settings.realm
    if wrote:
        click.echo(f"The store is now in use for the realm {realm!r}: its installation record was written.")
    else:
        click.echo(f"The store is in use already: it has the installation record of the realm {realm!r}.")


async def _finish(gate: Gate) -> bool:
    try:
        return await check_store(gate)
    finally:
        await gate.aclose()


COMMANDS = (keygen, init)
