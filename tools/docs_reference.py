"""Write the pages of the reference that are made from the code: `python tools/docs_reference.py [folder]`.

The test of the docs runs this into an empty folder and compares. A name in the code that `docs_words.py` does
not describe, or one there that the code does not have, is an error.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any

import docs_decisions
from docs_api import api_page
from docs_command_line import command_line_page
from docs_markdown import doc, member_docs, page, table
from docs_plugins import plugins_page
from docs_templates import templates_page
from docs_words import EVENTS, LOCATION_PAGES, PAGES, SETTINGS

import twofa_gate
from twofa_gate import binding, errors, gate, hooks, model, operations, pages, request
from twofa_gate.config_schema import config_schema
from twofa_gate.core import answer
from twofa_gate.openapi import api_description
from twofa_gate.pages import location_routes

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"


def main(folder: Path) -> None:
    """Write every page."""
    made = {
        "hooks.md": hooks_page(),
        "settings.md": settings_page(),
        "values.md": values_page(),
        "decisions.md": docs_decisions.decisions_page(),
        "events.md": events_page(),
        "errors.md": page("Errors", *_errors()),
        "operations.md": operations_page(),
        "pages.md": pages_page(),
        "json-api.md": api_page(),
        "openapi.json": json.dumps(api_description(), indent=1) + "\n",
        "templates.md": templates_page(),
        "plugins.md": plugins_page(),
        "command-line.md": command_line_page(),
        "gate.schema.json": json.dumps(config_schema(), indent=2) + "\n",
    }
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


def agree(what: str, described: Iterable[str], existing: Iterable[str]) -> None:
    """Refuse to go on if the words and the code speak of different things."""
    described, existing = set(described), set(existing)
    if described != existing:
        raise SystemExit(
            f"tools/docs_words.py, {what}: to describe {sorted(existing - described)}, "
            f"to remove {sorted(described - existing)}"
        )


def hooks_page() -> str:
    """Write the page of the hooks, from their specifications."""
    parts = [doc(hooks).partition("\n")[2], "## Marking", f"### `hookimpl`\n\n{doc(hooks.hookimpl)}"]
    parts += ["## Of the host", doc(hooks.HostHooks), *_hooks(hooks.HostHooks)]
    parts += ["## Of the store", doc(hooks.StoreHooks), *_hooks(hooks.StoreHooks)]
    return page("Hooks", *parts)


def _hooks(kind: type) -> list[str]:
    return [_hook(name, each) for name, each in vars(kind).items() if inspect.isfunction(each)]


def _hook(name: str, specification: Any) -> str:
    signature = inspect.signature(specification)
    given = [each for each in signature.parameters.values() if each.name != "self"]
    arguments = ", ".join(f"{each.name}: {each.annotation}" for each in given)
    return "\n\n".join(
        [
            f"### `{name}({', '.join(each.name for each in given)})`",
            f"`{name}({arguments}) -> {signature.return_annotation}`",
            f"Implemented by {_implementers(name)}.",
            doc(specification),
        ]
    )


def _implementers(name: str) -> str:
    if name in binding._STORE:
        return "exactly one plugin, the store"
    if name in binding._PROVIDERS:
        return "one plugin at most"
    return "any number of plugins, at least one" if name == "identify" else "any number of plugins"


def settings_page() -> str:
    """Write the page of the settings, from the signature of `Gate`."""
    parameters = inspect.signature(gate.Gate.__init__).parameters
    given = {name: each for name, each in parameters.items() if name != "self"}
    agree("SETTINGS", SETTINGS, given)
    rows = [
        [
            f"`{name}`",
            "required" if each.default is inspect.Parameter.empty else _default(each.default),
            SETTINGS[name],
        ]
        for name, each in given.items()
    ]
    intro = "`Gate(...)` takes keyword arguments only. It raises `ConfigurationError`, which says what to do, for "
    return page(
        "Settings",
        f"{intro}everything that can be checked at start.",
        table(["setting", "default", "meaning"], rows),
    )


def _default(value: Any) -> str:
    if value is None:
        return "none"
    if hasattr(value, "total_seconds"):
        return f"{value.total_seconds():g} s"
    return f"`{value!r}`".replace("'", '"')


def values_page() -> str:
    """Write the page of the values that host and gate exchange."""
    values = (model.User, model.Policy, model.Stored, request.GateRequest, answer.Context, answer.Reminder)
    parts = [doc(model), *(_class(kind) for kind in values)]
    enumerations = [
        each for each in vars(model).values() if _is_own_enum(each) and each is not model.EventKind
    ]
    for kind in enumerations:
        rows = [
            [f"`{kind.__name__}.{name}`", f"`{kind[name].value}`", text]
            for name, text in member_docs(kind).items()
        ]
        parts.append(f"## `{kind.__name__}`\n\n{doc(kind)}\n\n{table(['member', 'value', 'meaning'], rows)}")
    return page("Values", *parts)


def _is_own_enum(thing: object) -> bool:
    return inspect.isclass(thing) and issubclass(thing, Enum) and thing.__module__ == model.__name__


def _class(kind: type) -> str:
    fields = getattr(kind, "__dataclass_fields__", None) or getattr(kind, "_fields", ())
    parts = [f"## `{kind.__name__}`"]
    if fields:
        parts.append(f"`{kind.__name__}({', '.join(fields)})`")
    parts.append(doc(kind))
    properties = {
        name: each for name, each in vars(kind).items() if not name.startswith("_") and _property_doc(each)
    }
    if kind is request.GateRequest:
        parts.append(
            table(["also", ""], [[f"`{name}`", _property_doc(each)] for name, each in properties.items()])
        )
    return "\n\n".join(parts)


def _property_doc(member: object) -> str:
    found = (
        getattr(member, name, None) for name in ("fget", "func", "_compute")
    )  # the last: our own, in `lazily`
    function = next((each for each in found if each is not None), member)
    text = inspect.getdoc(function) if inspect.isfunction(function) else None
    return " ".join(text.split()) if text else ""


def events_page() -> str:
    """Write the page of the events."""
    agree("EVENTS", EVENTS, model.EventKind.__members__)
    rows = [[f"`{kind.value}`", EVENTS[kind.name]] for kind in model.EventKind]
    return page(
        "Events",
        "Everything that changes an account or refuses a request is an event: one JSON line in the logger "
        "`twofa_gate`, and one call of every `on_event` hook. No event holds a code or a secret. An event that "
        "records a change is saved together with it and delivered afterwards, at least once and in order.",
        doc(model.Event),
        "## Kinds",
        table(["`EventKind`", "when, and with which facts"], rows),
    )


def _errors() -> list[str]:
    kinds = [getattr(errors, name) for name in errors.__all__]
    drawn = inspect.cleandoc(doc(errors).partition("::")[2])
    return [f"```text\n{drawn}\n```", *(f"## `{kind.__name__}`\n\n{doc(kind)}" for kind in kinds)]


def operations_page() -> str:
    """Write the page of the operations."""
    parts = [doc(operations)]
    for name, method in vars(operations.Operations).items():
        if name.startswith("_") or not inspect.isfunction(method) or inspect.iscoroutinefunction(method):
            continue
        given = [str(each) for each in inspect.signature(method).parameters.values() if each.name != "self"]
        twin = f"Asynchronous: `await gate.a{name}(...)`."
        parts.append(f"## `{name}`\n\n`gate.{name}({_with_star(method, given)})`\n\n{doc(method)}\n\n{twin}")
    parts.append(_class(twofa_gate.AccountStatus))
    return page("Operations", *parts)


def _with_star(method: Any, given: list[str]) -> str:
    named = [each for each in inspect.signature(method).parameters.values() if each.name != "self"]
    first = next((index for index, each in enumerate(named) if each.kind is each.KEYWORD_ONLY), None)
    given = [each.replace("'", "") for each in given]
    words = given if first is None else [*given[:first], "*", *given[first:]]
    return re.sub(r"datetime\.timedelta", "timedelta", ", ".join(words))


def pages_page() -> str:
    """Write the page of the pages, from their tables."""
    special = {"/authenticators/<id>": "POST", "/static/<file>": "GET, HEAD", "/health": "GET, HEAD"}
    methods = {path: ", ".join(each.methods) for path, each in pages._PAGES.items()} | special
    agree("PAGES", PAGES, methods)
    agree("LOCATION_PAGES", LOCATION_PAGES, location_routes._PAGES)
    shown = [[f"`{path}`", methods[path], PAGES[path]] for path in methods]
    return page(
        "Pages",
        "All below `mount`, which is `/2fa` unless the setting says otherwise. The pages work without JavaScript.",
        "## Pages",
        table(["path", "methods", "does"], shown),
        "Forms are `application/x-www-form-urlencoded`, at most 16 KiB (of a challenge that carries a form, 112), "
        "each field once. Each carries `csrf`, bound "
        "to the form, the user, the login and the browser, and `next`, the signed address to go on to. A wrong code "
        "is 403 with the form again, too many tries 429 with `Retry-After`, a malformed request 400 and not counted.",
        "## Pages of a location",
        "Below `/2fa/locations/<key>`, where `LocationSettings` is among the plugins, for those who `may_administer` "
        "the location.",
        table(["path", "methods", "does"], _location_pages()),
        "## JSON API",
        "Below `/2fa/api/v1/`: [JSON API](json-api.md).",
        "## Refusals of the application's own requests",
        "What a request gets that the gate doesn't let through:",
        table(
            ["request", "answer"],
            [
                ["navigation", "303 to the page, with `next`; DENY is a page with 403"],
                [
                    "a form that is kept",
                    "403 with the challenge itself, which carries the form; see [A form that was refused]"
                    "(../explanation/kept-forms.md)",
                ],
                ["JSON, fetch, XHR, event stream", "403 problem document with `decision`, `location`, `url`"],
                ["htmx", "the same, with `HX-Redirect`"],
                ["bearer token", '401, `WWW-Authenticate: Bearer error="insufficient_user_authentication"`'],
                ["image, script, style sheet", "403 with an empty body"],
                ["WebSocket", "refused before it is accepted"],
                ["anything, when a hook or the store has failed", "503 with `Retry-After`"],
            ],
        ),
    )


def _location_pages() -> list[list[str]]:
    rows = []
    for path, (shows, submits) in location_routes._PAGES.items():
        methods = [name for name, answers in (("GET, HEAD", shows), ("POST", submits)) if answers is not None]
        rows.append([f"`/{path}`" if path else "the key itself", ", ".join(methods), LOCATION_PAGES[path]])
    return rows


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REFERENCE)
