"""The conformance suite of storage backends.

A backend keeps the contract of `twofa_gate.hooks.StoreHooks` if it passes::

    import pytest
    from twofa_gate.testing import StoreConformance

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def store(self, tmp_path):
            return MyStore(tmp_path)

        @pytest.fixture
        def reopen(self, tmp_path):
            return lambda: MyStore(tmp_path)

The store may be plain or async (`async def` hooks); the suite runs either. It needs pytest and no plugins.
"""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pluggy
import pytest

from twofa_gate.errors import StoreError
from twofa_gate.hooks import PROJECT, StoreHooks
from twofa_gate.testing._calls import StoreCalls, expect, new_version
from twofa_gate.testing._documents import Documents
from twofa_gate.testing._keys import Keys
from twofa_gate.testing._races import Races

__all__ = ["StoreConformance"]

_HOOKS = ("load", "save", "scan")


class StoreConformance(Documents, Keys, Races):
    """Subclass it, define the fixture `store`, and run pytest.

    Fixtures that a subclass defines:

    - `store`: the store, made anew for each test; it need not be empty. The suite calls its `close()`, or
      `await`s its `aclose()` if the hooks are async, when the test has ended.
    - `reopen` (optional): a function without arguments that opens another store on the same data. Without it
      the tests about that are skipped.
    - `unreachable` (optional): a store whose database cannot be reached. Without it, what a failure raises is
      not tested.

    A store with a true attribute `volatile` keeps its data in one process's memory: the tests with several
    processes, and those that open it again, are skipped and say so. All others fork the test process.

    Set the environment variable `TWOFA_GATE_SOAK=1` to let the races run for longer.
    """

    @pytest.fixture
    def store(self) -> Any:
        """Return the store under test."""
        # what a subclass has to give; without it every test says so
        raise NotImplementedError("define a fixture `store` that returns the store to test")

    @pytest.fixture
    def reopen(self) -> Callable[[], Any] | None:
        """Return a function that opens another store on the same data, or `None`."""
        return None

    @pytest.fixture
    def unreachable(self) -> Any:
        """Return a store whose database cannot be reached, or `None`."""
        return None

    @pytest.fixture
    def base(self) -> str:
        """Return the start of all keys of one test, so that tests don't meet in a shared database."""
        return f"conformance-{secrets.token_hex(6)}/user/"

    @pytest.fixture
    def calls(self, store: Any) -> Iterator[StoreCalls]:
        """Return what calls the store, and close both afterwards."""
        calls = StoreCalls(store)
        try:
            yield calls
        finally:
            calls.close()

    def test_hooks_are_marked(self, store: Any, calls: StoreCalls) -> None:
        """The three hooks are marked with `hookimpl`, fit their specifications, and are of one kind."""
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(StoreHooks)
        manager.register(store)
        manager.check_pending()
        marked = {caller.name for caller in manager.get_hookcallers(store) or ()}
        missing = ", ".join(name for name in _HOOKS if name not in marked)
        expect(not missing, f"not marked with hookimpl: {missing}")
        kinds = {inspect.iscoroutinefunction(getattr(store, name)) for name in _HOOKS}
        expect(len(kinds) == 1, "all of load, save and scan are plain, or all of them are async")

    def test_failure_is_a_store_error(self, unreachable: Any) -> None:
        """A store whose database cannot be reached raises `StoreError`; it is never `None` or `False`."""
        if unreachable is None:
            pytest.skip("there is no fixture `unreachable`, so what a failure raises is not tested")
        calls = StoreCalls(unreachable)
        try:
            attempts: tuple[Callable[[], object], ...] = (
                lambda: calls.load("main/user/a"),
                lambda: calls.save("main/user/a", b"one", new_version(), None),
                lambda: calls.save("main/user/a", b"one", new_version(), "v0"),
                lambda: calls.save("main/user/a", None, new_version(), "v0"),
                lambda: calls.scan("main/user/", None, 10),
            )
            for attempt in attempts:
                with pytest.raises(StoreError):
                    attempt()
        finally:
            calls.close()
