"""The application of others that the guides put a gate in front of: it greets whomever the server names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Show the figures to those who are named, by the server or by the proxy."""
    name = environ.get("REMOTE_USER") or environ.get("HTTP_X_REMOTE_USER")
    words = f"<h1>Quarterly figures</h1><p>For {name}.</p>" if name else "<p>Nobody is logged in.</p>"
    body = words.encode()
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
