"""tickwire beside the chronyd whose clock it serves: both asked, both say the same."""
import time

import pytest

import lab
from conftest import Pair


@pytest.fixture(scope="module")
def chain(module_lab):
    """upstream chronyd (stratum 5) -> chronyd on the server's host (stratum 6), beside tickwire."""
    pair = Pair(module_lab)
    pair.upstream = module_lab.namespace("u")
    module_lab.veth(pair.upstream, "up0", pair.server, "sv1")
    lab.addresses(pair.upstream, "up0", "10.98.0.1/24", "fd98::1/64")
    lab.addresses(pair.server, "sv1", "10.98.0.2/24", "fd98::2/64")
    lab.chronyd(module_lab, pair.upstream, "upstream", "local stratum 5")
    pair.chronyd = lab.chronyd(module_lab, pair.server, "host",
                               "server 10.98.0.1 iburst minpoll 0 maxpoll 0")
    return pair


@pytest.fixture(scope="module")
def synchronised(chain):
    """tickwire, once chronyd has a source."""
    lab.wait_for(lambda: lab.chronyc(chain.chronyd, "tracking").split(",")[2:3] == ["6"], 30, "chronyd's source", 0.2)
    return chain.tickwire(sets=[f"chronyrundir {chain.chronyd.directory}"])


def both(chain, host=Pair.server4, samples=8):
    """tickwire's answer by the wire, and chronyd's over the loopback of its host."""
    return lab.best_of(chain.client, host, samples), lab.best_of(chain.server, "127.0.0.1", samples)


def test_fields(chain, synchronised, figure):
    status = synchronised.status()["timebase"]
    assert status["keeper"] == "chronyd" and status["synchronised"]
    for host in Pair.server4, Pair.server6:
        # chronyd updates between the two questions, and the clock daemon asks it once a second.
        for attempt in range(20):
            ours, chronys = both(chain, host)
            close = (abs(ours.root_delay - chronys.root_delay) < 2**-16 * 1.5
                     and abs(ours.root_dispersion - chronys.root_dispersion) < 2e-3)
            if close or attempt == 19:
                break
            time.sleep(0.1)
        assert ours.stratum == chronys.stratum == 6
        assert ours.refid == chronys.refid == bytes([10, 98, 0, 1])
        assert ours.leap == chronys.leap == 0
        assert ours.version == chronys.version == 4 and ours.mode == chronys.mode == 4
        assert ours.root_delay == pytest.approx(chronys.root_delay, abs=2**-16 * 1.5)
        assert ours.root_dispersion == pytest.approx(chronys.root_dispersion, abs=2e-3)
        assert abs(lab.from_ntp(ours.reference) - lab.from_ntp(chronys.reference)) < 3
    figure(f"stratum {ours.stratum}, refid {ours.refid.hex()}, root delay {ours.root_delay * 1e6:.0f} us (chronyd "
           f"{chronys.root_delay * 1e6:.0f}), root dispersion {ours.root_dispersion * 1e6:.0f} us (chronyd "
           f"{chronys.root_dispersion * 1e6:.0f})")


def test_offset(chain, synchronised, figure):
    """
    Within the timebase's stated bound, half of both delays, which is what asymmetry can make, and what chronyd itself says that
    its time may be off by: with -x it corrects the time that it serves, but not the kernel's clock that we follow.
    """
    worst = 0.0
    for _ in range(10):
        ours, chronys = both(chain)
        bound = synchronised.status()["timebase"]["error_bound"]
        difference = ours.offset - chronys.offset
        margin = bound + ours.delay / 2 + chronys.delay / 2 + chronys.root_delay / 2 + chronys.root_dispersion
        assert abs(difference) < margin
        worst = max(worst, abs(difference))
    figure(f"at most {worst * 1e6:.1f} us apart; bound {bound * 1e6:.2f} us, delays {ours.delay * 1e6:.0f} and "
           f"{chronys.delay * 1e6:.0f} us")


def test_offset_of_the_same_clock(pair, figure):
    """A chronyd without a source corrects nothing: then nothing but our stated bound and the paths may come between."""
    host = lab.chronyd(pair.lab, pair.server, "host", "local stratum 5")
    tickwire = pair.tickwire(sets=[f"chronyrundir {host.directory}"])
    lab.wait_for(lambda: (r := pair.ask()) and r.stratum == 5, 10, "chronyd's stratum")
    worst = 0.0
    for _ in range(20):
        bound = tickwire.status()["timebase"]["error_bound"]
        ours, chronys = both(pair)
        difference = abs(ours.offset - chronys.offset)
        assert difference < bound + ours.delay / 2 + chronys.delay / 2
        worst = max(worst, difference)
    figure(f"at most {worst * 1e6:.1f} us apart; bound {bound * 1e6:.2f} us, delays {ours.delay * 1e6:.0f} and "
           f"{chronys.delay * 1e6:.0f} us")


def test_chronyd_unsynchronised(chain, synchronised):
    """chronyd loses its source and says so; so does tickwire. And back."""
    lab.run("ip", "-n", chain.upstream, "link", "set", "up0", "down")
    lab.chronyc(chain.chronyd, "delete", "10.98.0.1")
    lab.chronyc(chain.chronyd, "reset", "sources")
    chronys = lab.wait_for(lambda: (r := lab.ask(chain.server, "127.0.0.1")) and r.leap == 3 and r, 10, "chronyd")
    ours = lab.wait_for(lambda: (r := chain.ask()) and r.leap == 3 and r, 5, "tickwire")
    assert ours.stratum == chronys.stratum == 0
    lab.run("ip", "-n", chain.upstream, "link", "set", "up0", "up")
    lab.chronyc(chain.chronyd, "add", "server", "10.98.0.1", "iburst", "minpoll", "0", "maxpoll", "0")
    lab.wait_for(lambda: (r := chain.ask()) and (r.leap, r.stratum) == (0, 6), 20, "tickwire with a source again", 0.2)


def test_chronyd_gone(chain, synchronised):
    """Its keeper gone, the clock is nobody's after a while of trust; the answers go on."""
    assert chain.ask().stratum == 6
    assert chain.chronyd.stop() == 0
    time.sleep(1.5)
    reply = chain.ask()
    assert reply and reply.stratum in (0, 6)
    assert synchronised.status()["ready"]


@pytest.mark.parametrize("host", [Pair.server4, Pair.server6])
def test_ntp_server_on_loopback(pair, host):
    """No run directory of chronyd to ask: its own NTP answers on the loopback are asked."""
    lab.chronyd(pair.lab, pair.server, "host", "local stratum 5")
    tickwire = pair.tickwire(sets=["chronyrundir /nonexistent"])
    lab.wait_for(lambda: (r := pair.ask(host)) and r.stratum == 5, 5, "the stratum of the server on the loopback")
    status = tickwire.status()["timebase"]
    assert status["keeper"] == "NTP server on loopback"
    assert lab.ask(pair.server, "127.0.0.1").refid == pair.ask(host).refid
