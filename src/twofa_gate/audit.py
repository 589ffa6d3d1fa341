"""An observer that appends every event to a file, one JSON object a line: the audit export."""

from __future__ import annotations

import json
import os
from pathlib import Path

from twofa_gate.hooks import hookimpl
from twofa_gate.model import Event

__all__ = ["AuditLog"]


class AuditLog:
    """Appends events to `path`: `plugins=[Host(), store, AuditLog("2fa-audit.jsonl")]`.

    Delivery is at least once: after a crash an event can stand there twice, with the same `id`. Each line is
    written in one append, so several processes can share the file; it is made readable by its owner only.
    Raises `OSError` if it can't write, which the gate logs.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    @hookimpl
    def on_event(self, event: Event) -> None:
        """See `HostHooks.on_event`."""
        line = {"id": event.id, "event": event.kind.value, "at": event.at.isoformat(), "user": event.user}
        data = (json.dumps({**line, "facts": dict(event.facts)}, default=str) + "\n").encode()
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, data)
        finally:
            os.close(handle)
