"""A leap second under load, every reply of it checked on both sides: turned and smeared by a clock daemon whose time is
the test's own, and made by a kernel clock that tickwire-clock follows."""
import json
import os
import shutil
import struct
import time

import pytest

import lab
from test_clock import Shim

LEAP_CLOCK = os.path.join(lab.BUILD, "tests", "leap_clock")
LEAP_LOAD = os.path.join(lab.BUILD, "tests", "leap_load")
MIDNIGHT = 1861920000  # 2029-01-01, Unix seconds
OFF, LINEAR, COSINE = range(3)
ADDRESSES = ("10.99.0.1", "10.97.0.1")


@pytest.fixture
def two_workers(pair):
    """A cable for each of two workers."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("needs two cores")
    pair.lab.veth(pair.server, "sv1", pair.client, "cl1")
    lab.addresses(pair.server, "sv1", f"{ADDRESSES[1]}/24")
    lab.addresses(pair.client, "cl1", "10.97.0.2/24")
    pair.sets = (f"workers {cores[0]},{cores[1]}",)
    return pair


def install_leap_clock(in_lab):
    """A folder with all programs, in which tickwire-clock is the test's; gives its tickwire."""
    lab.need_file(LEAP_CLOCK, "the test's clock daemon")
    folder = in_lab.path("bin")
    shutil.copytree(os.path.dirname(lab.TICKWIRE), folder, ignore=lambda _, names: [
        name for name in names if not name.startswith("tickwire") or name.endswith(".p")])
    os.unlink(os.path.join(folder, "tickwire-clock"))
    shutil.copy(LEAP_CLOCK, os.path.join(folder, "tickwire-clock"))
    return os.path.join(folder, "tickwire")


class Leap:
    """tickwire with two workers and a leap second some seconds ahead."""

    def __init__(self, pair, monkeypatch, ahead, sign, shape=OFF, window=0.0, env=None):
        self.pair = pair
        monkeypatch.setattr(lab, "TICKWIRE", install_leap_clock(pair.lab))
        self.midnight = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) + int(ahead * 1e9)
        self.env = {**os.environ, "LEAP_TRUTH": f"{self.midnight},{sign},{shape},{window}", **(env or {})}
        self.tickwire = pair.tickwire("sv0", "sv1", sets=pair.sets, env=self.env)
        self.timebase()

    def left(self):
        return (self.midnight - time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)) / 1e9

    def timebase(self):
        found = self.tickwire.status()["timebase"]
        assert found["source"] == "TRUTH"
        return found

    def load(self, until):
        """Ask both workers until so many seconds after midnight."""
        return self.pair.lab.start(LEAP_LOAD, f"{self.left() + until:.3f}", *ADDRESSES, ns=self.pair.client,
                                   env=self.env)

    def counts(self, process):
        process.popen.wait(60)
        counts = json.loads(process.log().strip().splitlines()[-1])
        assert counts["wrong"] == 0 and process.popen.returncode == 0, process.log()
        return counts


def say(figure, what, counts):
    answered = counts["before"] + counts["after"] + counts["late"]
    figure(f"{what}: {counts['before']} replies before, {counts['after']} after, none wrong; "
           f"{counts['sent'] - answered} of {counts['sent']} not answered, {counts['late']} late")


@pytest.mark.parametrize("sign", [1, -1], ids=["inserted", "deleted"])
def test_turn(two_workers, monkeypatch, sign, figure):
    """Both workers turn at the same counter value: what came in before it is answered by the time of before, the rest by
    that of after, and LI and the reference time with it."""
    leap = Leap(two_workers, monkeypatch, 8, sign)
    before = leap.timebase()
    assert before["leap"] == ("insert" if sign > 0 else "delete") and before["tai_offset"] == 10
    assert 0 < before["leap_in"] <= 8
    process = leap.load(until=6)  # beyond LEAP_KEEP_SECONDS: the turn goes, and nothing changes
    counts = leap.counts(process)
    after = leap.timebase()
    say(figure, f"a second {'inserted' if sign > 0 else 'deleted'}", counts)
    assert after["leap"] == "none" and after["tai_offset"] == 10 + sign and after["leap_in"] == 0
    assert counts["before"] > 1000 and counts["after"] > 1000
    assert all(worker["tx_frames"] > 1000 for worker in leap.tickwire.status()["workers"])
    assert leap.tickwire.daemon("tickwire-dataplane")["restarts"] == 0


@pytest.mark.parametrize("sign, shape", [(1, LINEAR), (-1, COSINE)], ids=["inserted, linear", "deleted, cosine"])
def test_smear(two_workers, monkeypatch, sign, shape, figure):
    """No announcement, no jump, and a refid that says what is added."""
    leap = Leap(two_workers, monkeypatch, 8, sign, shape, 8.0)
    process = leap.load(until=5)
    time.sleep(max(leap.left() - 1, 0))
    if leap.left() > 0.2:
        smear = leap.timebase()["smear"]
        assert smear * sign < 0 and abs(smear) < 0.5
    counts = leap.counts(process)
    say(figure, f"smeared, {sign:+}", counts)
    assert counts["smeared"] > 1000 and counts["before"] + counts["after"] > counts["smeared"]
    after = leap.timebase()
    assert after["smear"] == 0 and after["tai_offset"] == 10 + sign


def test_silence(two_workers, monkeypatch):
    """A clock daemon that asks for silence: nothing is answered, and what was not is counted."""
    leap = Leap(two_workers, monkeypatch, 3600, 1, env={"LEAP_SILENT": "1"})
    assert leap.timebase()["silent"]
    with lab.Client(two_workers.client, ADDRESSES[0]) as client:
        assert all(client.ask(timeout=0.1) is None for _ in range(5))
        assert client.ask(timeout=0.1, extra=struct.pack("!HH", 0x0104, 36) + bytes(32)) is None
    verdicts = leap.tickwire.verdicts()
    assert verdicts["clock-silent"] == 6 and verdicts["answered"] == 0
    assert leap.tickwire.status()["ready"]
    # A health check by the exit status: nobody is answered.
    assert lab.run(lab.TICKWIRE, "status", "--run-dir", leap.tickwire.run_dir, ns=two_workers.server,
                   check=False).returncode == 1


def set_shim(path, offset, leap, late):
    """tests/clockshim.h: a clock that is off by so much and makes a leap second at midnight, or a bit later."""
    with open(path, "w+b", buffering=0) as f:
        at = MIDNIGHT - (leap < 0)
        f.write(struct.pack("=ddqQqdd", offset, 0.0, 0, 0, leap, at, late))


@pytest.mark.parametrize("sign, late", [(1, 0.3), (-1, 0.0)], ids=["inserted, 0.3 s late", "deleted, at once"])
def test_kernel_makes_it(pair, sign, late, figure):
    """tickwire-clock knows from the kernel that a leap second comes: replies turn on time, whenever the kernel gets to
    it, and no step is seen."""
    shim = Shim(pair.lab.path("shim"))
    offset = MIDNIGHT - 12.0 - time.time()
    set_shim(shim.path, offset, sign, late)
    tickwire = pair.tickwire(env=shim.environment())
    turn = -1.0 if sign < 0 else 0.0
    worst = 0.0
    sides = [0, 0]
    with lab.Client(pair.client, pair.server4) as client:
        while (shown := time.time() + offset - MIDNIGHT) < 5.5:
            reply = client.ask()
            if reply is None:
                continue
            middle = (reply.t1 + reply.t4) / 2
            shown = middle + offset - MIDNIGHT
            error = reply.offset - offset
            if abs(shown - turn) < reply.delay + 0.005:
                continue
            sides[shown > turn] += 1
            worst = max(worst, abs(error + (sign if shown > turn else 0)) - reply.delay / 2)
            time.sleep(0.002)
    status = tickwire.status()["timebase"]
    figure(f"leap second {sign:+} of the kernel, {late} s late: served within {max(worst, 0) * 1e6:.0f} us and half the delay")
    assert min(sides) > 100
    assert worst < 0.002, tickwire.log()
    assert status["steps"] == 0 and status["leap"] == "none"
    assert "the leap second is over" in tickwire.log() and "stepped" not in tickwire.log()


def test_kernel_does_not_make_it(pair):
    """Announced and never made, as by a keeper that slews it: what is served follows the clock again, and the log says it."""
    shim = Shim(pair.lab.path("shim"))
    offset = MIDNIGHT - 12.0 - time.time()
    set_shim(shim.path, offset, 1, 1e6)
    tickwire = pair.tickwire(env=shim.environment())
    tickwire.process.wait_log("has not made its leap second", 25)
    assert abs(pair.ask().offset - offset) < 0.01
