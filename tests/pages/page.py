"""What the claims about a page ask of its markup."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

__all__ = ["Page"]

VOID = {"input", "meta", "link", "rect", "path", "br", "hr", "img", "option"}


class Page(HTMLParser):
    """A page, parsed strictly: what is opened is closed, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.forms: list[dict[str, Any]] = []
        self.unclosed: list[str] = []
        self.labelled: set[str] = set()
        self.title = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.elements.append((tag, values))
        if tag == "form":
            self.forms.append({"attrs": values, "inputs": {}})
        elif tag == "input":
            if "form" in self.unclosed:
                self.forms[-1]["inputs"][values["name"]] = values
            if "label" in self.unclosed:
                self.labelled.add(values.get("id") or values["name"])
        elif tag == "label" and "for" in values:
            self.labelled.add(values["for"])
        if tag not in VOID:
            self.unclosed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.unclosed.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.unclosed and self.unclosed[-1] == "title" and "svg" not in self.unclosed:
            self.title += data

    def attributes(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def ids(self) -> list[str]:
        return [attrs["id"] for _, attrs in self.elements if "id" in attrs]

    @property
    def fields(self) -> list[dict[str, str]]:
        return [attrs for attrs in self.attributes("input") if attrs["type"] != "hidden"]
