"""Several ports and several workers: each queue has one, and counts for itself. memif peers come and go."""
import os
import time

import pytest

import lab


@pytest.fixture
def two_cables(pair):
    pair.lab.veth(pair.server, "sv1", pair.client, "cl1")
    lab.addresses(pair.server, "sv1", "10.97.0.1/24")
    lab.addresses(pair.client, "cl1", "10.97.0.2/24")
    return pair


def ask_both(pair, times):
    for _ in range(times):
        assert pair.ask("10.99.0.1", timeout=5) and pair.ask("10.97.0.1", timeout=5)


def test_one_worker_of_two_ports(two_cables):
    tickwire = two_cables.tickwire("sv0", "sv1", sets=("local stratum 8", f"workers {max(os.sched_getaffinity(0))}"))
    ask_both(two_cables, 5)
    workers = tickwire.status()["workers"]
    assert [worker["queues"] for worker in workers] == [2]
    assert workers[0]["tx_frames"] >= 10


def test_a_worker_for_each_port(two_cables):
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("needs two cores")
    tickwire = two_cables.tickwire("sv0", "sv1", sets=("local stratum 8", f"workers {cores[0]},{cores[1]}"))
    ask_both(two_cables, 5)
    workers = tickwire.status()["workers"]
    assert [worker["cpu"] for worker in workers] == cores[:2]
    assert all(worker["queues"] == 1 and worker["tx_frames"] >= 5 for worker in workers)


def start_testpmd(pair, sock):
    """Sends UDP/123 that is no NTP, from a memif that asks to be let in."""
    lab.need_program("dpdk-testpmd")
    core = min(os.sched_getaffinity(0))
    return pair.lab.start(
        "dpdk-testpmd", "--no-huge", "--no-shconf", "--no-pci", "-m", "256", "--no-telemetry", "--lcores",
        f"0@{core},1@{core}", "--main-lcore", "0", "--vdev", f"net_memif0,role=client,socket={sock},socket-abstract=no",
        "--", "--forward-mode=txonly", "--txpkts=90", "--tx-ip=10.1.1.1,10.1.1.2", "--tx-udp=5000,123", "--nb-cores=1",
        "--total-num-mbufs=8192", "--stats-period=1", ns=pair.client, name="testpmd")


def test_memif_peers_come_and_go(pair):
    """DPDK's memif can crash when a peer goes while it is polled: then the dataplane is back soon, on the same socket."""
    sock = pair.lab.path("memif.sock")
    # That crash is DPDK's, so a sanitizer is not to report it as ours.
    sanitizer = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "handle_segv=0"]))
    tickwire = pair.tickwire(f"vdev:net_memif0,role=server,socket={sock},socket-abstract=no",
                             sets=("local stratum 8", "bindaddress 10.1.1.2"), env={"ASAN_OPTIONS": sanitizer})

    def frames():
        return tickwire.verdicts()["ntp-version"]

    for _ in range(3):
        before = frames()
        peer = start_testpmd(pair, sock)
        lab.wait_for(lambda: frames() > before + 1000 or 1000 < frames() < before, 20, "frames through the memif")  # pylint: disable=cell-var-from-loop
        peer.stop()
        lab.wait_for(lambda: tickwire.status()["ready"], 20, "readiness")
