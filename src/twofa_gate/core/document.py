"""Frozen dataclasses to JSON and back, with every field this release doesn't know kept as it is.

A part of a document is a frozen dataclass derived from `Part`. Reading is strict: a field of another type
than its annotation, or one that is missing and has no default, raises `DocumentError`.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from twofa_gate.errors import DocumentError

__all__ = ["Part", "dump", "parse"]

_P = TypeVar("_P", bound="Part")
_Reader = Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a document. `extra` holds the fields that a newer release wrote."""

    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def but(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)


def dump(part: Part) -> bytes:
    """Write a part and all that it holds as compact JSON."""
    return json.dumps(_plain(part), separators=(",", ":"), allow_nan=False).encode()


def parse(kind: type[_P], document: bytes) -> _P:
    """Read a part from JSON. Raises `DocumentError` if it does not fit."""
    try:
        data = json.loads(document)
    except ValueError as error:
        raise DocumentError("A stored document is not JSON.") from error
    annotation: Any = kind
    read: _P = _reader_of(annotation)(data)
    return read


def _plain(value: Any) -> Any:
    if isinstance(value, Part):
        known = {name: _plain(getattr(value, name)) for name in _names_of(value)}
        return {**value.extra, **known}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value


def _names_of(part: Part) -> tuple[str, ...]:
    kind: Any = type(part)
    return _names(kind)


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(each.name for each in dataclasses.fields(kind) if each.name != "extra")


@cache
def _reader_of(annotation: Any) -> _Reader:
    """Make the function that reads a value of this annotation."""
    origin = get_origin(annotation)
    if isinstance(annotation, type) and origin is None and issubclass(annotation, Part):
        return _part_reader(annotation)
    if origin is tuple:
        item = _reader_of(get_args(annotation)[0])
        return lambda value: tuple([item(each) for each in _expect(value, list)])
    if origin in (Union, types.UnionType):
        inner = _reader_of(next(each for each in get_args(annotation) if each is not type(None)))
        return lambda value: None if value is None else inner(value)
    if annotation is float:
        return lambda value: float(_expect(value, int, float))
    kinds = (dict,) if origin is not None else (annotation,)
    return lambda value: _expect(value, *kinds)


def _part_reader(kind: type[Part]) -> _Reader:
    hints = get_type_hints(kind)
    annotation: Any = kind
    readers = {name: _reader_of(hints[name]) for name in _names(annotation)}

    def read(data: Any) -> Part:
        known: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for name, value in _expect(data, dict).items():
            reader = readers.get(name)
            if reader is None:
                extra[name] = value
            else:
                known[name] = reader(value)
        try:
            return kind(extra=extra, **known)
        except TypeError as error:
            raise DocumentError(f"A stored {kind.__name__} lacks a field.") from error

    return read


def _expect(value: Any, *kinds: type) -> Any:
    # `type() in` and not isinstance: True is no number.
    if type(value) not in kinds:
        raise DocumentError(
            f"A stored document holds {type(value).__name__} where {kinds[0].__name__} belongs."
        )
    return value
