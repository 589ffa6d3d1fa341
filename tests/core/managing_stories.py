"""Stories of users who manage their second factor, or pass by another way than a code of the app."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from tests.core.stepping import NOW, Host, Observer, Request, World
from twofa_gate import Enforcement, Policy
from twofa_gate.core import recovery
from twofa_gate.core.account import Account

__all__ = ["Told", "managing"]

Told = tuple[World, Request, bool, int]
"""A world, a request in it, whether the private page is this user's to see, and the status it ends with."""


def _with_codes(world: World) -> str:
    """Give the account recovery codes; return the first."""
    account = world.account()
    assert account is not None
    made, shown = world.run(recovery.draw_set(world.settings.sealer, "u1", NOW))
    world.put(account.but(recovery=made))
    return shown[0]


def _world() -> tuple[World, Mapping[str, str]]:
    """Make a world in which `u1` is verified, and has two devices and recovery codes."""
    world = World(Host(), Observer())
    account: Account = world.enrolled()
    second = account.authenticators[0].but(id="a2", name="Tablet")
    world.put(account.but(authenticators=(*account.authenticators, second)))
    _with_codes(world)
    return world, world.verified()


def trusted_browser() -> Told:
    """Tell how a trusted browser asks for a page."""
    world = World(Host({"office": Policy(Enforcement.REQUIRED, trust_browser_for=timedelta(days=1))}))
    world.enrolled()
    return world, Request("/x", cookies=world.cookies(world.trusted())), True, 200


def recovery_code() -> Told:
    """Tell how a user answers the challenge with a recovery code."""
    world = World(Host(), Observer())
    world.enrolled()
    code = _with_codes(world)
    return world, world.form("/challenge", "challenge", code=code), False, 303


def by_api() -> Told:
    """Tell how a front end asks for the standing of its user."""
    world, cookies = _world()
    return world, Request("/2fa/api/v1/status", cookies=world.cookies(cookies)), False, 200


def renewed_codes() -> Told:
    """Tell how a user makes new recovery codes."""
    world, cookies = _world()
    code = world.code()
    return world, world.form("/recovery-codes", "recovery_codes", cookies=cookies, code=code), False, 200


def removed_device() -> Told:
    """Tell how a user removes one of two devices."""
    world, cookies = _world()
    fields = {"action": "remove", "code": world.code()}
    return world, world.form("/authenticators/a1", "authenticators", cookies=cookies, **fields), False, 303


def renamed_device() -> Told:
    """Tell how a user renames a device."""
    world, cookies = _world()
    fields = {"action": "rename", "name": "Old phone", "code": world.code()}
    return world, world.form("/authenticators/a1", "authenticators", cookies=cookies, **fields), False, 303


def signed_out_others() -> Told:
    """Tell how a user signs all other browsers out."""
    world, cookies = _world()
    fields = {"action": "sign-out-others"}
    return world, world.form("/browsers", "browsers", cookies=cookies, **fields), False, 303


def disabled_wrongly() -> Told:
    """Tell how a user tries to disable with a wrong code."""
    world = World(Host({"office": Policy(Enforcement.OPTIONAL)}), Observer())
    world.enrolled()
    return world, world.form("/disable", "disable", cookies=world.verified(), code=world.wrong()), False, 403


def account_page() -> Told:
    """Tell how a verified user looks at the account page."""
    world, cookies = _world()
    return world, Request("/2fa/", cookies=world.cookies(cookies)), False, 200


def signed_out() -> Told:
    """Tell how a user signs out."""
    world, cookies = _world()
    return world, world.form("/sign-out", "sign_out", cookies=cookies), False, 200


managing = (
    trusted_browser,
    recovery_code,
    by_api,
    renewed_codes,
    removed_device,
    renamed_device,
    signed_out_others,
    disabled_wrongly,
    account_page,
    signed_out,
)
