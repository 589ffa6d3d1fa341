"""Lists of paths: which requests a setting such as `public` speaks of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum, auto
from functools import lru_cache

from twofa_gate.errors import ConfigurationError
from twofa_gate.request import GateRequest, is_plain

__all__ = ["PathRules", "Way", "Ways", "below"]


class PathRules:
    """Exact paths, and trees (entries that end in `/`), matched on the application-relative path.

    A path that readers could read in different ways matches nothing. Raises `ConfigurationError` for an entry
    that is not a plain path, and for `/`, which would cover everything.
    """

    def __init__(self, entries: Iterable[str] = (), *, setting: str = "paths") -> None:
        if isinstance(entries, str):
            raise ConfigurationError(
                f'{setting} must be a list of paths, such as ["/static/"], not a string.'
            )
        exact: set[str] = set()
        trees: set[str] = set()
        for entry in entries:
            # A `*` would be read as itself, which nobody means who writes one.
            if not isinstance(entry, str) or entry[:1] != "/" or "*" in entry or not is_plain(entry):
                raise ConfigurationError(
                    f'{setting}: {entry!r} is not a plain path; write it like "/static/" or "/login".'
                )
            if entry == "/":
                raise ConfigurationError(
                    f'{setting}: "/" would cover the whole application; name the paths one by one.'
                )
            (trees if entry.endswith("/") else exact).add(entry)
        self._exact = frozenset(exact)
        self._trees = frozenset(trees)
        self.empty = not exact and not trees

    def __bool__(self) -> bool:
        return bool(self._exact or self._trees)

    def match(self, request: GateRequest) -> bool:
        """Whether the request's path is listed, and readers read it alike."""
        return self.covers(request.decoded_path) and request.plain

    def covers(self, path: str) -> bool:
        """Whether a plain path is listed. The work grows with the path's depth, not with the list."""
        if path in self._exact:
            return True
        if not self._trees:
            return False
        end = path.find("/", 1)
        while end != -1:
            if path[: end + 1] in self._trees:
                return True
            end = path.find("/", end + 1)
        return False


class Way(Enum):
    """What the settings say of a path, if it is a plain one."""

    ORDINARY = auto()
    MOUNT = auto()
    PUBLIC = auto()
    LISTED = auto()
    """For logging in or out."""


class Ways:
    """Tells of a path which settings speak of it: all of them as one function, whose answers are remembered."""

    def __init__(self, mount: str, public: PathRules, *listed: PathRules) -> None:
        def find(path: str) -> Way:
            if path.startswith(mount):
                return Way.MOUNT  # or its like, such as `/2factor`: see `below`
            if public.covers(path):
                return Way.PUBLIC
            return Way.LISTED if any(rules.covers(path) for rules in listed) else Way.ORDINARY

        self.find: Callable[[str], Way] = find
        self.known: Callable[[str], Way] = lru_cache(maxsize=1024)(find)
        """The same, remembered; for paths of at most `MAX_KNOWN_PATH` characters."""


def below(mount: str, request: GateRequest) -> str | None:
    """Return the path below the gate's own mount (`""` for the mount itself), or `None` if it is not there."""
    path = request.decoded_path
    if not path.startswith(mount) or not request.plain:
        return None
    rest = path[len(mount) :]
    return rest if rest == "" or rest.startswith("/") else None
