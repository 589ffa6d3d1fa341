"""Which requests a list of paths speaks of."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.stepping import Request
from twofa_gate.core.paths import PathRules, below
from twofa_gate.errors import ConfigurationError

RULES = PathRules(["/static/", "/a/b/", "/login", "/robots.txt"], setting="public")


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/x",
        "/static/x/y.css",
        "/a/b/",
        "/a/b/c",
        "/login",
        "/robots.txt",
        "/static/@1~x,y",
    ],
)
def test_listed(path: str) -> None:
    """Exact paths, and everything below a tree, are listed."""
    assert RULES.match(Request(path))


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/static", "/staticfoo", "/static.css", "/a/", "/a/b", "/a/bc/", "/login/", "/loginx", "/login ",
        "/LOGIN", "/Static/x", "static/x", "//static/x", "/static//x", "/static/../x", "/static/..", "/static/.",
        "/static/./x", "/static/...", "/static/x/../../y", "/static\\..\\x", "/static/x;y",
        "/static/\x00", "/static/\n",
        "/static/%2e%2e/x", "/static/x%2fy", "/static/ü", "/static/x ", "/x/static/y", "/static/\uff0e\uff0e/x", "*",
        "/static/..;/x", "/robots.txt/", "/robots.txt\x00", "/static/#/../x", "/static/?",
    ],
)  # fmt: skip
def test_not_listed(path: str) -> None:
    """What only looks like a listed path, or is read in different ways, is not listed."""
    assert not RULES.match(Request(path))


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("/static/x", True), ("/static/%41", True), ("/static/%2e%2e/app", False), ("/static/..%2Fapp", False),
        ("/static/%2E", False), ("/%73tatic/x", True), (None, True), ("/app/../static/x", False), ("//static/x", False),
        ("/static//x", False), ("/static/x#/../app", False), ("/app\\../static/x", False), ("/static/x/.", False),
        ("http://app.test/static/x", True), ("/mounted/static/x", True), ("static/x", False),
    ],
)  # fmt: skip
def test_encoded_separators(raw: str | None, plain: bool) -> None:
    """Where the server tells the raw path, one in which it resolved, merged or cut off something is not listed."""
    assert RULES.match(Request("/static/x", raw_path=raw)) is plain


@given(st.text(alphabet="/.ast\\%;2eE \u00e9", max_size=12))
def test_never_out_of_the_tree(tail: str) -> None:
    """Whatever follows a tree's name, what is listed resolves to a path below it, in every reading."""
    path = "/static/" + tail
    if not RULES.match(Request(path)):
        return
    for text in (path, path.replace("\\", "/")):
        parts = text.split("/")[2:]
        assert ".." not in parts
        assert "." not in parts
        assert "%" not in text
        assert ";" not in text


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "static/",
        "/static//",
        "/static/../x",
        "/a;b",
        "/a\\b",
        "/%73tatic/",
        "/ü/",
        "/a b",
        "*",
        "/*",
        None,
        5,
        b"/x",
    ],
)
def test_odd_entries_are_refused(entry: Any) -> None:
    """An entry that is no plain path is an error that shows how to write it."""
    with pytest.raises(ConfigurationError, match=r'public: .* is not a plain path; write it like "/static/"'):
        PathRules([entry], setting="public")


def test_everything_is_refused() -> None:
    """`/` would cover everything."""
    with pytest.raises(ConfigurationError, match='public: "/" would cover the whole application'):
        PathRules(["/"], setting="public")


def test_string_is_no_list() -> None:
    """A bare string isn't taken for a list of letters."""
    with pytest.raises(ConfigurationError, match="login_paths must be a list of paths"):
        PathRules("/login", setting="login_paths")


def test_empty_list() -> None:
    """No entries list nothing."""
    assert not PathRules()
    assert PathRules(["/x"])
    assert PathRules(["/x/"])
    assert not PathRules().match(Request("/x/y"))


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/2fa", ""), ("/2fa/", "/"), ("/2fa/challenge", "/challenge"), ("/2fafoo", None), ("/2FA/", None),
        ("/x/2fa/", None), ("/2fa/../x", None), ("//2fa/", None), ("/2fa//x", None), ("/", None), ("", None),
    ],
)  # fmt: skip
def test_below_the_mount(path: str, rest: str | None) -> None:
    """The gate's pages are at its mount and below, and only where every reader reads the path alike."""
    assert below("/2fa", Request(path)) == rest


def test_mount_is_relative_to_the_application() -> None:
    """A prefix equal to the mount, or to a listed path, doesn't count."""
    assert below("/2fa", Request("/x", prefix="/2fa")) is None
    assert not RULES.match(Request("/x", prefix="/static"))
