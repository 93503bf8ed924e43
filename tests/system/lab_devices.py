"""What the tests of sources are made of: the probe of a driver, pulses of a PPS device that is none, a receiver that
speaks NMEA, and gpsd."""
import contextlib
import json
import os
import pty
import signal
import socket
import struct
import threading
import time
import tty

import pytest

import lab

PROBE = os.path.join(lab.BUILD, "tests", "source_probe")
PTPSHIM = os.path.join(lab.BUILD, "tests", "ptpshim.so")
SERIALSHIM = os.path.join(lab.BUILD, "tests", "serialshim.so")
PPSSHIM = os.path.join(lab.BUILD, "tests", "ppsshim.so")
SHM_WRITER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shm_writer.py")
SOCK_MAGIC = 0x534f434b


class Probe:
    """tests/source_probe.c with one source."""

    def __init__(self, in_lab, kind, parameter, *options, restrict=None, ns=None, env=None, prefix=()):
        options = [*options, *(["--restrict", restrict] if restrict else [])]
        self.process = in_lab.start(*prefix, PROBE, kind, parameter, *options, ns=ns,
                                    env={**os.environ, **(env or {})}, name=f"probe-{kind}")

    def events(self, kind=None):
        """All that it has printed as yet, whole lines of JSON."""
        lines = [line for line in self.process.log().split("\n")[:-1] if line.startswith("{")]
        found = [json.loads(line) for line in lines]
        return [event for event in found if kind in (None, event["event"])]

    def measurements(self):
        return self.events("measurement")

    def wait(self, kind, count=1, seconds=5, text=""):
        """Until there are so many events of the kind with the text; the newest of them."""
        def enough():
            assert self.process.popen.poll() is None, self.process.log()
            found = [e for e in self.events(kind) if text in e.get("text", "")]
            return found if len(found) >= count else None
        return lab.wait_for(enough, seconds, f"{count} of {kind} {text!r}")[-1]

    def stop(self):
        assert self.process.stop() == 0, self.process.log()


class Pulses:
    """A PPS device for processes with .env, by tests/ppsshim.c."""
    device = "/dev/pps-of-the-test"

    def __init__(self, in_lab, capabilities=3):
        self.path = in_lab.path("pulses")
        self.count, self.clears, self.capabilities, self.unplugged = 7, 7, capabilities, 0
        self.newest = self.newest_clear = time.time_ns()
        with open(self.path, "wb") as f:
            f.write(bytes(56))
        self.write()
        self.set_mode(1)
        self.env = {"LD_PRELOAD": PPSSHIM, "PPSSHIM_DEVICE": self.device, "PPSSHIM_FILE": self.path}

    def write(self):
        (sec, nsec), (clear_sec, clear_nsec) = divmod(self.newest, 10**9), divmod(self.newest_clear, 10**9)
        with open(self.path, "r+b", buffering=0) as f:
            f.write(struct.pack("<Q", 1))
            f.seek(8)
            f.write(struct.pack("<IIIIqqii", self.unplugged, self.capabilities, self.count, self.clears, sec, clear_sec,
                                nsec, clear_nsec))
            f.seek(0)
            f.write(struct.pack("<Q", 2))

    def set_mode(self, mode, strict=0):
        """What it stamps: 1 the begin of a pulse, 2 the end. `strict`: who has no CAP_SYS_TIME may not ask for another."""
        with open(self.path, "r+b", buffering=0) as f:
            f.seek(48)
            f.write(struct.pack("<II", mode, strict))

    def pulse(self, fraction=None, numbers=1, clear=False):
        """One that has come just now; or at the last time that the second had that fraction (ns)."""
        now = time.time_ns()
        if fraction is not None:
            now -= (now - fraction) % 10**9
        if clear:
            self.newest_clear, self.clears = now, self.clears + numbers
        else:
            self.newest, self.count = now, self.count + numbers
        self.write()

    def unplug(self, unplugged=1):
        """0: it is there; 2: it is there and does not answer to who opens it."""
        self.unplugged = int(unplugged)
        self.write()


class HardwareClock:
    """A PTP hardware clock for processes with .env, by tests/ptpshim.c."""
    device = "/dev/ptp-of-the-test"
    PRECISE, EXTENDED, BASIC, PULSES = 1, 2, 4, 8

    def __init__(self, in_lab, ways=PRECISE | EXTENDED | BASIC | PULSES, ahead=0):
        self.path, self.fifo = in_lab.path("ptp"), in_lab.path("ptp-events")
        os.mkfifo(self.fifo)
        self.events = os.open(self.fifo, os.O_RDWR)
        in_lab.undo.append(lambda: os.close(self.events))
        self.ways, self.ahead, self.unplugged, self.nonsense = ways, ahead, 0, 0
        with open(self.path, "wb") as f:
            f.write(bytes(128))
        self.write()
        self.env = {"LD_PRELOAD": PTPSHIM, "PTPSHIM_DEVICE": self.device, "PTPSHIM_FILE": self.path}

    def write(self):
        with open(self.path, "r+b", buffering=0) as f:
            f.write(struct.pack("<IIIIq104s", self.unplugged, self.ways, self.nonsense, 0, round(self.ahead * 1e9),
                                self.fifo.encode()))

    def set(self, **values):
        for name, value in values.items():
            setattr(self, name, value)
        self.write()

    def pulse(self, channel=0, when=None):
        """Now, or at a time of the device in ns; the kernel clock then, in s."""
        ahead = round(self.ahead * 1e9)
        when = time.time_ns() + ahead if when is None else when
        os.write(self.events, struct.pack("<qIIIIII", when // 10**9, when % 10**9, 0, channel, 0, 0, 0))
        return (when - ahead) / 1e9


class Ipc:
    """An IPC namespace of its own for programs that are started with .prefix."""

    def __init__(self, in_lab):
        lab.need_program("unshare", "nsenter")
        self.lab = in_lab
        holder = in_lab.start("unshare", "--ipc", "sleep", "600")
        mine = os.readlink("/proc/self/ns/ipc")
        lab.wait_for(lambda: os.readlink(f"/proc/{holder.pid}/ns/ipc") != mine, 5, "an IPC namespace")
        self.prefix = ("nsenter", f"--ipc=/proc/{holder.pid}/ns/ipc", "--")

    def shm(self, unit, *deeds):
        lab.run(*self.prefix, "python3", SHM_WRITER, unit, *deeds, timeout=30)

    def segments(self):
        """{key: (owner, rights)} of all segments."""
        lines = lab.run(*self.prefix, "ipcs", "-m").stdout.splitlines()
        words = [line.split() for line in lines if line.startswith("0x")]
        return {int(w[0], 16): (w[2], int(w[3], 8)) for w in words}


def sentence(text):
    total = 0
    for octet in text.encode():
        total ^= octet
    return f"${text}*{total:02X}\r\n".encode()


class Receiver:
    """A receiver that tells the time of the kernel clock each second, `late` s after it."""

    def __init__(self, in_lab, late=0.12):
        self.late, self.stopped, self.fix = late, threading.Event(), True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        in_lab.undo.append(self.stop)

    def run(self):
        while not self.stopped.is_set():
            second = int(time.time()) + 1
            time.sleep(max(0.0, second + self.late - time.time()))
            with contextlib.suppress(OSError):
                self.send(self.burst(second))

    def burst(self, second):
        then = time.gmtime(second)
        hms, date = time.strftime("%H%M%S.00", then), time.strftime("%d%m%y", then)
        used = "04,05,09,12,24,25,29,31" if self.fix else ",,,,,,,"
        return b"".join(sentence(text) for text in (
            f"GPRMC,{hms},{'A' if self.fix else 'V'},4807.038,N,01131.000,E,0.0,0.0,{date},,,{'A' if self.fix else 'N'}",
            f"GPGGA,{hms},4807.038,N,01131.000,E,{int(self.fix)},08,0.9,545.4,M,46.9,M,,",
            f"GPGSA,A,{3 if self.fix else 1},{used},,,,,1.8,0.9,1.5",
            "GPGSV,3,1,11,04,77,048,42,05,25,196,41,09,13,315,38,12,40,120,44",
            "GPGSV,3,2,11,24,46,045,40,25,05,012,30,29,15,200,35,31,60,300,45",
            "GPGSV,3,3,11,02,05,040,,03,10,090,,07,15,160,20",
            "GPZDA," + time.strftime("%H%M%S.00,%d,%m,%Y,00,00", then)))

    def stop(self):
        self.stopped.set()
        self.thread.join(5)


class UdpReceiver(Receiver):
    """By UDP on a namespace's loopback: gpsd's .source."""

    def __init__(self, in_lab, ns, port=5555, **options):
        with lab.inside(ns):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        in_lab.undo.append(self.socket.close)
        self.send = lambda octets: self.socket.sendto(octets, ("127.0.0.1", port))
        self.source = f"udp://127.0.0.1:{port}"
        super().__init__(in_lab, **options)


class SerialReceiver(Receiver):
    """On a serial line with a pulse per second: .source for gpsd with .env, by tests/serialshim.c. What makes gpsd take
    it for a serial line is the number of its device."""

    def __init__(self, in_lab, **options):
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        in_lab.undo += [lambda: os.close(self.master), lambda: os.close(slave)]
        self.send = lambda octets: os.write(self.master, octets)
        self.source, path = in_lab.path(f"tty{in_lab.prefix}"), in_lab.path("serial")
        try:
            os.mknod(self.source, 0o20600, os.makedev(4, 95))
        except OSError as error:
            pytest.skip(f"needs a device node: {error}")
        with open(path, "wb") as f:
            f.write(struct.pack("<120sII", os.ttyname(slave).encode(), 0, 100))
        self.env = {"LD_PRELOAD": SERIALSHIM, "SERIALSHIM_DEVICE": self.source, "SERIALSHIM_FILE": path}
        # Where gpsd looks for somebody who takes samples.
        self.sock = f"/run/chrony.{os.path.basename(self.source)}.sock"
        in_lab.undo.append(lambda: os.path.exists(self.sock) and os.unlink(self.sock))
        super().__init__(in_lab, **options)


def start_gpsd(in_lab, ns, *sources, prefix=(), port=2947, env=None):
    """The real one, of Debian's package."""
    lab.need_program("gpsd")
    return in_lab.start(*prefix, "gpsd", "-N", "-n", "-b", "-D", "2", "-S", port, *sources, ns=ns,
                        env={**os.environ, **(env or {})})


def sock_sample(offset, pulse=0, leap=0, magic=SOCK_MAGIC, when=None):
    """A datagram of chrony's SOCK protocol."""
    now = time.time_ns() if when is None else when
    return struct.pack("<qqdiiii", now // 10**9, now % 10**9 // 1000, offset, pulse, leap, 0, magic)


def kill(process):
    """At once, as by an accident."""
    process.kill(signal.SIGKILL)
    process.popen.wait(5)
