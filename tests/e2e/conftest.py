"""The examples on their servers, one of each for a module of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.sites import FLASK, OFFICES, STARLETTE, Site, running


@pytest.fixture(scope="module")
def flask_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve the Flask example with gunicorn."""
    with running(FLASK, tmp_path_factory.mktemp("flask")) as site:
        yield site


@pytest.fixture(scope="module")
def starlette_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve the Starlette example with uvicorn."""
    with running(STARLETTE, tmp_path_factory.mktemp("starlette")) as site:
        yield site


@pytest.fixture(params=[office.name for office in OFFICES])
def site(request: pytest.FixtureRequest) -> Site:
    """Serve either example; nobody has set up yet."""
    served: Site = request.getfixturevalue(f"{request.param}_site")
    served.forget()
    return served
