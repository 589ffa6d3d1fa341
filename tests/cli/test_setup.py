"""Making a key, taking a store into use, finding the gate."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.cli.conftest import GATE, Terminal
from twofa_gate import Gate, Policy, __version__
from twofa_gate.cli import main
from twofa_gate.model import Enforcement


def test_keygen_prints_a_fresh_key_that_a_gate_takes(terminal: Terminal) -> None:
    """Each key is another one, safe in a URL and a shell, at least 32 bytes long, and alone in the output."""
    keys = [terminal("keygen").stdout for _ in range(3)]
    assert len(set(keys)) == 3
    for key in keys:
        assert re.fullmatch(r"[A-Za-z0-9_-]{43,}\n", key)
    terminal.use("memory")
    small = import_module("tests.cli.small")
    policy = Policy(Enforcement.REQUIRED)
    plugins = [small.Host(), small.MemoryStore()]
    Gate(secret_keys=[keys[0].strip()], issuer="Small", plugins=plugins, policy=policy).close()


@pytest.mark.parametrize("kind", ["plain", "async", "observer"])
def test_init_takes_an_empty_store_into_use_once(terminal: Terminal, tmp_path: Path, kind: str) -> None:
    """Before it no command works; it says that it wrote the record; a second run says that it is there."""
    terminal.use(kind)
    before = terminal("status", "ada")
    assert (before.exit_code, before.stdout) == (1, "")
    assert "twofa-gate init" in before.stderr
    first, second = terminal("init"), terminal("init")
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert "was written" in first.stdout
    assert "'main'" in first.stdout
    assert "is in use already" in second.stdout
    assert terminal("status", "ada").exit_code == 0
    (tmp_path / "2fa.db").unlink()
    lost = terminal("status", "ada")
    assert (lost.exit_code, lost.stdout) == (1, "")


def test_nothing_is_kept_where_a_store_keeps_nothing(terminal: Terminal) -> None:
    """For a store in memory there is nothing to take into use, and nothing to look at from another process."""
    terminal.use("memory")
    for words in (["init"], ["status", "ada"], ["reset", "ada", "--by", "me", "--reason", "lost"]):
        done = terminal(*words)
        assert (done.exit_code, done.stdout) == (1, "")
        assert "keeps nothing" in done.stderr


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("", 2, "--gate"),
        ("tests.cli.small", 2, "module:attribute"),
        (":gate", 2, "module:attribute"),
        ("tests.cli.small:", 2, "module:attribute"),
        ("tests.cli.small:gate()", 2, "module:attribute"),
        ("../small:gate", 2, "module:attribute"),
        ("tests.cli.nowhere:gate", 1, "No module named 'tests.cli.nowhere'"),
        ("tests.cli.small:portal", 1, "has no attribute portal"),
        ("tests.cli.small:Host", 1, "is not a Gate but of type type"),
        ("tests.cli.small:gate.settings", 1, "is not a Gate but of type Settings"),
    ],
)
def test_a_gate_that_is_not_found(
    installed: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, status: int, said: str
) -> None:
    """A name that isn't one is a usage error (2), one that leads to no gate an error (1); both say why."""
    done = installed("status", "ada", "--gate", name)
    assert (done.exit_code, done.stdout) == (status, "")
    assert said in " ".join(done.stderr.split())
    monkeypatch.setenv("TWOFA_GATE", name)
    assert installed("status", "ada").exit_code == status


def test_the_option_goes_before_the_environment(installed: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--gate` wins over TWOFA_GATE."""
    monkeypatch.setenv("TWOFA_GATE", "tests.cli.nowhere:gate")
    assert installed("status", "ada", "--gate", GATE).exit_code == 0


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            "raising",
            r"tests\.cli\.small can't be imported: LookupError: no settings here \(.*small\.py, line \d+\)",
        ),
        ("broken", r"The store could not do it: OSError: the disk is gone"),
    ],
)
def test_a_failure_is_one_line(installed: Terminal, kind: str, said: str) -> None:
    """Whatever fails in the host's module or in its store, the operator gets one line and no traceback."""
    installed.use(kind)
    done = installed("status", "ada")
    assert (done.exit_code, done.stdout) == (1, "")
    assert re.fullmatch(f"Error: {said}\n", done.stderr), done.stderr


def test_a_wrong_setting_is_told_with_its_module(
    installed: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate that refuses to start says why, and where it is."""
    monkeypatch.setenv("SMALL_KEY", "short")
    done = installed("status", "ada")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: tests.cli.small: ")
    assert "twofa-gate keygen" in done.stderr


@pytest.mark.parametrize("command", [["-m", "twofa_gate"], ["-c", "from twofa_gate.cli import main; main()"]])
def test_it_runs_as_a_module_and_as_a_script(command: list[str], tmp_path: Path) -> None:
    """`python -m twofa_gate` and the installed script are the same; the current folder is looked into."""
    (tmp_path / "mine.py").write_text("raise RuntimeError('found me')\n")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert __version__ in run("--version").stdout
    done = run("status", "ada", "--gate", "mine:gate")
    assert done.returncode == 1
    assert done.stderr == "Error: mine can't be imported: RuntimeError: found me (mine.py, line 1)\n"
    assert run("nonsense").returncode == 2


def test_a_gate_of_a_toml_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`--gate gate.toml` names a gate that is set up without code; init takes its store into use."""
    config = tmp_path / "gate.toml"
    config.write_text(
        f"""
application = "tests.config.legacy:flask_app"
[gate]
issuer = "Small"
secret_keys = ["{"k" * 32}"]
policy = {{ enforcement = "required" }}
[[plugins]]
use = "flask"
[[plugins]]
use = "sqlite"
path = "{tmp_path / "2fa.db"}"
"""
    )
    refused = CliRunner().invoke(main, ["status", "ada", "--gate", str(config)])
    assert refused.exit_code == 1
    assert "twofa-gate init" in refused.stderr
    assert CliRunner().invoke(main, ["init", "--gate", str(config)]).exit_code == 0
    done = CliRunner().invoke(main, ["status", "ada", "--gate", str(config), "--json"])
    assert json.loads(done.stdout)["enrolled"] is False
