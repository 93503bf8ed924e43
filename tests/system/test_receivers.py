"""Receivers on a line: gpsd's recorded logs through the NMEA parser, and drivers that read a pty in real time."""
import bisect
import calendar
import collections
import contextlib
import datetime
import json
import os
import re
import statistics
import subprocess
import tarfile
import threading
import time

import pytest

import lab
from lab_sources import PtyReceiver, Watch, check_right, source, wait_synchronised

REPLAY = os.path.join(lab.BUILD, "tests", "nmea_replay")
READ_RECEIVER = os.path.join(lab.BUILD, "tests", "read_receiver")

# gpsd's own expectations are of the weeks from its release on; the parser's here are from then, and the two are compared
# within the 1024 weeks that GPS counts.
FLOOR = (datetime.date(2018, 9, 1) - datetime.date(1970, 1, 1)).days
ROLLOVER = 1024 * 7 * 86400
NEAR = 0.006  # seconds, by which gpsd's milliseconds and ours may differ


def debian_source():
    """A line of deb-src like the system's own, for Debian's main archive."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(REPO_URI)|$(CODENAME)|$(COMPONENT)", "Created-By: Packages"],
        capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        origin, uri, codename, component = line.split("|")
        if (origin, component) == ("Debian", "main") and not re.search(r"security|updates|backports", uri + codename):
            return f"deb-src {uri} {codename} main\n"
    pytest.skip("needs an apt that has Debian's main archive, for the source package gpsd")


@pytest.fixture(scope="module")
def gpsd_logs(tmp_path_factory):
    """The directory with the recorded logs of gpsd's source package, which is downloaded into a configuration of its own."""
    lab.need_program("apt-get")
    place = tmp_path_factory.mktemp("gpsd")
    for name in ("lists/partial", "archives/partial", "source"):
        os.makedirs(place / name)
    (place / "sources.list").write_text(debian_source())
    apt = ["apt-get", "-q", "-y", "-o", f"Dir::Etc::SourceList={place}/sources.list", "-o", "Dir::Etc::SourceParts=/dev/null",
           "-o", f"Dir::State::Lists={place}/lists", "-o", f"Dir::Cache={place}", "-o", "APT::Sandbox::User=root",
           "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20"]
    for words in (["update", "--error-on=any"], ["source", "--download-only", "gpsd"]):
        try:
            done = subprocess.run(apt + words, cwd=place / "source", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
            said = done.stdout.strip().splitlines()[-1:] or ["no output"]
        except subprocess.TimeoutExpired:
            done, said = None, ["it took longer than 120 s"]
        if not done or done.returncode != 0:
            pytest.skip(f"needs Debian's source package gpsd, which cannot be had: {said[0]}")
    archive = next((place / "source").glob("gpsd_*.orig.tar.*"))
    with tarfile.open(archive) as tar:
        for member in tar:
            found = re.fullmatch(r"[^/]+/test/daemon/([\w.+-]+\.log(?:\.chk)?)", member.name)
            if found and member.isfile():
                (place / found[1]).write_bytes(tar.extractfile(member).read())
    return place


def gpsd_times(path):
    """The times that gpsd made of a log: all, and those with a fix."""
    times, fixed = set(), set()
    for line in path.read_bytes().decode("latin-1").splitlines():
        if '"class":"TPV"' not in line:
            continue
        with contextlib.suppress(ValueError):
            report = json.loads(line)
            if "time" in report:
                stamp = datetime.datetime.strptime(report["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
                seconds = (calendar.timegm(stamp.timetuple()) + stamp.microsecond / 1e6) % ROLLOVER
                times.add(seconds)
                if report.get("mode", 0) >= 2:
                    fixed.add(seconds)
    return sorted(times), fixed


def replay(path):
    """The valid times of a log, and the parser's counts."""
    done = lab.run(REPLAY, FLOOR, path)
    times = [float(t) % ROLLOVER for t in re.findall(r"^time ([\d.]+) valid$", done.stdout, re.MULTILINE)]
    counts = {text: int(n) for n, text in re.findall(r"^count (\d+) (.*)$", done.stdout, re.MULTILINE)}
    return times, counts


def distance(seconds, times):
    at = bisect.bisect(times, seconds)
    return min((abs(seconds - t) for t in times[max(at - 1, 0):at + 1]), default=1e9)


def disagrees(seconds, times):
    """gpsd has times on both sides of this one, and not it. It reports a fix when the next begins, so that a log's last
    one is ours alone."""
    at = bisect.bisect(times, seconds)
    between = 0 < at < len(times) and seconds - times[at - 1] < 2.5 and times[at] - seconds < 2.5
    return between and distance(seconds, times) > NEAR


def test_gpsd_logs(gpsd_logs, figure):
    """Nothing breaks the parser, and where it gives times, they are those that gpsd gives."""
    lab.need_file(REPLAY, "the program that replays logs")
    logs = sorted(gpsd_logs.glob("*.log"))
    assert len(logs) > 100
    agree, wrong, counts, ours, theirs, both = [], {}, collections.Counter(), 0, 0, 0
    for log in logs:
        times, counted = replay(log)
        counts.update(counted)
        expected, fixed = gpsd_times(log.with_suffix(".log.chk"))
        if not times or not expected:
            continue
        odd = [t for t in times if disagrees(t, expected)]
        hits = [t for t in times if distance(t, expected) <= NEAR]
        ours, theirs = ours + len(times), theirs + len(fixed)
        both += sum(distance(t, sorted(times)) <= NEAR for t in fixed)
        if odd or not hits:
            wrong[log.name] = odd or "none is gpsd's"
        else:
            agree.append(log.name)
    total = len(agree) + len(wrong)
    figure(f"{len(logs)} logs, no crash; times of {len(agree)} of {total} agree with gpsd's throughout; {ours} times, "
           f"{both} of gpsd's {theirs} with a fix; not: {wrong}")
    figure(", ".join(f"{n} x {text}" for text, n in counts.most_common() if n))
    assert total >= 60
    # Those that are left are single seconds that gpsd passes over.
    assert len(wrong) <= total / 20 and all(isinstance(odd, list) and len(odd) <= 2 for odd in wrong.values()), wrong


def sentence(body):
    checksum = 0
    for octet in body.encode():
        checksum ^= octet
    return f"${body}*{checksum:02X}\r\n".encode()


def nmea(second):
    now = time.gmtime(second)
    clock, date = time.strftime("%H%M%S.00", now), time.strftime("%d%m%y", now)
    place = "4807.038,N,01131.000,E"
    return [sentence("GPGSV,1,1,01,05,10,100,30"),
            sentence(f"GPGGA,{clock},{place},1,08,0.9,545.4,M,46.9,M,,") + b"\xb5\x62$\x01",
            sentence("GPGSA,A,3,05,,,,,,,,,,,,1.8,0.9,1.5"),
            sentence(f"GPRMC,{clock},A,{place},0.0,0.0,{date},,,A")]


def meinberg(second):
    now = time.gmtime(second)
    return [time.strftime(f"\2D:%d.%m.%y;T:{now.tm_wday + 1};U:%H.%M.%S;  U \3", now).encode()]


class Receiver(threading.Thread):
    """Writes into a pty what a receiver says, some time after each second."""

    def __init__(self, said, delay):
        super().__init__(daemon=True)
        self.said, self.delay = said, delay
        self.master, self.slave = os.openpty()
        self.name = os.ttyname(self.slave)
        self.written, self.stopped = {}, threading.Event()

    def run(self):
        while not self.stopped.is_set():
            second = int(time.time()) + 1
            if self.stopped.wait(max(0.0, second + self.delay - time.time())):
                return
            pieces = self.said(second)
            self.written[second] = time.time()
            for piece in pieces:
                os.write(self.master, piece)
                time.sleep(0.01)

    def unplug(self):
        self.stopped.set()
        self.join()
        os.close(self.slave)
        os.close(self.master)


@pytest.mark.parametrize("kind, said", [("NMEA", nmea), ("MEINBERG", meinberg)])
def test_live_pty(kind, said, tmp_path, figure):
    """Each measurement is of the right second, and its instant that of the writing, by the driver's own error bound."""
    lab.need_file(READ_RECEIVER, "the program that reads a receiver")
    receiver = Receiver(said, 0.12)
    process = lab.Process(READ_RECEIVER, kind, f"{receiver.name}:9600", 1000, log=str(tmp_path / "log"))
    try:
        lab.wait_for(lambda: '"open"' in process.log(), 5, "the open line")
        receiver.start()
        lab.wait_for(lambda: process.log().count('"time"') >= 5, 10, "five measurements")
    finally:
        receiver.unplug()
    assert process.popen.wait(timeout=10) == 1
    lines = [json.loads(line) for line in process.log().splitlines()]
    assert "the line has gone" in lines[-1]["gone"]
    late = []
    for m in (line for line in lines if "time" in line):
        second = round(m["time"])
        assert m["leap"] == 0 and abs(m["time"] - second) < 1e-5 and second in receiver.written
        late.append(m["kernel"] - receiver.written[second])
        # A virtual machine may stand still for a while, and the reader with it.
        assert -m["error"] < late[-1] < 0.5
    assert statistics.median(late) < lines[1]["error"]
    figure(f"{len(late)} measurements, late by {statistics.median(late) * 1e6:.0f} us in the median, {max(late) * 1e6:.0f} at "
           f"most; error bound {lines[1]['error'] * 1e6:.0f} us")


def telegram(minute, summer):
    """Bits 0 to 58 of DCF77 that name a minute since 1970, in CET or CEST."""
    then = time.gmtime((minute + (120 if summer else 60)) * 60)
    bits = 1 << 20 | 1 << (17 if summer else 18)
    for first, value in ((21, then.tm_min), (29, then.tm_hour), (36, then.tm_mday), (42, then.tm_wday + 1),
                         (45, then.tm_mon), (50, then.tm_year % 100)):
        bits |= (value // 10 << 4 | value % 10) << first
    for first, parity in (21, 28), (29, 35), (36, 58):
        bits |= (bits >> first & (1 << parity - first) - 1).bit_count() % 2 << parity
    return bits


def hurry(pid):
    """Let a process go before what else the machine is busy with, where that is allowed: a mark that is 100 ms late is none."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))


class Dcf77(PtyReceiver):
    """Second marks, from start() on: then it is two marks before a minute's end, `ahead` s of the kernel clock. Telegrams
    after the first `good` ones have a wrong parity."""

    def __init__(self, in_lab, name, summer=False, good=10**9):
        self.summer, self.good, self.first, self.ahead = summer, good, None, 0
        super().__init__(in_lab, name=name, late=0.05)

    def start(self, first):
        self.ahead = (57 - first) % 60
        self.first = first

    def run(self):
        hurry(0)
        super().run()

    def burst(self, second):
        if self.first is None or second < self.first:
            return b""
        minute, mark = divmod(second + self.ahead, 60)
        if mark == 59:
            return b""
        number = minute - (self.first + self.ahead) // 60  # 0: the one whose end is heard alone
        bits = telegram(minute + 1, self.summer) ^ (int(number > self.good) << 28)
        return b"\0" if bits >> mark & 1 else b"\xf0"


def test_dcf77(pair, figure):
    """Second marks alone, by two receivers: one is followed as soon as its telegrams number them; the other's are of a wrong
    parity after the first, which is counted, and none of its marks is a sample."""
    good, bad = Dcf77(pair.lab, "good"), Dcf77(pair.lab, "bad", summer=True, good=1)
    tickwire = pair.tickwire(sets=[f"refclock DCF77 {receiver.device} refid {refid} poll 1 offset 0.05 delay 0.1"
                                   for receiver, refid in ((good, "DCF"), (bad, "BAD"))])
    lab.wait_for(lambda: all(source(tickwire, refid)["open"] for refid in ("DCF", "BAD")), 10, "open lines", 0.1)

    def errors(refid):
        return source(tickwire, refid)["receiver"]["parity_errors"]

    hurry(tickwire.daemon_pid("tickwire-clock"))
    first = int(time.time()) + 2
    for receiver in good, bad:
        receiver.start(first)
    with Watch(pair, right=lambda _: (good.ahead,), interval=0.05) as watch:
        wait_synchronised(pair, 130)
        lab.wait_for(lambda: source(tickwire, "DCF")["verdicts"]["used"] >= 5, 20, "samples", 0.2)
        numbered = time.time() - first
        reply = check_right(pair, "DCF", good.ahead)
    heard = source(tickwire, "DCF")
    radio = heard["receiver"]
    assert heard["state"] == "selected" and heard["samples"] >= 5, heard
    assert (radio["status"], radio["summer_time"], radio["implausible"]) == (8, False, 0), radio
    assert radio["telegrams"] >= 2 and radio["correlation"] > 0.9, radio
    # Marks that a busy machine lets come late spoil a minute of either receiver.
    lab.wait_for(lambda: errors("BAD") > errors("DCF"), 70, "a wrong parity", 1)
    spoilt = source(tickwire, "BAD")
    assert spoilt["receiver"]["telegrams"] <= 1 and spoilt["samples"] == 0 and spoilt["state"] != "selected", spoilt
    figure(f"served {numbered:.0f} s after the first mark; off by {(reply.offset - good.ahead) * 1e3:+.2f} ms; {watch}")
