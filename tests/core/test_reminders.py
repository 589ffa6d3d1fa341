"""Reminding, edge by edge: which locations are looked at, and what is no answer."""

from __future__ import annotations

import json

import pytest

from tests.test_reminders import ANN, Host, make_gate, store_settings
from twofa_gate import HookError, Stored, StoreError, hookimpl
from twofa_gate.core import reminders
from twofa_gate.core.storage import location_key
from twofa_gate.locations import LocationSettings
from twofa_gate.stores.memory import MemoryStore


def test_a_location_without_policy_is_an_error() -> None:
    """Where there is no policy nobody is taken for "not due"."""
    host = Host()
    host.members["nowhere"] = [ANN]
    with pytest.raises(HookError, match="no policy for the location 'nowhere'"):
        make_gate(host).remind(locations=["nowhere"])


def test_locations_are_found_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the store's pages are, every location is looked at once."""
    monkeypatch.setattr(reminders, "SCAN", 2)
    gate = make_gate(Host(), MemoryStore(), LocationSettings())
    for name in ("a", "b", "c", "d", "e"):
        store_settings(gate, name)
    assert gate.remind().locations == 5


def test_a_document_under_another_key_is_an_error() -> None:
    """Settings that were copied under another location's key are not that location's."""
    store = MemoryStore()
    gate = make_gate(Host(), store, LocationSettings())
    store_settings(gate, "a")
    found = store.load(location_key("main", "a"))
    assert found is not None
    assert store.save(location_key("main", "b"), found.document, "v", None)
    with pytest.raises(StoreError, match="is that of another location"):
        gate.remind()


class Vanishing(MemoryStore):
    """A store in which a location's settings go between listing and reading."""

    @hookimpl
    def load(self, key: str) -> Stored | None:
        """See `StoreHooks.load`."""
        return None if key.endswith("/gone") else super().load(key)


def test_settings_that_go_meanwhile_are_no_error() -> None:
    """A location whose settings are deleted while the run is on is left out."""
    store = Vanishing()
    gate = make_gate(Host(), store, LocationSettings())
    store_settings(gate, "a")
    assert store.save("main/location/gone", json.dumps({}).encode(), "v", None)
    assert gate.remind().locations == 1
