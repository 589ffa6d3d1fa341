"""The tutorials, followed to the letter: the files they show, the commands they give, a server, a person."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.docs.console import commands, type_in
from tests.docs.journey import journey
from tests.docs.pages import DOCS
from tests.support.clock import MovableClock
from tests.support.http import PlainBrowser
from tests.support.phone import Phone
from tests.support.servers import gunicorn, uvicorn

TUTORIALS = DOCS / "tutorials"
SERVERS = {"flask": gunicorn, "starlette": uvicorn}


def followed(name: str, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """Do what the tutorial says, up to the start of the server."""
    folder = tmp_path / "figures"
    shutil.copytree(TUTORIALS / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder, type_in(TUTORIALS / f"{name}.md", folder)


@pytest.mark.e2e
@pytest.mark.needs("oathtool")
@pytest.mark.parametrize("name", sorted(SERVERS))
def test_leads_to_a_working_second_factor(
    name: str, tmp_path: Path, clock: MovableClock, phone: Phone
) -> None:
    """Who follows the tutorial is sent to set up, and is asked for a code at the next login."""
    folder, env = followed(name, tmp_path)
    assert (folder / "2fa.db").exists()
    with (
        SERVERS[name]("gated:app", env=env, cwd=folder, clock=clock) as server,
        PlainBrowser.on_server(server.url) as browser,
    ):
        journey(browser, phone)


@pytest.mark.e2e
@pytest.mark.parametrize("name", sorted(SERVERS))
def test_refuses_when_the_store_is_lost(name: str, tmp_path: Path) -> None:
    """As the tutorial says: without the store nobody is taken for somebody who never set up."""
    folder, env = followed(name, tmp_path)
    (folder / "2fa.db").unlink()
    with pytest.raises(Exception, match="no installation record"):
        SERVERS[name]("gated:app", env=env, cwd=folder, timeout=20).__enter__()


@pytest.mark.parametrize("name", sorted(SERVERS))
def test_shows_files_that_exist(name: str) -> None:
    """Both files that the tutorial includes are there, and it serves the second."""
    text = (TUTORIALS / f"{name}.md").read_text()
    for file in ("app.py", "gated.py"):
        assert f"{{literalinclude}} {name}/{file}" in text
        assert (TUTORIALS / name / file).exists()
    assert any(line.endswith(" gated:app") for line in commands(TUTORIALS / f"{name}.md"))
