"""The routes of an application, as far as its framework lists them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Route", "routes_of"]

_HIDDEN = {"HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Route:
    """A route: its pattern as the framework writes it, a path that it matches, and its methods."""

    pattern: str
    sample: str
    methods: tuple[str, ...]


def routes_of(application: Any) -> list[Route] | None:
    """List the routes of a Flask, Starlette, FastAPI or Django application; `None` for any other."""
    kinds = {each.__module__.partition(".")[0] for each in type(application).__mro__}
    if "flask" in kinds:
        return sorted(_flask(application), key=lambda route: route.pattern)
    if hasattr(application, "routes") and kinds & {"starlette", "fastapi"}:
        return sorted(_starlette(application.routes, ""), key=lambda route: route.pattern)
    if "django" in kinds:
        return sorted(_django(), key=lambda route: route.pattern)
    return None


def _flask(application: Any) -> Iterator[Route]:
    for rule in application.url_map.iter_rules():
        sample = re.sub(r"<(?:(int|float)(?:\([^)]*\))?:|[^:<>]+:)?[^<>]+>", _fill, rule.rule)
        yield Route(rule.rule, sample, tuple(sorted(set(rule.methods or ()) - _HIDDEN)))


def _starlette(routes: Any, prefix: str) -> Iterator[Route]:
    for route in routes:
        path = prefix + getattr(route, "path", "")
        inner = getattr(route, "routes", None)
        if inner:
            yield from _starlette(inner, path)
            continue
        sample = re.sub(r"\{[^{}:]+(?::(int|float))?[^{}]*\}", _fill, path)
        is_mount = type(route).__name__ == "Mount"
        methods = getattr(route, "methods", None) or (("*",) if is_mount else ("WEBSOCKET",))
        name = f"{path}/*" if is_mount else path
        yield Route(name, f"{sample}/x" if is_mount else sample, tuple(sorted(set(methods) - _HIDDEN)))


def _django() -> Iterator[Route]:
    from django.urls import get_resolver

    yield from _django_patterns(get_resolver().url_patterns, "/")


def _django_patterns(patterns: Any, prefix: str) -> Iterator[Route]:
    for pattern in patterns:
        path = prefix + re.sub(r"^\^|\$$|\\Z$", "", str(pattern.pattern))
        inner = getattr(pattern, "url_patterns", None)
        if inner is not None:
            yield from _django_patterns(inner, path)
            continue
        sample = re.sub(r"<(?:(int)|[^:<>]+)?:?[^<>]*>", _fill, path)
        yield Route(path, re.sub(r"\(\?P[^)]*\)|[\\^$?+*()\[\]]", "", sample), ("*",))


def _fill(match: re.Match[str]) -> str:
    return "1" if match[1] else "x"
