"""What is refused in a line of plain text, where there is nobody to show a page to, or nothing to make it from."""

from __future__ import annotations

from tests.pages.scene import Scene
from tests.pages.states.registry import new, required, state


@state("There is no such page.", new)
def plain_no_page(scene: Scene) -> None:
    """404: there is no such page."""
    scene.person("ada").page("/nothing")


@state("There is no such file.", new)
def plain_no_file(scene: Scene) -> None:
    """404: there is no such file."""
    scene.person("ada").page("/static/nothing.css")


@state("Sign in first.", new, login_url=None)
def plain_nobody(scene: Scene) -> None:
    """403: nobody is signed in, and the host has no login page to lead to."""
    scene.root.another().navigate("/2fa/")


@state("This page does not answer that method.", new)
def plain_method(scene: Scene) -> None:
    """405: the page does not answer that method."""
    scene.person("ada").browser.send("PUT", "/2fa/enroll")


@state("The request is too large.", new)
def plain_too_large(scene: Scene) -> None:
    """413: more than a form can hold."""
    ada = scene.person("ada")
    ada.page("/enroll")
    ada.continue_enrollment(csrf="x" * 20_000)


@state("Send the request as application/x-www-form-urlencoded.", new)
def plain_type(scene: Scene) -> None:
    """415: something else than a form."""
    ada = scene.person("ada")
    ada.page("/enroll")
    sent = {"Content-Type": "text/plain", "Origin": "https://app.test", "Sec-Fetch-Site": "same-origin"}
    ada.browser.send("POST", "/2fa/enroll", content=b"csrf", headers=sent)


@state("This form was sent from another site.", new)
def plain_other_site(scene: Scene) -> None:
    """403: the form was sent from another site."""
    ada = scene.person("ada")
    ada.page("/enroll")
    ada.browser.submit(ada.form("csrf", "/enroll"), headers={"Origin": "https://evil.test"})


@state("A field was sent twice.", new)
def plain_twice(scene: Scene) -> None:
    """400: a field was sent twice."""
    ada = scene.person("ada")
    ada.page("/enroll")
    ada.continue_enrollment(csrf=["1", "2"])


@state("Two-factor authentication is unavailable right now.", new)
def plain_unavailable(scene: Scene) -> None:
    """503: the store does not answer."""
    required(scene)
    scene.store.broken = True
    scene.person("ada").go("/billing/")
