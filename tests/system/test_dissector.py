"""An independent dissector finds nothing wrong with ten thousand replies."""
import collections
import struct

import pytest

import lab
from conftest import Pair
from test_frames import Range, v4, v6

EACH = 2600
WINDOW = 50
KINDS = {"v4": lambda p: v4(p), "v6": lambda p: v6(p),
         "vlan": lambda p: dict(tags=((0x8100, 7),), frame=v4(p)),
         "two vlans": lambda p: dict(tags=((0x8100, 7), (0x8100, 9)), frame=v6(p))}
FIELDS = ["ntp.flags.mode", "ip.checksum.status", "udp.checksum.status", "_ws.malformed", "_ws.expert.severity",
          "ipv6.version", "vlan.id", "ntp.flags.vn", "ntp.stratum"]


def send(range_, kind):
    """EACH requests in windows, with the answers counted."""
    answered = 0
    for start in range(0, EACH, WINDOW):
        wanted = set()
        for number in range(start, start + WINDOW):
            stamp = struct.pack("!Q", hash(kind) & 0xffffffff00000000 | number)
            wanted.add(stamp)
            packet = lab.request(version=number % 4 + 1)[:40] + stamp
            range_.wire.send(range_.frame(KINDS[kind](packet)))
        for _, data in range_.wire.replies(2, lambda data: wanted.discard(data[24:32]) or not wanted):
            answered += data[0] & 7 == 4
    return answered


@pytest.mark.parametrize("driver", ["af_xdp", "af_packet"])
def test_dissector(driver, figure):
    lab.need_program("tshark", "dumpcap")
    range_ = Range(driver)
    try:
        capture = range_.lab.path("capture.pcapng")
        dumpcap = range_.lab.start("dumpcap", "-q", "-B", "64", "-i", "cl0", "-w", capture, ns=range_.pair.client)
        lab.wait_for(lambda: lab.os.path.exists(capture) and "File:" in dumpcap.log(), 10, "dumpcap")
        assert [send(range_, kind) for kind in KINDS] == [EACH] * len(KINDS)
        lab.time.sleep(0.5)
        dumpcap.stop(lab.signal.SIGINT)
        lines = dissect(capture)
    finally:
        range_.wire.close()
        range_.lab.close()
    figure(f"{driver}: {len(lines)} replies")
    assert len(lines) >= 10000
    kinds = collections.Counter()
    for mode, ip_sum, udp_sum, malformed, severity, is_v6, vlan, version, stratum in lines:
        assert mode == "4" and stratum == "8" and version in "1234"
        assert not malformed and severity in ("", "1048576", "2097152"), (malformed, severity)  # comment, chat
        assert udp_sum == "1" and ip_sum == ("" if is_v6 else "1")
        kinds["v6" if is_v6 else "v4", vlan] += 1
    assert kinds == {("v4", ""): EACH, ("v6", ""): EACH, ("v4", "7"): EACH, ("v6", "7,9"): EACH}


def dissect(capture):
    # What quotes a reply is the client's kernel, which has no such socket.
    out = lab.run("tshark", "-n", "-r", capture, "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
                  "-Y", "!icmp && !icmpv6 && udp.srcport == 123 && "
                  f"(ip.src == {Pair.server4} || ipv6.src == {Pair.server6})",
                  "-T", "fields", "-E", "separator=|", *[word for name in FIELDS for word in ("-e", name)],
                  timeout=60).stdout
    return [line.split("|") for line in out.splitlines() if line.count("|") == len(FIELDS) - 1]
