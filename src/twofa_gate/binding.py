"""Binding plugins to hooks, once, when a gate starts: what can be checked then is checked here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pluggy

from twofa_gate.core.effects import BoundHook
from twofa_gate.core.settings import BoundHooks
from twofa_gate.errors import ConfigurationError
from twofa_gate.hooks import PROJECT, HostHooks, StoreHooks, hook_traits

__all__ = ["bind", "listed"]

_STORE = ("load", "save", "scan")
_PROVIDERS = (
    "locate",
    "is_logout",
    "user_locations",
    "location_members",
    "may_administer",
    "may_reset",
    "language",
)
_ALL_OF = ("identify", "policy", "on_event")


def listed(plugins: Iterable[object]) -> tuple[object, ...]:
    """Return the plugins as they are kept. Raises `ConfigurationError` for what is no list of objects."""
    if not isinstance(plugins, Iterable) or isinstance(plugins, str | bytes | dict):
        raise ConfigurationError(
            "plugins must be a list of plugin objects, such as [Host(), SQLiteStore(...)]."
        )
    found = tuple(plugins)
    for plugin in found:
        if inspect.isclass(plugin):
            raise ConfigurationError(
                f"The plugin {plugin.__name__} is a class: give an object of it, {plugin.__name__}(...)."
            )
    return found


def bind(plugins: Sequence[object]) -> BoundHooks:
    """Find every hook's implementations.

    Raises `ConfigurationError` for a misspelt hook, a missing or doubled provider, a store in parts, or a hook
    wrapper.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HostHooks)
    manager.add_hookspecs(StoreHooks)
    for plugin in plugins:
        try:
            manager.register(plugin)
        except ValueError as error:
            raise ConfigurationError(f"The plugin {plugin!r} is listed twice.") from error
        except pluggy.PluginValidationError as error:
            raise ConfigurationError(f"The plugin {type(plugin).__name__} does not fit: {error}") from error
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise ConfigurationError(
            f"A plugin marks something that is not a hook; is it misspelt? {error}"
        ) from error
    found = {name: _implementations(manager, name) for name in (*_STORE, *_PROVIDERS, *_ALL_OF)}
    _require(found)
    if len({id(impl.plugin) for name in _STORE for impl in getattr(manager.hook, name).get_hookimpls()}) != 1:
        raise ConfigurationError("load, save and scan must be implemented by one and the same object.")
    return BoundHooks(
        load=found["load"][0],
        save=found["save"][0],
        scan=found["scan"][0],
        identify=tuple(found["identify"]),
        policy=tuple(found["policy"]),
        on_event=tuple(found["on_event"]),
        **{name: _single(found[name]) for name in _PROVIDERS},
    )


def _single(hooks: list[BoundHook]) -> BoundHook | None:
    return hooks[0] if hooks else None


def _implementations(manager: pluggy.PluginManager, name: str) -> list[BoundHook]:
    """List a hook's implementations in the order in which the plugins were given."""
    spec: Callable[..., Any] = getattr(HostHooks, name, None) or getattr(StoreHooks, name)
    expected = tuple(inspect.signature(spec).parameters)[1:]
    found = []
    for impl in getattr(manager.hook, name).get_hookimpls():
        plugin = type(impl.plugin).__name__
        if impl.wrapper or impl.hookwrapper:
            raise ConfigurationError(
                f"{plugin}.{name} is a hook wrapper; the gate takes none, since it could change an answer."
            )
        found.append(_bound(name, plugin, impl.function, tuple(impl.argnames), expected))
    return found


def _bound(
    name: str, plugin: str, function: Callable[..., Any], accepts: tuple[str, ...], expected: tuple[str, ...]
) -> BoundHook:
    traits = hook_traits(function)
    is_async = inspect.iscoroutinefunction(function)
    called = (
        function
        if accepts == expected
        else _adapted(function, tuple(expected.index(each) for each in accepts))
    )
    return BoundHook(name, plugin, called, is_async, traits.blocking, traits.live)


def _adapted(function: Callable[..., Any], positions: tuple[int, ...]) -> Callable[..., Any]:
    """Call a function with those of the hook's arguments that it accepts, in its own order."""

    def call(*args: Any) -> Any:
        return function(*[args[position] for position in positions])

    return call


def _require(found: dict[str, list[BoundHook]]) -> None:
    for name in (*_STORE, *_PROVIDERS):
        if len(found[name]) > 1:
            names = ", ".join(hook.plugin for hook in found[name])
            raise ConfigurationError(f"Only one plugin may implement {name}, but {names} do.")
    missing = [name for name in _STORE if not found[name]]
    if missing:
        raise ConfigurationError(
            f"No plugin implements {', '.join(missing)}: add a store, such as "
            'SQLiteStore("2fa.db") from twofa_gate.stores.sqlite, to plugins.'
        )
    if not found["identify"]:
        raise ConfigurationError(
            "No plugin implements identify: the gate has to be told who makes a request."
        )
