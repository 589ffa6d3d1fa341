"""Setting up, backup devices, and the recovery codes."""

from __future__ import annotations

from datetime import timedelta

from tests.pages.scene import Person, Scene, codes_on
from tests.pages.states.registry import locked, new, required, state
from tests.pages.states.signing_in import BRAND
from twofa_gate import Enforcement, Enrollment, Policy


def ticketed(scene: Scene) -> Person:
    """Setting up takes a ticket."""
    required(scene, enrollment=Enrollment.TICKET)
    ada = scene.person("ada")
    ada.go("/billing/")
    return ada


def scanned(scene: Scene) -> Person:
    """Ada has scanned the code, and is to enter what her phone shows."""
    ada = scene.person("ada")
    ada.scan(ada.begin_enrollment())
    return ada


@state("It takes about two minutes.", new)
def enroll(scene: Scene) -> None:
    """What it is, and what is needed for it."""
    required(scene)
    scene.person("ada").go("/billing/")


@state("This page was open for too long.", new)
def enroll_stale(scene: Scene) -> None:
    """The page was open for too long."""
    ada = scene.person("ada")
    ada.page("/enroll")
    scene.time.advance(13 * 3600)
    ada.continue_enrollment()


@state("Setting up here takes a ticket", new)
def enroll_ticket(scene: Scene) -> None:
    """Where setting up takes a ticket."""
    ticketed(scene)


@state("That ticket isn’t valid for you.", new)
def enroll_ticket_wrong(scene: Scene) -> None:
    """The ticket isn't valid."""
    ticketed(scene).continue_enrollment(ticket="K7QX-2M9P")


@state("Too many wrong codes.", new)
def enroll_ticket_throttled(scene: Scene) -> None:
    """After several wrong tickets there is a wait."""
    ada = ticketed(scene)
    while ada.continue_enrollment(ticket="K7QX-2M9P").status != 429:
        pass


@state("1. Add the account to your app", new)
def enroll_scan(scene: Scene) -> None:
    """The code to scan, and the key to type where that isn't possible."""
    scene.person("ada").begin_enrollment()


@state("Acme Ovens", new, **BRAND)
def enroll_scan_brand(scene: Scene) -> None:
    """The same, with the name, the logo and the color of the host."""
    scene.person("ada").begin_enrollment()


@state("That code didn’t work.", new)
def enroll_wrong(scene: Scene) -> None:
    """The code was wrong. The key is not shown a second time."""
    ada = scanned(scene)
    ada.type(ada.phone.wrong_code(), name=scene.names.device)


@state("That isn’t a complete code.", new)
def enroll_malformed(scene: Scene) -> None:
    """The code was no code."""
    scanned(scene).type("12", name=scene.names.device)


@state("Too many wrong codes.", new)
def enroll_throttled(scene: Scene) -> None:
    """After several wrong codes there is a wait."""
    ada = scanned(scene)
    for _ in range(4):
        ada.type_wrong()


@state("clock seems to be 3 minutes off", new)
def enroll_clock(scene: Scene) -> None:
    """The code would have been right some minutes ago: the phone's clock is off."""
    ada = scanned(scene)
    ada.type(ada.phone.display(-6))


@state("This setup has expired.", new)
def enroll_expired(scene: Scene) -> None:
    """The page with the code to scan was open for too long."""
    ada = scanned(scene)
    scene.time.advance(1200)
    ada.type_right()


@state("A second device keeps you from being locked out")
def enroll_backup(scene: Scene) -> None:
    """Adding a backup device."""
    scene.person("ada").page("/enroll")


@state("1. Add the account to your app")
def enroll_backup_scan(scene: Scene) -> None:
    """The code to scan with the backup device."""
    scene.person("ada").begin_enrollment()


@state("That code didn’t work.")
def enroll_backup_wrong(scene: Scene) -> None:
    """The backup device's code was wrong."""
    ada = scene.person("ada")
    ada.begin_enrollment()
    ada.type_wrong()


@state("There are as many devices as an account can have.")
def enroll_too_many(scene: Scene) -> None:
    """The account has as many devices as it can have."""
    ada = scene.person("ada")
    for number in range(2, 11):
        ada.add_device(f"Tablet {number}")
    ada.begin_enrollment()


@state("Two-factor authentication is on.", new)
def codes_shown(scene: Scene) -> None:
    """Two-factor authentication is on, and the recovery codes are shown this once."""
    scanned(scene).type_right(name=scene.names.device)


@state("They are shown only now")
def codes_renewed(scene: Scene) -> None:
    """New recovery codes."""
    ada = scene.person("ada")
    ada.page("/recovery-codes")
    ada.type_right()


@state("You have 10 recovery codes left.")
def recovery_codes(scene: Scene) -> None:
    """Making new recovery codes takes a code."""
    scene.person("ada").page("/recovery-codes")


@state("You have no recovery codes left.")
def recovery_codes_none_left(scene: Scene) -> None:
    """The same when all have been used."""
    use_codes(scene, 10)
    scene.person("ada").page("/recovery-codes")


def use_codes(scene: Scene, number: int) -> None:
    """Make new recovery codes and use some of them."""
    ada = scene.person("ada")
    ada.page("/recovery-codes")
    for code in codes_on(ada.type_right())[:number]:
        ada.page("/challenge")
        ada.type(code)


for _page, _path in (("recovery_codes", "/recovery-codes"), ("disable", "/disable")):

    def _wrong(scene: Scene, path: str = _path) -> None:
        """The code was wrong."""
        scene.person("ada").page(path)
        scene.person("ada").type_wrong()

    def _malformed(scene: Scene, path: str = _path) -> None:
        """The code was no code."""
        scene.person("ada").page(path)
        scene.person("ada").type("12")

    def _throttled(scene: Scene, path: str = _path) -> None:
        """After several wrong codes there is a wait."""
        scene.person("ada").page(path)
        for _ in range(4):
            scene.person("ada").type_wrong()

    def _locked(scene: Scene, path: str = _path) -> None:
        """Codes from the app are locked."""
        scene.person("ada").page(path)
        scene.person("ada").type_right()

    def _stale(scene: Scene, path: str = _path) -> None:
        """The page was open for too long."""
        scene.person("ada").page(path)
        scene.time.advance(13 * 3600)
        scene.person("ada").type_right()

    _named = _page.replace("_", "-")
    state("That code didn’t work.", name=f"{_named}-wrong")(_wrong)
    state("That isn’t a complete code.", name=f"{_named}-malformed")(_malformed)
    state("Too many wrong codes.", name=f"{_named}-throttled")(_throttled)
    state("Codes from your app are locked.", locked, name=f"{_named}-locked")(_locked)
    state("This page was open for too long.", name=f"{_named}-stale")(_stale)


@state("Signing in will no longer take a code")
def disable(scene: Scene) -> None:
    """Disabling takes a code."""
    scene.person("ada").page("/disable")


@state("can’t be disabled now")
def disable_required(scene: Scene) -> None:
    """It can't be disabled where a location requires it."""
    required(scene)
    scene.host.policies[scene.names.office] = Policy(Enforcement.REQUIRED, max_age=timedelta(days=7))
    scene.person("ada").page("/disable")


@state("You started over in another tab.", new)
def enroll_replaced(scene: Scene) -> None:
    """Setting up was begun anew in another tab."""
    ada = scene.person("ada")
    first = ada.begin_enrollment()
    ada.begin_enrollment()
    ada.browser.page = first
    ada.type("123456")


@state("Recovery codes are shown only once.", new)
def codes_unsaved(scene: Scene) -> None:
    """Somebody goes on without having saved the codes."""
    scanned(scene).type_right()
    ada = scene.person("ada")
    ada.send(ada.form("saved"))


@state("Your device is set up", new)
def codes_loaded_again(scene: Scene) -> None:
    """The page with the codes is loaded again."""
    ada = scanned(scene)
    form, code = ada.form("code"), ada.phone.fresh_code()
    ada.send(form, code=code)
    ada.send(form, code=code)
