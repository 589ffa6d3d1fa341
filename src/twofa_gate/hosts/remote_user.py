"""Users whom the server or a proxy in front has logged in."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from twofa_gate.errors import BadRequest
from twofa_gate.hooks import hookimpl
from twofa_gate.model import User
from twofa_gate.request import GateRequest

__all__ = ["RemoteUser"]


class RemoteUser:
    """Users by `REMOTE_USER`, as mod_wsgi sets it, or by a header that a proxy sets, from named proxies only.

    `header` (such as `"X-Remote-User"`) needs `proxies`, addresses or networks. A request from anywhere else
    that carries the header is refused, since the application behind might believe it.

    Raises `ValueError` for a header without proxies.
    """

    def __init__(self, *, header: str | None = None, proxies: Iterable[str] = ()) -> None:
        self._header = None if header is None else header.lower()
        self._proxies = tuple(ip_network(each, strict=False) for each in proxies)
        self.credential_headers = () if self._header is None else (self._header,)
        if self._header is not None and not self._proxies:
            raise ValueError("RemoteUser(header=...) needs proxies=[...]: anybody could send that header")

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`."""
        name = self._from_server(request) if self._header is None else self._from_proxy(request, self._header)
        return User(name, name) if name else None

    def _from_server(self, request: GateRequest) -> str | None:
        return None if request.environ is None else request.environ.get("REMOTE_USER")

    def _from_proxy(self, request: GateRequest, header: str) -> str | None:
        # `X_Remote_User` becomes the same CGI variable as `X-Remote-User`.
        values = [value for name, value in request.headers if name.lower().replace("_", "-") == header]
        if not values:
            return None
        if len(values) > 1 or not self._is_proxy(request.client):
            raise BadRequest("The header that names the user did not come from a known proxy, or came twice.")
        return values[0]

    def _is_proxy(self, client: str | None) -> bool:
        try:
            address = ip_address(client or "")
        except ValueError:
            return False
        return any(address in network for network in self._proxies)
