"""Stores that mix keys up, or list them wrongly."""

from __future__ import annotations

import fnmatch
import time
from bisect import bisect_left
from typing import Any

from tests.stores.broken.base import PAUSE, Base, OtherKeys, caught_by


@caught_by("keys_differ_in_case", "scan_is_in_byte_order", "scan_prefix_is_literal")
class FoldsKeys(OtherKeys):
    def other(self, key: str) -> str:
        return key.lower()


@caught_by("keys_differ_in_trailing_blanks")
class TrimsKeys(OtherKeys):
    def other(self, key: str) -> str:
        return key.rstrip(" ")


@caught_by("keys_of_255_bytes")
class CutsKeys(OtherKeys):
    def other(self, key: str) -> str:
        return key[:254]


@caught_by("keys_with_wildcards")
class DecodesKeys(OtherKeys):
    def other(self, key: str) -> str:
        return key.replace("%2F", "/")


@caught_by("scan_prefix_is_literal")
class ListsByPattern(Base):
    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        found = super().page("", after, len(self._keys))
        return [key for key in found if fnmatch.fnmatchcase(key, prefix + "*")][:limit]


@caught_by("scan_is_in_byte_order", "scan_prefix_is_literal")
class ListsLikeADictionary(Base):
    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        return sorted(super().page(prefix, after, limit), key=str.casefold)


@caught_by("scan_pages", "scan_goes_on_after_a_key", "scan_of_everything", "scan_while_others_write")
class ListsAfterAgain(Base):
    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        found = super().page(prefix, None, len(self._keys))
        return [key for key in found if after is None or key >= after][:limit]


@caught_by("scan_goes_on_after_a_key", perhaps=("scan_while_others_write",))
class NeedsAfterToExist(Base):
    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        found = super().page(prefix, None, len(self._keys))
        if after is None:
            return found[:limit]
        return found[found.index(after) + 1 :][:limit] if after in found else []


@caught_by("scan_pages", "scan_while_others_write")
class IgnoresLimit(Base):
    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        return super().page(prefix, after, len(self._keys))


@caught_by("scan_pages")
class LeavesPagesHalfFull(Base):
    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        return super().page(prefix, after, (limit + 1) // 2)


@caught_by("scan_while_others_write")
class CountsItsWayThroughPages(Base):
    """Goes on at a number of keys, which is another place when keys came or went."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, int] = {}

    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        with self._lock:
            found = [key for key in self._keys if key.startswith(prefix)]
            place = 0 if after is None else self._places.pop(after, bisect_left(found, f"{after}\0"))
            page = found[place : place + limit]
            if page:
                self._places[page[-1]] = place + len(page)
        time.sleep(PAUSE)
        return page


@caught_by("scan_follows_delete")
class ListsWhatWasDeleted(Base):
    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def put(self, key: str, *arguments: Any) -> bool:
        done = super().put(key, *arguments)
        if done and arguments[0] is not None:
            self._seen.add(key)
        return done

    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        return [key for key in sorted(self._seen) if key.startswith(prefix) and (not after or key > after)][
            :limit
        ]
