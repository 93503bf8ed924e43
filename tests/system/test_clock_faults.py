"""Faults of receivers, of the kernel clock and of the clock daemon, in a running tickwire with sources of its own: a client
sees to it all the while that every reply is right within its root distance, or says leap 3. True time is the machine's own
clock."""
import os
import random
import signal
import socket
import time

import pytest

import lab
import lab_devices
from lab_sources import (BUSY, PtyReceiver, SecondPulses, Sock, Watch, check_right, count, settle, source,
                         sources, wait_synchronised)
from test_clock import Shim

GPS = "refid GPS poll 1 delay 0.0001"
NUMBERS = "refid NUM poll 1 delay 0.2 noselect"
WEEK = 7 * 86400


def test_missing_pulses(pair, figure):
    """Of ten pulses a second, 1, 10 and 100 do not come."""
    pulses, numbers = SecondPulses(pair.lab, rate=10), Sock(pair.lab, "num.sock", phase=0.3)
    tickwire = pair.tickwire(env=pulses.env, sets=[
        f"refclock PPS {pulses.device} refid PPS lock NUM rate 10 poll 0 dpoll -4 prefer",
        f"refclock SOCK {numbers.path} {NUMBERS}"])
    wait_synchronised(pair)
    settle(tickwire, "PPS", 25)
    grown = []
    with Watch(pair) as watch:
        for missing in 1, 10, 100:
            pulses.seconds.quiet = True
            time.sleep(missing / 10)
            grown.append(tickwire.status()["timebase"]["error_bound"])
            pulses.seconds.quiet = False
            settle(tickwire, "PPS", count(tickwire, "PPS", "used") + 15)
    assert watch.unsynchronised == 0 and grown[2] > grown[0]
    assert tickwire.daemon("tickwire-clock")["restarts"] == 0
    reply = check_right(pair, "PPS")
    figure(f"{watch}; dispersion after 100: {grown[2] * 1e6:.0f} us, then {reply.root_dispersion * 1e6:.0f}")


def test_bad_pulses(pair, figure):
    """Each pulse twice, 300 ms apart and 10 ms apart; then 100 ms off the second."""
    pulses, numbers = SecondPulses(pair.lab), Sock(pair.lab, "num.sock", phase=0.3)
    tickwire = pair.tickwire(env=pulses.env, sets=[
        f"refclock PPS {pulses.device} refid PPS lock NUM poll 1 prefer", f"refclock SOCK {numbers.path} {NUMBERS}"])
    wait_synchronised(pair)
    settle(tickwire, "PPS")
    with Watch(pair) as watch:
        pulses.doubled = 300_000_000
        used = count(tickwire, "PPS", "used")
        lab.wait_for(lambda: count(tickwire, "PPS", "double") >= 3, 10, "doubled pulses", 0.2)
        assert count(tickwire, "PPS", "used") >= used + 2
        pulses.doubled = 10_000_000
        time.sleep(4)
        pulses.doubled, pulses.shift = 0, 100_000_000
        time.sleep(5)
        pulses.shift = 0
        settle(tickwire, "PPS", count(tickwire, "PPS", "used") + 3)
    assert watch.unsynchronised == 0
    check_right(pair, "PPS")
    figure(f"{watch}")


class Jumping(PtyReceiver):
    """A receiver whose time is .jump seconds off."""
    jump = 0.0

    def burst(self, second):
        return super().burst(second + int(self.jump))

    @property
    def late(self):
        return self.usual - self.jump % 1 if self.jump > -1 else self.usual

    @late.setter
    def late(self, late):
        self.usual = late


def test_receiver_jumps(pair, figure):
    """What a receiver says of seconds, with a pulse that it numbers."""
    pulses, receiver = SecondPulses(pair.lab), Jumping(pair.lab)
    tickwire = pair.tickwire(env=pulses.env, sets=[
        f"refclock PPS {pulses.device} refid PPS lock GPS poll 1 prefer",
        f"refclock NMEA {receiver.device}:9600 refid GPS poll 1 offset 0.12 delay 0.2"])
    wait_synchronised(pair)
    settle(tickwire, "PPS")
    with Watch(pair) as watch:
        for jump in -1024 * WEEK, 18, 1, -1, 0.5:
            before = source(tickwire, "GPS")
            receiver.jump = jump
            lab.wait_for(lambda: source(tickwire, "GPS")["samples"] >= before["samples"] + 5, 8, f"{jump} s seen", 0.2)
            # A week number that has rolled over is put right, and half a second can be what a busy machine was late by.
            assert jump in (-1024 * WEEK, 0.5) or count(tickwire, "GPS", "used") <= before["verdicts"]["used"] + 3
            receiver.jump = 0
            time.sleep(1.5)
    assert watch.unsynchronised == 0 and watch.farthest < 0.05
    assert abs(check_right(pair, "PPS").offset) < 0.002
    figure(f"{watch}")


def test_receiver_without_fix(pair):
    """It tells a date and no fix: never used; leap 3, until it has one. Lost again, the time is held."""
    receiver = PtyReceiver(pair.lab)
    receiver.fix = False
    tickwire = pair.tickwire(sets=[f"refclock NMEA {receiver.device}:9600 refid GPS poll 1 offset 0.12 delay {BUSY}"])
    with Watch(pair) as watch:
        lab.wait_for(lambda: count(tickwire, "GPS", "unsynchronised") >= 5, 12, "samples", 0.2)
        assert watch.served == 0 and count(tickwire, "GPS", "used") == 0
        receiver.fix = True
        wait_synchronised(pair)
        receiver.fix = False
        used, bad = count(tickwire, "GPS", "used"), count(tickwire, "GPS", "unsynchronised")
        lab.wait_for(lambda: count(tickwire, "GPS", "unsynchronised") >= bad + 3, 12, "samples", 0.2)
        assert count(tickwire, "GPS", "used") <= used + 1


class ShiftedSock(Sock):
    """Its samples are stamped by the kernel clock that a Shim shows: right whatever that is."""

    def __init__(self, in_lab, name, shim):
        self.shim, self.shown = shim, (0.0, 0.0, time.time())
        super().__init__(in_lab, name)

    def set(self, offset, rate=0.0):
        """The kernel clock, from now on."""
        self.shown = (offset, rate, self.shim.set(offset, rate))

    def send(self):
        offset, rate, since = self.shown
        now = time.time()
        ahead = offset + rate * (now - since)
        stamp = int((now + ahead) * 1e6) * 1000
        self.socket.sendto(lab_devices.sock_sample(now - stamp / 1e9, leap=self.leap, when=stamp), self.path)


def test_kernel_clock_moves(pair, figure):
    """Stepped and slewed under us, it takes the served time nowhere: samples are stamped by it, before and after."""
    shim = Shim(pair.lab.path("shim"))
    gps, receiver = ShiftedSock(pair.lab, "gps.sock", shim), PtyReceiver(pair.lab)
    tickwire = pair.tickwire(env=shim.environment(), sets=[
        f"refclock SOCK {gps.path} {GPS}", "crosscheck off",
        f"refclock NMEA {receiver.device}:9600 refid NMEA poll 1 offset 0.12 delay 0.2"])
    wait_synchronised(pair)
    settle(tickwire, "GPS")
    with Watch(pair) as watch:
        for offset, rate in (10, 0), (0, 0), (0.3, 0), (0.1, 0), (-10, 0), (-10, 400e-6), (-10, -400e-6):
            gps.set(offset, rate)
            settle(tickwire, "GPS", count(tickwire, "GPS", "used") + 3)
    assert watch.unsynchronised == 0
    assert tickwire.log().count("the kernel clock was stepped by") >= 5
    assert tickwire.daemon("tickwire-clock")["restarts"] == 0
    check_right(pair, "GPS")
    figure(f"{watch}")


def test_suspended(pair, figure):
    """The clock daemon and its supervisor stand still for 6 s, as in a suspend: what was known is not trusted."""
    gps = Sock(pair.lab, "gps.sock")
    tickwire = pair.tickwire(sets=[f"refclock SOCK {gps.path} {GPS}"])
    wait_synchronised(pair)
    settle(tickwire, "GPS")
    victim = tickwire.victim("tickwire-clock")
    with Watch(pair) as watch:
        tickwire.process.kill(signal.SIGSTOP)
        os.kill(victim, signal.SIGSTOP)
        time.sleep(6)
        os.kill(victim, signal.SIGCONT)
        time.sleep(0.2)
        tickwire.process.kill(signal.SIGCONT)
        tickwire.process.wait_log("suspended; all but the drift is learned anew")
        wait_synchronised(pair)
        settle(tickwire, "GPS", count(tickwire, "GPS", "used") + 2)
    assert tickwire.daemon_pid("tickwire-clock") == victim
    check_right(pair, "GPS")
    figure(f"{watch}")


def test_two_disagree(pair):
    """Two sources of which one must be wrong: neither is served. Once they agree, the time is."""
    right, wrong = Sock(pair.lab, "a.sock"), Sock(pair.lab, "b.sock", phase=0.4)
    wrong.offset = 0.02
    tickwire = pair.tickwire(sets=[f"refclock SOCK {right.path} refid AAAA poll 1 delay 0.00002",
                                   f"refclock SOCK {wrong.path} refid BBBB poll 1 delay 0.00002", "crosscheck off"])
    with Watch(pair) as watch:
        settle(tickwire, "AAAA", 10)
        settle(tickwire, "BBBB", 10)
        assert watch.served == 0 and watch.unsynchronised > 100
        wrong.offset = 0.0
        wait_synchronised(pair, 80)
        settle(tickwire, "AAAA", count(tickwire, "AAAA", "used") + 2)
    check_right(pair, pair.ask().refid.decode())


@pytest.fixture
def kept(pair):
    """chronyd keeps the clock of the server's host by another host's."""
    upstream = pair.lab.namespace("u")
    pair.lab.veth(upstream, "up0", pair.server, "sv1")
    lab.addresses(upstream, "up0", "10.98.0.1/24")
    lab.addresses(pair.server, "sv1", "10.98.0.2/24")
    lab.chronyd(pair.lab, upstream, "upstream", "local stratum 5")
    pair.chronyd = lab.chronyd(pair.lab, pair.server, "host", "server 10.98.0.1 iburst minpoll 0 maxpoll 0")
    lab.wait_for(lambda: lab.chronyc(pair.chronyd, "tracking").split(",")[2:3] == ["6"], 30, "chronyd's source", 0.2)
    return pair


def test_crosscheck(kept):
    """A single source that is off by 50 ms from the start: the kernel clock's keeper bears witness against it."""
    gps = Sock(kept.lab, "gps.sock")
    gps.offset = 0.05
    tickwire = kept.tickwire(sets=[f"refclock SOCK {gps.path} {GPS}", f"chronyrundir {kept.chronyd.directory}",
                                   "crosscheck unsynchronised"])
    lab.wait_for(lambda: sources(tickwire)["crosscheck_failed"], 20, "the alarm", 0.1)
    lab.wait_for(lambda: kept.ask().leap == 3, 5, "leap 3")
    with Watch(kept) as watch:
        time.sleep(4)
    assert watch.served == 0 and "disagree by more than both can err" in tickwire.log()
    assert sources(tickwire)["rung"] == "unsynchronised"
    lab.wait_for(lambda: source(tickwire, "GPS")["verdicts"]["used"] >= 5, 10, "samples")
    # Right again, it is believed again.
    gps.offset = 0.0
    lab.wait_for(lambda: not sources(tickwire)["crosscheck_failed"], 60, "agreement", 0.2)


class Meinberg(PtyReceiver):
    """Speaks Meinberg's string with .status."""
    status = "  U "

    def burst(self, second):
        now = time.gmtime(second)
        return time.strftime(f"\2D:%d.%m.%y;T:{now.tm_wday + 1};U:%H.%M.%S;{self.status}\3", now).encode()


def test_meinberg(pair, figure):
    """Not synchronised since its reset: not believed; then it is, and free-running it is not again."""
    receiver = Meinberg(pair.lab)
    receiver.status = "# U "
    tickwire = pair.tickwire(sets=[f"refclock MEINBERG {receiver.device} refid DCF poll 1 offset 0.12 delay {BUSY}"])
    with Watch(pair) as watch:
        lab.wait_for(lambda: count(tickwire, "DCF", "unsynchronised") >= 3, 12, "samples", 0.2)
        assert watch.served == 0
        receiver.status = "  U "
        wait_synchronised(pair)
        settle(tickwire, "DCF", 4)
        reply = check_right(pair, "DCF")
        for status in " *U ", "#*U ":
            receiver.status = status
            bad = count(tickwire, "DCF", "unsynchronised")
            lab.wait_for(lambda: count(tickwire, "DCF", "unsynchronised") >= bad + 2, 12, f"{status} seen", 0.2)
        used = count(tickwire, "DCF", "used")
        time.sleep(1.5)
        assert count(tickwire, "DCF", "used") == used
    figure(f"offset {reply.offset * 1e6:+.0f} us; {watch}")


def hostile_samples(seed):
    """Datagrams that are no samples, and samples that no clock gives."""
    dice = random.Random(seed)
    good = lab_devices.sock_sample(0.0)
    nan, infinity = float("nan"), float("inf")
    for _ in range(40):
        yield dice.randbytes(dice.randrange(0, 200))
        spoiled = bytearray(good)
        spoiled[dice.randrange(len(spoiled))] ^= 1 << dice.randrange(8)
        yield bytes(spoiled[:dice.randrange(1, len(spoiled) + 1)])
        yield lab_devices.sock_sample(dice.choice([nan, infinity, -infinity, 1e300, -1e9, 1e-320, 3.5]))
        yield lab_devices.sock_sample(0.0, leap=dice.randrange(-2**31, 2**31))
        yield lab_devices.sock_sample(0.0, magic=dice.randrange(2**31))
        yield lab_devices.sock_sample(0.0, when=dice.choice([0, 2**62, -2**62, time.time_ns() - 10**9]))
        yield good + bytes(60000)


def test_hostile(pair, figure):
    """Garbage at a socket and on a line, beside a good source: it is served all the while."""
    gps, victim, receiver = Sock(pair.lab, "gps.sock"), Sock(pair.lab, "bad.sock", phase=0.4), PtyReceiver(pair.lab)
    tickwire = pair.tickwire(sets=[
        f"refclock SOCK {gps.path} {GPS} prefer", f"refclock SOCK {victim.path} refid BAD poll 1 delay 0.0001",
        f"refclock NMEA {receiver.device}:9600 refid NMEA poll 1 offset 0.12 delay 0.2"])
    wait_synchronised(pair)
    settle(tickwire, "GPS")
    dice = random.Random(6)
    before = {refid: source(tickwire, refid)["samples"] for refid in ("GPS", "BAD", "NMEA")}
    with Watch(pair) as watch, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bad:
        bad.setblocking(False)
        end = time.monotonic() + 8
        for round_ in range(1000):
            for sample in hostile_samples(round_):
                try:
                    bad.sendto(sample, victim.path)
                except OSError:
                    time.sleep(0.001)
            try:
                os.set_blocking(receiver.master, False)
                os.write(receiver.master, lab_devices.sentence("GPRMC,000000.00,A,,,,,,,311299,,,A")
                         [:dice.randrange(30)] + dice.randbytes(500))
            except OSError:
                pass
            time.sleep(0.05)
            if time.monotonic() > end:
                break
    after = {refid: source(tickwire, refid)["samples"] for refid in before}
    assert watch.unsynchronised == 0
    assert after["GPS"] >= before["GPS"] + 6 and after["BAD"] > before["BAD"] + 100
    assert tickwire.daemon("tickwire-clock")["restarts"] == 0
    check_right(pair, "GPS")
    figure(f"{after['BAD'] - before['BAD']} hostile samples; {watch}")
