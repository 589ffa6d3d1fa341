"""How a command finds the gate it works on: `--gate module:attribute`, or `TWOFA_GATE` in the environment."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, reduce
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from twofa_gate.adapters.performing import perform_async, run_async
from twofa_gate.config import load_config
from twofa_gate.errors import ConfigurationError, GateError
from twofa_gate.gate import Gate

__all__ = ["check_store", "find_gate", "gate_option", "operating"]

_WAYS = "Name it with --gate module:attribute (or the path of its TOML file), or with TWOFA_GATE."


def gate_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option that names the gate; the function gets the name as `gate`."""
    option = click.option(
        "--gate",
        "gate",
        metavar="MODULE:ATTRIBUTE",
        envvar="TWOFA_GATE",
        required=True,
        help="Where the gate is, such as shop.security:gate, or the path of its TOML file; else TWOFA_GATE says it.",
    )
    return option(function)


def find_gate(name: str) -> Gate:
    """Import the gate that is named, from the current folder too, as application servers do.

    Raises `ConfigurationError` with one line that says what went wrong, and where.
    """
    if name.endswith(".toml"):
        _import_from_here()
        return load_config(name).gate
    module_name, colon, attribute = name.partition(":")
    if not colon or not all(part.isidentifier() for part in (*module_name.split("."), *attribute.split("."))):
        raise click.BadParameter(
            f"{name!r} is not of the form module:attribute. {_WAYS}", param_hint="--gate"
        )
    _import_from_here()
    try:
        module = import_module(module_name)
    except GateError as error:
        raise ConfigurationError(f"{module_name}: {error}") from error
    except Exception as error:  # a module may fail in any way
        raise ConfigurationError(f"{module_name} can't be imported: {_told(error)}") from error
    try:
        gate = reduce(getattr, attribute.split("."), module)
    except AttributeError as error:
        raise ConfigurationError(f"{module_name} has no attribute {attribute}. {_WAYS}") from error
    if not isinstance(gate, Gate):
        kind = type(gate).__name__
        raise ConfigurationError(f"{name} is not a Gate but of type {kind}. {_WAYS}")
    return gate


def _import_from_here() -> None:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def _told(error: Exception) -> str:
    # Name the last file that is one: neither ours nor the frozen machinery that imports.
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)[2:] if "<" not in frame.filename]
    where = f" ({os.path.relpath(frames[-1].filename)}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{where}"


@contextmanager
def operating(name: str) -> Iterator[Callable[..., Any]]:
    """Find a gate, and give what runs one of its operations by name; closes the gate at the end.

    Where a hook is asynchronous the operation's `a...` twin runs instead, on one event loop for all.
    """
    gate = find_gate(name)
    if gate.volatile:
        raise ConfigurationError(
            f"The store of {name} keeps nothing beyond its own process, so there is nothing to work on from here."
        )
    if not any(hook.is_async for hook in gate.settings.hooks.all()):
        try:
            yield lambda operation, *args, **named: _run(getattr(gate, operation), *args, **named)
        finally:
            gate.close()
        return
    with asyncio.Runner() as runner:

        def run_twin(operation: str, *args: Any, **named: Any) -> Any:
            return _run(lambda: runner.run(getattr(gate, f"a{operation}")(*args, **named)))

        try:
            _run(lambda: runner.run(check_store(gate)))
            yield run_twin
        finally:
            runner.run(gate.aclose())


async def check_store(gate: Gate) -> bool:
    """Check an asynchronous store, as could not be done when the gate was made.

    Returns whether it was taken into use now. Raises `ConfigurationError` if it is not in use.
    """
    check = gate.pending_check
    perform = partial(perform_async, hook_timeout=gate.hook_timeout)
    return check is not None and await run_async(check(), perform)


def _run(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """Call it; a store of somebody else's may fail in any way, and the operator needs one line."""
    try:
        return function(*args, **named)
    except GateError:
        raise
    except Exception as error:
        raise GateError(f"The store could not do it: {type(error).__name__}: {error}") from error
