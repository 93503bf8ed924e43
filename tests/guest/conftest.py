"""Fixtures of the tests in a guest. Run: TICKWIRE_BUILD=<build directory> pytest tests/guest"""
import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import guest  # noqa: E402  pylint: disable=wrong-import-position

FIGURES = []


def pytest_configure(config):
    # Told to end, by a time limit say, the run ends the emulator as after Ctrl-C.
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


@pytest.fixture(scope="session")
def workbench():
    return guest.Workbench()
