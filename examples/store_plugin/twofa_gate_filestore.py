"""A storage backend for twofa_gate: all accounts in one JSON file, for a small team on one machine."""

import base64
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from twofa_gate import Stored, StoreError, hookimpl


class FileStore:
    """Accounts in `accounts.json` in `folder`, which has to exist."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._file = Path(folder).absolute() / "accounts.json"

    @hookimpl
    def load(self, key: str) -> Stored | None:
        with self._open() as (_, accounts):
            return Stored(base64.b64decode(accounts[key][0]), accounts[key][1]) if key in accounts else None

    @hookimpl
    def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        with self._open() as (folder, accounts):
            if (accounts[key][1] if key in accounts else None) != expected:
                return False
            accounts.pop(key, None)
            if document is not None:
                accounts[key] = [base64.b64encode(document).decode(), version]
            with self._file.with_suffix(".new").open("w") as new:
                json.dump(accounts, new)
                new.flush()
                os.fsync(new.fileno())
            os.replace(new.name, self._file)  # a crash leaves the old file or the new one, whole
            os.fsync(folder)  # and from here on the new one
            return True

    @hookimpl
    def scan(self, prefix: str, after: str | None, limit: int) -> Sequence[str]:
        with self._open() as (_, accounts):
            found = (key for key in accounts if key.startswith(prefix) and (after is None or key > after))
            return sorted(found)[:limit]

    @contextmanager
    def _open(self) -> Iterator[tuple[int, dict[str, list[str]]]]:
        try:
            folder = os.open(self._file.parent, os.O_RDONLY)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX)  # shuts out other processes and other threads
                yield folder, json.loads(self._file.read_bytes()) if self._file.exists() else {}
            finally:
                fcntl.flock(folder, fcntl.LOCK_UN)  # closing is not enough if another thread has forked
                os.close(folder)
        except (OSError, ValueError) as error:
            raise StoreError(f"{self._file} failed: {error}") from error
