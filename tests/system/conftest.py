"""Fixtures of the system tests. Run: TICKWIRE_BUILD=<build directory> pytest tests/system"""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
sys.dont_write_bytecode = True

import lab as lab_module  # noqa: E402  pylint: disable=wrong-import-position
import lab_nts  # noqa: E402  pylint: disable=wrong-import-position
import nts_client  # noqa: E402  pylint: disable=wrong-import-position
from shared_fixtures import (  # noqa: E402,F401  pylint: disable=wrong-import-position,unused-import
    figure, pytest_configure, pytest_terminal_summary)


@pytest.fixture
def lab():
    made = lab_module.Lab()
    yield made
    made.close()


@pytest.fixture(scope="module")
def module_lab():
    made = lab_module.Lab()
    yield made
    made.close()


class Pair:
    """A server and a client with a cable between them."""
    server4, server6, client4, client6 = "10.99.0.1", "fd99::1", "10.99.0.2", "fd99::2"

    def __init__(self, in_lab):
        self.lab = in_lab
        self.server = in_lab.namespace("s")
        self.client = in_lab.namespace("c")
        in_lab.veth(self.server, "sv0", self.client, "cl0")
        lab_module.addresses(self.server, "sv0", f"{self.server4}/24", f"{self.server6}/64")
        lab_module.addresses(self.client, "cl0", f"{self.client4}/24", f"{self.client6}/64")

    def tickwire(self, *interfaces, **options):
        """With a configuration file, that one names the interfaces; else sv0 is the default."""
        if not interfaces and "config" not in options:
            interfaces = ["sv0"]
        return lab_module.Tickwire(self.lab, self.server, *interfaces, **options)

    def ask(self, host=None, **options):
        return lab_module.ask(self.client, host or self.server4, **options)

    def ping(self, host=None):
        return lab_module.ping(self.client, host or self.server4)


@pytest.fixture
def pair(lab):  # pylint: disable=redefined-outer-name
    return Pair(lab)


@pytest.fixture(scope="module")
def module_pair(module_lab):  # pylint: disable=redefined-outer-name
    return Pair(module_lab)


@pytest.fixture
def authority(pair):  # pylint: disable=redefined-outer-name
    """Of the certificates of a test that has the client by hand."""
    nts_client.need_client()
    return lab_nts.Authority(pair.lab)


@pytest.fixture(scope="module")
def ground(module_lab):  # pylint: disable=redefined-outer-name
    """A lab with a namespace, .ns, whose loopback has other addresses too, one of them public and nobody's."""
    module_lab.ns = module_lab.namespace("b")
    lab_module.addresses(module_lab.ns, "lo", "fd99::2/128", "198.51.100.1/32")
    return module_lab
