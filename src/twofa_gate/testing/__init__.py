"""For authors of plugins: suites that prove that a plugin keeps its contract. They need pytest."""

from twofa_gate.testing.hosts import HostConformance, HostUnderTest
from twofa_gate.testing.stores import StoreConformance

__all__ = ["HostConformance", "HostUnderTest", "StoreConformance"]
