"""Programs and devices that tell a running tickwire the time, what it says of them, and a client that checks all replies.
True time is the machine's own clock."""
import contextlib
import json
import os
import pty
import socket
import threading
import time
import tty

import lab as lab_module
import lab_devices
from conftest import Pair


# The option `delay` of receivers that these tests play, where the time comes from their sentences: twice what a busy
# machine can be late with them.
BUSY = 0.8


def sources(tickwire):
    done = lab_module.run(lab_module.TICKWIRE, "sources", "--json", "--run-dir", tickwire.run_dir, ns=tickwire.ns,
                          check=False)
    assert done.stdout.startswith("{"), done.stdout
    return json.loads(done.stdout)


def source(tickwire, refid):
    return next(s for s in sources(tickwire)["sources"] if s["refid"] == refid)


def count(tickwire, refid, verdict):
    return source(tickwire, refid)["verdicts"][verdict]


def settle(tickwire, refid, used=6, verdict="used"):
    """Until so many samples of a source have been used, or had another verdict."""
    lab_module.wait_for(lambda: count(tickwire, refid, verdict) >= used, 20, f"{used} samples of {refid} {verdict}", 0.1)


def wait_synchronised(pair, seconds=30, stratum=1):
    """Until a client is told the time; the reply."""
    return lab_module.wait_for(lambda: (r := pair.ask()) and r.leap == 0 and r.stratum == stratum and r, seconds,
                               f"stratum {stratum}", 0.1)


def distance(reply):
    return reply.root_delay / 2 + reply.root_dispersion + reply.delay / 2


def check_right(pair, refid, offset=0.0):
    """What a client sees: our refid, and a time that is right within the root distance."""
    reply = lab_module.best_of(pair.client, Pair.server4)
    assert (reply.leap, reply.stratum) == (0, 1), vars(reply)
    assert reply.refid == refid.encode().ljust(4, b"\0")
    assert abs(reply.offset - offset) < distance(reply), (reply.offset, distance(reply))
    return reply


class Seconds:
    """Calls feed() at `phase` of each period, until the lab is closed."""

    def __init__(self, in_lab, feed, phase, period=1.0):
        self.feed, self.phase, self.period, self.quiet = feed, phase, period, False
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()
        in_lab.undo.append(self.close)

    def _work(self):
        while not self.ending.wait(self.period - (time.time() - self.phase) % self.period):
            if not self.quiet:
                with contextlib.suppress(OSError):
                    self.feed()
            self.ending.wait(0.01)

    def close(self):
        self.ending.set()
        self.thread.join(5)


class Sock:
    """A program that feeds a SOCK source once a second, off by .offset."""

    def __init__(self, in_lab, name, phase=0.1):
        self.path, self.offset, self.leap = in_lab.path(name), 0.0, 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        in_lab.undo.append(self.socket.close)
        self.seconds = Seconds(in_lab, self.send, phase)

    def send(self):
        now = time.time_ns() // 1000 * 1000
        self.socket.sendto(lab_devices.sock_sample(self.offset, leap=self.leap, when=now), self.path)


class SecondPulses(lab_devices.Pulses):
    """A pulse at each second, or `rate` of them; the kernel stamps it when it should."""

    def __init__(self, in_lab, rate=1):
        super().__init__(in_lab)
        self.shift, self.doubled, self.period = 0, 0, 10**9 // rate  # ns
        self.seconds = Seconds(in_lab, self.beat, 0.05 / rate, 1 / rate)

    def beat(self):
        """And once more after .doubled, where that is not 0."""
        now = time.time_ns()
        self.newest, self.count = now - (now - self.shift) % self.period, self.count + 1
        self.write()
        if self.doubled:
            time.sleep(self.doubled * 1e-9)
            self.newest, self.count = self.newest + self.doubled, self.count + 1
            self.write()


class PtyReceiver(lab_devices.Receiver):
    """A receiver on a pty; .device is a name that stays when it is unplugged and back."""

    def __init__(self, in_lab, name="gps", **options):
        self.lab, self.device = in_lab, in_lab.path(name)
        self.plug()
        self.send = lambda octets: os.write(self.master, octets)
        in_lab.undo.append(self.unplug)
        super().__init__(in_lab, **options)

    def plug(self):
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.symlink(os.ttyname(self.slave), self.device)

    def unplug(self):
        if self.master >= 0:
            os.unlink(self.device)
            os.close(self.master)
            os.close(self.slave)
        self.master = -1


class Watch:
    """A client that asks without end: every reply is right within its root distance, or says that it is not synchronised.
    right(reply): how far the time served may be from the client's, all of them; by default 0."""

    def __init__(self, pair, right=lambda _: (0.0,), interval=0.005):
        self.client = lab_module.Client(pair.client, Pair.server4)
        self.right, self.interval = right, interval
        self.served, self.unsynchronised, self.silent, self.wrong = 0, 0, 0, []
        self.margin, self.farthest = 1e9, 0.0
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)

    def _judge(self, reply):
        if reply is None:
            self.silent += 1
        elif reply.leap == 3:
            self.unsynchronised += 1
        else:
            off = min((abs(reply.offset - right) for right in self.right(reply)), default=0.0)
            self.served += 1
            self.margin = min(self.margin, distance(reply) - off)
            self.farthest = max(self.farthest, off - reply.delay / 2)
            if off > distance(reply):
                self.wrong.append(f"at {reply.t4:.3f}: {off:+.9f} s off with a distance of {distance(reply):.9f} s, "
                                  f"leap {reply.leap}, {reply.refid}")

    def _work(self):
        while not self.ending.wait(self.interval):
            self._judge(self.client.ask(timeout=0.25))

    def check(self):
        assert not self.wrong, f"{len(self.wrong)} of {self.served} replies: " + "\n".join(self.wrong[:5])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.ending.set()
        self.thread.join(5)
        self.client.close()
        if kind is None:
            self.check()
            assert self.served + self.unsynchronised > 50

    def __str__(self):
        return (f"{self.served} replies served, {self.unsynchronised} unsynchronised, {self.silent} missing; at most "
                f"{max(self.farthest, 0) * 1e6:.0f} us beyond half the delay, {self.margin * 1e6:.0f} us within the distance")
