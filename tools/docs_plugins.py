"""The page of the ready-made plugins: hosts, places, stores, observers."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from types import ModuleType

from docs_markdown import doc, page

from twofa_gate import audit, hosts, locations, stores

__all__ = ["plugins_page"]

_LEFT_OUT = {"AsyncSQLStore", "SyncSQLStore", "AsyncRedisStore", "SyncRedisStore"}
"""What the stores' own constructors choose from."""


def plugins_page() -> str:
    """Write the page."""
    return page(
        "Ready-made plugins",
        "Objects for `plugins=[...]`.",
        "## Hosts and places",
        doc(hosts),
        *_of(_modules(hosts)),
        "## Stores",
        *_of(_modules(stores), with_module=True),
        "## Settings of locations",
        *_of([locations]),
        "## Observers",
        *_of([audit]),
    )


def _modules(package: ModuleType) -> list[ModuleType]:
    names = [each.name for each in pkgutil.iter_modules(package.__path__)]
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]


def _of(modules: list[ModuleType], *, with_module: bool = False) -> list[str]:
    """Describe the classes that are plugins: those that a gate is given."""
    parts = []
    for module in modules:
        kinds = [getattr(module, name) for name in module.__all__ if name not in _LEFT_OUT]
        kinds = [kind for kind in kinds if inspect.isclass(kind) and kind.__doc__ and not _is_exception(kind)]
        for kind in kinds:
            about = [doc(module)] if with_module else []
            parts.append("\n\n".join([_heading(kind, module), _call(kind), *about, doc(kind)]))
    return parts


def _is_exception(kind: type) -> bool:
    return issubclass(kind, BaseException)


def _heading(kind: type, module: ModuleType) -> str:
    return f"### `{module.__name__}.{kind.__name__}`"


def _call(kind: type) -> str:
    given = inspect.signature(kind).parameters.values()
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in given]
    text = str(inspect.Signature(bare)).replace("'", '"')
    text = re.sub(r"<(\w+\.\w+): [^>]*>", r"\1", text)
    return f"`{kind.__name__}{text}`"
