"""Settings for the gunicorn processes under test: they say when a worker has loaded its application."""

from __future__ import annotations

from typing import Any

control_socket_disable = True
"""Recent versions would open one below HOME, the same for all."""


def post_worker_init(worker: Any) -> None:
    """Say so in each worker once the application is loaded."""
    worker.log.info("Worker is up: %s", worker.pid)
