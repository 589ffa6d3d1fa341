"""A form that was refused: kept or lost on the challenge, and sent on afterwards."""

from __future__ import annotations

from tests.pages.scene import ORIGIN, Person, Scene
from tests.pages.states.registry import new, required, state

FORM = "application/x-www-form-urlencoded"
ORDER = b"customer=4711&loaves=24&day=2026-12-24&csrf_token=x"


def posted(
    scene: Scene,
    body: bytes = ORDER,
    kind: str = FORM,
    *,
    name: str = "ada",
    path: str = "/billing/orders?draft=1",
) -> Person:
    """Send a form of the application's after the verification has run out."""
    if scene.names.billing not in scene.host.policies:
        required(scene)
    person = scene.person(name, browser=2)
    headers = {"Content-Type": kind, "Accept": "text/html", "Origin": ORIGIN, "Referer": f"{ORIGIN}/billing/"}
    answer = person.browser.send("POST", path, content=body, headers=headers)
    person.browser.page = answer
    if answer.redirects:
        person.browser.follow(answer)
    return person


@state("What you sent is kept.")
def challenge_kept(scene: Scene) -> None:
    """A form came too late: it is kept while the code is asked for."""
    posted(scene)


@state("That code didn’t work.")
def challenge_kept_wrong(scene: Scene) -> None:
    """The code was wrong; the form is still kept."""
    posted(scene).type_wrong()


@state("It may hold files")
def challenge_lost_upload(scene: Scene) -> None:
    """An upload can't be kept."""
    posted(scene, b"--x--", "multipart/form-data; boundary=x")


@state("It was larger than what can be kept.")
def challenge_lost_large(scene: Scene) -> None:
    """A form that is too large can't be kept."""
    posted(scene, b"a=" + b"x" * 70_000)


@state("Passwords are never kept.")
def challenge_lost_password(scene: Scene) -> None:
    """A form with a password is not kept."""
    posted(scene, b"user=ada&password=secret")


@state("What you sent was not kept.", new)
def enroll_lost_form(scene: Scene) -> None:
    """Who has to set up first is told that the form was not kept."""
    posted(scene)


@state("This will be sent to /billing/orders?draft=1")
def send_form(scene: Scene) -> None:
    """After the code: what will be sent where."""
    posted(scene).type_right()


@state("It has no fields")
def send_empty_form(scene: Scene) -> None:
    """A form without fields."""
    posted(scene, b"").type_right()


@state("Your form was already sent")
def form_already_sent(scene: Scene) -> None:
    """Sent a second time."""
    ada = posted(scene)
    ada.type_right()
    form = ada.form("twofa_form")
    ada.send(form)
    ada.browser.submit(form)


@state("Your form was not kept")
def form_kept_no_more(scene: Scene) -> None:
    """The code came when the form was kept no more."""
    ada = posted(scene)
    scene.time.advance(700)
    ada.type_right()
