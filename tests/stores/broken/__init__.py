"""Stores that are wrong in one way each. Not collected by themselves: see `test_conformance.py`."""
