"""Bearer tokens (RFC 6750) and API keys in a header of their own."""

from __future__ import annotations

from collections.abc import Callable

from twofa_gate.hooks import hookimpl
from twofa_gate.model import Credential, User
from twofa_gate.request import GateRequest

__all__ = ["BearerToken"]


class BearerToken:
    """Users by a token; `verify` gives the user's id (or a whole `User`), or `None` for a token it does not know.

    Without `header` the token is the one of `Authorization: Bearer`; with it, that header's whole value.
    """

    def __init__(self, verify: Callable[[str], str | User | None], *, header: str | None = None) -> None:
        self._verify = verify
        self._header = None if header is None else header.lower()
        self.credential_headers = () if self._header is None else (self._header,)

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`."""
        token = self._token(request)
        found = self._verify(token) if token else None
        return User(found, found, credential=Credential.TOKEN) if isinstance(found, str) else found

    def _token(self, request: GateRequest) -> str | None:
        if self._header is not None:
            return request.header(self._header)
        scheme, _, token = request.authorization.partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None
