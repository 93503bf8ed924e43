"""Daemons killed under a load of NTS, and whole restarts: cookies from before still open."""
import os
import signal
import time

import pytest

import lab
import lab_nts as nts
import nts_client as hand
from conftest import Pair


def cookies_from_before(pair, authority):
    """Associations whose cookies are kept for after the fault."""
    return [hand.establish(pair.client, host, authority=authority) for host in (Pair.server4, Pair.server6)]


def still_open(pair, before):
    """How many of them do, of how many."""
    found = [outcome for association in before
             for outcome in hand.opens(pair.client, Pair.server4, association, association.cookies[:8])]
    return found.count(hand.AUTHENTIC), len(found)


@pytest.mark.parametrize("daemon", ["tickwire-dataplane", "tickwire-ke", "tickwire-clock"])
def test_daemon_killed_under_nts_load(pair, authority, daemon, figure):
    """kill -9 costs no cookie; that of the clock or the key establishment costs no answer either."""
    tickwire = nts.serve(pair, authority)
    before = cookies_from_before(pair, authority)
    # What the dataplane has lost is not waited for; else nothing is lost, however late it is.
    timeout = 0.2 if daemon == "tickwire-dataplane" else 2
    loads = [hand.Load(pair.client, host, [hand.establish(pair.client, host, authority=authority)], timeout=timeout)
             for host in (Pair.server4, Pair.server6)]
    time.sleep(0.3)
    victim = tickwire.victim(daemon)
    os.kill(victim, signal.SIGKILL)
    lab.wait_for(lambda: tickwire.daemon_pid(daemon) not in (0, victim), 5, "the restart")
    time.sleep(1.5)
    counts = {name: sum(load.stop().counts[name] for load in loads) for name in loads[0].counts}
    figure(f"{daemon}: " + ", ".join(f"{count} {name}" for name, count in counts.items())
           + f", no answer for {max(load.longest for load in loads):.2f} s")
    assert counts[hand.NAK] == counts[hand.FORGED] == 0 < counts[hand.AUTHENTIC]
    assert max(load.longest for load in loads) < 2
    if daemon != "tickwire-dataplane":
        assert counts[hand.LOST] == 0
    good, of = still_open(pair, before)
    figure(f"{daemon}: {good} of {of} cookies from before still open")
    assert good == of == 16
    lab.wait_for(lambda: works(pair, authority), 5, "key establishment", 0.1)
    assert tickwire.daemon(daemon)["restarts"] == 1
    assert f"{daemon} was killed by signal 9" in tickwire.log()


def works(pair, authority):
    """Whether somebody new gets keys and time."""
    try:
        made = hand.establish(pair.client, Pair.server6, authority=authority, timeout=2)
    except OSError:
        return False
    assert hand.opens(pair.client, Pair.server6, made, made.cookies[:1]) == [hand.AUTHENTIC]
    return True


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_whole_restart(pair, authority, end, figure):
    """SIGTERM, or kill -9 of the supervisor, which takes the daemons with it: with ntsdumpdir cookies from before still
    open, and a chronyd that goes on polling asks for no new ones."""
    tickwire = nts.serve(pair, authority)
    nts.keys(tickwire, "rotate")
    before = cookies_from_before(pair, authority)
    nts.keys(tickwire, "rotate")
    # Every poll takes one of its 8 cookies, also while nobody answers: these last for 16 s.
    chrony = nts.chronyd_client(pair.lab, pair.client, "following", authority, Pair.server4, poll=1)
    nts.chronyd_follows(chrony)
    family = tickwire.family()
    if end == "stopped":
        assert tickwire.stop() == 0
    else:
        tickwire.process.kill(signal.SIGKILL)
        lab.wait_for(lambda: not any(lab.alive(pid) for pid in family), 5, "end of the daemons")
    again = nts.serve(pair, authority, run_dir=tickwire.run_dir)
    good, of = still_open(pair, before)
    figure(f"{end}: {good} of {of} cookies from before still open, the key established two rotations before")
    assert good == of == 16
    assert works(pair, authority)
    counts = nts.ntpdata(chrony, Pair.server4)
    lab.wait_for(lambda: nts.ntpdata(chrony, Pair.server4)["valid"] >= counts["valid"] + 3, 8, "chronyd polls")
    state = nts.authdata(chrony)[Pair.server4]
    # Keys are counted from 1: it has established no others.
    assert (state["key_id"], state["nak"], state["attempts"]) == (1, 0, 0), state
    assert again.stop() == 0


def test_key_establishment_hangs(pair, authority):
    """While tickwire-ke hangs, those who have cookies are answered, and get new ones."""
    tickwire = nts.serve(pair, authority)
    before = cookies_from_before(pair, authority)
    pid = tickwire.victim("tickwire-ke")
    os.kill(pid, signal.SIGSTOP)
    with hand.Client(pair.client, Pair.server4) as client:
        for _ in range(20):
            assert client.ask_nts(before[0], placeholders=1)[0] == hand.AUTHENTIC
            time.sleep(0.02)
    os.kill(pid, signal.SIGCONT)
    assert works(pair, authority)
