"""Commands about one user's account: status, reset, unlock, revoke, forget."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import click

from twofa_gate.cli.finding import gate_option, operating
from twofa_gate.core.administration import AccountStatus
from twofa_gate.operations import DEFAULT_EXTENSION

__all__ = ["COMMANDS"]

DEFAULT_HOURS = DEFAULT_EXTENSION // timedelta(hours=1)


def _not_empty(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("it is on the record, so it must say something.")
    return value.strip()


def _account_command(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command what all of these have: the user, the gate, and JSON instead of words."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    user = click.argument("user_id", metavar="USER")
    return user(gate_option(as_json(function)))


_by = click.option("--by", required=True, callback=_not_empty, help="Who does this, for the record.")


def _say(as_json: bool, members: dict[str, Any], words: str) -> None:
    # Users name their devices: no control character of theirs may reach the operator's terminal.
    shown = "".join(
        each if each.isprintable() or each == "\n" else "\N{REPLACEMENT CHARACTER}" for each in words
    )
    click.echo(json.dumps(members, default=_plain) if as_json else shown)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


@click.command()
@_account_command
def status(user_id: str, gate: str, as_json: bool) -> None:
    """Tell what is stored about USER, without secrets."""
    with operating(gate) as run:
        found: AccountStatus = run("status", user_id)
    _say(as_json, asdict(found), "\n".join(_lines(found)))


def _lines(found: AccountStatus) -> list[str]:
    on = f"on since {_moment(found.enabled_at)}" if found.enabled_at else "on"
    devices = ", ".join(found.authenticators) or "none"
    held = "locked" if found.locked else f"next try in {found.retry_after} s" if found.retry_after else "open"
    return [
        f"user                {found.user_id}",
        f"two-factor          {on if found.enrolled else 'not set up'}",
        f"devices             {devices}",
        f"recovery codes      {found.recovery_codes_left} left",
        f"verified browsers   {found.verified_browsers}, last {_moment(found.last_verified)}",
        f"trusted browsers    {found.trusted_browsers}",
        f"wrong codes         {found.failures} in 30 days; {held}",
    ]


def _moment(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M %Z}"


@click.command()
@_account_command
@_by
@click.option("--reason", required=True, callback=_not_empty, help="Why, for the record.")
@click.option(
    "--hours",
    type=click.IntRange(min=0, max=24 * 366),
    default=DEFAULT_HOURS,
    show_default=True,
    help="For how long they may set up again where they would be kept out.",
)
def reset(user_id: str, gate: str, as_json: bool, by: str, reason: str, hours: int) -> None:
    """Take away USER's second factor, for somebody who lost it.

    Make sure first that it is they who ask: whoever has the password can set up a second factor of their own
    afterwards.
    """
    with operating(gate) as run:
        before: AccountStatus = run("status", user_id)
        run("reset", user_id, by=by, reason=reason, extension=timedelta(hours=hours))
    removed = len(before.authenticators)
    members = {"user_id": user_id, "reset": True, "devices_removed": removed, "extension_hours": hours}
    was = f"{removed} of their devices removed" if removed else "they had set up nothing (is the id right?)"
    _say(as_json, members, f"Reset {user_id}: {was}. They have {hours} hours to set up again.")


@click.command()
@_account_command
@_by
def unlock(user_id: str, gate: str, as_json: bool, by: str) -> None:
    """Give USER, locked after wrong codes, a fresh budget of tries.

    It lets nobody in: a right code is still asked for.
    """
    with operating(gate) as run:
        run("unlock", user_id, by=by)
    _say(as_json, {"user_id": user_id, "unlocked": True}, f"Unlocked {user_id}.")


@click.command()
@_account_command
def revoke(user_id: str, gate: str, as_json: bool) -> None:
    """End every verification and trusted browser of USER, as after a password change."""
    with operating(gate) as run:
        before: AccountStatus = run("status", user_id)
        run("revoke", user_id)
    browsers, trusted = before.verified_browsers, before.trusted_browsers
    members = {
        "user_id": user_id,
        "revoked": True,
        "verified_browsers": browsers,
        "trusted_browsers": trusted,
    }
    _say(as_json, members, f"Revoked {user_id}: {browsers} verified and {trusted} trusted browsers.")


@click.command()
@_account_command
@click.option("--yes", is_flag=True, help="Don't ask, in a terminal, whether you are sure.")
def forget(user_id: str, gate: str, as_json: bool, yes: bool) -> None:
    """Delete everything that is stored about USER, for somebody who has left.

    To help somebody who lost their phone, use reset: it stays on the record.
    """
    if not yes and _in_terminal():
        click.confirm(f"Delete everything about {user_id}?", abort=True)
    with operating(gate) as run:
        there_was: bool = run("forget", user_id)
    words = f"Forgot {user_id}." if there_was else f"Nothing was stored about {user_id}."
    _say(as_json, {"user_id": user_id, "forgotten": there_was}, words)


def _in_terminal() -> bool:
    return sys.stdin.isatty()


COMMANDS = (status, reset, unlock, revoke, forget)
