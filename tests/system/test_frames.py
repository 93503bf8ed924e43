"""Odd frames on the wire: none is answered that should not be, each has the verdict that it deserves, and no reply is
longer than its request."""
import random
import struct

import pytest

import lab
from conftest import Pair

S4, S6, C4, C6 = Pair.server4, Pair.server6, Pair.client4, Pair.client6
MULTICAST4, MULTICAST6 = "224.0.1.1", "ff02::101"


def v4(payload=None, source=C4, destination=S4, **options):
    """IPv4 with UDP and NTP; options of both headers, those of IP by the names that lab.ipv4 gives them."""
    ip = {k: options.pop(k) for k in list(options) if k in ("protocol", "options", "total", "fragment", "version",
                                                            "ihl")}
    ip["add"] = options.pop("ip_add", 0)
    return 0x0800, lab.ipv4(source, destination,
                            lab.udp(source, destination, lab.request() if payload is None else payload, **options),
                            **ip)


def v6(payload=None, source=C6, destination=S6, **options):
    ip = {k: options.pop(k) for k in list(options) if k in ("protocol", "version")}
    if "ip_length" in options:
        ip["length"] = options.pop("ip_length")
    return 0x86dd, lab.ipv6(source, destination,
                            lab.udp(source, destination, lab.request() if payload is None else payload, **options),
                            **ip)


def field(kind, body):
    return struct.pack("!HH", kind, 4 + len(body)) + body


def first(octet):
    return bytes([octet]) + lab.request()[1:]


MAC = struct.pack("!I", 7) + bytes(range(16))

# verdict -> frames of it, each (EtherType, payload) or a dict of what lab.ethernet takes besides.
FRAMES = {
    "truncated": [(0x0800, b"\x45" + bytes(10)), (0x86dd, b"\x60" + bytes(20)),
                  dict(tags=((0x8100, 1),), frame=(0x0800, b"\x45" + bytes(18)))],
    "ip-version": [v4(version=6), v6(version=4)],
    "ip-length": [v4(total=1500), v6(ip_length=1400), v4(total=19),
                  # Where the XDP program cannot see a whole UDP header, the frame is the kernel's.
                  (0x0800, lab.ipv4(C4, S4, b"\x9c\x40\x00\x7b", total=24) + bytes(22))],
    "ip-checksum": [v4(ip_add=1)],
    "ipv4-options": [v4(options=b"\x01\x01\x01\x00"), v4(options=b"\x94\x04\0\0")],
    "ipv4-fragment": [v4(fragment=0x2000), v4(fragment=0x0001)],
    "ipv6-extension": [v6(protocol=44), v6(protocol=0), v6(protocol=60)],
    "not-udp": [(0x0800, lab.ipv4(C4, S4, bytes(20), protocol=253)),
                (0x86dd, lab.ipv6(C6, S6, bytes(20), protocol=253))],
    "other-address": [v4(destination="10.99.0.77"), v6(destination="fd99::77"), v4(destination=MULTICAST4),
                      v6(destination=MULTICAST6), v4(destination="255.255.255.255")],
    "other-port": [v4(dport=124), v6(dport=12300)],
    "source-address": [v4(source=S4), v6(source=S6), v4(source="224.0.0.5"), v4(source="255.255.255.255"),
                       v4(source="0.0.0.0"), v4(source="127.0.0.1"), v6(source="ff02::1"), v6(source="::"),
                       v6(source="::1")],
    "source-port": [v4(sport=0), v6(sport=0)],
    "udp-length": [v4(length=7), v4(length=57), v6(length=9000)],
    "udp-checksum": [v4(add=1), v6(add=1)],
    "udp-no-checksum": [v6(sum_=0)],
    "ntp-short": [v4(b""), v4(lab.request()[:47]), v6(lab.request()[:44]), v4(b"\x1b")],
    "ntp-length": [v4(lab.request() + b"x"), v6(lab.request() + b"xyz")],
    "ntp-version": [v4(first(version << 3 | 3)) for version in (0, 5, 6, 7)],
    "mode-reserved": [v4(first(version << 3)) for version in (2, 3, 4)] + [v4(first(1 << 3), sport=123)],
    "mode-passive": [v4(first(0x22)), v6(first(0x0a))],
    "mode-server": [v4(first(0x24)), v6(first(0x1c), sport=123)],
    "mode-broadcast": [v4(first(0x25)), v6(first(0x15))],
    "mode-control": [v4(b"\x16\x02\0\1" + bytes(8)), v6(first(0x26))],
    "mode-private": [v4(b"\x17\x00\x03\x2a" + bytes(4)), v4(b"\x17\x00\x03\x2a" + bytes(188))],
    "extension-length": [v4(lab.request(extra=struct.pack("!HH", 0x4000, length) + bytes(24)))
                         for length in (0, 8, 29, 4000)],
    "crypto-nak": [v4(lab.request(extra=bytes(4)))],
    "mac-length": [v4(lab.request(version=3, extra=bytes(range(length)))) for length in (8, 16)],
    "mac-unknown-key": [v4(lab.request(extra=MAC)), v6(lab.request(extra=MAC + bytes(4)))],
    "source-mac": [dict(source="01:00:5e:00:00:01", frame=v4())],
    "destination-mac": [dict(destination="ff:ff:ff:ff:ff:ff", frame=v4()),
                        dict(destination="33:33:00:00:00:01", frame=v6())],
    "not-ip": [(0x88cc, bytes(60)), dict(tags=((0x8100, 1), (0x8100, 2), (0x8100, 3)), frame=v4())],
    "answered": [v4(), v6(), v4(sum_=0), v4(sport=123), v6(sport=123), v4(first(0x0b)), v4(first(1 << 3)),
                 v4(first(0x21)), v4(lab.request(extra=field(0x4000, bytes(24)))),
                 v6(lab.request(extra=field(0x0104, bytes(32)) * 3)), v4(lab.request(extra=field(0x4000, bytes(1020)))),
                 dict(tags=((0x8100, 5),), frame=v4()), dict(tags=((0x8100, 5), (0x8100, 4000)), frame=v6()),
                 dict(tags=((0x8100, 0),), frame=v4())],
}

# What the XDP program leaves to the kernel never comes to the dataplane, nor do the fragments that the kernel puts
# together for net_af_packet.
KERNELS = {"af_packet": {"ipv4-fragment"}, "af_xdp": {
    "truncated", "ip-version", "ipv4-options", "ipv4-fragment", "ipv6-extension", "not-udp", "not-ip", "other-address",
    "other-port", "mode-passive", "mode-server", "mode-broadcast"}}


class Range:
    """tickwire with one driver, and a raw sender before it."""

    def __init__(self, driver):
        self.lab = lab.Lab()
        try:
            self.driver = driver
            self.pair = Pair(self.lab)
            lab.offloads_off(self.pair.client, "cl0")
            self.tickwire = self.pair.tickwire(f"sv0 driver {driver}", sets=["local stratum 8", f"bindaddress {S4}",
                                                                             f"bindaddress {S6}"])
            self.source = lab.mac(self.pair.client, "cl0")
            self.destination = lab.mac(self.pair.server, "sv0")
            self.wire = lab.Wire(self.pair.client, "cl0")
        except BaseException:
            self.lab.close()
            raise

    def frame(self, what):
        options = dict(what) if isinstance(what, dict) else {"frame": what}
        kind, payload = options.pop("frame")
        return lab.ethernet(options.get("source", self.source), options.get("destination", self.destination), kind,
                            payload, options.get("tags", ()))

    def send_and_collect(self, frames):
        """The replies to frames; a last good request says when there are no more."""
        last = random.getrandbits(64)
        for frame in frames:
            self.wire.send(frame)
        self.wire.send(self.frame(v4(lab.request(transmit=last))))
        found = self.wire.replies(2, lambda data: data[24:32] == struct.pack("!Q", last))
        assert found and found[-1][1][24:32] == struct.pack("!Q", last), "the request after them is not answered"
        return found[:-1]


@pytest.fixture(scope="module", params=["af_xdp", "af_packet"])
def range_(request):
    made = Range(request.param)
    yield made
    made.wire.close()
    made.lab.close()


@pytest.mark.parametrize("verdict", FRAMES)
def test_verdict(range_, verdict):
    frames = [range_.frame(what) for what in FRAMES[verdict]]
    before = range_.tickwire.verdicts()
    replies = range_.send_and_collect(frames)
    after = range_.tickwire.verdicts()
    counted = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    counted["answered"] -= 1
    if verdict == "answered":
        assert len(replies) == len(frames)
        for frame, (reply, data) in zip(frames, replies):
            assert len(reply) <= len(frame)
            assert data[24:32] == frame_ntp(frame)[40:48]
    else:
        assert not replies
    expected = len(frames)
    if verdict in KERNELS[range_.driver]:
        expected = counted.get(verdict, 0)
        assert expected <= len(frames)
    assert counted.get(verdict, 0) >= expected, counted
    if verdict != "answered":
        assert counted["answered"] == 0
    # ARP and neighbour discovery between the two kernels may come in between.
    strays = {"not-ip", "not-udp", "other-address", "ipv6-extension"}
    assert not {name for name, n in counted.items() if n and name != verdict} - strays, counted


def frame_ntp(frame):
    """The NTP octets of a request."""
    at = 12
    while frame[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    return frame[at + 2 + (20 if frame[at:at + 2] == b"\x08\x00" else 40) + 8:]


def test_every_first_octet(range_):
    """All leap indicators, versions and modes: which are answered, and with what mode and version."""
    answered = {}
    for octet in range(256):
        packet = first(octet)[:40] + struct.pack("!Q", 0x7700 + octet)
        for _, data in range_.send_and_collect([range_.frame(v4(packet))]) if octet % 8 in (0, 1, 3) else []:
            answered[octet] = data
    silent = [range_.frame(v4(first(o))) for o in range(256) if o % 8 not in (0, 1, 3)]
    assert not range_.send_and_collect(silent)
    for octet in range(256):
        version, mode = octet >> 3 & 7, octet & 7
        want = 1 <= version <= 4 and (mode in (1, 3) or (mode == 0 and version == 1))
        assert (octet in answered) == want, f"version {version}, mode {mode}"
        if want:
            assert answered[octet][0] >> 3 & 7 == version
            assert answered[octet][0] & 7 == (2 if mode == 1 else 4)


def test_noise(range_, figure):
    """Requests with octets changed, cut off or added at random: whatever is answered is no longer than its request, and
    tickwire goes on."""
    rng = random.Random(20240601)
    base = [range_.frame(what) for what in FRAMES["answered"]]
    answers = 0
    for _ in range(40):
        frames = []
        for _ in range(50):
            frame = bytearray(rng.choice(base))
            for _ in range(rng.randrange(4)):
                frame[rng.randrange(12, len(frame))] = rng.randrange(256)
            if rng.random() < 0.3:
                frame = frame[:rng.randrange(14, len(frame) + 1)]
            elif rng.random() < 0.3:
                frame += rng.randbytes(rng.randrange(1, 64))
            frames.append(bytes(frame))
        longest = max(len(frame) for frame in frames)
        for reply, data in range_.send_and_collect(frames):
            assert len(reply) <= longest and len(data) % 4 == 0
            answers += 1
    figure(f"{range_.driver}: {answers} answers to 2000 damaged requests")
    assert range_.tickwire.daemon("tickwire-dataplane")["restarts"] == 0


def test_reply_is_no_longer_than_its_request(range_):
    """Each length that a request can have, with an unknown extension field."""
    for length in range(28, 1400, 52):
        frame = range_.frame(v4(lab.request(extra=field(0x4000, bytes(length - 4)))))
        for reply, _ in range_.send_and_collect([frame]):
            assert len(reply) <= len(frame)
