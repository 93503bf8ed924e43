"""Each packet lane in turn, as `packetlane` names it: bursts of plain requests are answered right, and a lane that the CPU has not is
refused in a sentence."""
import pytest

import lab
import lab_bench
from conftest import Pair

NEEDS = {"avx512": {"avx512f", "avx512bw", "avx512vbmi", "avx512_vnni"}, "generic": set()}


def missing(lane):
    """The CPU's features that it needs and that are not here."""
    with open("/proc/cpuinfo", encoding="ascii") as f:
        flags = next((line.split(":")[1].split() for line in f if line.startswith("flags")), [])
    return sorted(NEEDS[lane] - set(flags))


@pytest.mark.parametrize("lane", NEEDS)
@pytest.mark.parametrize("host", [Pair.server4, Pair.server6])
def test_bursts(pair, lane, host):
    if missing(lane):
        pytest.skip(f"{lane} needs a CPU with {', '.join(missing(lane))}")
    tickwire = pair.tickwire(sets=["local stratum 8", f"packetlane {lane}"])
    assert tickwire.status()["packet_lane"] == lane
    load = lab_bench.load_json(pair.client, host, "--arrival", "burst", "--burst", 27, "--rate", 5400, "--time", 1,
                               "--timeout", 2)
    assert load.status == 0 and load["sent"] > 2000, load
    assert load["valid"] == load["sent"] - load["lost"], load
    assert load["lost"] <= load["sent"] / 100, load


def test_not_for_this_cpu(pair):
    lacking = [name for name in NEEDS if missing(name)]
    if not lacking:
        pytest.skip("needs a CPU that lacks one of the lanes")
    tickwire = pair.tickwire(sets=["local stratum 8", f"packetlane {lacking[0]}"], wait=False)
    lab.wait_for(lambda: "is not for this CPU; expected auto" in tickwire.log(), 5, "the sentence")
    assert f"packetlane {lacking[0]}" in tickwire.log()
    assert tickwire.process.popen.wait(timeout=30) == 78
