"""The command `twofa-gate demo`."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import closing
from types import FrameType

import click

from twofa_gate.demo.examples import EXAMPLES, Example, choose
from twofa_gate.errors import GateError

__all__ = ["COMMANDS"]


@click.command()
@click.option("--example", "name", type=click.Choice(list(EXAMPLES)), help="Which example application.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Where; 0: any free port."
)
@click.option("--once", is_flag=True, help="End after the flow, in a terminal too.")
def demo(name: str | None, port: int, once: bool) -> None:
    """Play the whole flow against an example application, then leave it up for you to try.

    Everything happens on this machine, in a temporary folder. Without a terminal it ends after the flow; the
    exit status is 0 if every step went as it should.
    """
    example = choose(name)
    # Whoever ends the demo ends the server with it.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    from twofa_gate.demo.server import serving

    begin = time.monotonic()
    click.echo(f"{example.title}, with twofa_gate in front")
    with serving(example, port) as served:
        click.echo(f"twofa-gate init: {served.installed}")
        click.echo(f"listening on {served.url}\n")
        count = _play(example, served.url)
        click.echo(f"\nAll {count} steps went as they should, in {time.monotonic() - begin:.0f} s.")
        if not once and sys.stdin.isatty() and sys.stdout.isatty():
            _leave_up(example, served.url)
            from twofa_gate.demo.prompt import play_phone

            play_phone(served.process, _wait)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)


def _play(example: Example, url: str) -> int:
    """Play the flow, a line for each step; return how many there were. Raises `GateError` at a wrong one."""
    from twofa_gate.demo.story import play

    with closing(play(example, url, _wait)) as steps:
        count = 0
        for count, step in enumerate(steps, 1):
            seen = step.seen
            answer = str(seen.status)
            answer += f" -> {_short(seen.location)}" if seen.location else ""
            answer += f" ({step.note})" if step.note else ""
            request = f"{seen.method} {_short(seen.path)}"
            click.echo(f"{count:>2}. {step.title:<51} {request:<27} {answer}")
            if not step.right:
                raise GateError(f"Step {count} went wrong: the server answered {answer}.")
    return count


def _short(address: str) -> str:
    """Leave the signed parameter out of a line."""
    path, mark, _ = address.partition("?")
    return f"{path}?..." if mark else path


def _wait(seconds: float) -> None:
    """Let seconds go by, with a countdown where somebody sees it."""
    end = time.monotonic() + seconds
    seen = sys.stdout.isatty()
    if not seen and seconds > 1:
        click.echo(f"    waiting {seconds:.0f} s for the phone's next code")
    while (left := end - time.monotonic()) > 0:
        if seen:
            click.echo(f"\r    waiting for the phone's next code: {left:3.0f} s ", nl=False)
        time.sleep(min(left, 0.5))
    if seen:
        click.echo("\r" + " " * 50 + "\r", nl=False)


def _leave_up(example: Example, url: str) -> None:
    from twofa_gate.demo.story import EMAIL, PASSWORD

    click.echo(f"""
Now you. The server stays up until you end this with Ctrl-C.

  open      {url}{example.page}
  log in    {EMAIL} with the password {PASSWORD!r}
  then      set up the second factor, with any authenticator app
  settings  {url}/2fa/
  location  {url}/2fa/locations/office, whose administrator {EMAIL} is: a date from which it is required
            grace@example.com, 'battery staple', administers billing; max@example.com, 'open sesame', nothing
""")


COMMANDS = (demo,)
