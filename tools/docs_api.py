"""The page of the JSON API, from its OpenAPI description and the table of problems."""

from __future__ import annotations

from typing import Any

from docs_markdown import page, table

from twofa_gate.core.problems import Problem
from twofa_gate.openapi import api_description
from twofa_gate.openapi.problems import schema_name

__all__ = ["api_page"]

_ABOUT = """\
The gate's own pages for front ends, in JSON, below `/2fa/api/v1/` (or wherever `mount` says). How to use it is in
[Single-page applications](../how-to/single-page-applications.md).

The whole of it is described in OpenAPI 3.1: [openapi.json](openapi.json). The package has the same, for another
`mount` too, to build clients from or to show beside your own API:

```python
from twofa_gate.openapi import api_description

description = api_description(mount="/2fa")
```

The gate [doesn't serve it](../explanation/decisions/api-description.md)."""

_RULES = """\
- Who is asking is known by the application's own login, and each POST carries the token that `GET status` tells as
  `csrf`, in the header `X-CSRF-Token`.
- A POST is one JSON object as `application/json`, of at most 16 KiB, with no members but those below. Codes are
  strings.
- Every POST may also have `next`, the signed parameter of a refusal's `url`; `GET status` takes it in its query. The
  location of that refusal then governs, and `continue` leads back to where the person was.
- Answers may get more members in time. Everything but a 200 is a problem document.
- Any endpoint may answer with one of these problems, of which the table doesn't speak: {}."""

_PROBLEMS = """\
`application/problem+json`, RFC 9457. Go by `type`, which never changes; `title` and `detail` are for people, in
English. The first three are also what the application's own addresses answer to a call that the gate refuses."""


def api_page() -> str:
    """Write the page."""
    described = api_description()
    posts = [
        _kinds(described, methods["post"]) for methods in described["paths"].values() if "post" in methods
    ]
    usual = [kind for kind in posts[0] if all(kind in kinds for kinds in posts)]
    rows = [
        row
        for path, methods in described["paths"].items()
        for row in _endpoints(described, path, methods, usual)
    ]
    problems = [
        [
            f"`{kind.type}`",
            ", ".join(map(str, kind.statuses)),
            kind.title,
            _members(described, kind),
            kind.advice,
        ]
        for kind in Problem
    ]
    return page(
        "JSON API",
        _ABOUT,
        "## Endpoints",
        _RULES.format(", ".join(f"`{kind}`" for kind in usual)),
        table(["endpoint", "does", "takes", "gives", "problems"], rows),
        "## Problems",
        _PROBLEMS,
        table(["`type`", "status", "`title`", "members", "what to do"], problems),
    )


def _endpoints(
    described: dict[str, Any], path: str, methods: dict[str, Any], usual: list[str]
) -> list[list[str]]:
    rows = []
    for method in ("get", "post"):
        if method in methods:
            operation = methods[method]
            takes = (
                operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            )
            gives = operation["responses"]["200"]["content"]["application/json"]["schema"]
            rows.append(
                [
                    f"`{method.upper()} {path[1:]}`",
                    f"{operation['summary']}. {operation['description']}",
                    _shape(described, takes) if takes else "",
                    _shape(described, gives),
                    ", ".join(f"`{kind}`" for kind in _kinds(described, operation) if kind not in usual),
                ]
            )
    return rows


def _resolve(described: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    found: dict[str, Any] = described
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def _shape(described: dict[str, Any], schema: dict[str, Any]) -> str:
    """Write the members of a document, with a question mark behind those that may be absent."""
    schema = _resolve(described, schema)
    return " or ".join(_object(each) for each in schema.get("oneOf", [schema]))


def _object(schema: dict[str, Any]) -> str:
    required = schema["required"]
    names = []
    for name, member in schema["properties"].items():
        if name == "next":
            continue
        value = f": {str(member['const']).lower()}" if isinstance(member.get("const"), bool) else ""
        value = f': "{member["const"]}"' if isinstance(member.get("const"), str) else value
        names.append(f"{name}{'' if name in required else '?'}{value}")
    return f"`{{{', '.join(names)}}}`"


def _kinds(described: dict[str, Any], operation: dict[str, Any]) -> list[str]:
    found = []
    for status, answer in operation["responses"].items():
        if status != "200":
            found += _resolve(described, answer)["content"]["application/problem+json"]["examples"]
    return found


def _members(described: dict[str, Any], kind: Problem) -> str:
    schema = described["components"]["schemas"][schema_name(kind)]
    names = [name for name in schema["properties"] if name not in ("type", "title", "status")]
    return ", ".join(f"`{name}`" for name in names)
