"""A table of every gate that a test saw reject, printed after the tests."""

import pytest

REJECTIONS: list[tuple[str, str, str]] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not REJECTIONS:
        return
    terminalreporter.section("gates that rejected")
    for gate, why, value in sorted(REJECTIONS):
        terminalreporter.write_line(f"{gate:<12}{why:<58}{value}")


@pytest.fixture
def rejected():
    """Assert that a gate of a verdict fails, and remember it for the table."""

    def check(verdict, gate, why):
        failed = [result for result in verdict.of_status("fail") if result.gate == gate]
        assert failed, [(r.gate, r.subject, r.status, r.value) for r in verdict.results]
        assert verdict.status == "fail"
        first = failed[0]
        shown = "not computed" if first.value is None else f"{first.value:.4g}"
        REJECTIONS.append((gate, why, f"{first.subject}: {shown}, limit {first.limit}"))
        return first

    return check
