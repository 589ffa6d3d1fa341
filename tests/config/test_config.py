"""A gate without code: the TOML file, its errors, and real servers that run from it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.http import PlainBrowser
from tests.support.servers import gunicorn, uvicorn
from twofa_gate import ConfigurationError, Enforcement
from twofa_gate.config import load_config
from twofa_gate.config_lines import line_of

WHOLE = """\
application = "tests.config.legacy:flask_app"

[gate]
issuer = "Acme"
secret_keys = [{ env = "GATE_KEY" }, { file = "KEYFILE" }]
public = ["/static/"]
login_paths = ["/login"]
revocation_lag = "0s"
session_cookies = ["session", ["other", "/app"]]
initialize = true

[gate.policy]
enforcement = "required"
cutoff = 2020-01-04T00:00:00Z
max_age = "15m"
methods = ["totp"]

[[plugins]]
use = "flask"
user_id = "user"

[[plugins]]
use = "sqlite"
path = "STORE"
"""


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give a file that is right, its secrets in place."""
    (tmp_path / "old.key").write_text("o" * 40 + "\n")
    monkeypatch.setenv("GATE_KEY", "n" * 40)
    return WHOLE.replace("KEYFILE", str(tmp_path / "old.key")).replace("STORE", str(tmp_path / "2fa.db"))


def write(folder: Path, text: str) -> Path:
    """Write the file."""
    path = folder / "gate.toml"
    path.write_text(text)
    return path


def test_everything_is_set(tmp_path: Path, whole: str) -> None:
    """Settings, policy, plugins with options, and secrets from environment and file arrive at the gate."""
    configured = load_config(write(tmp_path, whole))
    settings = configured.gate.settings
    assert (settings.issuer, settings.revocation_lag, configured.inside) == ("Acme", 0.0, False)
    assert settings.default_policy is not None
    assert settings.default_policy.enforcement is Enforcement.REQUIRED
    assert settings.default_policy.max_age == timedelta(minutes=15)
    assert [(each.name, each.path) for each in settings.session_cookies] == [
        ("session", "/"),
        ("other", "/app"),
    ]
    configured.gate.close()


@pytest.mark.parametrize(
    ("before", "after", "line", "says"),
    [
        ('issuer = "Acme"', 'issuerr = "Acme"', 4, "issuerr: is not a setting"),
        ("[gate]", "[gate]\nreminder = 'flag'", 4, "reminder must be one of"),
        ('max_age = "15m"', 'max_age = "15 minutes"', 15, 'like "30s"'),
        ("2020-01-04T00:00:00Z", "2020-01-04T00:00:00", 12, "time zone"),
        ('enforcement = "required"', 'enforcement = "must"', 13, "must"),
        ('use = "sqlite"', 'use = "sqllite"', 23, "not installed"),
        ('user_id = "user"', 'user = "user"', 19, "user"),
        ('use = "flask"', "", 18, "must name a plugin"),
        ('{ env = "GATE_KEY" }', '{ env = "NO_SUCH" }', 5, "NO_SUCH is not set"),
        ('{ env = "GATE_KEY" }', '"short"', 3, "at least 32 bytes"),
        ('public = ["/static/"]', 'public = ["/"]', 6, "would cover the whole"),
        ("tests.config.legacy:flask_app", "tests.config.legacy:nothing", 1, "can't be imported"),
        ('application = "tests.config.legacy:flask_app"', "app = 1", 1, "app: is not known"),
        ('application = "tests.config.legacy:flask_app"', 'place = "x"', None, "application"),
    ],
)
def test_errors_point_at_the_line(
    tmp_path: Path, whole: str, before: str, after: str, line: int | None, says: str
) -> None:
    """Whatever is wrong, the error names the file, the line, and what to do."""
    assert before in whole
    path = write(tmp_path, whole.replace(before, after, 1))
    with pytest.raises(ConfigurationError) as raised:
        load_config(path)
    place = f"{path}:{line}: " if line is not None else f"{path}: "
    assert str(raised.value).startswith(place), str(raised.value)
    assert says in str(raised.value)


def test_no_file_and_no_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file, or with one that isn't TOML, the error says what is missing and where."""
    monkeypatch.delenv("TWOFA_GATE_CONFIG", raising=False)
    with pytest.raises(ConfigurationError, match="Set TWOFA_GATE_CONFIG"):
        load_config()
    with pytest.raises(ConfigurationError, match="can't be read"):
        load_config(tmp_path / "nothing.toml")
    with pytest.raises(ConfigurationError, match="line 1"):
        load_config(write(tmp_path, "= what"))


def test_lines_of_tables_and_keys() -> None:
    """Keys are found in their own table, and the second `[[plugins]]` is not the first."""
    text = "a = 1\n[gate]\nx = 1\n[gate.policy] # here\nx = 2\n[[plugins]]\nuse = 1\n[[plugins]]\nuse = 2\nb.c = 3\n"
    assert line_of(text, ("a",)) == 1
    assert line_of(text, ("gate", "x")) == 3
    assert line_of(text, ("gate", "policy", "x")) == 5
    assert line_of(text, ("gate", "policy", "missing")) == 4
    assert line_of(text, ("plugins", 1, "use")) == 9
    assert line_of(text, ("plugins", 1, "b", "c")) == 10
    assert line_of(text, ("nothing",)) is None


def flow(url: str) -> None:
    """Log in and be sent to set up."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with PlainBrowser.on_server(url) as browser:
        assert browser.navigate("/").text == "hello nobody"
        assert browser.send("POST", "/login", content=b"user=ada", headers=form).status == 303
        assert "/2fa/enroll" in browser.navigate("/").location


@pytest.mark.e2e
def test_gunicorn_without_code(tmp_path: Path, whole: str) -> None:
    """`gunicorn twofa_gate.wsgi:application` serves an application that was not edited, gated."""
    env = {"TWOFA_GATE_CONFIG": str(write(tmp_path, whole)), "GATE_KEY": "n" * 40}
    with gunicorn("twofa_gate.wsgi:application", env=env, workers=2) as server:
        flow(server.url)


@pytest.mark.e2e
def test_uvicorn_without_code_inside(tmp_path: Path, whole: str) -> None:
    """`uvicorn twofa_gate.asgi:application` puts the gate inside a Starlette application's SessionMiddleware."""
    text = whole.replace("flask_app", "starlette_app").replace('use = "flask"', 'use = "starlette"')
    env = {"TWOFA_GATE_CONFIG": str(write(tmp_path, 'place = "inside"\n' + text)), "GATE_KEY": "n" * 40}
    with uvicorn("twofa_gate.asgi:application", env=env) as server:
        flow(server.url)
