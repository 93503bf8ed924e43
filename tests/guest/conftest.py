"""Fixtures of the tests in a guest. Run: TICKWIRE_BUILD=<build directory> pytest tests/guest"""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
sys.dont_write_bytecode = True

import guest  # noqa: E402  pylint: disable=wrong-import-position
from shared_fixtures import (  # noqa: E402,F401  pylint: disable=wrong-import-position,unused-import
    figure, pytest_configure, pytest_terminal_summary)


@pytest.fixture(scope="session")
def workbench():
    return guest.Workbench()
