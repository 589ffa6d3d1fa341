"""Every store of the gate runs the conformance suite, and the suite is itself put to the test."""
