"""What support does with somebody's account, over plain and asynchronous stores."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.conftest import Terminal
from tests.support.http import PlainBrowser

KINDS = ["plain", "async", "observer"]
BY = ("--by", "support", "--reason", "phone lost")


@pytest.mark.parametrize("kind", KINDS)
def test_status_tells_what_there_is_and_no_secret(installed: Terminal, ada: PlainBrowser, kind: str) -> None:
    """It tells state, devices and browsers, as JSON and in words; of somebody unknown, that nothing is set up."""
    installed.use(kind)
    told = installed.json("status", "ada")
    assert told["enrolled"] is True
    assert told["authenticators"] == ["\x1b[31mphone"]
    assert (told["recovery_codes_left"], told["verified_browsers"], told["locked"]) == (10, 1, False)
    assert datetime.now(UTC) - datetime.fromisoformat(told["last_verified"]) < timedelta(minutes=5)
    words = installed("status", "ada").stdout
    assert "on since" in words
    assert "10 left" in words
    assert installed.json("status", "bob")["enrolled"] is False
    assert "not set up" in installed("status", "bob").stdout


def test_a_device_name_cannot_play_with_the_terminal(installed: Terminal, ada: PlainBrowser) -> None:
    """Users name their devices; no control character of theirs is printed, in words or in JSON."""
    for words in (("status", "ada"), ("status", "ada", "--json")):
        output = installed(*words).stdout
        assert "[31mphone" in output
        assert "\x1b" not in output


@pytest.mark.parametrize("kind", KINDS)
def test_reset_takes_the_second_factor_away_on_the_record(
    installed: Terminal, ada: PlainBrowser, kind: str
) -> None:
    """Devices and verifications are gone, and the account stays known."""
    installed.use(kind)
    done = installed.json("reset", "ada", *BY)
    assert done == {"user_id": "ada", "reset": True, "devices_removed": 1, "extension_hours": 48}
    assert installed.json("status", "ada")["enrolled"] is False
    assert installed.json("status", "ada")["verified_browsers"] == 0
    assert "1 of their devices removed" not in installed("reset", "ada", *BY, "--hours", "2").stdout
    assert installed.json("forget", "ada")["forgotten"] is True


@pytest.mark.parametrize(
    "words",
    [
        ("reset", "ada"),
        ("reset", "ada", "--by", "support"),
        ("reset", "ada", "--reason", "lost"),
        ("reset", "ada", "--by", " ", "--reason", "lost"),
        ("reset", "ada", "--by", "support", "--reason", ""),
        ("reset", "ada", *BY, "--hours", "-1"),
        ("reset", "ada", *BY, "--hours", "nan"),
        ("unlock", "ada"),
        ("unlock", "ada", "--by", ""),
        ("status",),
        ("status", "ada", "bob"),
    ],
)
def test_what_is_not_understood_changes_nothing(
    installed: Terminal, ada: PlainBrowser, words: tuple[str, ...]
) -> None:
    """A command without who and why is a usage error, 2, and the account is as it was."""
    done = installed(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert installed.json("status", "ada")["enrolled"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_unlock_frees_a_locked_account(installed: Terminal, ada: PlainBrowser, kind: str) -> None:
    """Wrong codes are counted, unlock clears them, and it verifies nobody; of nobody it is an error."""
    thief = ada.another()
    thief.cookies.set("user", "ada", thief.base_url)
    page = thief.navigate("/2fa/challenge")
    for _ in range(3):
        page = thief.submit(page.form(button="Verify"), code="000000")
    assert installed.json("status", "ada")["failures"] == 3
    assert installed.json("status", "ada")["retry_after"] > 0
    installed.use(kind)
    assert installed.json("unlock", "ada", "--by", "support") == {"user_id": "ada", "unlocked": True}
    after = installed.json("status", "ada")
    assert (after["failures"], after["retry_after"], after["verified_browsers"]) == (0, 0, 1)
    nobody = installed("unlock", "bob", "--by", "support")
    assert (nobody.exit_code, nobody.stdout) == (1, "")
    assert nobody.stderr == "Error: Nothing is stored about the user 'bob'.\n"


@pytest.mark.parametrize("kind", KINDS)
def test_revoke_ends_what_browsers_had_passed(installed: Terminal, ada: PlainBrowser, kind: str) -> None:
    """The verified browser is asked again; the devices stay."""
    assert ada.navigate("/").text == "hello"
    installed.use(kind)
    done = installed.json("revoke", "ada")
    assert (done["verified_browsers"], done["trusted_browsers"]) == (1, 0)
    told = installed.json("status", "ada")
    assert (told["verified_browsers"], told["enrolled"]) == (0, True)


@pytest.mark.parametrize("kind", KINDS)
def test_forget_deletes_everything(installed: Terminal, ada: PlainBrowser, kind: str) -> None:
    """Nothing is left, and a second time it says so; neither is an error."""
    installed.use(kind)
    done = installed("forget", "ada", "--json")
    assert json.loads(done.stdout) == {"user_id": "ada", "forgotten": True}
    again = installed("forget", "ada")
    assert (again.exit_code, again.stdout) == (0, "Nothing was stored about ada.\n")


def test_forget_asks_in_a_terminal(
    installed: Terminal, ada: PlainBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a terminal it deletes only after a yes, or with --yes."""
    monkeypatch.setattr("twofa_gate.cli.accounts._in_terminal", lambda: True)
    refused = installed("forget", "ada")
    assert refused.exit_code == 1
    assert installed.json("status", "ada")["enrolled"] is True
    assert installed("forget", "ada", "--yes").exit_code == 0
    assert installed.json("status", "ada")["enrolled"] is False


def test_an_asynchronous_observer_hears_of_a_reset(installed: Terminal, ada: PlainBrowser) -> None:
    """An observer that must be awaited is awaited, over a plain store too."""
    import importlib

    installed.use("observer")
    small = importlib.import_module("tests.cli.small")
    small.gate.close()
    installed.keep_import = True
    assert installed("reset", "ada", *BY).exit_code == 0
    assert [event.kind.value for event in small.seen] == ["reset"]
    assert small.seen[0].facts["reason"] == "phone lost"
