"""A gate without code: one TOML file names the application, the plugins and the settings.

`TWOFA_GATE_CONFIG=gate.toml gunicorn twofa_gate.wsgi:application`, or `uvicorn twofa_gate.asgi:application`.
Errors are `ConfigurationError`s that point at the line.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from importlib.metadata import entry_points
from inspect import signature
from pathlib import Path
from typing import Any

from twofa_gate.config_lines import line_of
from twofa_gate.errors import ConfigurationError
from twofa_gate.gate import Gate
from twofa_gate.model import AfterCutoff, Enforcement, Enrollment, Method, Policy, Tokens

__all__ = ["CONFIG_VARIABLE", "DURATIONS", "ENUMS", "Configured", "load_config", "load_object"]

CONFIG_VARIABLE = "TWOFA_GATE_CONFIG"
PLUGIN_GROUP = "twofa_gate.plugins"
"""The entry-point group of plugins; one is loaded only if the file names it."""

_DURATION = re.compile(r"([0-9]+)(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
DURATIONS = ("revocation_lag", "hook_timeout", "max_age", "grace", "trust_browser_for", "cache_seconds")
ENUMS: dict[str, Any] = {
    "enforcement": Enforcement,
    "after_cutoff": AfterCutoff,
    "tokens": Tokens,
    "enrollment": Enrollment,
}
_TOP = ("application", "place", "gate", "plugins")


@dataclass(frozen=True, slots=True)
class Configured:
    """What a file sets up: the application, the gate, and whether the gate goes inside its middlewares."""

    application: Any
    gate: Gate
    inside: bool


class _File:
    """The file's text, to say where something stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.text = path.read_text(encoding="utf-8")
            self.data = tomllib.loads(self.text)
        except OSError as error:
            raise ConfigurationError(f"{path}: can't be read: {error.strerror}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path}: is not TOML: {error}") from error

    def wrong(self, where: tuple[str | int, ...], message: str) -> ConfigurationError:
        line = line_of(self.text, where)
        place = f"{self.path}:{line}" if line else str(self.path)
        return ConfigurationError(f"{place}: {'.'.join(map(str, where))}: {message}")


def load_config(path: str | os.PathLike[str] | None = None) -> Configured:
    """Set up what a file says; without `path` the file that `TWOFA_GATE_CONFIG` names.

    Raises `ConfigurationError`, pointing at the line, for everything that is wrong in it.
    """
    name = path if path is not None else os.environ.get(CONFIG_VARIABLE)
    if not name:
        raise ConfigurationError(f"Set {CONFIG_VARIABLE} to the path of the gate's TOML file.")
    file = _File(Path(name))
    for key in file.data:
        if key not in _TOP:
            raise file.wrong((key,), f"is not known; there are {', '.join(_TOP)}.")
    application = _application(file)
    plugins = [_plugin(file, index, entry, application) for index, entry in enumerate(_plugins(file))]
    place = file.data.get("place", "outside")
    if place not in ("outside", "inside"):
        raise file.wrong(("place",), 'must be "outside" or "inside" (of the application\'s middlewares).')
    return Configured(application, _gate(file, plugins), place == "inside")


def load_object(target: str) -> Any:
    """Import `module:attribute` (dots allowed in both). Raises `ConfigurationError` if there is no such thing."""
    module, _, attribute = target.partition(":")
    if not module or not attribute:
        raise ConfigurationError(f'"{target}" must be written as "module:attribute".')
    try:
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"{target} can't be imported: {error}") from error
    return found


def _application(file: _File) -> Any:
    target = file.data.get("application")
    if not isinstance(target, str):
        raise file.wrong(("application",), 'must name the application as "module:attribute".')
    try:
        found = load_object(target)
    except ConfigurationError as error:
        raise file.wrong(("application",), str(error)) from error
    return found


def _plugins(file: _File) -> list[dict[str, Any]]:
    entries = file.data.get("plugins")
    if not isinstance(entries, list) or not entries:
        raise file.wrong(("plugins",), "must list the plugins, each as [[plugins]] with use = ...")
    return entries


def _plugin(file: _File, index: int, entry: dict[str, Any], application: Any) -> object:
    where: tuple[str | int, ...] = ("plugins", index)
    use = entry.get("use")
    if not isinstance(use, str):
        raise file.wrong((*where, "use"), 'must name a plugin, or its class as "module:attribute".')
    try:
        make = load_object(use) if ":" in use else _named_plugin(use)
        options = {key: _option(value) for key, value in entry.items() if key != "use"}
        if "app" in signature(make).parameters and "app" not in options:
            options["app"] = application
        return make(**options)
    except (ConfigurationError, TypeError, ValueError) as error:
        raise file.wrong((*where, "use"), f"{use}: {error}") from error


def _named_plugin(name: str) -> Callable[..., object]:
    found = list(entry_points(group=PLUGIN_GROUP, name=name))
    if len(found) != 1:
        known = ", ".join(sorted({each.name for each in entry_points(group=PLUGIN_GROUP)}))
        problem = "is installed twice" if found else "is not installed"
        raise ConfigurationError(f"a plugin of this name {problem}; there are {known}")
    loaded: Callable[..., object] = found[0].load()
    return loaded


def _option(value: Any) -> Any:
    """Read a value: `{ env = NAME }`, `{ file = PATH }` and `{ import = "module:attribute" }` stand for others."""
    if isinstance(value, list):
        return [_option(each) for each in value]
    if not isinstance(value, Mapping) or len(value) != 1:
        return value
    kind, name = next(iter(value.items()))
    if kind == "env":
        if name not in os.environ:
            raise ConfigurationError(f"the environment variable {name} is not set")
        return os.environ[name]
    if kind == "file":
        try:
            return Path(name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(f"{name} can't be read: {error.strerror}") from error
    return load_object(name) if kind == "import" else value


def _gate(file: _File, plugins: list[object]) -> Gate:
    table = file.data.get("gate")
    if not isinstance(table, dict):
        raise file.wrong(("gate",), "is missing: the settings, at least issuer and secret_keys.")
    settings: dict[str, Any] = {}
    allowed = set(signature(Gate.__init__).parameters) - {"self", "plugins"}
    for key, value in table.items():
        if key not in allowed:
            raise file.wrong(("gate", key), f"is not a setting; there are {', '.join(sorted(allowed))}.")
        try:
            settings[key] = _policy(file, value) if key == "policy" else _value(key, _option(value))
        except ValueError as error:
            if str(error).startswith(str(file.path)):
                raise
            raise file.wrong(("gate", key), str(error)) from error
    try:
        return Gate(plugins=plugins, **settings)
    except (ConfigurationError, TypeError) as error:
        raise file.wrong(_setting_of(error, settings), str(error)) from error


def _setting_of(error: Exception, settings: dict[str, Any]) -> tuple[str, ...]:
    """Guess which setting an error of the gate speaks of: the one it begins with."""
    word = str(error).split()[0].rstrip(":") if str(error) else ""
    return ("gate", word) if word in settings else ("gate",)


def _policy(file: _File, table: Any) -> Policy:
    if not isinstance(table, dict):
        raise file.wrong(("gate", "policy"), "must be a table, [gate.policy].")
    allowed = signature(Policy).parameters
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in allowed:
            raise file.wrong(("gate", "policy", key), f"is not known; there are {', '.join(allowed)}.")
        try:
            values[key] = _value(key, value)
        except ValueError as error:
            raise file.wrong(("gate", "policy", key), str(error)) from error
    try:
        return Policy(**values)
    except (TypeError, ValueError) as error:
        raise file.wrong(("gate", "policy"), str(error)) from error


def _value(key: str, value: Any) -> Any:
    if key in ENUMS:
        return ENUMS[key](value)
    if key == "methods":
        return frozenset(Method(each) for each in value)
    if key in DURATIONS and isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if match is None:
            raise ConfigurationError('must be a time like "30s", "15m", "12h" or "14d".')
        return timedelta(**{_UNITS[match[2]]: int(match[1])})
    if key == "session_cookies" and isinstance(value, list):
        return [tuple(each) if isinstance(each, list) else each for each in value]
    return value
