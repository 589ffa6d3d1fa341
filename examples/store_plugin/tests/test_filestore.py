"""FileStore keeps the contract of storage backends."""

from collections.abc import Callable
from pathlib import Path

import pytest
from twofa_gate_filestore import FileStore

from twofa_gate.testing import StoreConformance


class TestFileStore(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> FileStore:
        return FileStore(tmp_path)

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Callable[[], FileStore]:
        return lambda: FileStore(tmp_path)

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> FileStore:
        return FileStore(tmp_path / "not mounted")
