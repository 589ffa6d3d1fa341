"""The core, stepped by hand: no server, no database, no clock but the one that the test sets."""
