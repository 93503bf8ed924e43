"""What the runs of tests/system and tests/guest have in common; their conftest.py imports it."""
import signal

import pytest

FIGURES = []


def pytest_configure(config):
    # Told to end, by a time limit say, the run cleans up as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if config.option.durations is None:
        config.option.durations = 15
        config.option.durations_min = 0.5


def pytest_terminal_summary(terminalreporter):
    if FIGURES:
        terminalreporter.section("figures")
        for test, text in FIGURES:
            terminalreporter.write_line(f"{test}: {text}")


@pytest.fixture
def figure(request):
    """figure(text): something measured, shown at the end of the run."""
    return lambda text: FIGURES.append((request.node.name, text))
