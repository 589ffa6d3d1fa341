"""The wheel and the sdist: what is in them, and that a fresh environment works from the wheel."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.e2e


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both with the project's own build backend."""
    folder = tmp_path_factory.mktemp("dist")
    backend = "import sys, hatchling.build as b; print(b.build_sdist(sys.argv[1])); print(b.build_wheel(sys.argv[1]))"
    run(sys.executable, "-c", backend, str(folder), cwd=ROOT)
    return folder


def test_wheel_has_what_runs_and_nothing_else(dist: Path) -> None:
    """Types, templates, catalogs, style sheets and the demo's application are in the wheel; tests and tools are not."""
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(next(name for name in names if name.endswith("METADATA"))).decode()
    for needed in (
        "py.typed",
        "pages/templates/challenge.html",
        "pages/static/style.css",
        "pages/static/twofa.js",
        "pages/templates/mail/notification.html",
        "pages/locale/ar/LC_MESSAGES/twofa_gate.mo",
        "pages/locale/pt_BR/LC_MESSAGES/twofa_gate.mo",
    ):
        assert f"twofa_gate/{needed}" in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"twofa_gate"}
    assert "License-Expression: BSD-3-Clause" in metadata
    assert "Provides-Extra: starlette" in metadata
    assert "Requires-Dist: starlette" in metadata


def test_sdist_has_sources_and_tests(dist: Path) -> None:
    """The sdist holds what packagers need: sources, tests, license; no environment and no database."""
    with tarfile.open(next(dist.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {
        "pyproject.toml",
        "LICENSE",
        "README.md",
        "src/twofa_gate/gate.py",
        "tests/test_package.py",
    } <= names
    assert not [name for name in names if name.startswith(".venv") or name.endswith((".db", ".pyc"))]


def test_fresh_environment_from_the_wheel(dist: Path, tmp_path: Path) -> None:
    """Installed from the wheel alone the WSGI side works; the ASGI side says what it lacks; the command runs."""
    run(sys.executable, "-m", "venv", str(tmp_path / "env"), cwd=tmp_path)
    python = str(tmp_path / "env" / "bin" / "python")
    wheel = str(next(dist.glob("*.whl")))
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=tmp_path)
    run(python, "-c", "import twofa_gate, twofa_gate.wsgi, twofa_gate.stores.sqlite", cwd=tmp_path)
    lacking = subprocess.run(
        [python, "-c", "import twofa_gate.asgi"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert lacking.returncode == 1
    assert "twofa-gate[starlette]" in lacking.stderr
    key = run(python, "-m", "twofa_gate", "keygen", cwd=tmp_path).stdout.strip()
    assert len(key) >= 32
    demo = subprocess.run(
        [python, "-m", "twofa_gate", "demo", "--once"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert demo.returncode != 0
    assert "twofa-gate[demo]" in demo.stdout + demo.stderr
