"""The plugin: it marks that a gate reads the locations' settings from its store."""

from __future__ import annotations

from twofa_gate.errors import ConfigurationError
from twofa_gate.locations.dates import is_zone
from twofa_gate.model import Policy

__all__ = ["LocationSettings"]


class LocationSettings:
    """Lets each location's administrators set its policy, at `/2fa/locations/<key>`.

    - `default`: the policy of a location about which nothing is stored; without it this plugin has no opinion
      there, and another plugin or the gate's own `policy` must have one.
    - `zone`: the time zone that the page of such a location begins with, for example `"Europe/Vienna"`.

    It has no hook: the core itself reads the settings, so that one plugin serves plain and async stores alike.
    Raises `ConfigurationError` if a value is not what it must be.
    """

    def __init__(self, *, default: Policy | None = None, zone: str = "UTC") -> None:
        if default is not None and not isinstance(default, Policy):
            raise ConfigurationError(
                "LocationSettings(default=...) must be a Policy, such as Policy(Enforcement.OPTIONAL)."
            )
        if not isinstance(zone, str) or not is_zone(zone):
            raise ConfigurationError(
                f"LocationSettings(zone={zone!r}): there is no such time zone; write it like "
                '"Europe/Vienna". On a machine without zone data install tzdata.'
            )
        self.default = default
        self.zone = zone
