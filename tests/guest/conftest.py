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
    made = guest.Workbench()
    yield made
    made.close()


@pytest.fixture(scope="session")
def guests(request, workbench):
    """The guests of all modules of this run, by name. Each module says which by its start(workbench); they run several at a
    time, while the tests wait for the one that they need."""
    modules = dict.fromkeys(item.module for item in request.session.items)
    return {name: started for module in modules for name, started in module.start(workbench).items()}
