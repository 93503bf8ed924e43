"""Sources of time of our own: each is fed for real and ends in replies of stratum 1 that are right within their root
distance; faults raise the dispersion, then LI, then silence. True time is the machine's own clock."""
import os
import signal
import time

import pytest

import lab as lab_module
import lab_devices
from conftest import Pair
from lab_sources import (BUSY, PtyReceiver, SecondPulses, Sock, Watch, check_right, count, distance, settle, source,
                         sources, wait_synchronised)
from test_clock_leap import TAI, write_list

GPS = "refid GPS poll 1 delay 0.0001"


def test_sock(pair, figure):
    """Nothing is claimed before the first samples; then it is right."""
    gps = Sock(pair.lab, "gps.sock")
    gps.seconds.quiet = True
    tickwire = pair.tickwire(sets=[f"refclock SOCK {gps.path} {GPS}"])
    reply = pair.ask(timeout=3)
    assert (reply.leap, reply.stratum) == (3, 0)
    gps.seconds.quiet = False
    wait_synchronised(pair)
    settle(tickwire, "GPS", 5)
    reply = check_right(pair, "GPS")
    report = source(tickwire, "GPS")
    assert report["state"] == "selected" and report["open"] and report["reach"] & 1
    done = lab_module.run(lab_module.TICKWIRE, "query", "-n", "2", "--json", Pair.server4, ns=pair.client)
    assert '"GPS"' in done.stdout
    figure(f"offset {reply.offset * 1e6:+.1f} us, root dispersion {reply.root_dispersion * 1e6:.0f} us")


def test_tai(pair):
    """A feeder that keeps TAI, from the first sample on."""
    gps = Sock(pair.lab, "gps.sock")
    gps.offset = TAI
    pair.tickwire(sets=[f"refclock SOCK {gps.path} {GPS} tai", f"leapseclist {write_list(pair.lab.path('leaps'), 1)}"])
    wait_synchronised(pair)
    check_right(pair, "GPS")


def test_pulses(pair, figure):
    """PPS, numbered by another source that is off by 30 ms: the pulse decides."""
    pulses, numbers = SecondPulses(pair.lab), Sock(pair.lab, "nmea.sock", phase=0.3)
    numbers.offset = 0.03
    tickwire = pair.tickwire(env=pulses.env, sets=[
        f"refclock PPS {pulses.device} refid PPS lock NUM poll 1 prefer",
        f"refclock SOCK {numbers.path} refid NUM poll 1 delay 0.2 noselect"])
    wait_synchronised(pair)
    settle(tickwire, "PPS", 5)
    reply = check_right(pair, "PPS")
    assert abs(reply.offset) < 0.002
    report = source(tickwire, "PPS")
    figure(f"offset {reply.offset * 1e6:+.1f} us, root dispersion {reply.root_dispersion * 1e6:.0f} us, "
           f"error of a sample {report['error'] * 1e9:.0f} ns")
    # A pulse that is nowhere near the second is passed over, and what is served stays right.
    used = report["verdicts"]["used"]
    pulses.shift = 100_000_000
    lab_module.wait_for(lambda: source(tickwire, "PPS")["verdicts"]["used"] == used or
                        sum(source(tickwire, "PPS")["verdicts"][v] for v in ("far_from_second", "implausible")) >= 3, 8,
                        "pulses passed over")
    check_right(pair, "PPS")


def test_receiver_on_a_line(pair, figure):
    """NMEA on a pty, 120 ms late; unplugged, and back under its name."""
    receiver = PtyReceiver(pair.lab)
    tickwire = pair.tickwire(sets=[f"refclock NMEA {receiver.device}:9600 refid GPS poll 1 offset 0.12 delay {BUSY}"])
    wait_synchronised(pair)
    settle(tickwire, "GPS", 4)
    lab_module.wait_for(lambda: abs(check_right(pair, "GPS").offset) < 0.1, 10, "the offset made good", 0.5)
    reply = check_right(pair, "GPS")
    report = source(tickwire, "GPS")
    assert report["receiver"], report
    receiver.unplug()
    lab_module.wait_for(lambda: not source(tickwire, "GPS")["open"], 5, "the loss to be seen")
    samples = source(tickwire, "GPS")["samples"]
    receiver.plug()
    lab_module.wait_for(lambda: source(tickwire, "GPS")["samples"] >= samples + 3, 10, "the receiver back")
    check_right(pair, "GPS")
    figure(f"offset {reply.offset * 1e6:+.1f} us, root dispersion {reply.root_dispersion * 1e6:.0f} us")


@pytest.mark.parametrize("way", ["GPSD", "SHM"])
def test_gpsd(pair, way, figure):
    """The real gpsd, fed by a receiver's messages 120 ms late."""
    ipc = lab_devices.Ipc(pair.lab)
    receiver = lab_devices.UdpReceiver(pair.lab, pair.server)
    if way == "GPSD":
        lab_devices.start_gpsd(pair.lab, pair.server, receiver.source, prefix=ipc.prefix)
    line = {"GPSD": "refclock GPSD :2947", "SHM": "refclock SHM 0"}[way]
    tickwire = pair.tickwire(prefix=ipc.prefix, sets=[f"{line} refid GPS poll 1 offset 0.12 delay {BUSY}"])
    if way == "SHM":
        lab_devices.start_gpsd(pair.lab, pair.server, receiver.source, prefix=ipc.prefix)
    wait_synchronised(pair)
    settle(tickwire, "GPS", 4)
    reply = check_right(pair, "GPS")
    figure(f"offset {reply.offset * 1e6:+.1f} us, root dispersion {reply.root_dispersion * 1e6:.0f} us")


def test_gpsd_by_socket(pair, figure):
    """gpsd with a receiver on a serial line with pulses finds the SOCK source by itself, and feeds it the pulses."""
    ipc = lab_devices.Ipc(pair.lab)
    receiver = lab_devices.SerialReceiver(pair.lab)
    tickwire = pair.tickwire(prefix=ipc.prefix, sets=[f"refclock SOCK {receiver.sock} refid GPS poll 1 delay 0.02"])
    lab_devices.start_gpsd(pair.lab, pair.server, receiver.source, prefix=ipc.prefix, env=receiver.env)
    wait_synchronised(pair)
    settle(tickwire, "GPS", 4)
    reply = check_right(pair, "GPS")
    figure(f"offset {reply.offset * 1e6:+.1f} us, root dispersion {reply.root_dispersion * 1e6:.0f} us")


def test_ladder(pair, figure):
    """The source is lost: dispersion grows, then LI 3, then silence; all is well when it is back."""
    gps = Sock(pair.lab, "gps.sock")
    health = pair.lab.path("healthy")
    tickwire = pair.tickwire(sets=[f"refclock SOCK {gps.path} {GPS}", "clockwander 100", f"healthfile {health}",
                                   "serving raised 0.003 unsynchronised 0.006 silent 0.012"])
    wait_synchronised(pair)
    lab_module.wait_for(lambda: sources(tickwire)["rung"] == "serving" and os.path.exists(health), 20, "health")
    gps.seconds.quiet = True
    seen = []

    def fell():
        reply = pair.ask(timeout=0.2)
        if reply is None and sources(tickwire)["rung"] != "silent":
            return False  # late, on a busy machine
        state = "silent" if not reply else "unsynchronised" if reply.leap == 3 else "served"
        if reply and reply.leap != 3:
            assert abs(reply.offset) < distance(reply)
        if not seen or seen[-1] != state:
            seen.append(state)
        return state == "silent" and pair.ask() is None

    lab_module.wait_for(fell, 40, "silence", 0.1)
    assert seen == ["served", "unsynchronised", "silent"]
    lab_module.wait_for(lambda: not os.path.exists(health), 5, "the health file to go")
    assert sources(tickwire)["rung"] == "silent"
    for text in ("with a raised dispersion", "as unsynchronised (leap 3)", "not served any more"):
        assert tickwire.log().count(text) == 1, tickwire.log()
    gps.seconds.quiet = False
    wait_synchronised(pair)
    lab_module.wait_for(lambda: os.path.exists(health), 5, "the health file")
    check_right(pair, "GPS")
    figure("served, unsynchronised, silent, and back")


def test_wrong_second(pair, figure):
    """A receiver whose time jumps is not followed, and believed again once it is right."""
    gps = Sock(pair.lab, "gps.sock")
    tickwire = pair.tickwire(sets=[f"refclock SOCK {gps.path} {GPS}"])
    wait_synchronised(pair)
    settle(tickwire, "GPS")
    with Watch(pair) as watch:
        for jump in 1, -1, 18, 0.5, -1024 * 7 * 86400:
            gps.offset = jump
            settle(tickwire, "GPS", count(tickwire, "GPS", "implausible") + 4, "implausible")
            gps.offset = 0.0
            settle(tickwire, "GPS", count(tickwire, "GPS", "used") + 3)
            check_right(pair, "GPS")
    figure(f"{watch}")


def test_disagreement(pair):
    """Of three sources one is off by 20 ms: it is the falseticker."""
    feeders = [Sock(pair.lab, f"{name}.sock", phase) for name, phase in (("a", 0.1), ("b", 0.3), ("c", 0.5))]
    feeders[2].offset = 0.02
    tickwire = pair.tickwire(sets=[f"refclock SOCK {f.path} refid {name} poll 1 delay 0.0002"
                                   for f, name in zip(feeders, ("AAAA", "BBBB", "CCCC"))])
    wait_synchronised(pair)
    lab_module.wait_for(lambda: source(tickwire, "CCCC")["state"] == "falseticker", 20, "the falseticker")
    reply = lab_module.best_of(pair.client, Pair.server4)
    assert reply.refid in (b"AAAA", b"BBBB") and abs(reply.offset) < distance(reply)


def test_killed(pair, figure):
    """Killed, the daemon goes on from its drift file, and replies meanwhile and after are right."""
    gps, drift = Sock(pair.lab, "gps.sock"), pair.lab.path("drift")
    tickwire = pair.tickwire(sets=[f"refclock SOCK {gps.path} {GPS}", f"driftfile {drift} interval 2"])
    wait_synchronised(pair)
    lab_module.wait_for(lambda: os.path.exists(drift), 20, "the drift file")
    os.kill(tickwire.victim("tickwire-clock"), signal.SIGKILL)
    start, last = time.monotonic(), None
    while time.monotonic() - start < 6:
        reply = pair.ask()
        if reply and reply.leap == 0:
            assert abs(reply.offset) < distance(reply)
            # As far as the way to the server lets one see.
            assert last is None or reply.offset + reply.delay / 2 > last - 0.0005, "a step back"
            last = reply.offset - reply.delay / 2
        time.sleep(0.02)
    wait_synchronised(pair)
    check_right(pair, "GPS")
    with open(drift, encoding="ascii") as f:
        figure(f"drift file: {f.read().strip()} ppm")


def test_drill(pair):
    """`tickwire drill lost`: as if nothing were known, for its time."""
    gps = Sock(pair.lab, "gps.sock")
    tickwire = pair.tickwire(sets=[f"refclock SOCK {gps.path} {GPS}"])
    wait_synchronised(pair)
    lab_module.run(lab_module.TICKWIRE, "drill", "lost", "--time", "5", "--run-dir", tickwire.run_dir, ns=pair.server)
    lab_module.wait_for(lambda: pair.ask() is None, 5, "silence")
    assert sources(tickwire)["drill"]
    wait_synchronised(pair)
    check_right(pair, "GPS")


def test_leap_second_of_a_receiver(pair):
    """What it announces is planned, and shown."""
    gps = Sock(pair.lab, "gps.sock")
    tickwire = pair.tickwire(sets=[f"refclock SOCK {gps.path} {GPS}", "crosscheck off"])
    wait_synchronised(pair)
    assert source(tickwire, "GPS")["leap"] == "none"
    gps.leap = 1
    lab_module.wait_for(lambda: "a leap second will be inserted, by a receiver" in tickwire.log(), 5, "the plan")
    assert source(tickwire, "GPS")["leap"] == "insert"
    lab_module.wait_for(lambda: sources(tickwire)["leap_days"] is not None, 3, "the day of it")


def test_helpers_hold_no_device(pair):
    """Else a device that is unplugged would not go, and come back under another name."""
    receiver = PtyReceiver(pair.lab)
    tickwire = pair.tickwire(sets=[f"refclock NMEA {receiver.device}:9600 refid GPS", f"driftfile {pair.lab.path('drift')}"])
    clock = tickwire.daemon_pid("tickwire-clock")
    line = os.ttyname(receiver.slave)

    def held(pid):
        return [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]

    def helpers_of():
        return {open(f"/proc/{pid}/comm", encoding="ascii").read().strip(): held(pid) for pid in lab_module.children(clock)}

    lab_module.wait_for(lambda: line in held(clock), 5, "the line is open")
    lab_module.wait_for(lambda: {"tickwire-track", "tickwire-files", "tickwire-opener"} <= set(helpers_of()), 5, "helpers")
    helpers = helpers_of()
    for name, files in helpers.items():
        assert line not in files and len(files) <= 6, (name, files)
