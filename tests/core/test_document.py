"""Documents: strict reading, and nothing lost that a newer release wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofa_gate.core.document import Part, dump, parse
from twofa_gate.errors import DocumentError


@dataclass(frozen=True, kw_only=True)
class Leaf(Part):
    """A part of a part."""

    name: str
    at: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Tree(Part):
    """A part with every kind of field that the account has."""

    name: str
    count: int = 0
    at: float | None = None
    leaf: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    words: tuple[str, ...] = ()
    open: bool = False
    facts: dict[str, Any] | None = None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KNOWN = {"name", "count", "at", "leaf", "leaves", "words", "open", "facts"}
EXTRA = st.dictionaries(st.text(max_size=6).filter(lambda name: name not in KNOWN), JSON, max_size=3)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.builds(Leaf, name=st.text(), at=FINITE, extra=st.just({}))
TREES = st.builds(
    Tree,
    name=st.text(),
    count=st.integers(),
    at=st.none() | FINITE,
    leaf=st.none() | LEAVES,
    leaves=st.lists(LEAVES, max_size=3).map(tuple),
    words=st.lists(st.text(), max_size=3).map(tuple),
    open=st.booleans(),
    facts=st.none() | st.dictionaries(st.text(), JSON, max_size=2),
    extra=EXTRA,
)


@given(TREES)
def test_round_trip(tree: Tree) -> None:
    """Whatever a part holds, unknown fields and lone surrogates included, is read back as it was."""
    document = dump(tree)
    assert document.isascii()
    assert parse(Tree, document) == tree


@given(EXTRA, EXTRA)
def test_unknown_fields_survive_a_change(outer: dict[str, Any], inner: dict[str, Any]) -> None:
    """A release that changes what it knows keeps what it doesn't, at every depth."""
    inner = {name: value for name, value in inner.items() if name not in ("name", "at")}
    document = json.dumps({**outer, "name": "a", "leaf": {**inner, "name": "b"}})
    changed = parse(Tree, document.encode()).but(name="c")
    assert json.loads(dump(changed)) == {
        **json.loads(dump(Tree(name="c"))),
        **outer,
        "leaf": {**inner, "name": "b", "at": 0.0},
    }


def test_a_field_named_extra_is_unknown_too() -> None:
    """A newer release may call a field what this one calls its own container."""
    tree = parse(Tree, b'{"name": "a", "extra": {"x": 1}}')
    assert json.loads(dump(tree))["extra"] == {"x": 1}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None), ("name", 1), ("name", ["a"]), ("count", True), ("count", "1"), ("count", 1.0),
        ("at", "1"), ("at", True), ("at", [1]), ("leaf", []), ("leaf", "a"), ("leaves", {}), ("leaves", [1]),
        ("leaves", [None]), ("words", "ab"), ("words", [1]), ("open", 1), ("open", "yes"), ("facts", []),
        ("leaves", None), ("count", None), ("open", None),
    ],
)  # fmt: skip
def test_wrong_types_are_refused(field: str, value: Any) -> None:
    """A field of another type than its own is an error, and never converted."""
    document = json.dumps({"name": "a", field: value}).encode()
    with pytest.raises(DocumentError, match="where"):
        parse(Tree, document)


@pytest.mark.parametrize("document", [b"", b"{", b"\xff", b'{"name": "a"} x', b"\x00", b"nonsense"])
def test_what_is_not_json_is_refused(document: bytes) -> None:
    """A document that is no JSON is an error."""
    with pytest.raises(DocumentError):
        parse(Tree, document)


@pytest.mark.parametrize("document", [b"{}", b'{"count": 1}', b'{"name": "a", "leaf": {}}'])
def test_missing_fields_are_refused(document: bytes) -> None:
    """A field without a default must be there."""
    with pytest.raises(DocumentError, match="lacks"):
        parse(Tree, document)


@pytest.mark.parametrize("document", [b"[]", b"null", b'"a"', b"1"])
def test_other_values_are_no_part(document: bytes) -> None:
    """A part is a JSON object."""
    with pytest.raises(DocumentError):
        parse(Tree, document)


def test_whole_numbers_are_times_too() -> None:
    """A float may be written without its fraction."""
    assert parse(Tree, b'{"name": "a", "at": 5}').at == 5.0


def test_not_a_number_is_never_written() -> None:
    """What JSON can't hold is an error when written, not when read."""
    with pytest.raises(ValueError, match="JSON compliant"):
        dump(Tree(name="a", at=float("nan")))
