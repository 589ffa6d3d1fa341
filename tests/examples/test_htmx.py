"""The page that htmx changes, in Chromium: a refused call leads to the gate's page, and back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.sites import FLASK, ROOT, Site, running
from tests.support.browser import watch

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium", "oathtool")]

OFFICE = replace(FLASK, name="htmx", package="examples.htmx")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve a copy of the example, with the htmx that django-htmx brings, with gunicorn."""
    folder = tmp_path_factory.mktemp("htmx")
    copy = folder / "examples" / "htmx"
    shutil.copytree(ROOT / "examples" / "htmx", copy)
    (copy.parent / "__init__.py").touch()
    htmx = files("django_htmx") / "static" / "django_htmx" / "htmx-2.min.js"
    (copy / "static" / "htmx.min.js").write_bytes(htmx.read_bytes())
    with running(OFFICE, folder, root=folder) as served:
        yield served


def test_refused_calls_lead_to_the_gate_and_back(page: Page, site: Site) -> None:
    """Without a second factor to set up, later to the question; from both back to the page, where the call works.

    Nothing of what the call would have shown is in the page before, and nothing is asked of other hosts.
    """
    diary = watch(page)
    log_in(page, site)
    page.get_by_role("button", name="Show the list").click()
    page.wait_for_url("**/2fa/enroll?next=*")
    page.get_by_role("button", name="Continue").click()
    phone = site.phone()
    phone.type_in(page.locator("#key").inner_text())
    page.get_by_role("textbox").first.fill(phone.fresh_code())
    page.get_by_role("button", name="Verify and enable").click()
    page.get_by_label("I have saved these codes").check()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(site.url + "/")
    page.get_by_role("button", name="Show the list").click()
    page.get_by_text("Tide tables of 1911").wait_for()

    page.context.clear_cookies()
    log_in(page, site)
    page.get_by_label("Title").fill("Lost and found")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**/2fa/challenge?next=*")
    assert "Tide tables" not in page.content()
    page.get_by_role("textbox").first.fill(phone.fresh_code())  # which the gate's own script then sends
    page.wait_for_url(site.url + "/")
    page.get_by_role("button", name="Show the list").click()
    page.get_by_text("On knots").wait_for()
    assert page.get_by_text("Lost and found").count() == 0
    page.get_by_label("Title").fill("Lost and found")
    page.get_by_role("button", name="Add").click()
    page.get_by_text("Lost and found").wait_for()
    assert not diary.errors
    assert all(each.startswith(site.url) for each in diary.requested)


def log_in(page: Page, site: Site) -> None:
    """Log in with the application's own form."""
    page.goto(site.url + "/login")
    page.get_by_label("E-mail address").fill("ada@example.com")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(site.url + "/")


def test_the_repository_has_no_htmx() -> None:
    """The file that the example's page loads is not in the repository, and its README says where it comes from."""
    ignored = (ROOT / "examples" / "htmx" / "static" / ".gitignore").read_text().split()
    assert ignored == [Path("htmx.min.js").name]
    assert "`htmx.min.js`" in (ROOT / "examples" / "htmx" / "README.md").read_text()
