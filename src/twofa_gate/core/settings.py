"""What the core needs to know, as one value: checked and bound once, when the gate starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twofa_gate.core.effects import BoundHook, Flow
from twofa_gate.core.keys import KeyList
from twofa_gate.core.passes import PassCache
from twofa_gate.core.paths import PathRules, Ways
from twofa_gate.core.sealing import Sealer
from twofa_gate.core.server_clock import ServerClock
from twofa_gate.core.signing import ValueSigner
from twofa_gate.model import Policy

if TYPE_CHECKING:
    from twofa_gate.core.account import Account
    from twofa_gate.core.answer import Answer, Forward
    from twofa_gate.core.cookies import HostCookie
    from twofa_gate.core.decision import NamedPolicy
    from twofa_gate.core.reuse import Verdict
    from twofa_gate.locations import LocationSettings
    from twofa_gate.request import GateRequest

__all__ = ["CREDENTIAL_HEADERS", "BoundHooks", "Brand", "BrandFile", "CookieSettings", "Links", "Settings"]


CREDENTIAL_HEADERS = frozenset({"cookie", "authorization", "proxy-authorization"})


@dataclass(frozen=True, slots=True)
class BoundHooks:
    """Every hook's implementations. The optional providers are `None` where no plugin has them."""

    load: BoundHook
    save: BoundHook
    scan: BoundHook
    identify: tuple[BoundHook, ...]
    policy: tuple[BoundHook, ...]
    on_event: tuple[BoundHook, ...] = ()
    locate: BoundHook | None = None
    is_logout: BoundHook | None = None
    user_locations: BoundHook | None = None
    location_members: BoundHook | None = None
    may_administer: BoundHook | None = None
    may_reset: BoundHook | None = None
    language: BoundHook | None = None
    identify_in_place: bool = field(init=False)
    """Whether an event loop can ask who makes a request without a thread and without waiting."""
    in_place: bool = field(init=False)
    """Whether it can ask all that is asked of each request like that."""

    @property
    def live(self) -> bool:
        """Whether a session can change in the process without a cookie being set."""
        return any(hook.live for hook in self.identify)

    def __post_init__(self) -> None:
        identify = all(hook.in_place for hook in self.identify)
        locate = self.locate is None or self.locate.in_place
        object.__setattr__(self, "identify_in_place", identify)
        object.__setattr__(
            self, "in_place", identify and locate and all(hook.in_place for hook in self.policy)
        )

    def all(self) -> tuple[BoundHook, ...]:
        """Every bound implementation."""
        optional = (
            self.locate,
            self.is_logout,
            self.user_locations,
            self.location_members,
            self.may_administer,
            self.may_reset,
            self.language,
        )
        single = (self.load, self.save, self.scan, *(hook for hook in optional if hook is not None))
        return (*single, *self.identify, *self.policy, *self.on_event)


@dataclass(frozen=True, slots=True)
class CookieSettings:
    """The names and attributes of the gate's own cookies."""

    verification: str
    browser: str
    known: str
    trust: str
    reminder: str
    secure: bool
    samesite: str

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return (self.verification, self.browser, self.known, self.trust, self.reminder)


@dataclass(frozen=True, slots=True)
class Links:
    """Links and text on the pages: another account, sign out, whom to ask."""

    login_url: str | None = None
    logout_url: str | None = None
    support: str | None = None


@dataclass(frozen=True, slots=True)
class BrandFile:
    """A file of the host's that the pages load: its content, and a version that changes with it."""

    name: str
    kind: str
    body: bytes
    version: str


@dataclass(frozen=True, slots=True)
class Brand:
    """What makes the pages look like the host's: the name at their top, a style sheet of its color, a logo."""

    name: str
    style: BrandFile | None = None
    logo: BrandFile | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The gate's settings, as the core reads them. Times are seconds, or seconds since the epoch."""

    realm: str
    issuer: str
    mount: str
    hooks: BoundHooks
    keys: KeyList
    sealer: Sealer
    form_sealer: Sealer
    """Seals forms, with keys of its own: of these many more are sealed than of secrets."""
    signer: ValueSigner
    cookies: CookieSettings
    passes: PassCache[Account]
    pages: Callable[[Settings, GateRequest, str], Flow[Answer]]
    """Answers a request for one of the gate's own pages; the path is relative to the mount."""
    brand: Brand
    default_policy: Policy | None = None
    public: PathRules = field(default_factory=PathRules)
    login: PathRules = field(default_factory=PathRules)
    logout: PathRules = field(default_factory=PathRules)
    links: Links = field(default_factory=Links)
    session_cookies: tuple[HostCookie, ...] = ()
    origins: frozenset[str] = frozenset()
    credential_headers: frozenset[str] = CREDENTIAL_HEADERS
    """The headers, in lower case, without which a request to a public path is forwarded."""
    revocation_lag: float = 1.0
    hook_timeout: float = 10.0
    void_before: float | None = None
    report_only_until: float | None = None
    reminder: str = "banner"
    live: bool = False
    templates: str | None = None
    locations: LocationSettings | None = None
    modes: bool = True
    """Whether a path, or a hook, can make a request one that logs in or out."""
    location_memory: PassCache[tuple[NamedPolicy, ...]] = field(default_factory=lambda: PassCache(0.0))
    """What the locations' own policies were, for the reuse of a PASS."""
    server_clock: ServerClock = field(default_factory=ServerClock)
    """Whether this server's clock is suspected of being wrong."""
    documents: dict[str, tuple[bytes, Account]] = field(default_factory=dict)
    """Documents that were decoded lately, by user id; see `storage.read_account`."""
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    """What was decided before, by the Cookie header; see `reuse`."""
    forwards: dict[str, Forward] = field(default_factory=dict)
    """How requests go through about which nothing is decided, by their prefix; see `flow`."""
    quiet_forwards: dict[str, Forward] = field(default_factory=dict)
    """The same for requests that carry nothing."""
    public_forwards: dict[str, Forward] = field(default_factory=dict)
    """The same for public paths."""
    ways: Ways = field(init=False)
    """Which of these settings speak of a path."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "ways", Ways(self.mount, self.public, self.logout, self.login))
