"""What a careful colleague would say of a gate and the application behind it: `twofa-gate check`."""

from twofa_gate.checking.findings import Finding, Level, Report, RouteFinding
from twofa_gate.checking.inspect_gate import inspect_gate

__all__ = ["Finding", "Level", "Report", "RouteFinding", "inspect_gate"]
