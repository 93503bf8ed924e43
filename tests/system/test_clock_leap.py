"""A leap second with sources of our own: tickwire believes in the night of a leap second (its kernel clock is that of
tests/clockshim.c), its sources tell UTC, and a client sees to it that every reply is right on both sides."""
import concurrent.futures
import hashlib
import os
import signal
import time

import pytest

import lab
import lab_devices
from conftest import Pair
from lab_sources import SecondPulses, Sock, Watch, distance, settle, source, sources, wait_synchronised
from test_clock import Shim
from test_leap import MIDNIGHT, set_shim

NEVER = 1e6
TAI = 37  # before
GPS = "refid GPS poll 1 delay 0.0001"


def write_list(path, sign, days=180):
    """leap-seconds.list, with the hash over the digits of its numbers; it ends so many days after the leap second."""
    numbers = [[MIDNIGHT - 180 * 86400 + lab.NTP_UNIX], [MIDNIGHT + days * 86400 + lab.NTP_UNIX],
               [3692217600, TAI], [MIDNIGHT + lab.NTP_UNIX, TAI + sign]]
    digest = hashlib.sha1("".join(str(n) for line in numbers for n in line).encode()).hexdigest()
    words = " ".join(digest[i:i + 8] for i in range(0, 40, 8))
    with open(path, "w", encoding="ascii") as f:
        f.write(f"#$ {numbers[0][0]}\n#@ {numbers[1][0]}\n")
        f.writelines(f"{seconds} {tai} # \n" for seconds, tai in numbers[2:])
        f.write(f"#h {words}\n")
    return path


class Night:
    """What the clocks show around a leap second that is `ahead` s away; the kernel makes it, or knows nothing of it."""

    def __init__(self, in_lab, sign, ahead, kernel_makes_it=False):
        self.shim, self.sign, self.kernel_makes_it = Shim(in_lab.path("shim")), sign, kernel_makes_it
        self.offset = round(MIDNIGHT - ahead - time.time())
        self.turn = MIDNIGHT - (sign < 0)
        set_shim(self.shim.path, self.offset, sign if kernel_makes_it else 0, 0.0 if kernel_makes_it else NEVER)

    def utc(self, real):
        """And the machine's own clock, from which the client's stamps are."""
        even = real + self.offset
        return even - self.sign if even >= self.turn else even

    def kernel(self, real):
        return self.utc(real) if self.kernel_makes_it else real + self.offset

    def left(self):
        return self.turn - self.offset - time.time()

    def sleep_until(self, after):
        time.sleep(max(self.left() + after, 0))


class NightSock(Sock):
    """UTC, stamped by the kernel clock, and what it announces."""

    def __init__(self, in_lab, name, night, announces):
        self.night, self.announces = night, announces
        super().__init__(in_lab, name)

    def send(self):
        now = time.time()
        stamp = int(self.night.kernel(now) * 1e6) * 1000
        leap = (1 if self.night.sign > 0 else 2) if self.announces and self.night.left() > 0 else 0
        self.socket.sendto(lab_devices.sock_sample(self.night.utc(now) - stamp / 1e9, leap=leap, when=stamp), self.path)


class NightPulses(SecondPulses):
    """At the seconds of UTC, stamped by the kernel clock."""

    def __init__(self, in_lab, night):
        self.night = night
        super().__init__(in_lab)

    def beat(self):
        self.newest, self.count = round(self.night.kernel(int(time.time()))) * 10**9, self.count + 1
        self.write()


class NightWatch(Watch):
    """Which side a reply is of is plain from when it was asked for, but for a moment."""

    def __init__(self, pair, night, smeared=None):
        super().__init__(pair, self.rights)
        self.night, self.smeared, self.sides = night, smeared, [0, 0]

    def is_after(self, reply):
        """None: it could be of either."""
        since = (reply.t1 + reply.t4) / 2 + self.night.offset - self.night.turn
        return None if abs(since) < reply.delay + 0.005 else since > 0

    def rights(self, reply):
        offset, sign, after = self.night.offset, self.night.sign, self.is_after(reply)
        if self.smeared:
            # It is bent by another part of the second at either end of a long delay.
            return tuple(offset - sign * (0.5 - (MIDNIGHT - t - offset) / self.smeared) for t in (reply.t1, reply.t4))
        if after is None:
            return offset, offset - sign
        return (offset - sign * after,)

    def _judge(self, reply):
        super()._judge(reply)
        if reply is None or reply.leap == 3:
            return
        after = self.is_after(reply)
        announced = (1 if self.night.sign > 0 else 2) if not after and not self.smeared else 0
        if after is not None:
            self.sides[after] += 1
            if reply.leap != announced:
                self.wrong.append(f"{reply.t4 + self.night.offset - self.night.turn:+.3f} s: leap {reply.leap}")
        if self.smeared and reply.refid[0] != 254:
            self.wrong.append(f"smeared, and refid {reply.refid}")


def at_once(deed, *arguments):
    """deed(pair, argument) of each, in labs of their own: nights are for the most part slept through."""
    labs = [lab.Lab() for _ in arguments]
    try:
        with concurrent.futures.ThreadPoolExecutor(len(labs)) as pool:
            nights = [pool.submit(lambda made, argument: deed(Pair(made), argument), *both)
                      for both in zip(labs, arguments)]
        for night in nights:
            night.result()
    finally:
        for made in labs:
            made.close()


SIGNS = 1, -1  # inserted, deleted


def check_sides(watch, night, figure):
    assert min(watch.sides) > 150, watch.sides
    assert watch.served + watch.unsynchronised > 300
    figure(f"{night.sign:+}: {watch.sides[0]} before, {watch.sides[1]} after; {watch}")


@pytest.mark.parametrize("way", ["list", "receiver", "kernel too"])
def test_turn(way, figure):
    """By the list; by what the source announces; and with a kernel clock that makes it, too."""
    at_once(lambda pair, sign: turn(pair, sign, way, figure), *SIGNS)


def turn(pair, sign, way, figure):
    night = Night(pair.lab, sign, ahead=18, kernel_makes_it=way == "kernel too")
    gps = NightSock(pair.lab, "gps.sock", night, announces=way != "list")
    lines = [] if way == "receiver" else [f"leapseclist {write_list(pair.lab.path('leaps'), sign)}"]
    tickwire = pair.tickwire(env=night.shim.environment(), sets=[f"refclock SOCK {gps.path} {GPS}", *lines])
    # What a source announces is heard of once a second.
    reply = lab.wait_for(lambda: (r := pair.ask()) and r.leap in (1, 2) and r, 12, "the announcement", 0.1)
    assert abs(reply.offset - night.offset) < distance(reply) and night.left() > 2
    with NightWatch(pair, night) as watch:
        time.sleep(1)
        before = tickwire.status()["timebase"]
        night.sleep_until(7)
        after = tickwire.status()["timebase"]
    assert before["leap"] == ("insert" if sign > 0 else "delete") and after["leap"] == "none"
    if lines:
        assert (before["tai_offset"], after["tai_offset"]) == (TAI, TAI + sign)
    assert tickwire.log().count("the leap second is over") == 1
    assert source(tickwire, "GPS")["verdicts"]["implausible"] == 0
    assert watch.unsynchronised == 0
    check_sides(watch, night, figure)


def test_turn_of_pulses(figure):
    """PPS numbered by a source that turns, and a kernel clock that makes it, by which both are stamped."""
    at_once(lambda pair, sign: turn_of_pulses(pair, sign, figure), *SIGNS)


def turn_of_pulses(pair, sign, figure):
    night = Night(pair.lab, sign, ahead=18, kernel_makes_it=True)
    numbers, pulses = NightSock(pair.lab, "num.sock", night, announces=False), NightPulses(pair.lab, night)
    shims = night.shim.environment()
    env = {**pulses.env, **shims, "LD_PRELOAD": f"{shims['LD_PRELOAD']}:{pulses.env['LD_PRELOAD']}"}
    tickwire = pair.tickwire(env=env, sets=[
        f"refclock PPS {pulses.device} refid PPS lock NUM poll 1 prefer",
        f"refclock SOCK {numbers.path} refid NUM poll 1 delay 0.2 noselect",
        f"leapseclist {write_list(pair.lab.path('leaps'), sign)}"])
    lab.wait_for(lambda: (r := pair.ask()) and r.leap != 3, 12, "the time", 0.1)
    with NightWatch(pair, night) as watch:
        night.sleep_until(7)
    assert pair.ask().refid == b"PPS\0" and watch.unsynchronised == 0
    assert source(tickwire, "PPS")["verdicts"]["implausible"] == 0
    check_sides(watch, night, figure)


def test_smear(figure):
    """In the middle of a linear window: no turn, no announcement, and a refid that says so."""
    at_once(lambda pair, sign: smear(pair, sign, figure), *SIGNS)


def smear(pair, sign, figure):
    night = Night(pair.lab, sign, ahead=14)
    gps = NightSock(pair.lab, "gps.sock", night, announces=True)
    tickwire = pair.tickwire(env=night.shim.environment(), sets=[
        f"refclock SOCK {gps.path} {GPS}", "leapsmear linear 600",
        f"leapseclist {write_list(pair.lab.path('leaps'), sign)}"])
    wait_synchronised(pair)
    with NightWatch(pair, night, smeared=600) as watch:
        time.sleep(1.5)
        before = sources(tickwire)
        night.sleep_until(7)
        after = sources(tickwire)
    assert before["smear"] * sign < 0 < after["smear"] * sign
    assert (before["tai_offset"], after["tai_offset"]) == (TAI, TAI + sign)
    assert watch.unsynchronised == 0
    check_sides(watch, night, figure)


def test_renewed_list(pair):
    """A list that is replaced, as with a new tzdata, is taken over by itself, and what is served meanwhile is right."""
    gps, leaps = Sock(pair.lab, "gps.sock"), pair.lab.path("leaps")
    tickwire = pair.tickwire(sets=[f"refclock SOCK {gps.path} {GPS}", f"leapseclist {write_list(leaps, 1)}"])
    wait_synchronised(pair)
    settle(tickwire, "GPS")
    before = sources(tickwire)["leap_list_expires"]
    with Watch(pair) as watch:
        os.rename(write_list(pair.lab.path("newer"), 1, days=200), leaps)
        tickwire.process.wait_log("the table of leap seconds, is another now")
        lab.wait_for(lambda: sources(tickwire)["leap_list_expires"] == before + 20 * 86400, 10, "the newer list")
        settle(tickwire, "GPS", 3)
    assert watch.unsynchronised == 0 and tickwire.daemon("tickwire-clock")["restarts"] == 1
    # One that goes bad costs no time, not even where the daemon starts anew and a reload is refused.
    with open(leaps, "w", encoding="ascii") as f:
        f.write("2272060800 ten\n")
    tickwire.process.wait_log("stays in use")
    done = lab.run(lab.TICKWIRE, "reload", "--run-dir", tickwire.run_dir, check=False)
    assert done.returncode != 0 and f"{leaps}:1: " in done.stdout, done
    with Watch(pair) as watch:
        os.kill(tickwire.victim("tickwire-clock"), signal.SIGKILL)
        tickwire.process.wait_log("leap seconds are known by announcement alone")
        # Until its first report, that of the one before it is there.
        lab.wait_for(lambda: not sources(tickwire)["leap_list_expires"], 10, "the new daemon")
        settle(tickwire, "GPS", 3)
    assert watch.unsynchronised == 0


def test_killed(figure):
    """The clock daemon is killed short before the leap second, or short after: nothing wrong is served."""
    at_once(lambda pair, when: killed(pair, when, figure), -3, 1.5)


def killed(pair, when, figure):
    night = Night(pair.lab, 1, ahead=16)
    gps = NightSock(pair.lab, "gps.sock", night, announces=False)
    tickwire = pair.tickwire(env=night.shim.environment(), sets=[
        f"refclock SOCK {gps.path} {GPS}", f"leapseclist {write_list(pair.lab.path('leaps'), 1)}"])
    lab.wait_for(lambda: (r := pair.ask()) and r.leap != 3, 12, "the time", 0.1)
    with NightWatch(pair, night) as watch:
        night.sleep_until(when)
        os.kill(tickwire.victim("tickwire-clock"), signal.SIGKILL)
        night.sleep_until(12)
        wait_synchronised(pair)
        time.sleep(1)
    figure(f"killed at {when:+} s: {watch}")
