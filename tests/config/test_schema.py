"""The JSON schema of the TOML file takes what the gate takes, and refuses what it refuses."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.config.test_config import WHOLE
from twofa_gate.config_schema import config_schema

ROOT = Path(__file__).resolve().parents[2]


def errors(text: str) -> list[str]:
    """Name what the schema has against a file; dates stand for what they are."""
    data: Any = json.loads(json.dumps(tomllib.loads(text), default=str))
    validator = jsonschema.Draft202012Validator(config_schema())
    return [".".join(map(str, error.absolute_path)) for error in validator.iter_errors(data)]


def test_schema_is_the_documented_one() -> None:
    """The schema that the documentation offers is the one made from the code, and is itself valid."""
    jsonschema.Draft202012Validator.check_schema(config_schema())
    written = json.loads((ROOT / "docs" / "reference" / "gate.schema.json").read_text())
    assert written == config_schema()


def test_a_right_file_fits() -> None:
    """The file of the other tests, with every kind of value, has no error."""
    assert errors(WHOLE) == []


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        ('issuer = "Acme"', 'issuerr = "Acme"', "gate"),
        ('enforcement = "required"', 'enforcement = "must"', "gate.policy.enforcement"),
        ('max_age = "15m"', 'max_age = "15 minutes"', "gate.policy.max_age"),
        ('methods = ["totp"]', "methods = []", "gate.policy.methods"),
        ("initialize = true", 'initialize = "yes"', "gate.initialize"),
        ('{ env = "GATE_KEY" }', '{ environment = "GATE_KEY" }', "gate.secret_keys.0"),
        ('application = "tests.config.legacy:flask_app"', 'application = "legacy"', "application"),
        ('use = "sqlite"', "", "plugins.1"),
    ],
)
def test_a_wrong_file_does_not(before: str, after: str, where: str) -> None:
    """What the gate refuses at start is refused by the schema, at its place."""
    assert before in WHOLE
    assert where in errors(WHOLE.replace(before, after, 1))
