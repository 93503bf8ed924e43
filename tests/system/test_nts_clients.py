"""Programs that people use get authenticated time from tickwire over IPv4 and IPv6, through AF_XDP; and `tickwire query
--nts` gets it from the servers that people use, and says in a sentence why it does not.
"""
import os
import time

import pytest

import lab
import lab_nts as nts
import nts_client as hand
from conftest import Pair

OFFSET_MOST = 0.02
ATTEMPTS = 3
HOSTS = {"v4": Pair.server4, "v6": Pair.server6}
NAMES = {"v4": nts.NAME4, "v6": nts.NAME6}
EXPIRED, FOREIGN = "expired.tickwire.test", "foreign.tickwire.test"


class Served:
    """A tickwire that serves NTS, and in the other namespace names and a trusted authority."""

    def __init__(self, pair):
        self.pair, self.lab, self.client = pair, pair.lab, pair.client
        self.authority = nts.Authority(self.lab)
        self.stranger = nts.Authority(self.lab, "stranger")
        good = nts.pair_identity(pair, self.authority, intermediate=True,
                                 more={EXPIRED: pair.server4, FOREIGN: pair.server4})
        expired = self.authority.server("expired", EXPIRED, days=-1)
        os.mkdir(self.lab.path("keys"), 0o700)
        self.tickwire = pair.tickwire(sets=["local stratum 8", *good.sets(), *expired.sets(),
                                            f"ntsdumpdir {self.lab.path('keys')}"])


@pytest.fixture(scope="module")
def served(module_pair):
    return Served(module_pair)


@pytest.fixture(scope="module")
def following(served):
    """A chronyd and an ntpd that go on polling, started early so that the other tests are what they wait for."""
    chrony = nts.chronyd_client(served.lab, served.client, "following", served.authority, *NAMES.values())
    try:
        ntpd = nts.ntpsec_client(served.lab, served.client, "ntpd", served.authority, *NAMES.values())
    except pytest.skip.Exception:
        ntpd = None
    return chrony, ntpd


def chronyd_once(served, transport):
    return nts.chronyd_once(served.lab, served.client, HOSTS[transport], served.authority, attempts=1)


def query(served, transport):
    said = nts.query_nts(served.client, HOSTS[transport], served.authority, "-n", "3", "-i", "0.1")
    assert said["answered"] == 3, said
    return float(said["offset"])


@pytest.mark.usefixtures("following")
@pytest.mark.parametrize("transport", HOSTS)
@pytest.mark.parametrize("client", [chronyd_once, query])
def test_right_time(served, client, transport):
    offsets = []
    while not offsets or (abs(offsets[-1]) >= OFFSET_MOST and len(offsets) < ATTEMPTS):
        offset = client(served, transport)
        assert offset is not None, served.tickwire.log()
        offsets.append(offset)
    assert abs(offsets[-1]) < OFFSET_MOST, offsets


@pytest.mark.parametrize("transport", HOSTS)
def test_client_by_hand(served, transport):
    """The second implementation agrees: 8 cookies of 100 octets, as many new ones as asked for, none twice, none in
    clear, and no reply is longer than its request."""
    association = hand.establish(served.client, HOSTS[transport], authority=served.authority, name=NAMES[transport])
    assert [len(cookie) for cookie in association.cookies] == [100] * 8
    seen = set(association.cookies)
    with hand.Client(served.client, HOSTS[transport]) as client:
        for placeholders in range(8):
            before = len(association.cookies)
            outcome, reply = client.ask_nts(association, placeholders=placeholders)
            assert outcome == hand.AUTHENTIC and lab.Reply(reply).stratum == 8
            new = association.cookies[before - 1:]
            assert len(new) == placeholders + 1 and not seen & set(new)
            seen |= set(new)
        assert client.ask_nts(association, placeholders=8)[0] == hand.AUTHENTIC
        assert client.ask_nts(association, change=spoil_header)[0] == hand.NAK
        assert client.ask_nts(association, os.urandom(100))[0] == hand.NAK


def spoil_header(packet):
    return packet[:2] + bytes([packet[2] ^ 1]) + packet[3:]


def test_plain_beside(served, figure):
    """Plain requests and protected ones at the same time: all of them are answered."""
    plain = [lab.Traffic(served.client, host) for host in HOSTS.values()]
    protected = [hand.Load(served.client, host, [hand.establish(served.client, host)]) for host in HOSTS.values()]
    time.sleep(2)
    for traffic in plain:
        assert traffic.stop().lost() == 0
    for load in protected:
        assert load.stop().counts[hand.AUTHENTIC] == sum(load.counts.values()) > 50, load.text()
    figure(f"{sum(len(t.sent) for t in plain)} plain and {sum(p.counts[hand.AUTHENTIC] for p in protected)} protected "
           "requests, all answered")


def test_dissector(served, figure):
    """An independent dissector finds nothing wrong with the replies."""
    lab.need_program("tshark", "dumpcap")
    capture = served.lab.path("nts.pcapng")
    dumpcap = served.lab.start("dumpcap", "-q", "-i", "cl0", "-f", "udp port 123", "-w", capture, ns=served.client)
    lab.wait_for(lambda: os.path.exists(capture) and "File:" in dumpcap.log(), 10, "dumpcap")
    wanted = 0
    for host in HOSTS.values():
        association = hand.establish(served.client, host)
        with hand.Client(served.client, host) as client:
            for number in range(160):
                wanted += client.ask_nts(association, placeholders=number % 8)[0] == hand.AUTHENTIC
            assert client.ask_nts(association, os.urandom(100))[0] == hand.NAK
    time.sleep(0.3)
    dumpcap.stop(lab.signal.SIGINT)
    # By address, for an ntpd that follows asks from port 123, too.
    served_by = " || ".join(f"{'ipv6' if ':' in host else 'ip'}.src == {host}" for host in HOSTS.values())
    names = ["ntp.stratum", "ntp.ext.type", "ntp.ext.invalid_length", "_ws.malformed", "udp.checksum.status",
             "udp.length", "_ws.expert.severity"]
    out = lab.run("tshark", "-n", "-r", capture, "-o", "udp.check_checksum:TRUE",
                  "-Y", f"udp.srcport == 123 && ({served_by})", "-T", "fields", "-E", "separator=|",
                  *[word for name in names for word in ("-e", name)],
                  timeout=60).stdout
    lines = [line.split("|") for line in out.splitlines() if line.count("|") == len(names) - 1]
    authentic, kisses, lengths = 0, 0, set()
    for stratum, types, invalid, malformed, checksum, length, severity in lines:
        assert not invalid and not malformed and checksum == "1", (types, invalid, malformed, checksum)
        assert severity in ("", "1048576", "2097152"), severity  # comment, chat
        kisses += stratum == "0" and types == "0x0104"
        authentic += stratum == "8" and types == "0x0104,0x0404"
        lengths.add(int(length) - 8)
    assert wanted == 320 and authentic >= 320 and kisses == 2, (wanted, authentic, kisses)
    figure(f"{authentic} protected replies of {min(lengths)} to {max(lengths)} octets, {kisses} NTSN")


def test_chronyd_follows(served, following, figure):
    """It holds 8 cookies, every request of it was answered and every answer good."""
    chrony = following[0]
    offsets = nts.chronyd_follows(chrony)
    assert set(offsets) == set(NAMES.values())
    assert max(abs(offset) for offset in offsets.values()) < OFFSET_MOST, offsets
    # One is under way with each request.
    lab.wait_for(lambda: all(state["cookies"] == 8 for state in nts.authdata(chrony).values()), 5, "all cookies")
    for state in nts.authdata(chrony).values():
        assert (state["mode"], state["nak"]) == ("NTS", 0), state
        # the AEAD is the one that chronyd prefers, if the library that it was built with has it
        assert (state["type"], state["key_length"], state["cookie_length"]) in ((15, 256, 100), (30, 128, 68)), state
    for host in HOSTS.values():
        counts = nts.ntpdata(chrony, host)
        assert counts["sent"] - counts["valid"] <= 1 and counts["valid"] >= 4, counts  # one may be under way
        figure(f"chronyd: {counts['valid']} of {counts['sent']} polls of {host} good")
    assert served.tickwire.status()["ready"]


def test_ntpsec_follows(following):
    if not following[1]:
        lab.need_program("setpriv", "ntpd", "ntpq")
    found = nts.ntpsec_follows(following[1], sources=2)
    assert {remote for _, remote, _, _ in found} == set(HOSTS.values())
    for _, remote, cookies, offset in found:
        assert cookies == "8" and abs(offset) < OFFSET_MOST, (remote, cookies, offset)
    counts = nts.ntpq(following[1], "-c", "ntsinfo")
    assert lab.re.search(r"NTS client recvs w error: +0$", counts, lab.re.MULTILINE), counts
    assert lab.re.search(r"NTS KE client probes bad: +0$", counts, lab.re.MULTILINE), counts


def test_selfsigned(pair):
    """The quickest way to NTS: a certificate that clients are given as what they trust."""
    directory = pair.lab.path("selfsigned")
    os.mkdir(directory)
    lab.run(lab.TICKWIRE, "keys", "selfsign", directory, "time.test", pair.server4, pair.server6)
    identity = nts.Identity(f"{directory}/time.test.crt", f"{directory}/time.test.key")
    assert os.stat(identity.key).st_mode & 0o777 == 0o600
    nts.serve(pair, None, identity=identity)
    trusted = nts.Trusted(identity.certificate)
    assert abs(nts.chronyd_once(pair.lab, pair.client, pair.server6, trusted)) < OFFSET_MOST
    assert nts.query_nts(pair.client, pair.server4, trusted, "-n", "1")["answered"] == 1
    assert len(hand.establish(pair.client, pair.server4, authority=trusted, name="time.test").cookies) == 8


# tickwire query --nts with other servers

@pytest.fixture(scope="module", params=["chronyd", "ntpsec"])
def foreign(request):
    """A pair of namespaces with somebody else's server."""
    in_lab = lab.Lab()
    try:
        pair = Pair(in_lab)
        authority = nts.Authority(in_lab)
        identity = nts.pair_identity(pair, authority)
        start = nts.chronyd_server if request.param == "chronyd" else nts.ntpsec_server
        start(in_lab, pair.server, "server", identity)
        yield pair, authority
    finally:
        in_lab.close()


@pytest.mark.parametrize("host", [*HOSTS.values(), *NAMES.values()])
def test_query_asks_others(foreign, host):
    pair, authority = foreign
    said = nts.query_nts(pair.client, host, authority, "-n", "3", "-i", "0.1")
    assert said["answered"] == 3 and abs(float(said["offset"])) < OFFSET_MOST, said


# What does not authenticate gives no time.

def refused(served, host, authority, *words):
    done = nts.query_nts(served.client, host, authority, "-n", "1", check=False)
    assert done.returncode == 1, done.stdout
    for word in words:
        assert lab.re.search(word, done.stdout, lab.re.IGNORECASE), (word, done.stdout)
    assert "authentic" not in done.stdout.lower() or "not" in done.stdout.lower()


def test_wrong_authority(served):
    refused(served, Pair.server4, served.stranger, "certificate")


def test_wrong_name(served):
    refused(served, FOREIGN, served.authority, "certificate", FOREIGN)


def test_expired_certificate(served):
    """It is the one that the name asks for, so SNI chose it."""
    refused(served, EXPIRED, served.authority, "certificate", "expired")


def test_closed_port(served):
    refused(served, Pair.client4, served.authority, "refused")


def test_chronyd_refuses_them_too(served):
    """Else the tests above would prove little."""
    for host, authority in (EXPIRED, served.authority), (nts.NAME4, served.stranger):
        assert nts.chronyd_once(served.lab, served.client, host, authority, seconds=2, attempts=1) is None
