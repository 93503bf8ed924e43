"""Drivers of devices and of programs that feed time, each by itself in tests/source_probe.c: what they deliver, what
they refuse, and devices that go and come back."""
import contextlib
import errno
import os
import pwd
import random
import signal
import socket
import stat
import struct
import threading
import time

import pytest

import lab as lab_module
import lab_devices
from lab_devices import HardwareClock, Ipc, Probe, Pulses, SerialReceiver, UdpReceiver

PREEMPTED = 0.005  # s: a virtual machine may stand still between two readings


def near(value, expected, within):
    assert abs(value - expected) <= within, f"{value}, expected {expected} +- {within}"


# PPS

def test_pps(lab, figure):
    pulses = Pulses(lab)
    probe = Probe(lab, "PPS", pulses.device, env=pulses.env)
    probe.wait("open")
    time.sleep(0.1)
    assert not probe.measurements(), "the pulse that was there at the start may be of any age"
    for i in range(5):
        pulses.pulse(fraction=100_000_000)
        m = probe.wait("measurement", i + 1)
        assert m["pulse"] and m["leap"] == 0 and m["seconds"] == 0
        # The kernel clock at the pulse was 0.1 s past a second, so that the second is 0.1 s before.
        near(m["offset"], -0.1, PREEMPTED)
    figure(f"error of a pulse {m['error'] * 1e9:.0f} ns, most of it the probe's own")
    time.sleep(0.1)
    assert len(probe.measurements()) == 5
    probe.stop()


@pytest.mark.parametrize("numbers", [2, 11, 1001])
def test_pps_lost(lab, numbers):
    """Pulses that came between two looks are counted by their numbers; the newest is a measurement."""
    pulses = Pulses(lab)
    probe = Probe(lab, "PPS", pulses.device, env=pulses.env)
    probe.wait("open")
    time.sleep(0.1)
    pulses.pulse(numbers=numbers)
    probe.wait("measurement")
    probe.wait("says", text=f"pulses missed between two looks at the device: {numbers - 1};")
    pulses.pulse()
    probe.wait("measurement", 2)
    assert len(probe.events("says")) == 1


def test_pps_clear(lab):
    """The other end of the pulse, by itself."""
    pulses = Pulses(lab)
    probe = Probe(lab, "PPS", pulses.device + ":clear", env=pulses.env)
    probe.wait("open")
    time.sleep(0.1)
    pulses.pulse(fraction=0)
    time.sleep(0.1)
    assert not probe.measurements()
    pulses.pulse(fraction=200_000_000, clear=True)
    near(probe.wait("measurement")["offset"], -0.2, PREEMPTED)


def test_pps_unplugged(lab):
    """It is said that it has gone; back again, it delivers again."""
    pulses = Pulses(lab)
    probe = Probe(lab, "PPS", pulses.device, env=pulses.env)
    probe.wait("open")
    time.sleep(0.1)
    pulses.pulse()
    probe.wait("measurement")
    pulses.unplug()
    probe.wait("gone", text="No such device")
    probe.wait("closed", text=f"cannot open {pulses.device}: No such file")
    pulses.count = 0  # a new device counts anew
    pulses.unplug(False)
    probe.wait("open", 2)
    time.sleep(0.1)
    pulses.pulse()
    probe.wait("measurement", 2)


@pytest.mark.parametrize("parameter,capabilities,said", [
    ("/dev/null", 3, "is no PPS device"),
    ("/dev/no-such-device", 3, "cannot open /dev/no-such-device: No such file"),
    (Pulses.device + ":up", 3, 'unknown option \\"up\\"; expected clear'),
    (Pulses.device + ":clear", 1, "cannot stamp the end of a pulse; leave :clear out"),
    (Pulses.device, 2, "cannot stamp the begin of a pulse; add :clear")])
def test_pps_refused(lab, parameter, capabilities, said):
    pulses = Pulses(lab, capabilities)
    probe = Probe(lab, "PPS", parameter, env=pulses.env)
    probe.wait("closed", text=said.replace("\\", ""))


# SHM

@pytest.fixture
def ipc(lab):
    return Ipc(lab)


def test_shm(lab, ipc):
    """The segment is made for its owner alone; samples of both modes come through, each once."""
    probe = Probe(lab, "SHM", "7", restrict="nobody", prefix=ipc.prefix)
    assert probe.wait("open")["text"] == ""
    assert ipc.segments()[0x4e545037] == ("root", 0o600)
    ipc.shm(7, "good", "good:1", "mode0")
    probe.wait("measurement", 3)
    time.sleep(0.1)
    leaps = [m["leap"] for m in probe.measurements()]
    assert leaps == [0, 1, 0]
    for m in probe.measurements():
        near(m["offset"], 0.25, PREEMPTED)
        assert not m["pulse"]


def test_shm_hostile(lab, ipc):
    """Times, codes and modes that are none are named, and the next good sample is one."""
    probe = Probe(lab, "SHM", "1:perm=0640", restrict="nobody", prefix=ipc.prefix)
    probe.wait("open")
    assert ipc.segments()[0x4e545031][1] == 0o640
    ipc.shm(1, "torn", "hostile")
    for text in ("leap code beyond 3", "mode other than 0 and 1", "a time that is none",
                 "has not shown of late"):
        probe.wait("says", text=text)
    before = len(probe.measurements())
    ipc.shm(1, "good")
    near(probe.wait("measurement", before + 1)["offset"], 0.25, PREEMPTED)


def test_shm_world_writable(lab, ipc):
    """A segment that another program has made for everybody is used and warned of."""
    ipc.shm(2, "make:0666")
    probe = Probe(lab, "SHM", "2", prefix=ipc.prefix)
    assert "everybody on this machine may write the segment 0x4e545032 (mode 666)" in probe.wait("open")["text"]
    ipc.shm(2, "good")
    probe.wait("measurement")


def test_shm_removed(lab, ipc):
    """Removed under us, it is made again, also without privileges; one that is not ours then is named."""
    probe = Probe(lab, "SHM", "3", restrict="nobody", prefix=ipc.prefix)
    probe.wait("open")
    ipc.shm(3, "good")
    probe.wait("measurement")
    ipc.shm(3, "remove")
    probe.wait("gone", text="the segment 0x4e545033 was removed")
    probe.wait("open", 2)
    ipc.shm(3, "good")
    probe.wait("measurement", 2)
    ipc.shm(3, "remove", "make:0600")
    probe.wait("closed", text="cannot get the segment 0x4e545033: Permission denied")
    ipc.shm(3, "remove", "make:0666")
    assert "everybody" in probe.wait("open", 3)["text"]


@pytest.mark.parametrize("parameter,said", [
    ("256", "expected a unit from 0 to 255"), ("x", "expected a unit"), ("", "expected a unit"),
    ("0:perm=0999", "expected perm=MODE, octal"), ("0:mode=0600", "expected perm=MODE, octal")])
def test_shm_refused(lab, ipc, parameter, said):
    Probe(lab, "SHM", parameter, prefix=ipc.prefix).wait("closed", text=said)


def test_shm_gpsd(lab, ipc, figure):
    """The real gpsd, fed by a receiver whose messages come 0.12 s late: unit 0 is what it fills."""
    ns = lab.namespace("g")
    probe = Probe(lab, "SHM", "0", prefix=ipc.prefix)
    probe.wait("open")
    feed = UdpReceiver(lab, ns)
    lab_devices.start_gpsd(lab, ns, feed.source, prefix=ipc.prefix)
    probe.wait("measurement", 3, seconds=15)
    offsets = [m["offset"] for m in probe.measurements()]
    for offset in offsets:
        near(offset, -0.13, 0.1)
    figure("offsets " + ", ".join(f"{offset:.4f}" for offset in offsets) + " s")


# SOCK

class Feeder:
    """A program that feeds samples."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.connect(path)

    def send(self, *args, **options):
        self.socket.send(lab_devices.sock_sample(*args, **options))


@pytest.fixture
def sock(lab):
    """A probe of a SOCK source that has given up its privileges, and its path."""
    path = lab.path("chrony.test.sock")
    probe = Probe(lab, "SOCK", path, restrict="nobody")
    probe.wait("open")
    return probe, path


def test_sock(sock):
    probe, path = sock
    mode = os.stat(path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    feeder = Feeder(path)
    feeder.send(0.125)
    m = probe.wait("measurement")
    near(m["offset"], 0.125, PREEMPTED)
    assert (m["pulse"], m["leap"]) == (False, 0)
    feeder.send(-0.3, pulse=1, leap=2)
    m = probe.wait("measurement", 2)
    near(m["offset"], 0.3, PREEMPTED)  # a pulse's is the other way round, as chronyd takes it
    assert (m["pulse"], m["leap"]) == (True, 2)


def test_sock_of_32_bits(sock):
    probe, path = sock
    now = time.time_ns()
    Feeder(path).socket.send(struct.pack("<iidiiii", now // 10**9, now % 10**9 // 1000, 0.5, 0, 1, 0,
                                         lab_devices.SOCK_MAGIC))
    m = probe.wait("measurement")
    near(m["offset"], 0.5, PREEMPTED)
    assert m["leap"] == 1


def test_sock_hostile(sock):
    """Each kind of bad datagram is named, and the next good one is a measurement."""
    probe, path = sock
    feeder = Feeder(path)
    year = 365 * 86400 * 10**9
    for datagram, said in (
            (b"", "neither 40 nor 32"), (b"x", "neither 40 nor 32"), (bytes(41), "neither 40 nor 32"),
            (lab_devices.sock_sample(0) + bytes(60000), "neither 40 nor 32"),
            (bytes(40), "without the protocol's magic"), (bytes(32), "without the protocol's magic"),
            (lab_devices.sock_sample(float("nan")), "an offset that is no number"),
            (lab_devices.sock_sample(float("-inf")), "an offset that is no number"),
            (lab_devices.sock_sample(1e200), "an offset that is no number"),
            (lab_devices.sock_sample(0, when=-10**9), "a time that is none"),
            (lab_devices.sock_sample(0, when=2**62), "has not shown of late"),
            (lab_devices.sock_sample(0, when=time.time_ns() - year), "has not shown of late"),
            (lab_devices.sock_sample(0, when=time.time_ns() + year), "has not shown of late"),
            (lab_devices.sock_sample(0, leap=4), "a leap code beyond 3")):
        count = len(probe.events("says"))
        feeder.socket.send(datagram)
        assert said in probe.wait("says", count + 1)["text"], datagram[:40]
    assert not probe.measurements()
    feeder.send(0.125)
    near(probe.wait("measurement")["offset"], 0.125, PREEMPTED)


def test_sock_flood(sock):
    """Somebody who floods with rubbish does not keep a sample from coming through."""
    probe, path = sock
    feeder = Feeder(path)
    end = time.monotonic() + 1
    while time.monotonic() < end:
        for _ in range(50):
            feeder.socket.send(b"x" * 39)
        feeder.send(0.125)
    assert len(probe.measurements()) > 5


def test_sock_restart(lab):
    """The socket of a killed daemon is replaced; one that is served, and what is no socket, are left alone."""
    path = lab.path("chrony.test.sock")
    first = Probe(lab, "SOCK", path)
    first.wait("open")
    other = Probe(lab, "SOCK", path)
    other.wait("closed", text="is another program's socket")
    other.stop()
    lab_devices.kill(first.process)
    assert os.path.exists(path)
    second = Probe(lab, "SOCK", path)
    second.wait("open")
    Feeder(path).send(0)
    second.wait("measurement")
    second.stop()
    assert not os.path.exists(path)
    with open(path, "w", encoding="ascii"):
        pass
    Probe(lab, "SOCK", path).wait("closed", text="is there and no socket")
    assert os.path.isfile(path)


@pytest.mark.parametrize("path", ["relative.sock", "", "/run/" + "x" * 110, "/no/such/directory/s.sock"])
def test_sock_refused(lab, path):
    text = "cannot make the socket" if path.startswith("/no") else "expected an absolute path of at most 107 octets"
    Probe(lab, "SOCK", path).wait("closed", text=text)

# PHC

@pytest.mark.parametrize("ways", [HardwareClock.PRECISE | HardwareClock.EXTENDED, HardwareClock.EXTENDED,
                                  HardwareClock.BASIC])
def test_phc(lab, ways, figure):
    """By the best way that the device has; once a second, whatever the probe asks."""
    clock = HardwareClock(lab, ways, ahead=0.25)
    probe = Probe(lab, "PHC", clock.device, env=clock.env, restrict="nobody")
    probe.wait("measurement", 3)
    assert len(probe.measurements()) == 3
    for m in probe.measurements():
        near(m["offset"], 0.25, PREEMPTED)
        assert (m["pulse"], m["leap"]) == (False, 0)
    figure(f"error {m['error'] * 1e9:.0f} ns")


def test_phc_of_tai(lab):
    clock = HardwareClock(lab, ahead=37)
    probe = Probe(lab, "PHC", clock.device + ":nocrossts", "--tai", env=clock.env)
    near(probe.wait("measurement")["offset"], 0, PREEMPTED)


def test_phc_pulses(lab, figure):
    """The device's stamps of pulses on a channel, mapped to the kernel clock by readings beside them."""
    clock = HardwareClock(lab, ahead=37.2)
    probe = Probe(lab, "PHC", clock.device + ":extpps:pin=1:channel=2", env=clock.env, restrict="nobody")
    probe.wait("open")
    for i in range(4):
        time.sleep(0.6)
        now = clock.pulse(channel=2) % 1
        clock.pulse(channel=0)
        m = probe.wait("measurement", i + 1)
        assert m["pulse"]
        near((m["offset"] + now + 0.5) % 1, 0.5, PREEMPTED)
    time.sleep(0.1)
    assert len(probe.measurements()) == 4
    clock.pulse(channel=2, when=0)
    probe.wait("says", text="has not shown of late")
    figure(f"error {m['error'] * 1e9:.0f} ns, most of it the probe's own")


def test_phc_unplugged(lab):
    clock = HardwareClock(lab)
    probe = Probe(lab, "PHC", clock.device, env=clock.env)
    probe.wait("measurement")
    clock.set(unplugged=1)
    probe.wait("gone", text="No such device")
    probe.wait("closed", text="No such file")
    clock.set(unplugged=0, nonsense=1)
    probe.wait("says", text="shows a time that is none")
    clock.set(nonsense=0)
    probe.wait("measurement", 2)


@pytest.mark.parametrize("error", [errno.EBUSY, errno.EAGAIN, errno.ETIMEDOUT])
def test_phc_busy(lab, error):
    """A reading that fails for the moment is no device that has gone; a pulse then goes by the reading before."""
    clock = HardwareClock(lab, ahead=0.25)
    whole = Probe(lab, "PHC", clock.device, env=clock.env)
    pulses = Probe(lab, "PHC", clock.device + ":extpps", env=clock.env)
    whole.wait("measurement")
    pulses.wait("open")
    time.sleep(0.1)
    clock.set(busy=error)
    now = clock.pulse() % 1
    near((pulses.wait("measurement")["offset"] + now + 0.5) % 1, 0.5, PREEMPTED)
    time.sleep(2.2)
    clock.set(busy=0)
    whole.wait("measurement", 2)
    clock.pulse()
    pulses.wait("measurement", 2)
    assert not whole.events("gone") and not pulses.events("gone")


def test_phc_without_pulses(lab):
    clock = HardwareClock(lab, HardwareClock.EXTENDED)
    probe = Probe(lab, "PHC", clock.device + ":extpps", env=clock.env)
    probe.wait("closed", text="channel 0 cannot stamp pulses")
    probe = Probe(lab, "PHC", clock.device + ":extpps:pin=3", env=clock.env)
    probe.wait("closed", text="pin 3 cannot take pulses in on channel 0")


@pytest.mark.parametrize("parameter,said", [
    ("/dev/null", "is no PTP hardware clock"),
    ("/dev/no-such-device", "cannot open /dev/no-such-device: No such file"),
    ("/dev/ptp0:up", "expected extpps, pin=N, channel=N, clear or nocrossts"),
    ("/dev/ptp0:extpps:pin=x", "expected extpps, pin=N, channel=N, clear or nocrossts"),
    ("/dev/ptp0:clear", "add :extpps")])
def test_phc_refused(lab, parameter, said):
    Probe(lab, "PHC", parameter).wait("closed", text=said)


# GPSD

def talkers(pid):
    """The processes that talk with gpsd."""
    return [child for child in lab_module.children(pid)
            if open(f"/proc/{child}/comm", encoding="ascii").read().strip() == "tickwire-gpsd"]


@pytest.fixture
def receiver(lab):
    """A receiver's messages, in a namespace of its own, with IPC of its own so that gpsd fills nobody's segments."""
    lab.ns = lab.namespace("g")
    feed = UdpReceiver(lab, lab.ns)
    feed.ipc = Ipc(lab)
    return feed


def test_gpsd(lab, receiver, figure):
    """The real gpsd by its own protocol: reports of a second, the fix, and the satellites."""
    lab_devices.start_gpsd(lab, lab.ns, receiver.source, prefix=receiver.ipc.prefix)
    probe = Probe(lab, "GPSD", "127.0.0.1", restrict="nobody", ns=lab.ns)
    probe.wait("open")
    lab_module.wait_for(lambda: any(m["leap"] == 0 for m in probe.measurements()), 15, "a measurement with a fix")
    probe.wait("measurement", 3, seconds=15)
    for m in probe.measurements():
        near(m["offset"], -receiver.late, 0.1)
        assert not m["pulse"]
    sky = lab_module.wait_for(lambda: next((e for e in probe.events("receiver") if e["fix"] == 3 and e["in_view"]), None), 10,
                       "the satellites")
    assert (sky["used"], sky["in_view"], sky["listed"]) == (8, 11, 11)
    near(sky["hdop"], 0.9, 0.01)
    near(sky["pdop"], 1.8, 0.01)
    figure("offsets " + ", ".join(f"{m['offset']:.4f}" for m in probe.measurements()) + " s")


def test_gpsd_pulses(lab, ipc, figure):
    """The real gpsd with a serial line and its pulse: by all three ways of its own it tells the same, and over its
    protocol the late reports are not measurements once there are pulses."""
    ns = lab.namespace("g")
    receiver = SerialReceiver(lab)
    probes = {"SOCK": Probe(lab, "SOCK", receiver.sock), "SHM": Probe(lab, "SHM", "1", prefix=ipc.prefix)}
    for probe in probes.values():
        probe.wait("open")
    lab_devices.start_gpsd(lab, ns, receiver.source, prefix=ipc.prefix, env=receiver.env)
    probes["GPSD"] = Probe(lab, "GPSD", f"127.0.0.1::{receiver.source}", restrict="nobody", ns=ns)
    time.sleep(5)  # the first seconds are reports by GPSD's way
    for kind, probe in probes.items():
        probe.wait("measurement", 4, seconds=10)
        newest = probe.measurements()[-3:]
        offsets = [m["offset"] for m in newest]
        near(sorted(offsets)[1], 0, 0.02)
        assert newest[-1]["leap"] == 0
        figure(f"{kind} offsets {', '.join(f'{offset * 1e6:.0f}' for offset in offsets)} us")


def test_gpsd_without_fix(lab, receiver):
    """A receiver that has a date and no fix: its measurements say that they are of no use."""
    receiver.fix = False
    lab_devices.start_gpsd(lab, lab.ns, receiver.source, prefix=receiver.ipc.prefix)
    probe = Probe(lab, "GPSD", "", ns=lab.ns)
    probe.wait("receiver", seconds=10)
    time.sleep(2.5)
    assert all(m["leap"] == 3 for m in probe.measurements())
    receiver.fix = True
    lab_module.wait_for(lambda: any(m["leap"] == 0 for m in probe.measurements()), 15, "a measurement with a fix")


def test_gpsd_comes_and_goes(lab, receiver):
    """Not there at the start, there later, killed and there again: said each time, and all by itself."""
    probe = Probe(lab, "GPSD", "127.0.0.1:2999", restrict="nobody", ns=lab.ns)
    probe.wait("says", text="gpsd at 127.0.0.1:2999:")
    for i in range(2):
        gpsd = lab_devices.start_gpsd(lab, lab.ns, receiver.source, prefix=receiver.ipc.prefix, port=2999)
        before = len(probe.measurements())
        probe.wait("measurement", before + 1, seconds=15)
        said = len(probe.events("says"))
        gpsd.stop(seconds=20)
        assert "gpsd at 127.0.0.1:2999:" in probe.wait("says", said + 1)["text"], i


def test_gpsd_helper(lab, receiver):
    """It has no privileges, and who reads what gpsd says has its system calls filtered; a crash is made good; it does not outlive its daemon."""
    lab_devices.start_gpsd(lab, lab.ns, receiver.source, prefix=receiver.ipc.prefix)
    probe = Probe(lab, "GPSD", "127.0.0.1", restrict="nobody", ns=lab.ns)
    probe.wait("measurement", seconds=15)
    keeper, talker = talkers(probe.process.pid)
    for pid in keeper, talker:
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        assert set(status["Uid"].split()) == {str(pwd.getpwnam("nobody").pw_uid)}
        assert not status["Groups"].split()
        assert {int(status[c], 16) for c in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
        assert status["NoNewPrivs"].strip() == "1"
        assert pid == keeper or status["Seccomp"].strip() == "2"
        files = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd") if int(fd) > 2}
        assert all(file.startswith(("pipe:", "socket:")) for file in files), files
    os.kill(talker, signal.SIGKILL)
    probe.wait("says", text="has crashed")
    before = len(probe.measurements())
    probe.wait("measurement", before + 1, seconds=15)
    helpers = talkers(probe.process.pid)
    assert len(helpers) == 2 and talker not in helpers
    lab_devices.kill(probe.process)
    lab_module.wait_for(lambda: not any(lab_module.alive(pid) for pid in helpers), 5, "the helper's end")


def hostile_gpsd(ns, lines):
    """Somebody on gpsd's port who speaks as he likes; the socket to close."""
    with lab_module.inside(ns):
        listener = socket.create_server(("127.0.0.1", 2947))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with peer, contextlib.suppress(OSError):
                    for line in lines:
                        peer.sendall(line)
                        time.sleep(0.02)
                    time.sleep(0.2)
    threading.Thread(target=serve, daemon=True).start()
    return listener


def test_gpsd_hostile(lab):
    """What is no gpsd, or one gone mad: nothing is taken for time, and the probe goes on."""
    lab.ns = lab.namespace("g")
    random.seed(6)
    stamp = b'{"class":"PPS","device":"/dev/x","real_sec":%d,"real_nsec":%d,"clock_sec":%d,"clock_nsec":%d}\n'
    listener = hostile_gpsd(lab.ns, [
        b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 100, b"{" * 5000 + b"\n", b'{"class":"' + b"A" * 20000 + b'"}\n',
        b'{"class":"SKY","satellites":[' + b'{"PRN":1,"ss":1e308,"az":-1e300,"el":1e300,"used":true},' * 139
        + b'{"PRN":2}]}\n',
        stamp % (-1, 0, 0, 0), stamp % (2**62, 0, 1, 1), stamp % (1, 10**9, 1, 1), stamp % (1, 0, 1, -5),
        stamp % (int(time.time()), 0, 5, 0), *(random.randbytes(500) + b"\n" for _ in range(20))])
    probe = Probe(lab, "GPSD", "127.0.0.1", restrict="nobody", ns=lab.ns)
    for text in ("a time that is none", "has not shown of late"):
        probe.wait("says", text=text, seconds=20)
    assert not probe.measurements()
    listener.close()
    assert probe.process.popen.poll() is None


def test_gpsd_elsewhere(lab):
    """Its stamps are of another clock, in all likelihood."""
    assert Probe(lab, "GPSD", "127.0.0.2:2998").wait("open")["text"] == ""
    assert "its stamps are of the clock of the machine" in Probe(lab, "GPSD", "192.0.2.1").wait("open")["text"]


@pytest.mark.parametrize("parameter", ["127.0.0.1:0", "[::1", "localhost:2947:ttyS0", "localhost:gps"])
def test_gpsd_refused(lab, parameter):
    Probe(lab, "GPSD", parameter).wait("closed", text="expected [HOST][:PORT][:DEVICE]")
