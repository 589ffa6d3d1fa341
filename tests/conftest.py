"""What all tests share: the markers, and an account of what was not tested for want of a part."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.support.parts import MISSING, need, required

pytest_plugins = ["tests.support.browser"]

MARKERS = {
    "needs(*parts)": "is skipped, by name, without these Debian parts (see tests/support/parts.py)",
    "e2e": "talks to real server processes, or drives a real browser",
    "soak": "takes long on purpose: runs with --soak only",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch to the long tests."""
    parser.addoption("--soak", action="store_true", help="run the tests marked soak, and only those")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run either the long tests or the others."""
    soak = bool(config.getoption("--soak"))
    chosen = [item for item in items if (item.get_closest_marker("soak") is not None) == soak]
    left_out = [item for item in items if (item.get_closest_marker("soak") is not None) != soak]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = chosen


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose parts are missing before its fixtures start anything."""
    for marker in item.iter_markers("needs"):
        need(*marker.args)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip for want of a part into a failure where all parts are required."""
    report = yield
    if required() and _missing(report) is not None:
        report.outcome, report.longrepr = "failed", _missing(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for a module that skips itself whole."""
    report = yield
    if required() and _missing(report) is not None:
        report.outcome, report.longrepr = "failed", _missing(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each test that was skipped for want of a part."""
    skipped = [(report.nodeid, _missing(report)) for report in terminalreporter.getreports("skipped")]
    wanting = [(name, reason) for name, reason in skipped if reason is not None]
    if wanting:
        terminalreporter.section(f"not run for want of a part: {len(wanting)}", yellow=True)
        for name, reason in wanting:
            terminalreporter.line(f"{name}: {reason}")


def _missing(report: pytest.TestReport | pytest.CollectReport) -> str | None:
    """Why this report is a skip for want of a part, if it is one."""
    if not report.skipped or not isinstance(report.longrepr, tuple):
        return None
    reason = str(report.longrepr[2]).removeprefix("Skipped: ")
    return reason if reason.startswith(MISSING) else None
