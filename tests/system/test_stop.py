"""A stop leaves nothing behind, and gives back what was taken."""
import os
import re
import signal
import time

import pytest

import lab
from conftest import Pair

HUGE = "/sys/kernel/mm/hugepages/hugepages-2048kB/"
HUGE_PAGES = 96


def number(path):
    with open(path, encoding="ascii") as f:
        return int(f.read())


def traces(ns, interfaces):
    """What an instance could have left in a namespace."""
    found = lab.namespace_locks(ns)
    for line in lab.run("ip", "-n", ns, "-o", "-d", "link", "show").stdout.splitlines():
        number_, name, *_ = line.split(":")
        if number_.isdigit() and ("xdp" in line or name.strip().split("@")[0] not in interfaces):
            found.append(line)
    for interface in interfaces:
        for what in ["qdisc"], ["filter", "ingress"]:
            shown = lab.run("tc", "-n", ns, what[0], "show", "dev", interface, *what[1:], check=False).stdout
            found += [line for line in shown.splitlines() if re.match("qdisc clsact|filter ", line)]
    return found


@pytest.mark.parametrize("number_", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("driver", ["af_xdp", "af_packet"])
def test_nothing_is_left(pair, driver, number_, figure):
    lab.need_program("tc")
    clean = traces(pair.server, ["lo", "sv0"])
    assert not clean
    tickwire = pair.tickwire(f"sv0 driver {driver}")
    assert pair.ask()
    assert traces(pair.server, ["lo", "sv0"]), "nothing to look for"
    family = tickwire.family()
    start = time.monotonic()
    assert tickwire.process.stop(number_) == 0
    figure(f"start {tickwire.start_time:.2f} s, stop {time.monotonic() - start:.2f} s")
    assert not os.path.exists(tickwire.run_dir)
    assert not traces(pair.server, ["lo", "sv0"])
    assert not any(lab.alive(pid) for pid in family)
    assert pair.ping()


@pytest.mark.parametrize("pause", [0.02, 0.2, 0.5])
def test_stopped_during_the_start(pair, pause):
    tickwire = pair.tickwire(wait=False)
    lab.wait_for(lambda: os.path.exists(tickwire.run_dir + "/control.sock"), 5, "the start")
    time.sleep(pause)
    assert tickwire.stop() == 0, tickwire.log()
    assert not os.path.exists(tickwire.run_dir)
    assert not traces(pair.server, ["lo", "sv0"])


def test_nothing_is_left_of_a_tap(lab):  # pylint: disable=redefined-outer-name
    import lab as tools
    tools.need_program("tc")
    tools.need_file("/dev/net/tun", "TAP interfaces")
    ns = lab.namespace("s")
    tickwire = tools.Tickwire(lab, ns, f"vdev:net_tap0,iface=np0 tap exc0 address {Pair.server4}/24")
    assert traces(ns, ["lo"])
    assert tickwire.stop() == 0
    assert not traces(ns, ["lo"])


def test_a_directory_of_others_stays(pair):
    """The run directory is removed only by whom it was made, and only files of ours."""
    run_dir = pair.lab.path("mine")
    os.mkdir(run_dir, 0o700)
    with open(os.path.join(run_dir, "note"), "w", encoding="ascii"):
        pass
    tickwire = pair.tickwire(run_dir=run_dir)
    assert tickwire.stop() == 0
    assert os.listdir(run_dir) == ["note"]


@pytest.fixture
def huge_pages():
    lab.need_root()
    lab.need_file(HUGE + "nr_hugepages", "2 MB huge pages")
    before = number(HUGE + "nr_hugepages")
    with open(HUGE + "nr_hugepages", "w", encoding="ascii") as f:
        f.write(str(before + HUGE_PAGES))
    try:
        if number(HUGE + "nr_hugepages") < before + HUGE_PAGES:
            pytest.skip(f"needs {HUGE_PAGES} huge pages of 2 MB, and memory is too fragmented for them")
        yield
    finally:
        with open(HUGE + "nr_hugepages", "w", encoding="ascii") as f:
            f.write(str(before))


def test_huge_pages_are_returned(pair, huge_pages, figure):  # pylint: disable=unused-argument
    free = number(HUGE + "free_hugepages")
    tickwire = pair.tickwire(sets=["local stratum 8", "hugepages yes"])
    assert pair.ask()
    assert tickwire.status()["huge_pages"]
    used = free - number(HUGE + "free_hugepages")
    figure(f"{used * 2} MiB of huge pages in use")
    assert used > 0
    assert tickwire.stop() == 0
    lab.wait_for(lambda: number(HUGE + "free_hugepages") == free, 3, "huge pages are free again")
    # Killed, it holds none either.
    tickwire = pair.tickwire(sets=["local stratum 8", "hugepages yes"])
    family = tickwire.family()
    tickwire.process.kill(signal.SIGKILL)
    lab.wait_for(lambda: not any(lab.alive(pid) for pid in family), 5, "end of the daemons")
    lab.wait_for(lambda: number(HUGE + "free_hugepages") == free, 3, "huge pages are free again")
