"""What a gate checks when it starts: each error is a `ConfigurationError` that says what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pluggy
import pytest

from tests.core.stepping import KEY, Host, World
from twofa_gate import (
    AfterCutoff,
    ConfigurationError,
    Enforcement,
    Event,
    Gate,
    GateRequest,
    Policy,
    Stored,
    StoreError,
    User,
    hookimpl,
)
from twofa_gate.core.cookies import HostCookie
from twofa_gate.gate import initializing
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.stores.sqlite import SQLiteStore
from twofa_gate.wsgi import TwoFactorMiddleware

REQUIRED = Policy(Enforcement.REQUIRED)


def gate(*plugins: object, **settings: Any) -> Gate:
    """Make a gate that starts, but for what is given."""
    given: dict[str, Any] = {
        "secret_keys": [KEY],
        "issuer": "Acme",
        "plugins": [Host(), MemoryStore(), *plugins],
    }
    return Gate(**{**given, **settings})


def test_it_starts() -> None:
    """With keys, issuer, a host and a store a gate starts, with the settings of the reference."""
    made = gate().settings
    assert (made.realm, made.mount, made.revocation_lag, made.reminder) == ("main", "/2fa", 1.0, "banner")
    assert (made.cookies.secure, made.cookies.samesite) == (True, "Lax")
    assert (made.void_before, made.report_only_until, made.default_policy) == (None, None, None)


NAIVE = datetime(2027, 1, 4)  # noqa: DTZ001 - naive on purpose
AN_ORIGIN = r"is not an origin; write it like \"https://app\.example\.com\""
SETTINGS: list[tuple[str, Any, str]] = [
    ("secret_keys", [], r"secret_keys must be a list of strings.*`twofa-gate keygen`"),
    ("secret_keys", KEY, r"secret_keys must be a list of strings"),
    ("secret_keys", [""], r"at least 32 bytes.*`twofa-gate keygen`"),
    ("secret_keys", [KEY, "short"], r"at least 32 bytes"),
    ("issuer", "", r"issuer must be the name that the authenticator app shows"),
    ("issuer", "  ", r"issuer must be"),
    ("issuer", "a:b", r"without a colon"),
    ("issuer", "a\nb", r"issuer must be"),
    ("issuer", None, r"issuer must be"),
    ("realm", "", r"realm must be 1 to 32 lower-case letters"),
    ("realm", "Main", r"realm must be"),
    ("realm", "a/b", r"realm must be"),
    ("realm", "x" * 33, r"realm must be"),
    ("realm", "main\n", r"realm must be"),
    ("realm", None, r"realm must be"),
    ("policy", Enforcement.REQUIRED, r"policy must be a Policy, such as Policy\(Enforcement\.REQUIRED\)"),
    ("policy", "required", r"policy must be a Policy"),
    ("mount", "/", r"mount must be a plain path without a slash at its end, such as \"/2fa\""),
    ("mount", "", r"mount must be"),
    ("mount", "2fa", r"mount must be"),
    ("mount", "/2fa/", r"mount must be"),
    ("mount", "/a/../b", r"mount must be"),
    ("mount", "/2fa;x", r"mount must be"),
    ("mount", None, r"mount must be"),
    ("public", ["/"], r"public: \"/\" would cover the whole application; name the paths one by one"),
    ("public", "/static/", r"public must be a list of paths"),
    ("public", ["static/"], r"public: 'static/' is not a plain path; write it like"),
    ("public", ["/static/*"], r"public: '/static/\*' is not a plain path"),
    ("login_paths", ["/"], r"login_paths: \"/\" would cover"),
    ("login_paths", ["/log in"], r"login_paths: '/log in' is not a plain path"),
    ("logout_paths", ["/"], r"logout_paths: \"/\" would cover"),
    ("logout_paths", "/logout", r"logout_paths must be a list"),
    ("session_cookies", "session", r"session_cookies must be a list"),
    ("session_cookies", [5], r"session_cookies holds names, or tuples of name, path and domain"),
    ("session_cookies", [("a", "/", None, "x")], r"session_cookies holds names"),
    ("session_cookies", [{"nam": "a"}], r"session_cookies holds names"),
    ("session_cookies", [""], r"session_cookies: '' is not the name, path and domain"),
    ("session_cookies", [("a", 5)], r"is not the name, path and domain"),
    ("session_cookies", ["a\r\nSet-Cookie: b"], r"is not the name, path and domain"),
    ("session_cookies", ["a; Domain=x"], r"is not the name, path and domain"),
    ("origins", "https://app.example.com", r"origins must be a list"),
    ("origins", ["app.example.com"], AN_ORIGIN),
    ("origins", ["https://"], AN_ORIGIN),
    ("origins", ["https://x/"], AN_ORIGIN),
    ("origins", ["https://x?y"], AN_ORIGIN),
    ("origins", ["https://a@x"], AN_ORIGIN),
    ("origins", ["ftp://x"], AN_ORIGIN),
    ("origins", ["*"], AN_ORIGIN),
    ("origins", [None], AN_ORIGIN),
    ("cookie_name", "", r"cookie_name must be 1 to 32 letters"),
    ("cookie_name", "a b", r"cookie_name must be"),
    ("cookie_name", "x" * 33, r"cookie_name must be"),
    ("cookie_name", None, r"cookie_name must be"),
    ("cookie_samesite", "lax", r"cookie_samesite must be one of Lax, Strict, None"),
    ("cookie_samesite", None, r"cookie_samesite must be one of"),
    ("revocation_lag", timedelta(seconds=-1), r"must be a timedelta, or a number of seconds, of zero or more"),
    ("revocation_lag", "1", r"revocation_lag must be"),
    ("revocation_lag", True, r"revocation_lag must be"),
    ("revocation_lag", float("nan"), r"revocation_lag must be"),
    ("revocation_lag", float("inf"), r"revocation_lag must be"),
    ("hook_timeout", timedelta(0), r"hook_timeout must be .* above zero"),
    ("hook_timeout", 0, r"hook_timeout must be"),
    ("hook_timeout", None, r"hook_timeout must be"),
    ("void_before", NAIVE, r"void_before must be a datetime with a time zone, such as datetime\(2027"),
    ("void_before", 5, r"void_before must be a datetime with a time zone"),
    ("report_only_until", NAIVE, r"report_only_until must be a datetime with a time zone"),
    ("reminder", "popup", r"reminder must be one of banner, context"),
    ("plugins", None, r"plugins must be a list of plugin objects"),
    ("plugins", "host", r"plugins must be a list"),
    ("plugins", Host(), r"plugins must be a list"),
    ("plugins", [], r"No plugin implements load, save, scan: add a store, such as SQLiteStore"),
    ("plugins", [Host()], r"No plugin implements load, save, scan: add a store"),
    ("plugins", [MemoryStore()], r"No plugin implements identify: the gate has to be told who"),
    ("plugins", [Host, MemoryStore()], r"The plugin Host is a class: give an object of it, Host\(\.\.\.\)"),
    ("plugins", [Host(), MemoryStore(), MemoryStore()], r"Only one plugin may implement load, but MemoryStore, Mem"),
    ("plugins", [Host(), Host(), MemoryStore()], r"Only one plugin may implement locate, but Host, Host do"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    SETTINGS,
    ids=[f"{name}-{index}" for index, (name, *_) in enumerate(SETTINGS)],
)
def test_setting_is_refused(setting: str, value: Any, message: str) -> None:
    """A setting that can't work is refused at start, by a message that names it and says what to do."""
    with pytest.raises(ConfigurationError, match=message):
        gate(**{setting: value})


def test_unknown_and_positional_settings() -> None:
    """A misspelt setting is no setting, and none is given by its place."""
    with pytest.raises(TypeError):
        gate(polices=REQUIRED)
    with pytest.raises(TypeError):
        Gate([KEY], "Acme", [])  # type: ignore[call-arg]  # it is what must not be possible


@pytest.mark.parametrize("lag", [0, 0.5, 2, timedelta(0), timedelta(minutes=1)])
def test_spans_are_timedeltas_or_seconds(lag: Any) -> None:
    """A span is given as a timedelta or in seconds."""
    expected = lag.total_seconds() if isinstance(lag, timedelta) else lag
    assert gate(revocation_lag=lag).settings.revocation_lag == expected


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [
        ("session", HostCookie("session")),
        (("session", "/app"), HostCookie("session", "/app")),
        (["session", "/app", "example.com"], HostCookie("session", "/app", "example.com")),
        ({"name": "session", "domain": "example.com"}, HostCookie("session", "/", "example.com")),
        (HostCookie("session"), HostCookie("session")),
    ],
)
def test_session_cookies(cookie: Any, expected: HostCookie) -> None:
    """A session cookie is a name, a tuple, or a table of a configuration file."""
    assert gate(session_cookies=[cookie]).settings.session_cookies == (expected,)


def test_origins_are_compared_without_case() -> None:
    """Origins are kept in lower case, a port included."""
    assert gate(origins=["https://App.Example.com:8443"]).settings.origins == {"https://app.example.com:8443"}


def test_plugins_from_a_generator() -> None:
    """Plugins may come from anything that yields them."""
    assert len(gate(plugins=(each for each in [Host(), MemoryStore()])).plugins) == 2


# policies


class Silent:
    """A host without any opinion on policies."""

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """Know nobody."""
        return None


def test_no_policy_at_all() -> None:
    """With neither a policy hook nor a policy the gate refuses to start."""
    with pytest.raises(ConfigurationError, match=r"There is no policy: give a plugin with a policy hook"):
        gate(plugins=[Silent(), MemoryStore()])
    assert gate(plugins=[Silent(), MemoryStore()], policy=REQUIRED).settings.default_policy is REQUIRED


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cutoff": NAIVE}, r"Policy\.cutoff must be a datetime with a time zone"),
        ({"after_cutoff": AfterCutoff.DENY}, r"DENY needs a cutoff"),
        ({"methods": set()}, r"Policy\.methods must hold at least one Method"),
        ({"max_age": timedelta(0)}, r"Policy\.max_age must be a timedelta above zero"),
    ],
)
def test_policy_is_refused_where_it_is_made(fields: dict[str, Any], message: str) -> None:
    """A policy that can't work is refused by the same error."""
    with pytest.raises(ConfigurationError, match=message):
        gate(policy=Policy(Enforcement.REQUIRED, **fields))


# hooks


def test_misspelt_hook() -> None:
    """A method that is marked and is no hook is named."""

    class Misspelt(Host):
        @hookimpl
        def identfy(self, request: GateRequest) -> None:
            """Be misspelt."""

    with pytest.raises(ConfigurationError, match=r"not a hook; is it misspelt.*identfy"):
        gate(plugins=[Misspelt(), MemoryStore()])


def test_unknown_argument() -> None:
    """A hook that asks for an argument that isn't there is named, with it."""

    class Asking(Host):
        @hookimpl
        def on_event(self, evnt: Event) -> None:
            """Ask for another name."""

    with pytest.raises(ConfigurationError, match=r"(?s)The plugin Asking does not fit.*evnt"):
        gate(plugins=[Asking(), MemoryStore()])


def test_same_plugin_twice() -> None:
    """An object that is listed twice is named."""
    host = Host()
    with pytest.raises(ConfigurationError, match=r"The plugin <.*Host object.*> is listed twice"):
        gate(plugins=[host, host, MemoryStore()])


def test_hook_wrapper() -> None:
    """A hook wrapper could change an answer, so none is taken."""
    wrapping = pluggy.HookimplMarker("twofa_gate")(wrapper=True)

    class Wrapper:
        @wrapping
        def identify(self, request: GateRequest) -> Any:
            """Wrap."""
            return (yield)

    with pytest.raises(ConfigurationError, match=r"Wrapper\.identify is a hook wrapper; the gate takes none"):
        gate(Wrapper())


class Loads:
    """The one half of a store."""

    @hookimpl
    def load(self, key: str) -> Stored | None:
        """Have nothing."""
        return None

    @hookimpl
    def scan(self, prefix: str, after: str | None, limit: int) -> list[str]:
        """Have nothing."""
        return []


class Saves:
    """The other half."""

    @hookimpl
    def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        """Save nothing."""
        return False


def test_store_in_parts() -> None:
    """The three storage hooks belong to one object, and none of them may be missing."""
    with pytest.raises(
        ConfigurationError, match=r"load, save and scan must be implemented by one and the same"
    ):
        gate(plugins=[Host(), Loads(), Saves()])
    with pytest.raises(ConfigurationError, match=r"No plugin implements save: add a store"):
        gate(plugins=[Host(), Loads()])


class Slow(Host):
    """A host that has to be awaited."""

    @hookimpl
    async def is_logout(self, request: GateRequest) -> bool:
        """Say no, later."""
        return False


def test_async_hook_under_wsgi() -> None:
    """Under WSGI an `async def` hook is an error at start that names it."""
    made = gate(plugins=[Slow(), MemoryStore()])
    with pytest.raises(
        ConfigurationError, match=r"Under WSGI hooks must be plain functions, but Slow\.is_logout is async"
    ):
        TwoFactorMiddleware(lambda environ, start: [b""], made)


# the store


def test_store_that_was_not_taken_into_use(tmp_path: Path) -> None:
    """An empty store is an error that says what to do; `initialize`, or `init`, takes it into use."""
    path = tmp_path / "2fa.db"
    for _ in range(2):
        with pytest.raises(
            ConfigurationError, match=r"run `twofa-gate init` once .*initialize=True.*right database"
        ):
            gate(plugins=[Host(), SQLiteStore(path)])
    made = gate(plugins=[Host(), SQLiteStore(path)], initialize=True)
    assert made.newly_installed
    made.close()
    again = gate(plugins=[Host(), SQLiteStore(path)])
    assert not again.newly_installed
    again.close()
    with pytest.raises(ConfigurationError, match=r"realm 'other'"):
        gate(plugins=[Host(), SQLiteStore(path)], realm="other")


def test_initializing_as_the_command_does(tmp_path: Path) -> None:
    """Gates made inside `initializing` take an empty store into use; later ones don't."""
    with initializing():
        gate(plugins=[Host(), SQLiteStore(tmp_path / "a.db")]).close()
    gate(plugins=[Host(), SQLiteStore(tmp_path / "a.db")]).close()
    with pytest.raises(ConfigurationError):
        gate(plugins=[Host(), SQLiteStore(tmp_path / "b.db")])


def test_store_that_is_down_at_start() -> None:
    """A store that can't answer at start is its own error, and no gate is made."""

    class Down(MemoryStore):
        @hookimpl
        def load(self, key: str) -> Stored | None:
            """Fail."""
            raise StoreError("down")

    with pytest.raises(StoreError, match="down"):
        gate(plugins=[Host(), Down()])


class Awaited(MemoryStore):
    """A store that has to be awaited."""

    @hookimpl
    async def load(self, key: str) -> Stored | None:  # type: ignore[override]  # as an asynchronous store has it
        """Load, later."""
        return MemoryStore.load(self, key)


def test_asynchronous_store_is_checked_later() -> None:
    """An asynchronous store can't be asked at start; its operations have to be awaited."""
    made = gate(plugins=[Host(), Awaited()])
    assert made.pending_check is not None
    with pytest.raises(
        ConfigurationError, match=r"await gate\.astatus\(\.\.\.\) instead of gate\.status\(\.\.\.\)"
    ):
        made.status("u1")
    assert gate().pending_check is None


# operations


OPERATIONS: list[tuple[str, dict[str, Any]]] = [
    ("status", {}),
    ("reset", {"by": "kim", "reason": "lost"}),
    ("revoke", {}),
    ("unlock", {"by": "kim"}),
    ("forget", {}),
]


@pytest.mark.parametrize(("name", "options"), OPERATIONS)
def test_operations_and_their_twins_do_the_same(name: str, options: dict[str, Any]) -> None:
    """Each operation and its twin leave the same account behind, and return the same."""
    results = []
    for twin in (False, True):
        world = World()
        world.enrolled()
        world.verified()
        operation: Callable[..., Any] = getattr(world.gate, f"a{name}" if twin else name)
        returned = operation("u1", **options)
        if twin:
            returned = asyncio.run(returned)
        account = world.account()
        results.append((returned, None if account is None else account.but(extensions=())))
    assert results[0] == results[1]


@pytest.mark.parametrize("options", [{"by": "", "reason": "x"}, {"by": "kim", "reason": ""}])
def test_reset_is_on_the_record(options: dict[str, Any]) -> None:
    """A reset says by whom and why, and gives no negative time."""
    with pytest.raises(ValueError, match="on the record"):
        gate().reset("u1", **options)
    with pytest.raises(ValueError, match="zero or more"):
        gate().reset("u1", by="kim", reason="x", extension=timedelta(seconds=-1))


def test_extension_of_a_reset() -> None:
    """A reset gives 48 hours unless it says otherwise."""
    world = World()
    world.enrolled()
    before = datetime.now(UTC).timestamp()
    world.gate.reset("u1", by="kim", reason="lost")
    account = world.account()
    assert account is not None
    assert account.extensions[0].until - before == pytest.approx(48 * 3600, abs=60)


# closing


class Closing(Silent):
    """A plugin that notes how it was closed."""

    def __init__(self) -> None:
        self.closed: list[str] = []

    def close(self) -> None:
        """Note it."""
        self.closed.append("close")


class ClosingLater(Closing):
    """One that can be closed in both ways."""

    async def aclose(self) -> None:
        """Note it."""
        self.closed.append("aclose")


class OnlyLater:
    """One whose `close` has to be awaited, which nobody can do without a loop."""

    closed = False

    async def close(self) -> None:
        """Note it."""
        self.closed = True


def test_close() -> None:
    """`close` and `aclose` release what plugins hold, each in the way that the plugin has."""
    plain, later, only = Closing(), ClosingLater(), OnlyLater()
    made = gate(plain, later, only)
    made.close()
    assert (plain.closed, later.closed, only.closed) == (["close"], ["close"], False)
    asyncio.run(gate(plain, later).aclose())
    assert (plain.closed, later.closed) == (["close", "close"], ["close", "aclose"])
    gate().close()


def test_close_that_has_to_be_awaited() -> None:
    """`aclose` awaits a plugin's asynchronous `close` too."""
    only = OnlyLater()
    asyncio.run(gate(only).aclose())
    assert only.closed


def test_plain_http_is_warned_about() -> None:
    """`cookie_secure=False` warns, at the line that made the gate, and refuses SameSite=None."""
    with pytest.warns(UserWarning, match="development over plain http only") as caught:
        gate(cookie_secure=False)
    assert caught[0].filename == __file__
    with pytest.raises(ConfigurationError, match="leave cookie_secure on"):
        gate(cookie_secure=False, cookie_samesite="None")
    assert gate(cookie_samesite="None").settings.cookies.samesite == "None"


class NamesOneHeader:
    """A plugin that names its header as a string."""

    credential_headers = "X-User"


def test_credential_headers_are_a_list() -> None:
    """A string would be read letter by letter, so it refuses to start."""
    with pytest.raises(ConfigurationError, match="list of header names"):
        gate(NamesOneHeader())


def test_a_missing_template_folder_refuses_to_start(tmp_path: Path) -> None:
    """Templates that are not there are not quietly the built-in ones."""
    with pytest.raises(ConfigurationError, match="is not a folder"):
        gate(templates=str(tmp_path / "nothing"))
