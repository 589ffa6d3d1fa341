"""The account at a glance, and the banner in the host's pages."""

from __future__ import annotations

from datetime import timedelta

from tests.pages.scene import NOON, Scene, in_days
from tests.pages.states.registry import new, required, state
from tests.pages.states.setting_up import use_codes
from tests.pages.states.signing_in import BRAND, challenged
from twofa_gate import AfterCutoff, Enforcement, Policy

DENY = {"after_cutoff": AfterCutoff.DENY}


@state("Signing in takes no second step yet.", new)
def account_off(scene: Scene) -> None:
    """Not set up, and not required."""
    scene.person("ada").page("/")


@state("requires two-factor authentication from January 18, 2027", new)
def account_off_from(scene: Scene) -> None:
    """Not set up, and required from a day on."""
    scene.host.policies["default"] = Policy(Enforcement.REQUIRED, cutoff=in_days(14))
    scene.person("ada").page("/")


@state("Acme requires two-factor authentication.", new)
def account_off_now(scene: Scene) -> None:
    """Not set up, and required."""
    scene.host.policies["default"] = Policy(Enforcement.REQUIRED)
    scene.person("ada").page("/")


@state("You have only one device.")
def account(scene: Scene) -> None:
    """Set up, with one device."""
    scene.person("ada").page("/")


def many(scene: Scene) -> None:
    """Give Ada two devices, three verified browsers and two trusted ones."""
    ada = scene.person("ada")
    ada.add_device("Tablet")
    use_codes(scene, 1)
    required(scene, trust_browser_for=timedelta(days=30))
    for browser in (2, 3):
        challenged(scene, browser=browser).type_right(trust="1")
        scene.time.advance(3600)


@state("Trusted browsers")
def account_many(scene: Scene) -> None:
    """Two devices, several verified browsers, and trusted ones."""
    many(scene)
    scene.person("ada").page("/")


@state("Acme Ovens", **BRAND)
def account_brand(scene: Scene) -> None:
    """With the name, the logo and the color of the host."""
    many(scene)
    scene.person("ada", browser=3).page("/")


@state("Only 3 recovery codes left.")
def account_few_codes(scene: Scene) -> None:
    """Only few recovery codes are left."""
    use_codes(scene, 7)
    scene.person("ada").page("/")


@state("Only 1 recovery code left.")
def account_one_code(scene: Scene) -> None:
    """One recovery code is left."""
    use_codes(scene, 9)
    scene.person("ada").page("/")


@state("No recovery codes left.")
def account_no_codes(scene: Scene) -> None:
    """No recovery code is left."""
    use_codes(scene, 10)
    scene.person("ada").page("/")


@state("The device has been added.")
def account_enabled(scene: Scene) -> None:
    """A device has been added."""
    scene.person("ada").add_device("Tablet")


@state("The device has been renamed.")
def account_renamed(scene: Scene) -> None:
    """A device has been renamed."""
    ada = scene.person("ada")
    ada.page("/")
    ada.type_right(name="New phone")


@state("The device has been removed.")
def account_removed(scene: Scene) -> None:
    """A device has been removed."""
    ada = scene.person("ada")
    ada.add_device("Tablet")
    ada.send(ada.form("code"), press="remove", code=ada.phone.fresh_code())


@state("Signed out.")
def account_signed_out(scene: Scene) -> None:
    """Other browsers have been signed out."""
    many(scene)
    ada = scene.person("ada", browser=3)
    ada.page("/")
    form = next(each for each in ada.browser.page.forms if each.buttons[0].value == "sign-out-others")  # type: ignore[union-attr] # it is open
    ada.send(form)


@state("The browser will be asked for a code again.")
def account_forgotten(scene: Scene) -> None:
    """A trusted browser has been forgotten."""
    many(scene)
    ada = scene.person("ada", browser=3)
    ada.page("/")
    form = next(each for each in ada.browser.page.forms if each.buttons[0].value == "forget-trusted")  # type: ignore[union-attr] # it is open
    ada.send(form)


@state("Two-factor authentication has been disabled.")
def account_disabled(scene: Scene) -> None:
    """Two-factor authentication has been disabled."""
    ada = scene.person("ada")
    ada.page("/disable")
    ada.type_right()


@state("That code didn’t work.")
def account_wrong(scene: Scene) -> None:
    """The code typed to rename a device was wrong; its form is open again."""
    ada = scene.person("ada")
    ada.add_device("Tablet")
    ada.page("/")
    ada.type_wrong()


@state("That isn’t a complete code.")
def account_malformed(scene: Scene) -> None:
    """The code typed to rename a device was no code."""
    ada = scene.person("ada")
    ada.page("/")
    ada.type("12")


@state("Too many wrong codes.")
def account_throttled(scene: Scene) -> None:
    """After several wrong codes there is a wait."""
    ada = scene.person("ada")
    for _ in range(4):
        ada.page("/")
        ada.type_wrong()


@state("This is your only device")
def account_last(scene: Scene) -> None:
    """The only device can't be removed."""
    ada = scene.person("ada")
    ada.add_device("Tablet")
    forms = [each for each in ada.page("/").forms if "code" in each.names()]
    ada.send(forms[0], press="remove", code=ada.phone.fresh_code())
    ada.send(forms[1], press="remove", code="")


@state("This page was open for too long.")
def account_stale(scene: Scene) -> None:
    """The page was open for too long."""
    ada = scene.person("ada")
    ada.page("/")
    scene.time.advance(13 * 3600)
    ada.type_right()


@state("There is nothing here.")
def account_not_found(scene: Scene) -> None:
    """The device was removed in another window."""
    ada = scene.person("ada")
    ada.add_device("Tablet")
    forms = [each for each in ada.page("/").forms if "code" in each.names()]
    ada.send(forms[1], press="remove", code="")
    ada.send(forms[1], press="rename", code="", name="Tablet")


@state("You are kept out here for now", new)
def denied(scene: Scene) -> None:
    """Kept out: the date was missed."""
    required(scene, cutoff=in_days(-3), **DENY)
    scene.person("ada").go("/billing/")


@state("3 days left", new)
def banner(scene: Scene) -> None:
    """The banner in a page of the host, some days before the date."""
    required(scene, cutoff=in_days(3))
    scene.person("ada").go("/billing/")


@state("Last day, less than 5 hours left", new)
def banner_last_day(scene: Scene) -> None:
    """The banner on the last day, where who misses the date is kept out."""
    required(scene, cutoff=NOON + timedelta(hours=5), **DENY)
    scene.person("ada").go("/billing/")
