"""The public names: whatever is pinned here is what users rely on."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import twofa_gate
from twofa_gate import core, errors, hooks, model

PUBLIC = {
    # the gate, and marking hooks
    "Gate", "hookimpl",
    # values
    "AccountStatus", "AfterCutoff", "Context", "Credential", "Decision", "Enforcement", "Enrollment", "Event",
    "EventKind", "GateRequest", "Method", "Policy", "Reminder", "Stored", "Tokens", "User",
    # errors
    "AmbiguousCookie", "BadRequest", "ConfigurationError", "ContentionError", "DocumentError", "GateError", "HookError",
    "NotFoundError", "SealError", "StoreError",
}  # fmt: skip

SETTINGS = {
    "secret_keys": inspect.Parameter.empty, "issuer": inspect.Parameter.empty, "plugins": inspect.Parameter.empty,
    "policy": None, "realm": "main", "initialize": False, "mount": "/2fa", "public": (), "login_paths": (),
    "logout_paths": (), "login_url": None, "logout_url": None, "support": None, "session_cookies": (), "origins": (),
    "cookie_secure": True, "cookie_name": "twofa", "cookie_samesite": "Lax", "void_before": None,
    "report_only_until": None, "reminder": "banner", "templates": None, "brand_name": None, "brand_logo": None,
    "brand_color": None,
}  # fmt: skip

IMPORTABLE = {
    "twofa_gate.wsgi": ["TwoFactorMiddleware"],
    "twofa_gate.asgi": ["TwoFactorMiddleware"],
    "twofa_gate.stores.memory": ["MemoryStore"],
    "twofa_gate.stores.sqlite": ["SQLiteStore"],
    "twofa_gate.stores.sql": ["SQLStore"],
    "twofa_gate.stores.redis": ["RedisStore"],
}

OPERATIONS = ["status", "reset", "revoke", "unlock", "forget", "adoption"]


def test_names_at_the_top_level() -> None:
    """The top level has these names and no others, each of them there and sorted."""
    assert set(twofa_gate.__all__) == PUBLIC
    assert len(twofa_gate.__all__) == len(PUBLIC)
    assert all(hasattr(twofa_gate, name) for name in PUBLIC)


def test_every_name_says_what_it_is() -> None:
    """Each public name has a docstring."""
    for name in PUBLIC:
        assert inspect.getdoc(getattr(twofa_gate, name)), name


@pytest.mark.parametrize("name", sorted(set(errors.__all__)))
def test_errors_are_in_one_tree(name: str) -> None:
    """Each error is public, derives from `GateError`, and is drawn in the tree."""
    error = getattr(twofa_gate, name)
    assert issubclass(error, twofa_gate.GateError)
    assert name in (errors.__doc__ or "")


def test_settings_of_the_gate() -> None:
    """The gate takes these settings by keyword alone, with these defaults."""
    given = inspect.signature(twofa_gate.Gate).parameters
    assert all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in given.values())
    assert {name: each.default for name, each in given.items() if name in SETTINGS} == SETTINGS
    assert set(given) == set(SETTINGS) | {"revocation_lag", "hook_timeout"}
    assert str(given["revocation_lag"].default) == "0:00:01"
    assert str(given["hook_timeout"].default) == "0:00:10"


@pytest.mark.parametrize(("module", "names"), IMPORTABLE.items())
def test_importable_where_the_reference_says(module: str, names: list[str]) -> None:
    """Middleware and stores are importable at their paths."""
    imported = __import__(module, fromlist=names)
    for name in names:
        assert inspect.isclass(getattr(imported, name))


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_have_twins(name: str) -> None:
    """Each operation has a twin with the same arguments, to be awaited."""
    plain: Any = getattr(twofa_gate.Gate, name)
    twin: Any = getattr(twofa_gate.Gate, f"a{name}")
    assert inspect.signature(plain).parameters == inspect.signature(twin).parameters
    assert inspect.iscoroutinefunction(twin) or inspect.isasyncgenfunction(twin)


def test_values_of_the_model() -> None:
    """The members by which policies, users and decisions are written and stored keep their names and values."""
    members = {
        kind.__name__: {each.name: each.value for each in kind}
        for kind in (
            model.Enforcement,
            model.AfterCutoff,
            model.Tokens,
            model.Method,
            model.Credential,
            model.Decision,
        )
    }
    assert members == {
        "Enforcement": {"OFF": "off", "OPTIONAL": "optional", "REQUIRED": "required"},
        "AfterCutoff": {"ENROLL": "enroll", "DENY": "deny"},
        "Tokens": {"REFUSE": "refuse", "ALLOW": "allow"},
        "Method": {"TOTP": "totp", "RECOVERY_CODE": "recovery_code"},
        "Credential": {"SESSION": "session", "PASSWORD": "password", "TOKEN": "token"},
        "Decision": {
            "PASS": "pass",
            "REMIND": "remind",
            "CHALLENGE": "challenge",
            "ENROLL": "enroll",
            "DENY": "deny",
            "UNAVAILABLE": "unavailable",
        },
    }


def test_hooks_are_these() -> None:
    """The hooks keep their names and arguments."""
    named = {
        name: tuple(inspect.signature(function).parameters)[1:]
        for kind in (hooks.HostHooks, hooks.StoreHooks)
        for name, function in vars(kind).items()
        if inspect.isfunction(function)
    }
    assert named == {
        "identify": ("request",),
        "locate": ("request", "user"),
        "policy": ("location", "user"),
        "is_logout": ("request",),
        "load": ("key",),
        "save": ("key", "document", "version", "expected"),
        "scan": ("prefix", "after", "limit"),
        "user_locations": ("user",),
        "location_members": ("location",),
        "may_administer": ("user", "location"),
        "may_reset": ("user", "member", "location"),
        "language": ("request", "user"),
        "on_event": ("event",),
    }


@pytest.mark.parametrize("module", ["starlette", "anyio", "sqlalchemy", "redis", "flask", "django"])
def test_nothing_optional_is_imported(module: str) -> None:
    """The top level and the WSGI side need no extra: Flask teams don't have Starlette installed."""
    code = f"import sys; sys.modules[{module!r}] = None; import twofa_gate, twofa_gate.wsgi, twofa_gate.stores.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


CORE = Path(core.__path__[0])
FOREIGN = {
    "anyio", "asyncio", "django", "flask", "http", "os", "random", "redis", "secrets", "socket", "sqlalchemy",
    "sqlite3", "starlette", "threading", "time", "urllib.request", "wsgiref",
    "twofa_gate.adapters", "twofa_gate.gate", "twofa_gate.hosts", "twofa_gate.stores",
}  # fmt: skip


def imported(path: Path) -> set[str]:
    """Name every module that a file imports, in functions too, with what it is part of."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module)
            names.update(f"{node.module}.{each.name}" for each in node.names)
    return {".".join(name.split(".")[:depth]) for name in names for depth in range(1, name.count(".") + 2)}


@pytest.mark.parametrize("path", sorted(CORE.glob("*.py")), ids=lambda path: path.stem)
def test_core_does_no_io(path: Path) -> None:
    """No module of the core imports a clock, a random source, a web stack, a database, or a driver."""
    assert imported(path) & FOREIGN == set()
