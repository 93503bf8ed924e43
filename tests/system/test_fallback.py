"""AF_XDP where it is refused or would serve only a part: AF_PACKET takes over, and says so."""
import lab


def port_of(tickwire):
    return tickwire.status()["ports"][0]


def test_refused_by_the_interface(pair):
    """veth takes no XDP program while its peer may send more than a page."""
    for ns, interface in (pair.server, "sv0"), (pair.client, "cl0"):
        lab.run("ip", "-n", ns, "link", "set", interface, "mtu", "9000")
    tickwire = pair.tickwire()
    port = port_of(tickwire)
    assert port["driver"] == "net_af_packet"
    assert "AF_XDP is refused" in port["remark"] and port["remark"] in tickwire.log()
    assert pair.ask(pair.server4) and pair.ask(pair.server6)


def test_named_driver_is_not_replaced(pair):
    for ns, interface in (pair.server, "sv0"), (pair.client, "cl0"):
        lab.run("ip", "-n", ns, "link", "set", interface, "mtu", "9000")
    tickwire = pair.tickwire("sv0 driver af_xdp", wait=False)
    tickwire.process.wait_log(r"error: interface sv0: AF_XDP is refused .*`driver af_packet` works without it")
    assert tickwire.process.popen.wait(10) == 69


def test_queues_of_their_own_channels(pair):
    """DPDK's AF_XDP reaches combined channels only; on half of the queues the kernel would answer."""
    lab.run("ip", "link", "add", "sv1", "netns", pair.server, "numrxqueues", "2", "numtxqueues", "2", "type", "veth", "peer",
            "name", "cl1", "netns", pair.client, "numrxqueues", "2", "numtxqueues", "2")
    for ns, interface in (pair.server, "sv1"), (pair.client, "cl1"):
        lab.run("ip", "-n", ns, "link", "set", interface, "up")
    lab.addresses(pair.server, "sv1", "10.96.0.1/24")
    lab.addresses(pair.client, "cl1", "10.96.0.2/24")
    tickwire = pair.tickwire("sv1")
    assert port_of(tickwire)["driver"] == "net_af_packet"
    assert "combined" in port_of(tickwire)["remark"]
    assert all(pair.ask("10.96.0.1") for _ in range(16))
