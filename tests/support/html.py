"""Pages as a browser without JavaScript sees them: forms that can be filled, links, words."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

__all__ = ["Button", "Field", "Form", "Link", "read_page"]

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Link:
    """A link: its words, its absolute URL."""

    words: str
    url: str


@dataclass(frozen=True)
class Field:
    """One control with a name; ``value`` is None while it sends nothing (an unchecked box)."""

    name: str
    kind: str
    value: str | None
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass
class Button:
    """A button that sends its form."""

    name: str
    value: str
    words: str
    action: str | None = None


@dataclass
class Form:
    """A form of a page."""

    method: str
    url: str
    enctype: str
    attributes: Mapping[str, str]
    fields: list[Field] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)

    def names(self) -> list[str]:
        """Return the names of its fields, in their order."""
        return [field.name for field in self.fields]

    def value(self, name: str) -> str | None:
        """Return what a field holds to begin with."""
        found = [field.value for field in self.fields if field.name == name]
        if len(found) != 1:
            raise KeyError(f"{len(found)} fields are named {name}, of {self.names()}")
        return found[0]

    def fits(self, *, action: str | None, button: str | None, field: str | None) -> bool:
        """Whether it is the form that is looked for."""
        if action is not None and not urlsplit(self.url).path.endswith(action):
            return False
        if button is not None and button not in [each.words for each in self.buttons]:
            return False
        return field is None or field in self.names()

    def filled(self, values: Mapping[str, str | Sequence[str] | None], button: str | None) -> Pairs:
        """Return what is sent when these values are typed and that button (or the first) is pressed."""
        unknown = set(values) - set(self.names())
        if unknown:
            raise KeyError(f"the form has no field {sorted(unknown)}, only {self.names()}")
        pairs: Pairs = []
        typed: set[str] = set()
        for each in self.fields:
            if each.name not in values:
                pairs += [(each.name, each.value)] if each.value is not None else []
            elif each.name not in typed:
                typed.add(each.name)
                pairs += [(each.name, value) for value in _as_list(values[each.name])]
        pressed = self._pressed(button)
        return pairs + ([(pressed.name, pressed.value)] if pressed is not None and pressed.name else [])

    def encoded(self, pairs: Pairs) -> tuple[bytes, str]:
        """Return the body and its content type."""
        if self.enctype != "multipart/form-data":
            return urlencode(pairs).encode(), "application/x-www-form-urlencoded"
        boundary = f"----{secrets.token_hex(16)}"
        parts = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in pairs
        )
        return f"{parts}--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"

    def _pressed(self, words: str | None) -> Button | None:
        if words is None:
            return self.buttons[0] if self.buttons else None
        found = [button for button in self.buttons if words in (button.words, button.value)]
        if len(found) != 1:
            raise KeyError(f"{len(found)} buttons read {words!r}, of {[each.words for each in self.buttons]}")
        return found[0]


def read_page(markup: str, url: str) -> tuple[list[Form], list[Link], str, str]:
    """Return the forms, links, title and words of a page."""
    reader = _Reader(url)
    reader.feed(markup)
    reader.close()
    return reader.forms, reader.links, _squeeze(reader.title), _squeeze(reader.words)


class _Reader(HTMLParser):
    """Collects; controls outside of a form that name one with ``form=`` are its too."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.base = url
        self.forms: list[Form] = []
        self.links: list[Link] = []
        self.title: list[str] = []
        self.words: list[str] = []
        self._form: Form | None = None
        self._gathering: dict[str, list[str]] = {}
        self._link = ""
        self._button: Button | None = None
        self._control: tuple[Form, dict[str, str]] | None = None
        self._options: list[tuple[str, bool]] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        start = getattr(self, f"_start_{tag}", None)
        if start is not None:
            start(attributes)

    def handle_endtag(self, tag: str) -> None:
        end = getattr(self, f"_end_{tag}", None)
        if end is not None:
            end()

    def handle_data(self, data: str) -> None:
        for gathered in self._gathering.values():
            gathered.append(data)
        if not self._hidden and "title" not in self._gathering:
            self.words.append(data)

    def _start_base(self, attributes: dict[str, str]) -> None:
        self.base = urljoin(self.base, attributes.get("href", ""))

    def _start_script(self, attributes: dict[str, str]) -> None:
        self._hidden += 1

    def _end_script(self) -> None:
        self._hidden -= 1

    _start_style, _end_style = _start_script, _end_script

    def _start_title(self, attributes: dict[str, str]) -> None:
        # an SVG may have one too: the page's is the first
        self._gathering["title"] = []

    def _end_title(self) -> None:
        gathered = self._gathering.pop("title", [])
        self.title = self.title or gathered

    def _start_a(self, attributes: dict[str, str]) -> None:
        if "href" in attributes:
            self._link = urljoin(self.base, attributes["href"])
            self._gathering["a"] = []

    def _end_a(self) -> None:
        if "a" in self._gathering:
            self.links.append(Link(_squeeze(self._gathering.pop("a")), self._link))

    def _start_form(self, attributes: dict[str, str]) -> None:
        self._form = Form(
            method=attributes.get("method", "get").upper(),
            url=urljoin(self.base, attributes.get("action") or self.base),
            enctype=attributes.get("enctype", "application/x-www-form-urlencoded"),
            attributes=attributes,
        )
        self.forms.append(self._form)

    def _end_form(self) -> None:
        self._form = None

    def _start_input(self, attributes: dict[str, str]) -> None:
        kind = attributes.get("type", "text").lower()
        if kind in ("submit", "image"):
            self._add_button(attributes, attributes.get("value", "Submit"))
        elif kind in ("checkbox", "radio"):
            on = attributes.get("value", "on") if "checked" in attributes else None
            self._add_field(attributes, kind, on)
        elif kind not in ("button", "reset", "file"):
            self._add_field(attributes, kind, attributes.get("value", ""))

    def _start_button(self, attributes: dict[str, str]) -> None:
        if attributes.get("type", "submit") == "submit":
            self._button = self._add_button(attributes, "")
            self._gathering["button"] = []

    def _end_button(self) -> None:
        if self._button is not None:
            self._button.words = _squeeze(self._gathering.pop("button"))
            self._button = None

    def _start_textarea(self, attributes: dict[str, str]) -> None:
        self._open_control(attributes)
        self._gathering["textarea"] = []

    def _end_textarea(self) -> None:
        value = "".join(self._gathering.pop("textarea", [])).removeprefix("\n")
        self._close_control("textarea", value)

    def _start_select(self, attributes: dict[str, str]) -> None:
        self._open_control(attributes)
        self._options = []

    def _start_option(self, attributes: dict[str, str]) -> None:
        self._options.append((attributes.get("value", ""), "selected" in attributes))

    def _end_select(self) -> None:
        chosen = [value for value, selected in self._options if selected] or [v for v, _ in self._options[:1]]
        self._close_control("select", chosen[0] if chosen else None)

    def _open_control(self, attributes: dict[str, str]) -> None:
        form = self._form_of(attributes)
        self._control = (form, attributes) if form is not None else None

    def _close_control(self, kind: str, value: str | None) -> None:
        if self._control is not None:
            self._append(self._control[0], self._control[1], kind, value)
            self._control = None

    def _add_field(self, attributes: dict[str, str], kind: str, value: str | None) -> None:
        form = self._form_of(attributes)
        if form is not None:
            self._append(form, attributes, kind, value)

    def _append(self, form: Form, attributes: dict[str, str], kind: str, value: str | None) -> None:
        if attributes.get("name") and "disabled" not in attributes:
            form.fields.append(Field(attributes["name"], kind, value, attributes))

    def _add_button(self, attributes: dict[str, str], words: str) -> Button:
        button = Button(attributes.get("name", ""), attributes.get("value", ""), words)
        form = self._form_of(attributes)
        if form is not None and "disabled" not in attributes:
            form.buttons.append(button)
        return button

    def _form_of(self, attributes: dict[str, str]) -> Form | None:
        if "form" in attributes:
            named = [form for form in self.forms if form.attributes.get("id") == attributes["form"]]
            return named[0] if named else None
        return self._form


def _as_list(value: str | Sequence[str] | None) -> Iterable[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


def _squeeze(pieces: Iterable[str]) -> str:
    return " ".join("".join(pieces).split())
