"""Starlette and FastAPI: `SessionMiddleware` and `AuthenticationMiddleware`; the gate sits inside them."""

from __future__ import annotations

from typing import Any

from starlette.authentication import AuthenticationBackend
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection

from twofa_gate.errors import HookError
from twofa_gate.hooks import hookimpl
from twofa_gate.hosts.fields import Field, user_from
from twofa_gate.model import Credential, User
from twofa_gate.request import GateRequest

__all__ = ["StarletteAuthentication", "StarletteSession"]

_LOOKED = "twofa_gate.hosts.starlette.looked"
"""In the gate's own copy of a scope: that `scope["user"]` was read, and may be of yesterday from then on."""


def _in_scope(request: GateRequest, key: str, middleware: str) -> Any:
    if request.scope is None or key not in request.scope:
        # Not "nobody": outside of that middleware every user would look anonymous.
        raise HookError(f"There is no scope[{key!r}]: put TwoFactorMiddleware after {middleware}.")
    return request.scope[key]


class StarletteSession:
    """Users whom the application keeps in `request.session`; each field is a key, or a function of the session."""

    def __init__(
        self, *, user_id: Field = "user_id", label: Field | None = None, login: Field | None = None
    ) -> None:
        self._user_id = user_id
        self._label = label
        self._login = login

    @hookimpl(blocking=False, live=True)
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`."""
        session = _in_scope(request, "session", "SessionMiddleware")
        return user_from(session, user_id=self._user_id, label=self._label, login=self._login)


class StarletteAuthentication:
    """Users whom an authentication backend puts into `request.user`.

    The fields are attributes of the user object, or functions of it; Starlette's own is `identity`. Whether a
    request has logged somebody in is asked of the backend again as its answer begins, since `request.user` stays
    what it was. `backend`: needed where it is not that of the application's own `AuthenticationMiddleware`.
    """

    def __init__(
        self,
        *,
        user_id: Field = "identity",
        label: Field | None = "display_name",
        login: Field | None = None,
        credential: Credential = Credential.SESSION,
        backend: AuthenticationBackend | None = None,
    ) -> None:
        self._user_id = user_id
        self._label = label
        self._login = login
        self._credential = credential
        self._backend = backend

    @hookimpl
    async def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`. The backend has verified the credentials already."""
        user = _in_scope(request, "user", "AuthenticationMiddleware")
        scope = request.scope or {}
        if scope.setdefault(_LOOKED, False):
            found = await self._backend_of(scope).authenticate(HTTPConnection(scope))
            user = None if found is None else found[1]
        scope[_LOOKED] = True
        return None if user is None or not user.is_authenticated else self._user_from(user)

    def _user_from(self, user: Any) -> User:
        found = user_from(
            user, user_id=self._user_id, label=self._label, login=self._login, credential=self._credential
        )
        if found is None:
            raise HookError("The authenticated user has no identity: name the field with user_id=...")
        return found

    def _backend_of(self, scope: dict[str, Any]) -> AuthenticationBackend:
        if self._backend is not None:
            return self._backend
        for each in getattr(scope.get("app"), "user_middleware", ()):
            if each.cls is AuthenticationMiddleware and "backend" in each.kwargs:
                found: AuthenticationBackend = each.kwargs["backend"]
                return found
        raise HookError("Name the backend: StarletteAuthentication(backend=...).")
