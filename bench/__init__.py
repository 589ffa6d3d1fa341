"""What the gate costs, beside what teams already run: `make bench`, `make profile`."""
