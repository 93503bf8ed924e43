"""`tickwire bench load --interface` over a cable: what it counts was on the wire, and the host stays whole."""
import json
import re
import signal
import subprocess
import time

import pytest

import lab
import lab_bench
import lab_nts
from conftest import Pair
from test_stop import traces

PLAYED = {4: "10.64.0.0/16", 6: "fd64::/48"}
# Server and load share what may be two cores: a rate and a patience that both can keep.
CLIENTS, RATE, SECONDS, PATIENCE = 1000, 1500, 1, 4
DRIVERS = ["af_xdp", "af_packet"]
FAMILIES = [4, 6]


@pytest.fixture(scope="module")
def built(module_lab):
    """Skips where this tickwire plays no clients over an interface."""
    ns = module_lab.namespace("p")
    said = lab_bench.load(ns, "127.0.0.1", "--interface", "nosuch0", "--from", "10.64.0.0/16")
    if "nosuch0" not in said.err:
        pytest.skip(f"needs `tickwire bench load --interface`, which is not here: {said.err.strip()}")


class Wire(Pair):
    """A Pair whose server sends to the played clients by way of the client's host."""

    def __init__(self, in_lab):
        super().__init__(in_lab)
        lab.run("ip", "-n", self.server, "route", "add", PLAYED[4], "via", self.client4)
        lab.run("ip", "-n", self.server, "route", "add", PLAYED[6], "via", self.client6)

    def host(self, family):
        return self.server4 if family == 4 else self.server6

    def options(self, family, *options, driver="auto", rate=RATE, seconds=SECONDS, clients=CLIENTS):
        return [self.target(family), "--json", "--interface", "cl0", "--driver", driver, "--from", PLAYED[family],
                "--clients", clients, "--rate", rate, "--time", seconds, "--timeout", PATIENCE, *options]

    def target(self, family):
        return self.server4 if family == 4 else f"[{self.server6}]:123"

    def load(self, family, *options, **more):
        return lab_bench.load(self.client, *self.options(family, *options, **more))

    def load_beside(self, family, *options, **more):
        """In the background, sending by now."""
        before = received(self.server, "sv0")
        process = subprocess.Popen(["ip", "netns", "exec", self.client,
                                    *lab_bench.command(*self.options(family, *options, **more))],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        # whoever is asked answers it or not: frames come
        lab.wait_for(lambda: received(self.server, "sv0") > before + 200 or process.poll() is not None, 15, "a load")
        return process


@pytest.fixture
def wire(lab, built):  # pylint: disable=redefined-outer-name,unused-argument
    return Wire(lab)


def ended(process, seconds=15):
    out, err = process.communicate(timeout=seconds)
    return lab_bench.Load(process.returncode, out, err)


def counters(ns, interface):
    return json.loads(lab.run("ip", "-n", ns, "-s", "-j", "link", "show", "dev", interface).stdout)[0]["stats64"]


def received(ns, interface):
    return counters(ns, interface)["rx"]["packets"]


class Filter:
    """Counters of nftables in a namespace, in and out, of the NTP port's datagrams."""

    def __init__(self, ns):
        lab.need_program("nft")
        self.ns = ns
        rules = ("add table inet count; add chain inet count in { type filter hook input priority 0; }; "
                 "add chain inet count out { type filter hook output priority 0; }; "
                 "add rule inet count in udp dport 123 counter; add rule inet count out udp sport 123 counter")
        if lab.run("nft", rules, ns=ns, check=False).returncode != 0:
            pytest.skip("needs nf_tables in the kernel")

    def counts(self):
        """Received, sent."""
        found = {}
        for item in json.loads(lab.run("nft", "-j", "list", "table", "inet", "count", ns=self.ns).stdout)["nftables"]:
            for part in item.get("rule", {}).get("expr", []):
                if "counter" in part:
                    found[item["rule"]["chain"]] = part["counter"]["packets"]
        return found["in"], found["out"]


def check_all_valid(said):
    assert said.status == 0, said
    assert said["wrong"] == 0 and said["lost"] == 0 and said["valid"] == said["sent"], said
    assert said["sent"] > 0 and (said["generator_limited"] or said["sent"] >= 0.99 * RATE * SECONDS), said
    lab_bench.check_sums(said)


def check_clean(wire_):
    """The interface is as it was, and its host's own traffic goes on."""
    assert not traces(wire_.client, ["lo", "cl0"])
    assert wire_.ping(wire_.server4) and lab.ping(wire_.server, wire_.client4)


def near(count, expected, spare=30):
    """Within 0.1 %, and what neighbours have to say to each other."""
    return expected <= count <= expected * 1.001 + spare


# What was on the wire

@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("driver", DRIVERS)
def test_counts_beside_chronyd(wire, driver, family):
    """chronyd, the filter of its kernel and both ends of the cable have seen just what the load says."""
    lab.chronyd(wire.lab, wire.server, "server", "local stratum 5")
    lab.wait_for(lambda: wire.ask(wire.host(family)), 5, "chronyd answers")
    rules = Filter(wire.server)
    before = [counters(wire.client, "cl0"), counters(wire.server, "sv0")]
    said = wire.load(family, driver=driver)
    after = [counters(wire.client, "cl0"), counters(wire.server, "sv0")]
    check_all_valid(said)
    assert rules.counts() == (said["sent"], said["answered"]), said
    for end, (there, back) in zip((0, 1), (("tx", "rx"), ("rx", "tx"))):
        assert near(after[end][there]["packets"] - before[end][there]["packets"], said["sent"]), (end, before, after)
        assert near(after[end][back]["packets"] - before[end][back]["packets"], said["answered"]), (end, before, after)
    check_clean(wire)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("driver", DRIVERS)
def test_counts_beside_tickwire(wire, driver, family, figure):
    tickwire = wire.tickwire()
    said = wire.load(family, driver=driver)
    check_all_valid(said)
    assert tickwire.verdicts()["answered"] == said["sent"] == said["answered"], (tickwire.verdicts(), said)
    figure(f"p50 {said['latency']['p50'] * 1e6:.0f} us, p99 {said['latency']['p99'] * 1e6:.0f} us")
    check_clean(wire)


def test_own_address(wire):
    """Without --from the load plays the host itself, whose own NTP goes on as well as it can."""
    wire.tickwire()
    said = lab_bench.load_json(wire.client, wire.server4, "--interface", "cl0", "--rate", RATE, "--time", SECONDS,
                               "--timeout", PATIENCE)
    check_all_valid(said)
    check_clean(wire)


def test_all_kinds_of_load(wire):
    wire.tickwire()
    for options in (["--version", "3"], ["--version", "both"], ["--zipf", "1.2"], ["--arrival", "poisson"],
                    ["--arrival", "burst", "--burst", "64"], ["--garbage", "5%"]):
        said = wire.load(4, *options, seconds=0.3)
        assert said.status == 0 and said["valid"] == said["sent"] > 0, (options, said)
        lab_bench.check_sums(said)


def test_many_clients(wire):
    """More than a neighbour table has room for."""
    wire.tickwire()
    check_all_valid(wire.load(4, clients=60000))
    check_clean(wire)


@pytest.mark.parametrize("family", FAMILIES)
def test_clients_on_the_link(wire, family):
    """Addresses of the link itself: the server asks for each by ARP or Neighbour Discovery, and gets an answer."""
    lab.chronyd(wire.lab, wire.server, "server", "local stratum 5")
    lab.wait_for(lambda: wire.ask(wire.host(family)), 5, "chronyd answers")
    prefix = "10.99.0.64/26" if family == 4 else "fd99::1:0/122"
    said = lab_bench.load_json(wire.client, wire.target(family), "--interface", "cl0", "--from", prefix, "--clients",
                               50, "--rate", 1000, "--time", 1)
    assert said.status == 0 and said["wrong"] == 0 and said["lost"] <= 0.05 * said["sent"], said
    check_clean(wire)


@pytest.mark.parametrize("driver", DRIVERS)
def test_other_traffic_goes_on(wire, driver):
    """Ping and TCP of both hosts while the load runs."""
    wire.tickwire()
    process = wire.load_beside(4, driver=driver, seconds=4)
    assert wire.ping(wire.server4) and wire.ping(wire.server6)
    assert lab.ping(wire.server, wire.client4) and lab.ping(wire.server, wire.client6)
    assert lab.tcp_works(wire.server, wire.client, wire.server4)
    assert lab.tcp_works(wire.client, wire.server, wire.client4)
    said = ended(process)
    assert said.status == 0 and said["valid"] == said["sent"], said
    check_clean(wire)


# Ways to err, on the wire

WAYS = {"duplicate": "duplicate", "unsolicited": "unsolicited", "wrong-client": "wrong-client",
        "wrong-source-port": "wrong-source", "wrong-source-address": "wrong-source", "longer": "longer",
        "empty": "header", "short": "header", "mode-3": "header", "mirror": "unsolicited",
        "transmit-echo": "cookie-echoed", "silent": None}


@pytest.mark.parametrize("way,family", [(way, 4) for way in WAYS] + [
    (way, 6) for way in ("duplicate", "wrong-client", "wrong-source-address", "empty")])
def test_way(wire, way, family):
    other = "10.99.0.3" if family == 4 else "fd99::3"
    lab.addresses(wire.server, "sv0", f"{other}/{24 if family == 4 else 64}")
    erring = lab_bench.Erring(wire.lab, wire.server, way, "--other", other, address=wire.host(family))
    said = wire.load(family, "--timeout", "1", rate=500, seconds=0.4)
    counts = erring.stop()
    assert said.status == 1 and counts["requests"] == said["sent"], (said, counts)
    if WAYS[way]:
        assert counts["damaged"] - 5 <= said.verdict(WAYS[way]) <= counts["damaged"], (said, counts)
    else:
        assert said["lost"] == said["sent"] > 0, said
    lab_bench.check_sums(said)


def test_closed_port(wire):
    said = wire.load(4, "--timeout", "0.3", rate=500, seconds=0.5)
    assert said.status == 1 and said["refused"] > 0 and said["lost"] == said["sent"], said


# VLANs and next hops

def test_tagged_frames(wire):
    """With --vlan and --mac nothing has to be asked for, and every frame is as told."""
    with lab.Wire(wire.server, "sv0") as end:
        said = wire.load(4, "--vlan", "100", "--mac", lab.mac(wire.server, "sv0"), "--timeout", "0.2", rate=200,
                         seconds=0.5)
        assert said.status == 1 and said["lost"] == said["sent"] > 0, said
        seen = 0
        while frame := end.receive(0.2):
            if frame[12:18] != b"\x81\x00\x00\x64\x08\x00" or frame[18 + 9] != 17:
                continue
            seen += 1
            assert frame[:6] == lab.octets(lab.mac(wire.server, "sv0")), frame.hex()
            assert frame[18 + 12:18 + 14] == b"\x0a\x40", frame.hex()  # of 10.64.0.0/16
            assert frame[18 + 16:18 + 20] == lab.packed(wire.server4), frame.hex()
            assert lab.checksum(frame[18:38]) == 0, frame.hex()
            assert frame[38 + 2:38 + 4] == b"\x00\x7b", frame.hex()
    assert seen == said["sent"], (seen, said)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("driver", DRIVERS)
def test_vlan(wire, driver, family):
    """tickwire answers tagged requests with the same tag, where an address is served on any VLAN."""
    wire.tickwire(sets=("local stratum 8", f"bindaddress {wire.host(family)}"))
    check_all_valid(wire.load(family, "--vlan", "100", "--mac", lab.mac(wire.server, "sv0"), driver=driver))
    check_clean(wire)


@pytest.mark.parametrize("family", FAMILIES)
def test_gateway(wire, family):
    """A target behind a next hop that only the command line knows."""
    far = "10.98.0.1" if family == 4 else "fd98::1"
    lab.addresses(wire.server, "lo", f"{far}/{32 if family == 4 else 128}")
    erring = lab_bench.Erring(wire.lab, wire.server, "none", address=far)
    said = lab_bench.load_json(wire.client, erring.target, "--interface", "cl0", "--from", PLAYED[family], "--clients",
                               CLIENTS, "--rate", 1000, "--time", 0.5, "--gateway", wire.host(family))
    assert said.status == 0 and said["valid"] == said["sent"] == erring.stop()["requests"], said


def test_route(wire):
    """The same by a route of the kernel's."""
    lab.addresses(wire.server, "lo", "10.98.0.1/32")
    lab.run("ip", "-n", wire.client, "route", "add", "10.98.0.0/24", "via", wire.server4)
    erring = lab_bench.Erring(wire.lab, wire.server, "none", address="10.98.0.1")
    said = lab_bench.load_json(wire.client, erring.target, "--interface", "cl0", "--from", PLAYED[4], "--clients",
                               CLIENTS, "--rate", 1000, "--time", 0.5)
    assert said.status == 0 and said["valid"] == said["sent"] == erring.stop()["requests"], said


# What goes wrong

def check_sentence(said, *words, status=1):
    assert said.status == status and not said.out, said
    assert len(said.err.splitlines()) <= 4, said
    for word in words:
        assert word in said.err, said


@pytest.mark.parametrize("family,target", [(4, "10.99.0.77"), (6, "[fd99::77]:123")])
def test_nobody_at_the_target(wire, family, target):
    """No --mac, and nobody who answers ARP or Neighbour Discovery."""
    start = time.monotonic()
    said = lab_bench.load_json(wire.client, target, "--interface", "cl0", "--from", PLAYED[family], "--clients", 10)
    check_sentence(said, target.split("]")[0].strip("["), "did not answer")
    assert time.monotonic() - start < 15
    check_clean(wire)


def test_missing_interface(wire):
    check_sentence(lab_bench.load_json(wire.client, wire.server4, "--interface", "nosuch0", "--from", PLAYED[4]),
                   "nosuch0")


@pytest.mark.parametrize("interface", ["x" * 1000, "pci:nonsense", "vdev:net_nothing0", "pci:0000:7f:1f.7"])
def test_strange_interface(wire, interface):
    said = lab_bench.load_json(wire.client, wire.server4, "--interface", interface, "--from", PLAYED[4], "--mac",
                               "02:00:00:00:00:01")
    check_sentence(said, interface[:15])


def test_interface_that_is_down(wire):
    lab.run("ip", "-n", wire.client, "link", "set", "cl0", "down")
    said = lab_bench.load(wire.client, *wire.options(4, "--mac", "02:00:00:00:00:01"))
    assert said.status == 1 and "cl0" in said.err and "down" in said.err, said


def test_not_root(wire):
    lab.need_program("setpriv")
    lab.need_build_for_all()
    done = lab.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                   *lab_bench.command(*wire.options(4)), ns=wire.client, check=False)
    assert done.returncode == 1 and "root" in done.stdout and len(done.stdout.splitlines()) <= 4, done.stdout


def test_played_address_of_the_host_itself(wire):
    """A prefix with the server's own address in it cannot be right."""
    said = lab_bench.load_json(wire.client, wire.server4, "--interface", "cl0", "--from", "10.99.0.0/24", "--clients",
                               10, "--time", 0.3)
    assert said.status in (1, 2) and wire.server4 in said.err or said.report["wrong"] == 0, said


@pytest.mark.parametrize("which", ["near", "far"])
@pytest.mark.parametrize("driver", DRIVERS)
def test_link_goes_down(wire, driver, which):
    """In the middle: a sentence, a report of what there was, status 1."""
    wire.tickwire()
    process = wire.load_beside(4, driver=driver, seconds=20)
    ns, interface = (wire.client, "cl0") if which == "near" else (wire.server, "sv0")
    lab.run("ip", "-n", ns, "link", "set", interface, "down")
    said = ended(process, 10)
    assert said.status == 1 and said["sent"] > 0 and re.search(r"down|link|carrier", said.err), said
    assert said["sent"] == said["answered"] + said["lost"] and said["wrong"] == 0, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("driver", DRIVERS)
def test_stopped(wire, driver, number):
    wire.tickwire()
    process = wire.load_beside(4, driver=driver, seconds=20)
    process.send_signal(number)
    start = time.monotonic()
    said = ended(process)
    assert time.monotonic() - start < 4 and said.status == 0, said
    assert said["stopped"] is True and said["valid"] == said["sent"] > 0, said
    check_clean(wire)


@pytest.mark.parametrize("driver", DRIVERS)
def test_killed(wire, driver):
    """SIGKILL: the kernel has the interface again, and so has the next load."""
    wire.tickwire()
    process = wire.load_beside(4, driver=driver, seconds=20)
    process.kill()
    process.communicate(timeout=10)
    assert wire.ping(wire.server4)
    lab.wait_for(wire.ask, 5, "the host's own NTP")
    check_all_valid(wire.load(4, driver=driver))
    check_clean(wire)


def test_two_loads_on_one_interface(wire):
    """The second is refused in a sentence, and does the first no harm."""
    wire.tickwire()
    process = wire.load_beside(4, seconds=5)
    check_sentence(wire.load(4), "cl0")
    said = ended(process)
    assert said.status == 0 and said["valid"] == said["sent"], said


def test_interface_of_tickwire_itself(wire):
    """Where `tickwire run` has the interface, a load leaves it alone."""
    tickwire = wire.tickwire()
    said = lab_bench.load_json(wire.server, wire.client4, "--interface", "sv0", "--from", PLAYED[4], "--time", 0.5)
    check_sentence(said, "sv0")
    assert wire.ask() and tickwire.status()["ready"]


# NTS

@pytest.fixture
def authority(wire):
    lab.need_program("openssl")
    return lab_nts.Authority(wire.lab)


def load_nts(wire_, authority_, family, *options, **more):
    return wire_.load(family, "--nts", "--ca", authority_.file, "--nts-clients", "16", *options, clients=16, rate=800,
                      **more)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("driver", DRIVERS)
def test_nts_beside_tickwire(wire, authority, driver, family):
    """Every reply authentic, every tag looked at, and hardly a cookie sent twice."""
    tickwire = lab_nts.serve(wire, authority)
    said = load_nts(wire, authority, family, driver=driver)
    assert said.status == 0 and said["valid"] == said["sent"] > 0, said
    assert said.verdict("nts") == 0, said
    assert lab_nts.outcomes(tickwire)["accepted"] >= 16, lab_nts.outcomes(tickwire)
    lab_bench.check_sums(said)
    check_clean(wire)


def test_nts_share(wire, authority):
    lab_nts.serve(wire, authority)
    said = load_nts(wire, authority, 4, "--nts-share", "25%", "--check-tags", "50%")
    assert said.status == 0 and said["valid"] == said["sent"] > 0, said


@pytest.mark.parametrize("way,verdict", [("tag-flipped", "forged"), ("identifier-missing", "identifier"),
                                         ("ntsn", "nak")])
def test_nts_way(wire, authority, way, verdict):
    """A server's damaged replies, on the wire: chronyd behind the one that errs."""
    lab.need_program("chronyd", "chronyc")
    identity = authority.server("server", wire.server4)
    lab_nts.chronyd_server(wire.lab, wire.server, "nts-server", identity, "port 1123")
    erring = lab_bench.Erring(wire.lab, wire.server, way, "--forward", f"{wire.server4}:1123", address=wire.server4)
    said = load_nts(wire, authority, 4)
    counts = erring.stop()
    assert said.status == 1 and said.nts(verdict) == counts["damaged"] == said["sent"] > 0, (said, counts)


def test_nts_without_key_establishment(wire, authority):
    """Nobody listens at 4460: a sentence before anything is sent."""
    wire.tickwire()
    said = load_nts(wire, authority, 4)
    check_sentence(said, "4460")
    check_clean(wire)
