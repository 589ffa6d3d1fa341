"""How the conformance suite calls a store: plain or async, alone, side by side, and in several processes.

What runs side by side is written as a generator that yields calls and receives their results, so that one
text serves plain stores (each generator in a thread) and async ones (each in a task).
"""

from __future__ import annotations

import asyncio
import inspect
import os
import pickle
import secrets
import select
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

__all__ = ["Call", "Steps", "StoreCalls", "expect", "in_processes", "new_version"]

_T = TypeVar("_T")

Call = tuple[Any, ...]
"""The name of a hook and its arguments."""
Steps = Generator[Call, Any, _T]
"""Calls one after the other: yields each, and receives its result."""

_PATIENCE = 120.0  # seconds for processes that work side by side, so that a deadlock is a failure and no hang


def expect(condition: bool, claim: str) -> None:
    """Raise `AssertionError` with `claim` unless `condition` holds; unlike `assert`, under `-O` too."""
    if not condition:
        raise AssertionError(claim)


def new_version() -> str:
    """Mint a version as the gate does: random, so that none ever comes back."""
    return secrets.token_urlsafe(16)


class StoreCalls:
    """Calls the hooks of one store, which may be plain or async."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.is_async = inspect.iscoroutinefunction(store.load)
        self._runner: asyncio.Runner | None = None

    def load(self, key: str) -> Any:
        """Call `load`. What comes back is whatever the store gives."""
        return self.run(self._one(("load", key)))

    def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> Any:
        """Call `save`. What comes back is whatever the store gives."""
        return self.run(self._one(("save", key, document, version, expected)))

    def scan(self, prefix: str, after: str | None, limit: int) -> Any:
        """Call `scan`. What comes back is whatever the store gives."""
        return self.run(self._one(("scan", prefix, after, limit)))

    def put(self, key: str, document: bytes = b"document", expected: str | None = None) -> str:
        """Save, and return the new version. Raises `AssertionError` if the store refuses."""
        version = new_version()
        expect(
            bool(self.save(key, document, version, expected)),
            f"save({key!r}) was refused, with nothing in its way",
        )
        return version

    def run(self, steps: Steps[_T]) -> _T:
        """Run `steps` to their end."""
        if self.is_async:
            return self._loop().run(self._task(steps))
        return self._plain(steps)

    def together(self, *workers: Steps[_T]) -> list[_T]:
        """Run several steps side by side, in threads or tasks, and return their results in order."""
        if self.is_async:
            return self._loop().run(self._tasks(workers))
        start = threading.Barrier(len(workers))

        def work(steps: Steps[_T]) -> _T:
            start.wait()
            return self._plain(steps)

        with _restless_threads(), ThreadPoolExecutor(len(workers)) as pool:
            return [future.result() for future in [pool.submit(work, steps) for steps in workers]]

    def close(self) -> None:
        """Close the store, if it can be closed, and the event loop, if there is one."""
        if self.is_async and hasattr(self.store, "aclose"):
            self._loop().run(self.store.aclose())
        elif hasattr(self.store, "close"):
            self.store.close()
        if self._runner is not None:
            self._runner.close()

    def _one(self, call: Call) -> Steps[Any]:
        return (yield call)

    def _loop(self) -> asyncio.Runner:
        self._runner = self._runner or asyncio.Runner()
        return self._runner

    def _plain(self, steps: Steps[_T]) -> _T:
        try:
            name, *arguments = next(steps)
            while True:
                name, *arguments = steps.send(getattr(self.store, name)(*arguments))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # StopIteration.value has no type

    async def _task(self, steps: Steps[_T]) -> _T:
        try:
            name, *arguments = next(steps)
            while True:
                name, *arguments = steps.send(await getattr(self.store, name)(*arguments))
                await asyncio.sleep(0)  # others take turns even if the store never waits for anything
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # StopIteration.value has no type

    async def _tasks(self, workers: Sequence[Steps[_T]]) -> list[_T]:
        return list(await asyncio.gather(*(self._task(steps) for steps in workers)))


@contextmanager
def _restless_threads() -> Iterator[None]:
    """Let threads take turns as often as they can, so that races show."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def in_processes(*workers: Callable[[], _T]) -> list[_T]:
    """Run each worker in a forked process of its own, all at once, and return their results in order.

    A process ends as soon as its result is known, without a chance to tidy up, as if it were killed.
    Raises `AssertionError` with the traceback of a worker that failed, or if one does not come to an end.
    """
    children: list[tuple[int, int]] = []
    waiting, start = os.pipe()
    for worker in workers:
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads that the host keeps may be about
            process = os.fork()
        if process == 0:
            os.close(start)
            _child(worker, waiting, writing)
        os.close(writing)
        children.append((process, reading))
    os.close(waiting)
    os.close(start)  # all children wait for this
    answers = [_answer(process, reading) for process, reading in children]
    for answer in answers:
        expect(not isinstance(answer, str), f"a process failed:\n{answer}")
    return [answer[0] for answer in answers]


def _child(worker: Callable[[], object], waiting: int, writing: int) -> NoReturn:
    try:
        os.read(waiting, 1)
        answer: object = (worker(),)
    except BaseException:  # a child never returns into the test that it was forked from
        answer = traceback.format_exc()
    with os.fdopen(writing, "wb") as pipe:
        pickle.dump(answer, pipe)
    os._exit(0)


def _answer(process: int, reading: int) -> Any:
    """Return a tuple with the result, or the text of what went wrong."""
    with os.fdopen(reading, "rb") as pipe:
        ready, _, _ = select.select([pipe], [], [], _PATIENCE)
        if not ready:
            os.kill(process, signal.SIGKILL)
        data = pipe.read()
    os.waitpid(process, 0)
    if not ready:
        return f"it gave no result in {_PATIENCE:.0f} s"
    return pickle.loads(data) if data else "it ended without a result"  # noqa: S301 - written by our own child
