"""Locations by place: by the tree of paths, or by the host name."""

from __future__ import annotations

from collections.abc import Mapping

from twofa_gate.errors import BadRequest
from twofa_gate.hooks import hookimpl
from twofa_gate.model import User
from twofa_gate.request import GateRequest

__all__ = ["LocationsByHost", "LocationsByPath"]


class LocationsByPath:
    """Locations by path tree: `LocationsByPath({"/billing/": "billing"}, default="office")`.

    The longest tree that holds the path counts. Paths are compared in their canonical reading, so that
    `//billing` and `/x/../billing` are `/billing`.
    """

    def __init__(self, trees: Mapping[str, str], *, default: str) -> None:
        self._default = default
        self._trees = {
            tuple(part for part in tree.split("/") if part): place for tree, place in trees.items()
        }

    @hookimpl(blocking=False)
    def locate(self, request: GateRequest, user: User) -> str:
        """See `HostHooks.locate`."""
        segments = request.segments
        for length in range(len(segments), -1, -1):
            place = self._trees.get(segments[:length])
            if place is not None:
                return place
        return self._default


class LocationsByHost:
    """Locations by host name, from a fixed list: `LocationsByHost({"a.example.com": "a"})`.

    A Host that is not on the list is refused (400): it is the client's to choose.
    """

    def __init__(self, hosts: Mapping[str, str]) -> None:
        self._hosts = {host.lower(): place for host, place in hosts.items()}

    @hookimpl(blocking=False)
    def locate(self, request: GateRequest, user: User) -> str:
        """See `HostHooks.locate`. Raises `BadRequest` for a host that is not on the list."""
        given = request.host.lower()
        name, _, port = given.rpartition(":")
        place = self._hosts.get(given) or (self._hosts.get(name) if port.isdecimal() else None)
        if place is None:
            raise BadRequest("This host name is not served here.")
        return place
