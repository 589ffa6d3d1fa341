"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DOCS", "PAGES", "ROOT", "Block", "blocks", "python_of"]

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    *sorted(each for each in DOCS.rglob("*.md") if "_build" not in each.parts),
]

_BLOCK = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```\s*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, and where it is."""

    language: str
    text: str
    where: str


def blocks(page: Path, heading: str | None = None) -> list[Block]:
    """Return the fenced blocks of a page, or of one section of it, in their order."""
    text = page.read_text(encoding="utf-8")
    first = 0
    if heading is not None:
        before, text = text.split(f"\n## {heading}\n", 1)
        text = text.split("\n## ", 1)[0]
        first = before.count("\n") + 2
    found = []
    for match in _BLOCK.finditer(text):
        line = first + text[: match.start()].count("\n") + 1
        body = re.sub(rf"^{match[1]}", "", match[3], flags=re.MULTILINE)
        found.append(Block(match[2].strip(), body, f"{page.relative_to(ROOT)}:{line}"))
    return found


def python_of(page: Path, heading: str | None = None) -> str:
    """Return all Python of a page, or of one section of it, as one program."""
    return "\n\n".join(block.text for block in blocks(page, heading) if block.language == "python")
