"""The documentation, held against the code: what it shows is run, what it names exists."""
