"""The list of all states of all pages, and how one is played."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.pages.scene import PLAIN, Names, Scene, Shown
from twofa_gate import Enforcement, Policy

__all__ = ["STATES", "State", "Theater", "enrolled", "locked", "new", "required", "state"]

Story = Callable[[Scene], None]


@dataclass(frozen=True)
class State:
    """A page in one state: a story whose last request is answered with it; `says` is proof of it."""

    name: str
    says: str
    story: Story
    prologue: Story
    about: str
    members: bool = True
    settings: dict[str, Any] = field(default_factory=dict)


STATES: dict[str, State] = {}


def new(scene: Scene) -> None:
    """Ada is logged in, and has not set up."""
    scene.person("ada")


def enrolled(scene: Scene) -> None:
    """Ada has set up, and this browser is verified, for a month if nobody ends it."""
    scene.person("ada").set_up()
    scene.time.advance(60)


def locked(scene: Scene) -> None:
    """Somebody has typed wrong codes in a browser of Ada's until codes from the app were locked."""
    enrolled(scene)
    ada = scene.person("ada")
    wrong = ada.phone.wrong_code()
    ada.page("/challenge")
    while "locked" not in ada.type(wrong).words:
        ada.page("/challenge")
        scene.time.advance(901)


def required(scene: Scene, **facts: Any) -> None:
    """Have billing require two-factor authentication."""
    scene.host.policies[scene.names.billing] = Policy(Enforcement.REQUIRED, **facts)


def state(
    says: str, prologue: Story = enrolled, *, name: str = "", members: bool = True, **settings: Any
) -> Callable[[Story], Story]:
    """Add a state: what it says in English, where its story begins, and the settings of its gate if others.

    It is named like the function. The docstring is what the gallery says of it.
    """

    def add(story: Story) -> Story:
        called = name or story.__name__.strip("_").replace("_", "-")
        assert called not in STATES, f"there are two states {called}"
        assert story.__doc__, f"the state {called} says nothing of itself"
        STATES[called] = State(called, says, story, prologue, story.__doc__.strip(), members, settings)
        return story

    return add


class Theater:
    """Plays states, and remembers what was shown."""

    def __init__(
        self, driver: str = "wsgi", names: Names = PLAIN, *, languages: Sequence[str] = ("en",)
    ) -> None:
        self._driver, self._names, self._languages = driver, names, languages
        self._scenes: dict[str, Scene] = {}
        self._shown: dict[tuple[str, str], Shown] = {}

    def show(self, name: str, language: str | None = None) -> Shown:
        """Show a state in a language, the first of this theater's if not said."""
        language = language or self._languages[0]
        if (name, language) not in self._shown:
            for tag, shown in self._play(STATES[name]).items():
                self._shown[name, tag] = shown
        return self._shown[name, language]

    def every(self, name: str) -> list[Shown]:
        """Show a state in all languages."""
        return [self.show(name, each) for each in self._languages]

    def file(self, name: str, address: str) -> Any:
        """Give a file that the page of a state asks for: status, headers and body."""
        scene = self._scene(STATES[name])
        with scene.installed():
            return scene.recorder.plain(address)

    def close(self) -> None:
        """End all scenes."""
        for each in self._scenes.values():
            each.close()

    def _play(self, state: State) -> dict[str, Shown]:
        scene = self._scene(state)
        with scene.installed():
            scene.begin(state.prologue)
            state.story(scene)
        return scene.show(state.name, self._languages)

    def _scene(self, state: State) -> Scene:
        key = f"{state.members} {sorted(state.settings.items())}"
        if key not in self._scenes:
            made = Scene(self._driver, self._names, members=state.members, **state.settings)
            self._scenes[key] = made
        return self._scenes[key]
