"""Stored settings for each location, their page, the adoption report: give the plugin to the gate."""

from twofa_gate.locations.plugin import LocationSettings

__all__ = ["LocationSettings"]
