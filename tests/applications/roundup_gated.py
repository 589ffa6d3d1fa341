"""The Roundup issue tracker with a second factor in front; ROUNDUP_HOME is its tracker, which is not changed."""

from __future__ import annotations

import os
import re
from typing import Any

import roundup.instance
from roundup.cgi.client import LiberalCookie
from roundup.cgi.wsgi_handler import RequestDispatcher
from roundup.password import Password

from twofa_gate import Enforcement, Gate, GateRequest, Policy, User, hookimpl
from twofa_gate.hosts.basic import BasicAuth
from twofa_gate.stores.sqlite import SQLiteStore
from twofa_gate.wsgi import TwoFactorMiddleware

HOME = os.environ["ROUNDUP_HOME"]
tracker = roundup.instance.open(HOME)


class RoundupSession:
    """Users by Roundup's session, read with its own cookie parser from its own session database."""

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`."""
        name = "roundup_session_" + re.sub("[^a-zA-Z]", "", tracker.config.TRACKER_NAME)
        cookies = LiberalCookie(request.cookie_header)
        if name not in cookies:
            return None
        database = tracker.open("admin")
        try:
            session = cookies[name].value
            user = database.getSessionManager().get(session, "user", None)
            return None if not user or user == "anonymous" else find_user(database, user, session)
        except KeyError:
            return None
        finally:
            database.close()


def find_user(database: Any, name: str, login: str | None = None) -> User:
    """Make a user of a Roundup user name."""
    return User(database.user.lookup(name), name, login)


def check_password(name: str, password: str) -> str | None:
    """Verify a Basic password against Roundup's user database."""
    database = tracker.open("admin")
    try:
        user_id: str = database.user.lookup(name)
        stored: Password = database.user.get(user_id, "password")
        return user_id if stored == password else None
    except KeyError:
        return None
    finally:
        database.close()


gate = Gate(
    secret_keys=["roundup" * 6],
    issuer="Tracker",
    plugins=[RoundupSession(), BasicAuth(check_password), SQLiteStore(f"{HOME}/2fa.db")],
    policy=Policy(Enforcement.REQUIRED),
    initialize=True,
    public=["/@@file/"],
)
app = TwoFactorMiddleware(RequestDispatcher(HOME), gate)
