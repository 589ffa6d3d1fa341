"""Python reads this at its start when the folder is on PYTHONPATH: the process follows a test's clock."""

import os
import time

_PATH = os.environ.get("TWOFA_GATE_TEST_CLOCK")

if _PATH:
    _true_time = time.time
    _true_time_ns = time.time_ns
    _descriptor = os.open(_PATH, os.O_RDONLY)

    def _offset() -> float:
        return float(os.pread(_descriptor, 24, 0))

    def _time() -> float:
        return _true_time() + _offset()

    def _time_ns() -> int:
        return _true_time_ns() + int(_offset() * 1_000_000_000)

    time.time = _time
    time.time_ns = _time_ns
