"""The tests of twofa_gate."""
