"""The host's name, logo and color on the pages: refused where they can't be shown well, and shown everywhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.config.test_config import WHOLE
from tests.core.stepping import KEY
from tests.docs.test_language_guides import come_as, opened
from tests.support.http import PlainBrowser
from twofa_gate import ConfigurationError, Enforcement, Gate, GateRequest, Policy, User, hookimpl
from twofa_gate.branding import MAX_LOGO, SCHEMES, contrast
from twofa_gate.config import load_config
from twofa_gate.stores.memory import MemoryStore

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8z"/></svg>'
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
COLORS = [
    f"#{r:02x}{g:02x}{b:02x}" for r in range(0, 256, 51) for g in range(0, 256, 51) for b in range(0, 256, 51)
]
CSS = (Path(__file__).parents[2] / "src" / "twofa_gate" / "pages" / "static" / "style.css").read_text()


class Host:
    """A host that knows people by a cookie."""

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """Be who the cookie says."""
        name = request.cookies.get("user")
        return User(name, name) if name else None


def gate(**settings: Any) -> Gate:
    """Make a gate."""
    given: dict[str, Any] = {"policy": Policy(Enforcement.REQUIRED), **settings}
    return Gate(secret_keys=[KEY], issuer="Acme", plugins=[Host(), MemoryStore()], **given)


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    """Draw a logo."""
    path = tmp_path / "logo.svg"
    path.write_text(SVG)
    return path


def begin(browser: PlainBrowser) -> str:
    """Open the page that begins, as Ada."""
    come_as(browser, "ada")
    return browser.navigate("/2fa/enroll").text


def linked(html: str, name: str) -> str:
    """Return the address under which a page asks for one of its files."""
    found = re.findall(rf'(?:href|src)="([^"]*/{re.escape(name)}[^"]*)"', html)
    assert len(found) == 1, found
    return str(found[0])


@pytest.mark.parametrize("driver", ["wsgi", "asgi"])
def test_name_logo_and_color_are_on_the_pages(driver: str, logo: Path) -> None:
    """The name is in the title and at the top, beside the logo; the color comes after the built-in style sheet."""
    made = gate(brand_name="Acme Ovens", brand_logo=logo, brand_color="#0a7d5c")
    with opened(made, driver) as browser:
        html = begin(browser)
        assert "· Acme Ovens</title>" in html
        drawn = linked(html, "logo.svg")
        assert f'<p class="brand"><img src="{drawn}" alt="">Acme Ovens</p>' in html
        assert html.index("static/style.css") < html.index("static/brand.css")
        image, style = browser.navigate(drawn), browser.navigate(linked(html, "brand.css"))
        assert (image.status, image.text, image.headers["content-type"]) == (200, SVG, "image/svg+xml")
        assert "sandbox" in image.headers["content-security-policy"]
        assert style.headers["content-type"].startswith("text/css")
        assert "--twofa-button: #0a7d5c" in style.text


@pytest.mark.parametrize("driver", ["wsgi", "asgi"])
def test_without_the_settings_nothing_changes(driver: str) -> None:
    """Without them the pages show the issuer and the built-in mark, and there is no further file."""
    with opened(gate(), driver) as browser:
        html = begin(browser)
        assert "· Acme</title>" in html
        assert "</svg>Acme</p>" in html
        assert "brand.css" not in html
        assert browser.navigate("/2fa/static/brand.css").status == 404
        assert browser.navigate("/2fa/static/logo.svg").status == 404


@pytest.mark.parametrize("driver", ["wsgi", "asgi"])
def test_only_what_has_its_version_is_kept(driver: str, logo: Path) -> None:
    """A file under its versioned address is kept by caches for good; under any other it is `no-store`."""
    with opened(gate(brand_logo=logo, brand_color="#0a7d5c"), driver) as browser:
        html = begin(browser)
        for name in ("style.css", "brand.css", "twofa.js", "logo.svg"):
            address = linked(html, name)
            assert browser.navigate(address).headers["cache-control"] == "public, max-age=31536000, immutable"
            for other in (address.partition("?")[0], address + "0", address.partition("=")[0] + "="):
                assert browser.navigate(other).headers["cache-control"] == "no-store"


def test_version_follows_the_content(logo: Path) -> None:
    """Another logo and another color have other addresses, so that no cache shows the old ones."""
    before = gate(brand_logo=logo, brand_color="#0a7d5c").settings.brand
    logo.write_text(SVG + " ")
    after = gate(brand_logo=logo, brand_color="#0a7d5d").settings.brand
    for one, other in ((before.logo, after.logo), (before.style, after.style)):
        assert one is not None
        assert other is not None
        assert one.version != other.version


def variables(css: str) -> list[dict[str, tuple[int, ...]]]:
    """Return the variables of each scheme of a style sheet that are colors."""
    schemes = css.split("@media")[1:]
    return [
        {
            name: tuple(bytes.fromhex(value))
            for name, value in re.findall(r"--twofa-([\w-]+): #(\w{6});", each)
        }
        for each in schemes
    ]


@pytest.mark.parametrize("color", COLORS)
def test_every_color_can_be_read(color: str) -> None:
    """Of every color, in both schemes: links keep 4.5:1 to each surface, buttons 3:1, and their text 4.5:1."""
    style = gate(brand_color=color).settings.brand.style
    assert style is not None
    for found, scheme in zip(variables(style.body.decode()), SCHEMES, strict=True):
        values: Any = found
        for surface in (*scheme.surfaces, values["info-bg"]):
            assert contrast(values["accent"], surface) >= 4.5
        for surface in scheme.surfaces:
            assert contrast(values["button"], surface) >= 3
        assert contrast(values["on-button"], values["button"]) >= 4.5


@pytest.mark.parametrize(
    ("color", "text"),
    [("#0a7d5c", "#ffffff"), ("#ffd400", "#000000"), ("#ff0000", "#000000"), ("#000080", "#ffffff")],
)
def test_text_on_buttons(color: str, text: str) -> None:
    """The text on buttons is white, and black where white can't be read."""
    style = gate(brand_color=color).settings.brand.style
    assert style is not None
    assert f"--twofa-on-button: {text}" in style.body.decode().split("@media")[1]


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [(0, 255, 21), (255, 255, 1), (0x77, 255, 4.48), (0x76, 255, 4.54)]
)
def test_contrast(one: int, other: int, ratio: float) -> None:
    """The contrast ratio is that of WCAG: known values of grays on white."""
    assert contrast((one, one, one), (other, other, other)) == pytest.approx(ratio, abs=0.005)


def test_surfaces_are_those_of_the_style_sheet() -> None:
    """What the contrast is reckoned against are the backgrounds that the built-in style sheet has."""
    light, dark = CSS.split("@media (prefers-color-scheme: dark)", 1)
    for css, scheme in ((light, SCHEMES[0]), (dark, SCHEMES[1])):
        for name, wanted in zip(("surface", "bg"), scheme.surfaces, strict=True):
            found = re.search(rf"--twofa-{name}: #(\w+);", css)
            assert found
            digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])
            assert tuple(bytes.fromhex(digits)) == wanted


BAD: list[tuple[dict[str, Any], str]] = [
    ({"brand_color": "green"}, r"brand_color: 'green' is not a color; write it like \"#0a7d5c\""),
    ({"brand_color": "#0a7"}, r"brand_color: '#0a7' is not a color"),
    ({"brand_color": "#0a7d5c;}"}, r"is not a color"),
    ({"brand_color": "#0a7d5c\n"}, r"is not a color"),
    ({"brand_color": 0x0A7D5C}, r"is not a color"),
    ({"brand_name": " "}, r"brand_name must be the name that the pages show"),
    ({"brand_name": "a\nb"}, r"brand_name must be"),
    ({"brand_name": 5}, r"brand_name must be"),
    ({"brand_logo": "https://cdn.example.com/logo.svg"}, r"brand_logo: .* is not a file: it must be an SVG or PNG"),
    ({"brand_logo": "//cdn.example.com/logo.svg"}, r"is not a file"),
    ({"brand_logo": "data:image/svg+xml,x.svg"}, r"is not a file"),
    ({"brand_logo": 5}, r"is not a file"),
    ({"brand_logo": "logo.gif"}, r"brand_logo: 'logo.gif' ends in neither .svg nor .png"),
    ({"brand_logo": "/nowhere/logo.svg"}, r"brand_logo: '/nowhere/logo.svg' can't be read: No such file"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "message"), BAD)
def test_what_is_refused_at_start(settings: dict[str, Any], message: str) -> None:
    """What is no color, no name or no file of this machine stops the gate, with what to write instead."""
    with pytest.raises(ConfigurationError, match=message):
        gate(**settings)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("logo.svg", PNG, "is not what its name says"),
        ("logo.png", SVG.encode(), "is not what its name says"),
        ("logo.png", PNG + bytes(MAX_LOGO), "131,072 at most"),
    ],
)
def test_files_that_are_no_logo(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """A file that is something else than its name says, or too large, stops the gate."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        gate(brand_logo=tmp_path / name)


def test_png_is_served_as_one(tmp_path: Path) -> None:
    """A PNG is served as what it is."""
    (tmp_path / "mark.PNG").write_bytes(PNG)
    with opened(gate(brand_logo=tmp_path / "mark.PNG"), "wsgi") as browser:
        answer = browser.navigate(linked(begin(browser), "logo.png"))
        assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")


def test_from_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logo: Path) -> None:
    """The settings work in the TOML file, and an error points at its line."""
    monkeypatch.setenv("GATE_KEY", KEY)
    (tmp_path / "old.key").write_text("o" * 40)
    whole = WHOLE.replace("KEYFILE", str(tmp_path / "old.key")).replace("STORE", str(tmp_path / "2fa.db"))
    text = whole.replace(
        'issuer = "Acme"', f'issuer = "Acme"\nbrand_logo = "{logo}"\nbrand_color = "#0a7d5c"'
    )
    file = tmp_path / "gate.toml"
    file.write_text(text)
    loaded = load_config(file).gate
    assert loaded.settings.brand.style is not None
    assert loaded.settings.brand.logo is not None
    loaded.close()
    file.write_text(text.replace("#0a7d5c", "0a7d5c"))
    line = text.splitlines().index('brand_color = "#0a7d5c"') + 1
    with pytest.raises(ConfigurationError, match=rf"gate\.toml:{line}: gate\.brand_color: .*is not a color"):
        load_config(file)
