"""The core decides, and does no I/O: it yields effects and receives their results."""
