"""What was skipped is reported at the end; with FAIL_ON_SKIP, as in CI, it is a failure.  For a conftest."""

import os
from collections import Counter
from pathlib import Path

import pytest

#: Public material that the product does not need; tests use it where it is.
BESIDE = Path(__file__).parents[3] / "shared"


def _skipped(config):
    """Reason -> number of the tests that were skipped for it."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter else []
    return Counter(
        report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else "unknown"
        for report in reports
    )


def _should_have_run(config):
    """Whether a test was skipped that could have run: a checkout alone has no public material beside it."""
    return any("../shared" not in reason or BESIDE.is_dir() for reason in _skipped(config))


def pytest_sessionfinish(session):
    """With FAIL_ON_SKIP, as in CI, a test that was skipped is a failure."""
    if os.environ.get("FAIL_ON_SKIP") and _should_have_run(session.config) and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    """Say what was not tested here, and why."""
    if skipped := _skipped(config):
        is_failure = bool(os.environ.get("FAIL_ON_SKIP")) and _should_have_run(config)
        terminalreporter.section(
            "not tested here" + (": a failure, by FAIL_ON_SKIP" if is_failure else ""), red=is_failure
        )
        for reason, count in skipped.most_common():
            terminalreporter.write_line(f"{count} {'test' if count == 1 else 'tests'}: {reason}")
