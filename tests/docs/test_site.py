"""The documentation as a site: it builds without a warning, and asks nothing of other hosts."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT
from tests.support.parts import missing

NEEDED = ("sphinx", "furo", "myst_parser")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make docs` does."""
    for package in NEEDED:
        if importlib.util.find_spec(package) is None:
            missing(f"{package} (in the dependency group docs)")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-b", "html"]
    paths = [str(DOCS), str(folder / "html"), "-d", str(folder / "doctrees")]
    done = subprocess.run(
        [*command, *paths], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_builds_with_warnings_as_errors(site: Path) -> None:
    """Every page builds: no broken reference, no page outside of the table of contents."""
    pages = {
        str(each.relative_to(DOCS).with_suffix(".html"))
        for each in DOCS.rglob("*.md")
        if "_build" not in each.parts
    }
    assert pages <= {str(each.relative_to(site)) for each in site.rglob("*.html")}


def test_asks_nothing_of_other_hosts(site: Path) -> None:
    """No page of the site loads a style sheet, script, image or font from elsewhere."""
    loading = re.compile(r"<(?:script|img|iframe|link)\b[^>]*(?:src|href)=\"(?:https?:)?//[^\"]*\"[^>]*>")
    for page in site.rglob("*.html"):
        found = [each for each in loading.findall(page.read_text()) if 'rel="canonical"' not in each]
        assert not found, f"{page.name}: {found}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(?:https?:)?//", sheet.read_text()), sheet.name
