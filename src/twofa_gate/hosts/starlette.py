"""Starlette and FastAPI: `SessionMiddleware` and `AuthenticationMiddleware`; the gate sits inside them."""

from __future__ import annotations

from typing import Any

from twofa_gate.errors import HookError
from twofa_gate.hooks import hookimpl
from twofa_gate.hosts.fields import Field, user_from
from twofa_gate.model import Credential, User
from twofa_gate.request import GateRequest

__all__ = ["StarletteAuthentication", "StarletteSession"]


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

    The fields are attributes of the user object, or functions of it; Starlette's own is `identity`.
    """

    def __init__(
        self,
        *,
        user_id: Field = "identity",
        label: Field | None = "display_name",
        login: Field | None = None,
        credential: Credential = Credential.SESSION,
    ) -> None:
        self._user_id = user_id
        self._label = label
        self._login = login
        self._credential = credential

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`. The backend has verified the credentials already."""
        user = _in_scope(request, "user", "AuthenticationMiddleware")
        if not user.is_authenticated:
            return None
        found = user_from(
            user, user_id=self._user_id, label=self._label, login=self._login, credential=self._credential
        )
        if found is None:
            raise HookError("The authenticated user has no identity: name the field with user_id=...")
        return found
