"""Every block of code in the documentation runs, and whatever it names exists."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

import twofa_gate
from tests.docs.console import commands, type_in
from tests.docs.pages import DOCS, PAGES, ROOT, blocks, python_of
from twofa_gate.cli import main
from twofa_gate.config import PLUGIN_GROUP
from twofa_gate.gate import initializing

LANGUAGES = {"python", "console", "json", "toml", "text", "apache", "nginx"}
DIRECTIVES = re.compile(r"\{(toctree|literalinclude|include|note)\}")
# Tested with what they need around them, in tests of their own.
ELSEWHERE = {ROOT / "README.md", DOCS / "how-to" / "django.md", DOCS / "how-to" / "no-code.md"}
WITH_PYTHON = [page for page in PAGES if page not in ELSEWHERE and python_of(page)]
WITH_COMMANDS = [page for page in PAGES if commands(page)]
OTHERS = ("mkdir", "python", "pip", "gunicorn", "uvicorn")


def name(page: Path) -> str:
    """Name a page in the report."""
    return str(page.relative_to(ROOT))


def run_page(page: Path, workplace: Path) -> dict[str, Any]:
    """Run a page's Python as one program, in a place where the store may be taken into use."""
    program = workplace / f"page_{page.stem.replace('-', '_')}.py"
    program.write_text(python_of(page))
    with initializing():
        return runpy.run_path(str(program))


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name)
def test_python_runs(page: Path, workplace: Path) -> None:
    """All Python of a page, in its order, is a program that runs."""
    assert run_page(page, workplace)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_blocks_are_of_a_kind_that_is_tested(page: Path) -> None:
    """A block is Python, typed commands, JSON, a server's configuration, or plain text; nothing untested."""
    for block in blocks(page):
        known = block.language in LANGUAGES or DIRECTIVES.match(block.language)
        assert known, f"{block.where}: {block.language}"
        if block.language == "json":
            json.loads(block.text)
        if block.language == "toml":
            tomllib.loads(block.text)
        if block.language == "console":
            assert all(line.startswith(("$ ", "  ")) for line in block.text.splitlines()), block.where


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name)
def test_commands_exist(page: Path) -> None:
    """Each command that the reader is told to type exists, with the options that it is given."""
    makefile = (ROOT / "Makefile").read_text()
    for line in commands(page):
        words = shlex.split(re.sub(r"^export \w+=\$\((.*)\)$", r"\1", line), comments=True)
        if words[0] == "twofa-gate":
            command = main.commands[words[1]]
            options = {each for parameter in command.params for each in parameter.opts}
            assert {word for word in words[2:] if word.startswith("-")} <= options, line
        elif words[0] == "export":
            assert re.fullmatch(r"TWOFA_GATE\w*=\S+", words[1]), line
        elif words[0] == "make":
            assert f"\n{words[1]}:" in makefile, line
        else:
            assert words[0] in OTHERS, line


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_prose_names_commands_that_exist(page: Path) -> None:
    """`twofa-gate something` in the prose is a command that exists."""
    for found in re.findall(r"`twofa-gate (\w+)", page.read_text()):
        assert isinstance(main.commands.get(found), click.Command), f"{name(page)}: twofa-gate {found}"


def exists(text: str) -> bool:
    """Whether what a piece of inline code names is there; true for what names nothing of ours."""
    if found := re.match(r"gate\.(?!py\b|toml\b)(\w+)", text):
        return hasattr(twofa_gate.Gate, found[1])
    if text == PLUGIN_GROUP:
        return True
    if found := re.match(r"twofa_gate((?:\.\w+)+)$", text):
        parts = found[1].split(".")[1:]
        for count in range(len(parts), -1, -1):
            try:
                module = import_module(".".join(["twofa_gate", *parts[:count]]))
            except ModuleNotFoundError:
                continue
            return hasattr(module, parts[count]) if count < len(parts) else True
    if found := re.match(r"([A-Z]\w+)\.(\w+)", text):
        kind = getattr(twofa_gate, found[1], None)
        return kind is None or hasattr(kind, found[2]) or found[2] in getattr(kind, "__annotations__", {})
    if found := re.match(r"(?:src/twofa_gate/|(?=core/|adapters/|pages/))([\w/]+\.py)$", text):
        return (ROOT / "src" / "twofa_gate" / found[1]).exists()
    return True


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_prose_names_things_that_exist(page: Path) -> None:
    """Operations, members of enumerations, modules and files that the prose names in code are there."""
    prose = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    missing = [text for text in re.findall(r"`([^`\n]+)`", prose) if not exists(text)]
    assert not missing


def test_missing_things_are_noticed() -> None:
    """The test before this one can fail: what is not there is told from what is."""
    for text in (
        "gate.revoke()",
        "Tokens.ALLOW",
        "twofa_gate.hosts.flask",
        "twofa_gate.Gate",
        "core/flow.py",
        "x = 1",
    ):
        assert exists(text), text
    for text in ("gate.rewoke()", "Tokens.ALOW", "twofa_gate.hosts.flusk", "twofa_gate.Gait", "core/flaw.py"):
        assert not exists(text), text


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"], ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    """Links from pages outside of the site to files of the repository lead to files that are there."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{name(page)}: {target}"


def test_included_files_are_there() -> None:
    """Each file that a page includes is there."""
    for page in PAGES:
        for target in re.findall(r"\{(?:literalinclude|include)\} (\S+)", page.read_text()):
            assert (page.parent / target).exists(), f"{name(page)}: {target}"


@pytest.mark.parametrize(
    "guide", ["lost-phones.md", "restored-backup.md", "rotate-keys.md", "write-a-host-plugin.md"]
)
def test_commands_of_guides_work(guide: str, workplace: Path) -> None:
    """What a guide tells an operator to type does what it says, beside the tutorial's application."""
    with initializing():
        runpy.run_path("gated.py")
    type_in(DOCS / "how-to" / guide, workplace)
