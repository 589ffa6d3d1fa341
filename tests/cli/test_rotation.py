"""Keys are rotated from the command line, over plain and asynchronous stores."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Terminal
from tests.support.http import PlainBrowser

OLD = "a key of the tests that is long enough"
NEW = "the new key of the tests is long enough"


@pytest.mark.parametrize("kind", ["plain", "async", "observer"])
def test_rotate_and_drop_the_old_key(
    installed: Terminal, ada: PlainBrowser, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """With the new key in front everything is re-sealed once; then the old key can go."""
    installed.use(kind)
    monkeypatch.setenv("SMALL_KEY", f"{NEW},{OLD}")
    first, second = installed.json("rotate"), installed.json("rotate")
    assert (first["accounts"], first["resealed"], first["failures"]) == (1, 1, 0)
    assert (second["accounts"], second["resealed"]) == (1, 0)
    monkeypatch.setenv("SMALL_KEY", NEW)
    assert installed.json("status", "ada")["enrolled"] is True
    assert "1 accounts seen, 0 re-sealed, 0 failed." in installed("rotate").stdout


def test_rotate_without_the_old_key_fails_and_says_so(
    installed: Terminal, ada: PlainBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account that does not open is named, the exit status is 1, and the old keys are to be kept."""
    monkeypatch.setenv("SMALL_KEY", NEW)
    done = installed("rotate")
    assert done.exit_code == 1
    assert "main/user/ada" in done.stderr
    assert "Keep the older keys" in done.stderr
