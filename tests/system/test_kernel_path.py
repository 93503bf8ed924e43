"""What is not NTP stays with the kernel, whatever becomes of tickwire; and the kernel gets NTP back."""
import signal
import time

import pytest

import lab
from conftest import Pair

HOSTS = [Pair.server4, Pair.server6]


def kernel_is_reached(pair, host):
    lab.run("ip", "-n", pair.client, "neigh", "flush", "dev", "cl0", check=False)
    return pair.ping(host) and lab.tcp_works(pair.server, pair.client, host)


@pytest.mark.parametrize("driver", ["af_xdp", "af_packet"])
def test_dataplane_killed(pair, driver, figure):
    """kill -9 of the dataplane: the kernel goes on before the restart, NTP after it. The first restart is at once; the
    supervisor is stopped meanwhile so that there is a `before`."""
    tickwire = pair.tickwire(f"sv0 driver {driver}")
    assert pair.ask()
    victim = tickwire.victim("tickwire-dataplane")
    tickwire.process.kill(signal.SIGSTOP)
    lab.os.kill(victim, signal.SIGKILL)
    lab.wait_for(lambda: not lab.alive(victim), 2, "end of the dataplane")
    for host in HOSTS:
        assert kernel_is_reached(pair, host)
        assert not pair.ask(host, timeout=0.2)
    tickwire.process.kill(signal.SIGCONT)
    start = time.monotonic()
    lab.wait_for(lambda: pair.ask(timeout=0.1), 5, "answers after the restart")
    figure(f"{driver}: answers {time.monotonic() - start:.2f} s after the supervisor could act")
    tickwire.process.wait_log("the dataplane polls again", 3)
    assert pair.ask(Pair.server6)
    assert tickwire.daemon("tickwire-dataplane")["restarts"] == 1
    assert kernel_is_reached(pair, Pair.server4)


@pytest.mark.parametrize("driver", ["af_xdp", "af_packet"])
def test_supervisor_killed(pair, driver):
    """kill -9 of the supervisor: its daemons vanish, the kernel goes on, and the next start clears what is left."""
    tickwire = pair.tickwire(f"sv0 driver {driver}")
    family = tickwire.family()
    assert len(family) >= 3
    tickwire.process.kill(signal.SIGKILL)
    tickwire.process.popen.wait(5)
    lab.wait_for(lambda: not any(lab.alive(pid) for pid in family), 5, "end of the daemons")
    for host in HOSTS:
        assert kernel_is_reached(pair, host)
    again = pair.tickwire(f"sv0 driver {driver}", run_dir=tickwire.run_dir)
    assert pair.ask() and pair.ask(Pair.server6)
    assert again.stop() == 0
    assert "xdp" not in lab.run("ip", "-n", pair.server, "link", "show", "dev", "sv0").stdout


@pytest.mark.parametrize("driver", ["af_xdp", "af_packet"])
def test_chronyd_on_the_same_host(pair, driver):
    """Exactly one of the two answers at any time: tickwire while it runs, then chronyd again."""
    lab.chronyd(pair.lab, pair.server, "beside", "local stratum 3")
    lab.wait_for(lambda: (r := pair.ask(timeout=0.2)) and r.stratum == 3, 5, "chronyd")
    tickwire = pair.tickwire(f"sv0 driver {driver}", sets=["local stratum 8", "chronyrundir /nonexistent",
                                                          "holdover 1000"])
    with lab.Wire(pair.client, "cl0") as wire:
        for host in HOSTS:
            stratum = replies_to_one(pair, wire, host)
            assert len(stratum) == 1, f"{len(stratum)} answers to one request"
    answered = tickwire.verdicts()["answered"]
    assert answered == 2
    # A client on the host itself, and chronyd's own upstream traffic, never meet the port.
    assert lab.ask(pair.server, "127.0.0.1").stratum == 3
    assert tickwire.stop() == 0
    for host in HOSTS:
        assert pair.ask(host).stratum == 3


def replies_to_one(pair, wire, host):
    """The strata of all answers to one request within a while."""
    with lab.Client(pair.client, host) as client:
        client.socket.send(lab.request())
        return [data[1] for _, data in wire.replies(0.4)]


@pytest.mark.parametrize("driver", ["af_xdp", "af_packet"])
def test_no_word_of_the_kernel(pair, driver):
    """Nobody listens on the port, and yet no ICMP says so while tickwire answers."""
    pair.tickwire(f"sv0 driver {driver}")
    with lab.Wire(pair.client, "cl0") as wire:
        for host in HOSTS:
            with lab.Client(pair.client, host) as client:
                for _ in range(20):
                    assert client.ask()
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            frame = wire.receive(0.1)
            assert not frame or not is_unreachable(frame)


def is_unreachable(frame):
    return frame[12:14] == b"\x08\x00" and frame[23] == 1 and frame[34] == 3 or \
        frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == 1


@pytest.mark.parametrize("host", HOSTS)
def test_neighbours(pair, host):
    """ARP and neighbour discovery find the server anew while tickwire runs."""
    pair.tickwire()
    for _ in range(3):
        lab.run("ip", "-n", pair.client, "neigh", "flush", "dev", "cl0", check=False)
        assert pair.ask(host, timeout=2)


def test_replies_to_this_host_are_the_kernels(pair):
    """chronyd here, as a client from port 123 of a served address, gets its reply though the port is taken."""
    lab.chronyd(pair.lab, pair.client, "upstream", "local stratum 4")
    pair.tickwire()
    lab.wait_for(lambda: lab.ask(pair.server, Pair.client4, timeout=0.2), 5, "upstream")
    with lab.inside(pair.server):
        client = lab.socket.socket(lab.socket.AF_INET, lab.socket.SOCK_DGRAM)
    with client:
        client.bind((Pair.server4, 123))
        client.settimeout(1)
        client.sendto(lab.request(), (Pair.client4, 123))
        assert lab.Reply(client.recv(100)).stratum == 4


def test_a_queue_that_nobody_serves(lab):  # pylint: disable=redefined-outer-name
    """Requests on a queue beyond `queues` go to the kernel, and the log says so once."""
    import lab as tools
    server, client = lab.namespace("s"), lab.namespace("c")
    tools.run("ip", "link", "add", "sv0", "netns", server, "numtxqueues", "2", "numrxqueues", "2", "type", "veth",
              "peer", "name", "cl0", "netns", client, "numtxqueues", "2", "numrxqueues", "2")
    for ns, name, cidr in (server, "sv0", f"{Pair.server4}/24"), (client, "cl0", f"{Pair.client4}/24"):
        tools.run("ip", "-n", ns, "link", "set", name, "up")
        tools.addresses(ns, name, cidr)
    tickwire = tools.Tickwire(lab, server, "sv0 driver af_xdp queues 1")
    if tickwire.status()["ports"][0]["kernel_path"] != "XDP":
        pytest.skip("needs AF_XDP")
    answered = [bool(tools.ask(client, Pair.server4, timeout=0.1)) for _ in range(24)]
    if all(answered):
        pytest.skip("needs a kernel that spreads flows over the queues of a veth")
    assert any(answered)
    tickwire.process.wait_log(r"interface sv0: \d+ requests went to the kernel because no queue", 5)
    time.sleep(2.2)
    assert tickwire.log().count("went to the kernel") == 1
