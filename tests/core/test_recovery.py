"""Recovery codes."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.core.stepping import KEY, NOW, World
from twofa_gate.core.keys import KeyList
from twofa_gate.core.recovery import CODES, canonical, draw_set, find, reseal
from twofa_gate.core.sealing import Sealer
from twofa_gate.errors import SealError


def test_ten_codes_of_120_bits() -> None:
    """A set has ten different codes, in four groups of six letters of Crockford's alphabet."""
    world = World()
    made, shown = world.run(draw_set(world.settings.sealer, "u1", NOW))
    assert len(made.codes) == len(shown) == len(set(shown)) == CODES == 10
    pattern = re.compile(r"[0-9A-HJKMNP-TV-Z]{6}(-[0-9A-HJKMNP-TV-Z]{6}){3}")
    assert all(pattern.fullmatch(code) for code in shown)
    assert made.made == NOW


def test_all_letters_carry_bits() -> None:
    """No letter of a code is constant: over many codes each place takes many values."""
    world = World()
    codes = [code for _ in range(40) for code in world.run(draw_set(world.settings.sealer, "u1", NOW))[1]]
    for place in range(27):
        if place % 7 != 6:
            assert len(Counter(code[place] for code in codes)) > 25, place


def test_each_code_is_found_and_no_other() -> None:
    """Each code of the set is found at its place; another set's isn't."""
    world = World()
    sealer = world.settings.sealer
    made, shown = world.run(draw_set(sealer, "u1", NOW))
    _, foreign = world.run(draw_set(sealer, "u1", NOW))
    for index, code in enumerate(shown):
        read = canonical(code.replace("-", ""))
        assert read is not None
        assert find(made, read, sealer, "u1") == index
    other = canonical(foreign[0].replace("-", ""))
    assert other is not None
    assert find(made, other, sealer, "u1") is None


def test_store_holds_neither_code_nor_plain_hash() -> None:
    """What is stored is sealed: it holds no code, and no hash that could be tried offline."""
    world = World()
    made, shown = world.run(draw_set(world.settings.sealer, "u1", NOW))
    text = repr(made)
    assert not any(code in text or code.replace("-", "") in text for code in shown)
    assert all(sealed.startswith("v1.") for sealed in made.codes)


def test_codes_of_another_user_do_not_open() -> None:
    """A set that was moved to another user's account is an error, not a wrong code."""
    world = World()
    made, shown = world.run(draw_set(world.settings.sealer, "u1", NOW))
    with pytest.raises(SealError):
        find(made, shown[0].replace("-", ""), world.settings.sealer, "u2")


def test_rotation_keeps_the_codes() -> None:
    """Sealed anew with a newer key, the same codes are found, and the old key isn't needed any more."""
    world = World()
    made, shown = world.run(draw_set(world.settings.sealer, "u1", NOW))
    both, new = Sealer(KeyList(["n" * 32, KEY], "main"), "main"), Sealer(KeyList(["n" * 32], "main"), "main")
    moved = world.run(reseal(made, both, "u1"))
    assert find(moved, shown[3].replace("-", ""), new, "u1") == 3
    with pytest.raises(SealError):
        find(made, shown[3].replace("-", ""), new, "u1")


@pytest.mark.parametrize("typed", ["", "0" * 23, "0" * 25, "U" * 24, "!" * 24])
def test_what_can_be_no_code(typed: str) -> None:
    """Other lengths and letters are none."""
    assert canonical(typed) is None
