"""Each back-end of the AEADs in turn, as `aeadbackend` names it: people's clients synchronise, bursts that fill the lanes are
right, and one that the CPU has not is refused in a sentence."""
import pytest

import lab
import lab_backends
import lab_bench
import lab_nts as nts
from conftest import Pair

OFFSET_MOST = 0.02


@pytest.fixture(params=lab_backends.NEEDS["aeadbackend"])
def backend(request):
    lab.need_cpu("aeadbackend", request.param)
    return request.param


def test_clients(pair, authority, backend, figure):
    tickwire = nts.serve(pair, authority, f"aeadbackend {backend}")
    assert tickwire.status()["aead"] == backend
    assert f"AEADs by {backend}" in nts.problems(tickwire)
    for host in (Pair.server4, Pair.server6):
        assert abs(float(nts.query_nts(pair.client, host, authority)["offset"])) < OFFSET_MOST
    assert abs(nts.chronyd_once(pair.lab, pair.client, Pair.server4, authority)) < OFFSET_MOST
    try:
        ntpd = nts.ntpsec_client(pair.lab, pair.client, "ntpd", authority, nts.NAME4)
    except pytest.skip.Exception:
        return
    figure(f"{backend}: ntpd {nts.ntpsec_follows(ntpd)[0]}")


def test_bursts(pair, authority, backend):
    """Cookies that come back and go out again, several requests to a burst: not one is refused, before a rotation, after it
    with cookies under the old key, and after others; with either AEAD."""
    tickwire = nts.serve(pair, authority, f"aeadbackend {backend}")
    for aead in 15, 30, 15, 30:
        load = lab_bench.load_json(pair.client, Pair.server4, "--nts", "--nts-clients", 64, "--ca", authority.file,
                                   "--aead", aead, "--arrival", "burst", "--burst", 24, "--rate", 2400, "--time", 1,
                                   "--timeout", 2)
        assert load.status == 0 and load["sent"] > 1000, load
        assert load["valid"] == load["sent"] - load["lost"], load
        assert load["lost"] <= load["sent"] / 100, load
        nts.keys(tickwire, "rotate")
    counts = tickwire.verdicts()
    assert counts["nts-answered"] > 3000
    assert not [name for name in counts if name.startswith("nts-") and name != "nts-answered" and counts[name]], counts


def test_not_for_this_cpu(pair):
    lab.check_not_for_this_cpu(pair, "aeadbackend")
