"""The JSON schema (draft 2020-12) of the gate's TOML file, made from the settings' own signatures."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Any

from twofa_gate.config import DURATIONS, ENUMS
from twofa_gate.gate import Gate
from twofa_gate.model import Method, Policy

__all__ = ["config_schema"]

_DURATION = {
    "anyOf": [{"type": "string", "pattern": "^[0-9]+[smhd]$"}, {"type": "number", "minimum": 0}],
    "description": 'a time like "30s", "15m", "12h" or "14d", or a number of seconds',
}
_INDIRECT = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "properties": {"env": {"type": "string"}, "file": {"type": "string"}, "import": {"type": "string"}},
    "additionalProperties": False,
    "description": "the value of an environment variable, of a file, or of an imported object",
}
_DATE = {"description": "a date and time with a zone: TOML's offset date-time"}


def config_schema() -> dict[str, Any]:
    """Return the schema. Offset date-times of TOML have no type in JSON, so they are described only."""
    gate = {
        name: _setting(name, parameter)
        for name, parameter in signature(Gate.__init__).parameters.items()
        if name not in ("self", "plugins")
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "twofa_gate",
        "type": "object",
        "required": ["application", "gate", "plugins"],
        "additionalProperties": False,
        "properties": {
            "application": {"type": "string", "pattern": "^[^:]+:[^:]+$"},
            "place": {"enum": ["outside", "inside"]},
            "gate": {
                "type": "object",
                "required": ["issuer", "secret_keys"],
                "additionalProperties": False,
                "properties": gate,
            },
            "plugins": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object", "required": ["use"], "properties": {"use": {"type": "string"}}},
            },
        },
    }


def _setting(name: str, parameter: Parameter) -> dict[str, Any]:
    if name == "policy":
        fields = signature(Policy).parameters
        properties = {key: _policy_field(key, field) for key, field in fields.items()}
        return {
            "type": "object",
            "required": ["enforcement"],
            "additionalProperties": False,
            "properties": properties,
        }
    if name in DURATIONS:
        return _DURATION
    text = str(parameter.annotation)
    if "datetime" in text:
        return _DATE
    if "bool" in text:
        return {"type": "boolean"}
    if "Sequence" in text or "Iterable" in text:
        items = [{"type": "string"}, _INDIRECT, {"type": "array", "items": {"type": "string"}}]
        return {"type": "array", "items": {"anyOf": items}}
    return {"anyOf": [{"type": "string"}, _INDIRECT]}


def _policy_field(name: str, parameter: Parameter) -> dict[str, Any]:
    if name in ENUMS:
        return {"enum": [member.value for member in ENUMS[name]]}
    if name == "methods":
        values = [member.value for member in Method]
        return {"type": "array", "minItems": 1, "items": {"enum": values}}
    return _DURATION if name in DURATIONS else _DATE
