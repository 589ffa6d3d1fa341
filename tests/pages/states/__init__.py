"""Every page of the gate in every state, once: what the tests look at, and what the gallery shows.

A new state is one more story in one of these modules. It is a function that does what a person does, and the
answer to its last request is the state.
"""

from tests.pages.states import account, kept_forms, locations, members, refusals, setting_up, signing_in
from tests.pages.states.registry import STATES, State, Theater

__all__ = [
    "STATES",
    "State",
    "Theater",
    "account",
    "kept_forms",
    "locations",
    "members",
    "refusals",
    "setting_up",
    "signing_in",
]
