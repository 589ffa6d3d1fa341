"""Reading what was posted: strictly, within limits, and each field once."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from twofa_gate.core import returning
from twofa_gate.core.effects import Flow, ReadBody, perform
from twofa_gate.core.settings import Settings
from twofa_gate.core.words import Text
from twofa_gate.errors import BadRequest
from twofa_gate.request import GateRequest

__all__ = ["MAX_BODY", "MAX_NEXT", "read_form", "read_json", "text_field"]

MAX_BODY = 16 * 1024
"""Bytes; the longest honest form has a code, a name and two signed values."""

MAX_NEXT = 8192
"""Characters of the signed parameter; its address has 1,500 at most."""

MAX_FIELDS = 20

_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""NUL, and halves of characters, which JSON can write and UTF-8 can't."""


def _read(settings: Settings, request: GateRequest, kind_wanted: str, limit: int) -> Flow[str]:
    if not returning.allows_origin(settings, request):
        raise BadRequest(Text("This form was sent from another site."), status=403)
    if request.header("content-encoding"):
        raise BadRequest("Compressed request bodies are not accepted.", status=415)
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if kind != kind_wanted:
        raise BadRequest(f"Send the request as {kind_wanted}.", status=415)
    body = yield from perform(ReadBody(limit))
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest("The request is not UTF-8.") from error


def read_form(settings: Settings, request: GateRequest, limit: int = MAX_BODY) -> Flow[dict[str, str]]:
    """Read a form. Raises `BadRequest` for another origin, type, size, or a field that comes twice."""
    text = yield from _read(settings, request, "application/x-www-form-urlencoded", limit)
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise BadRequest(Text("The form is malformed.")) from error
    fields = _once(pairs)
    if any("\0" in value for value in fields.values()):
        raise BadRequest(Text("The form is malformed."))
    return fields


def read_json(settings: Settings, request: GateRequest) -> Flow[dict[str, Any]]:
    """Read a JSON object. Raises `BadRequest` for anything else, and for a name that comes twice."""
    text = yield from _read(settings, request, "application/json", MAX_BODY)
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The request is not JSON.") from error
    if not isinstance(value, dict):
        raise BadRequest("The request must be a JSON object.")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadRequest(Text("A field was sent twice."))
    return fields


def text_field(fields: dict[str, Any], name: str, *, limit: int = 64) -> str:
    """Return a field that must be a string, `""` if it is absent. Raises `BadRequest` otherwise."""
    value = fields.get(name, "")
    if not isinstance(value, str) or len(value) > limit or _NO_TEXT.search(value):
        raise BadRequest(f"{name} must be a string of at most {limit} characters.")
    return value
