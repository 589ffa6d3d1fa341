"""The back office of a chain of three bakeries, on Flask."""
