"""Datasette with datasette-auth-passwords, and a second factor in front; DATASETTE_FOLDER holds the database."""

from __future__ import annotations

import os
from typing import Any

from datasette.app import Datasette
from datasette.utils.asgi import Request
from datasette_auth_passwords.utils import hash_password

from twofa_gate import Credential, Enforcement, Gate, GateRequest, Policy, User, hookimpl
from twofa_gate.asgi import TwoFactorMiddleware
from twofa_gate.stores.sqlite import SQLiteStore

FOLDER = os.environ["DATASETTE_FOLDER"]

datasette = Datasette(
    [f"{FOLDER}/things.db"],
    secret="d" * 40,
    metadata={
        "allow": {"id": "ada"},
        "plugins": {"datasette-auth-passwords": {"ada_password_hash": hash_password("correct horse")}},
    },
)


class DatasetteActors:
    """Users by Datasette's own actor hooks: its login cookie, and Basic credentials."""

    @hookimpl
    async def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`."""
        if request.scope is None or request.kind != "http":
            return None
        from datasette.plugins import pm
        from datasette.utils import await_me_maybe

        native = Request(request.scope, _no_body)
        for answer in pm.hook.actor_from_request(datasette=datasette, request=native):
            actor: Any = await await_me_maybe(answer)
            if actor:
                credential = Credential.PASSWORD if request.authorization else Credential.SESSION
                return User(str(actor["id"]), str(actor["id"]), credential=credential)
        return None


async def _no_body() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


gate = Gate(
    secret_keys=["datasette" * 5],
    issuer="Datasette",
    plugins=[DatasetteActors(), SQLiteStore(f"{FOLDER}/2fa.db")],
    policy=Policy(Enforcement.REQUIRED),
    initialize=True,
    public=["/-/static/"],
    login_paths=["/-/login"],
    logout_paths=["/-/logout"],
)
app = TwoFactorMiddleware(datasette.app(), gate)
