"""Fixtures that run the real things: brokers, PostgreSQL, a daemon, a browser. Each lives in ``support``."""

import os

import pytest

pytest_plugins = ("support.brokers", "support.postgres", "support.running", "support.browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    """Where ``SERENO_NO_SKIP`` is set (on a machine that has everything) a skip is a failure."""
    report = yield
    if os.environ.get("SERENO_NO_SKIP") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although nothing may be: {report.longrepr}"
    return report
