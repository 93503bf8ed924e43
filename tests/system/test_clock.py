"""The clock daemon frozen or killed, and a kernel clock that is stepped and slewed (by tests/clockshim.c, in tickwire's
own processes: the machine's clock is never touched)."""
import contextlib
import os
import re
import signal
import struct
import time

import pytest

import lab
from conftest import Pair

DISPERSION_RATE = 15e-6  # RFC 5905: the least growth, seconds per second


def test_clock_frozen(pair, figure):
    """Dispersion grows with the age of the timebase; after the holdover replies say that they are unsynchronised; and
    all is well when the daemon goes on. By the stamps of the replies, for the machine may stand still."""
    tickwire = pair.tickwire(sets=["local stratum 8", "holdover 3"])
    victim = tickwire.victim("tickwire-clock")
    good = None

    def unsynchronised():
        nonlocal good
        reply = client.ask()
        if reply and reply.leap != 3:
            good = reply
        return reply if reply and reply.leap == 3 else None

    with lab.Client(pair.client, Pair.server4) as client:
        fresh = client.ask(timeout=3)
        assert (fresh.leap, fresh.stratum) == (0, 8)
        os.kill(victim, signal.SIGSTOP)
        start = time.time()
        time.sleep(0.2)
        early = client.ask(timeout=3)
        time.sleep(1.3)
        good = late = client.ask(timeout=3)
        elapsed = lab.from_ntp(late.transmit) - lab.from_ntp(early.transmit)
        assert (late.leap, late.stratum) == (0, 8)
        grown = late.root_dispersion - early.root_dispersion
        assert grown >= DISPERSION_RATE * elapsed - 2**-16
        assert grown < 0.01
        end = lab.wait_for(unsynchronised, 4, "leap indicator 3")
        took = lab.from_ntp(end.receive) - start
        assert lab.from_ntp(good.receive) - start < 3.2 and took > 2.8
        assert (end.leap, end.stratum) == (3, 0)
        synchronised = tickwire.status()["timebase"]["synchronised"]
        assert not synchronised or time.time() - start > 4.5, "the supervisor has not killed it yet"
        # A client has nothing to do with such a server.
        asked = lab.run(lab.TICKWIRE, "query", "-n", "1", Pair.server4, ns=pair.client, check=False)
        assert asked.returncode == 1 and "not synchronised" in asked.stdout
        with contextlib.suppress(ProcessLookupError):  # killed by the supervisor meanwhile
            os.kill(victim, signal.SIGCONT)
        lab.wait_for(lambda: (r := client.ask()) and r.stratum == 8, 3, "synchronised again")
    assert abs(lab.best_of(pair.client, Pair.server4).offset) < 0.005
    figure(f"dispersion grew by {grown / elapsed * 1e6:.1f} us/s; leap 3 after {took:.2f} s with a holdover of 3 s")


def test_clock_and_supervisor_gone(pair):
    """Nobody is left to start the clock daemon anew: replies go on and turn unsynchronised in time."""
    tickwire = pair.tickwire(sets=["local stratum 8", "holdover 3"])
    victim = tickwire.victim("tickwire-clock")
    tickwire.process.kill(signal.SIGSTOP)
    os.kill(victim, signal.SIGKILL)
    time.sleep(0.3)
    assert pair.ask(timeout=2).stratum == 8
    lab.wait_for(lambda: (r := pair.ask()) and (r.leap, r.stratum) == (3, 0), 5, "leap indicator 3")
    tickwire.process.kill(signal.SIGCONT)
    lab.wait_for(lambda: (r := pair.ask()) and r.stratum == 8, 5, "the restart")
    assert tickwire.daemon("tickwire-clock")["restarts"] == 1


def test_clock_without_keeper(pair):
    """Nobody vouches for it: leap 3, and the operator is told."""
    tickwire = pair.tickwire(sets=["chronyrundir /nonexistent"])
    status = tickwire.status()["timebase"]
    reply = pair.ask(timeout=3)
    if status["synchronised"]:
        pytest.skip(f"needs a kernel clock that nobody keeps; this one is kept by {status['keeper']}")
    assert (reply.leap, reply.stratum) == (3, 0)
    assert "not synchronised" in tickwire.log()


class Shim:
    """The file that tells tests/clockshim.c what time it is: struct clockshim."""

    def __init__(self, path):
        self.path, self.sequence = path, 0
        self.set(0.0)

    def set(self, offset, rate=0.0):
        """A rate counts from now on; gives the instant."""
        now = time.time()
        data = struct.pack("=ddqQ", offset - rate * (now - int(now)), rate, int(now), self.sequence)
        with open(self.path, "r+b" if os.path.exists(self.path) else "w+b", buffering=0) as f:
            f.write(data)
        return now

    def environment(self):
        lab.need_file(lab.CLOCKSHIM, "the clock shim")
        # A sanitizer's run-time library insists on being the first.
        libraries = re.findall(r"=> (\S*/lib(?:asan|tsan)\S*)", lab.run("ldd", lab.TICKWIRE).stdout)
        return {"LD_PRELOAD": ":".join([*libraries, lab.CLOCKSHIM]), "CLOCKSHIM_FILE": self.path}


def beyond(reply, offset):
    """By how much a reply is further off than its delay explains."""
    return abs(reply.offset - offset) - reply.delay / 2


@pytest.mark.parametrize("step", [10, -10, 0.3, -3600])
def test_clock_stepped(pair, step, figure):
    """The time served follows a step of the kernel clock within a few refreshes, and nothing in between is served."""
    shim = Shim(pair.lab.path("shim"))
    tickwire = pair.tickwire(env=shim.environment())
    with lab.Client(pair.client, Pair.server4) as client:
        assert abs(lab.best_of(pair.client, Pair.server4).offset) < 0.005
        stepped = shim.set(step)
        start = time.monotonic()
        replies = []
        while time.monotonic() - start < 3:
            reply = client.ask(timeout=3)
            replies.append(reply)
            if beyond(reply, step) < 0.005:
                break
            time.sleep(0.001)
        took = time.monotonic() - start
        assert beyond(replies[-1], step) < 0.005, replies[-1].offset
        assert all(min(beyond(reply, 0), beyond(reply, step)) < 0.01 for reply in replies), [r.offset for r in replies]
        # By when they were asked for: the machine may stand still before the last one comes.
        assert all(reply.t1 - stepped < 0.25 for reply in replies[:-1])
        time.sleep(0.3)
        assert abs(lab.best_of(pair.client, Pair.server4).offset - step) < 0.005
        assert tickwire.status()["timebase"]["steps"] >= 1
        shim.set(0.0)
        lab.wait_for(lambda: beyond(client.ask(timeout=3), 0) < 0.005, 1, "the way back")
    assert "stepped" in tickwire.log()
    figure(f"step of {step:+} s: served after {took * 1e3:.0f} ms")


def test_clock_slewed(pair, figure):
    """chronyd's slews are followed: at 500 ppm, as fast as the kernel goes by adjtimex."""
    shim = Shim(pair.lab.path("shim"))
    tickwire = pair.tickwire(env=shim.environment())
    epoch = shim.set(0.0, 500e-6)
    worst = 0.0
    with lab.Client(pair.client, Pair.server4) as client:
        time.sleep(0.2)
        for _ in range(100):
            reply = min((client.ask(timeout=3) for _ in range(3)), key=lambda r: r.delay)
            shown = 500e-6 * (reply.t4 - epoch)
            worst = max(worst, abs(reply.offset - shown) - reply.delay / 2)
            time.sleep(0.01)
    status = tickwire.status()["timebase"]
    figure(f"at most {max(worst, 0) * 1e6:.1f} us beyond half the delay while slewing at 500 ppm")
    assert worst < max(status["error_bound"], 50e-6)
    assert status["steps"] == 0


CLOCKSOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"


def test_counter_given_up(pair):
    """The kernel finds the TSC unstable: the clock goes on by another counter, and so do replies."""
    lab.need_file(CLOCKSOURCE, "the kernel's choice of a clock source")
    lab.need_program("unshare", "mount")
    with open(CLOCKSOURCE, encoding="ascii") as f:
        source = f.read()
    choice = pair.lab.path("clocksource")
    with open(choice, "w", encoding="ascii") as f:
        f.write(source)
    tickwire = pair.tickwire(prefix=["unshare", "--mount", "sh", "-c", f'mount --bind {choice} {CLOCKSOURCE}; exec "$@"',
                                     "sh"])
    if tickwire.status()["timebase"]["counter"] == "CLOCK_MONOTONIC_RAW":
        pytest.skip("needs a CPU whose counter the kernel trusts")
    with open(choice, "w", encoding="ascii") as f:
        f.write("hpet\n")
    lab.wait_for(lambda: "does not trust" in tickwire.log(), 5, "the end of the trust")
    lab.wait_for(lambda: tickwire.status()["timebase"]["counter"] == "CLOCK_MONOTONIC_RAW", 10, "another counter")
    lab.wait_for(lambda: (r := pair.ask()) and r.stratum == 8, 5, "an answer")
    assert abs(lab.best_of(pair.client, Pair.server4).offset) < 0.005
