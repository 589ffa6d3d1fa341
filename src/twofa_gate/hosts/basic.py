"""HTTP Basic: a password on every request."""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable

from werkzeug.datastructures import Authorization

from twofa_gate.errors import BadRequest
from twofa_gate.hooks import hookimpl
from twofa_gate.model import Credential, User
from twofa_gate.request import GateRequest

__all__ = ["BasicAuth"]

MAX_REMEMBERED = 1_000


class BasicAuth:
    """Users by name and password; `verify` gives the user's id (or a whole `User`), or `None` if they are wrong.

    Passwords are hashed slowly, and the application does it again: a right answer is remembered for
    `cache_seconds` (0: not at all) under a keyed digest of the header, in this process. A wrong one is not.
    """

    def __init__(self, verify: Callable[[str, str], str | User | None], *, cache_seconds: float = 30) -> None:
        self._verify = verify
        self._seconds = cache_seconds
        self._key = os.urandom(32)
        self._right: dict[bytes, tuple[User, float]] = {}

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`. A wrong password is `None`, so that the host's own 401 is seen.

        Raises `BadRequest` for what is no name and password that every reader reads alike.
        """
        if request.authorization[:6].lower() != "basic ":
            return None
        digest = hmac.digest(self._key, request.authorization.encode("utf-8", "surrogateescape"), "sha256")
        now = time.monotonic()
        found = self._right.get(digest)
        if found is not None and now < found[1]:
            return found[0]
        user = self._check(request.authorization)
        if user is not None and self._seconds > 0:
            while len(self._right) >= MAX_REMEMBERED:
                self._right.pop(next(iter(self._right)), None)
            self._right[digest] = (user, now + self._seconds)
        return user

    def _check(self, header: str) -> User | None:
        given = Authorization.from_header(header)
        if given is None:
            # Another reader may take it for somebody's: some fall back to latin-1, some need no padding.
            raise BadRequest("The Basic credentials are not UTF-8 in base64.")
        if given.username is None or given.password is None:
            return None
        found = self._verify(given.username, given.password)
        if found is None or isinstance(found, User):
            return found
        return User(found, given.username, credential=Credential.PASSWORD)
