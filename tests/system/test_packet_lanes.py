"""Each packet lane in turn, as `packetlane` names it: bursts of plain requests are answered right, and a lane that the CPU has not is
refused in a sentence."""
import pytest

import lab
import lab_backends
import lab_bench
from conftest import Pair


@pytest.mark.parametrize("lane", lab_backends.NEEDS["packetlane"])
@pytest.mark.parametrize("host", [Pair.server4, Pair.server6])
def test_bursts(pair, lane, host):
    lab.need_cpu("packetlane", lane)
    tickwire = pair.tickwire(sets=["local stratum 8", f"packetlane {lane}"])
    assert tickwire.status()["packet_lane"] == lane
    load = lab_bench.load_json(pair.client, host, "--arrival", "burst", "--burst", 27, "--rate", 5400, "--time", 1,
                               "--timeout", 2)
    assert load.status == 0 and load["sent"] > 2000, load
    assert load["valid"] == load["sent"] - load["lost"], load
    assert load["lost"] <= load["sent"] / 100, load


def test_not_for_this_cpu(pair):
    lab.check_not_for_this_cpu(pair, "packetlane")
