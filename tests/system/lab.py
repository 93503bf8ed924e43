"""What the system tests are made of: network namespaces, a running tickwire, real peers, and raw frames.

Everything made here is registered and taken away again at the end of the run, also after a failure or Ctrl-C: names
carry the pid of the run, processes are ended by their pid, and every wait has a limit.
"""
import atexit
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest

import lab_backends

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("TICKWIRE_BUILD", os.path.join(ROOT, "build")))
TICKWIRE = os.path.join(BUILD, "bin", "tickwire")
CLOCKSHIM = os.path.join(BUILD, "tests", "clockshim.so")
VLAN_TAP = os.path.join(BUILD, "tests", "vlan_tap")
DAEMONS = ("tickwire-clock", "tickwire-dataplane")

NTP_UNIX = 2208988800  # the Unix epoch in NTP's
libc = ctypes.CDLL(None, use_errno=True)


# What a test needs

def need_root():
    if os.geteuid() != 0:
        pytest.skip("needs root: it makes network namespaces and opens ports")


def need_program(*names):
    for name in names:
        if not (os.access(name, os.X_OK) if name.startswith("/") else shutil.which(name)):
            pytest.skip(f"needs the program {name}, which is not here")


def need_build_for_all():
    """Programs that a user without privilege may reach: a home directory is often closed to others."""
    path = os.path.realpath(TICKWIRE)
    while path != "/":
        if not os.stat(path).st_mode & 0o001:
            pytest.skip(f"needs a build that others may reach, and {path} is closed to them")
        path = os.path.dirname(path)


def need_file(path, what):
    if not os.path.exists(path):
        pytest.skip(f"needs {what}: {path} is not here")


def need_cpu(directive, value):
    reason = lab_backends.why_not(directive, value)
    if reason:
        pytest.skip(reason)


def check_not_for_this_cpu(pair, directive):
    """The directive refuses the first of its values that this CPU has not all features for, in a sentence."""
    lacking = [value for value in lab_backends.NEEDS[directive] if lab_backends.lacks(directive, value)]
    if not lacking:
        pytest.skip(f"needs a CPU that lacks something that {directive} can ask for")
    tickwire = pair.tickwire(sets=["local stratum 8", f"{directive} {lacking[0]}"], wait=False)
    wait_for(lambda: "is not for this CPU; expected auto" in tickwire.log(), 5, "the sentence")
    assert f"{directive} {lacking[0]}" in tickwire.log()
    assert tickwire.process.popen.wait(timeout=30) == 78


def need_namespaces():
    need_root()
    need_program("ip", TICKWIRE)
    name = f"tw{os.getpid()}probe"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs network namespaces, which cannot be made here")
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


# Running things

def run(*args, ns=None, timeout=15, check=True, env=None, text=None):
    """Run a program to its end; its output is in .stdout, both streams together."""
    command = (["ip", "netns", "exec", ns] if ns else []) + [str(a) for a in args]
    done = subprocess.run(command, stdin=subprocess.DEVNULL if text is None else None, input=text,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False,
                          env=env)
    assert not check or done.returncode == 0, f"{' '.join(command)}: status {done.returncode}\n{done.stdout}"
    return done


# A wait ends what would last for ever. It is no measure of how fast something is: a virtual machine may stand still for
# seconds.
PATIENCE = 6


def wait_for(condition, seconds, what, step=0.02):
    """The first true value of condition(), which an idle machine gives within so many seconds."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        late = time.monotonic() >= end
        value = condition()
        if value:
            return value
        assert not late, f"{what}: not within {seconds * PATIENCE} s"
        time.sleep(step)


def alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def children(pid):
    """All processes below one, by pid."""
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
                found += [int(word) for word in f.read().split()]
    return found + [below for child in found for below in children(child)]


class Process:
    """A program in the background with its output in a file, in a namespace or not."""

    def __init__(self, *args, ns=None, env=None, log):
        self.log_file = log
        command = (["ip", "netns", "exec", ns] if ns else []) + [str(a) for a in args]
        with open(log, "ab") as out:
            # `ip netns exec` becomes the program, so that the pid is the program's.
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)
        self.pid = self.popen.pid

    def log(self):
        with open(self.log_file, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_log(self, pattern, seconds=20):
        """Until the output matches, with the match; fails as soon as the program has ended without it."""
        def look():
            over = self.popen.poll() is not None
            match = re.search(pattern, self.log(), re.MULTILINE)
            assert match or not over, f"ended with {self.popen.returncode} before {pattern!r}:\n{self.log()}"
            return match
        return wait_for(look, seconds, f"{pattern!r} in {self.log_file}")

    def kill(self, number):
        if self.popen.poll() is None:
            os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM, seconds=15):
        """End it and give its exit status."""
        self.kill(number)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill(signal.SIGKILL)
            self.popen.wait(5)
            raise AssertionError(f"did not end within {seconds} s:\n{self.log()}") from None


LOCKS = "/run/tickwire-locks"


def namespace_locks(ns):
    """Names of the files by which instances in a namespace hold their interfaces; a killed one leaves its own."""
    inode = os.stat(f"/run/netns/{ns}").st_ino
    try:
        names = os.listdir(LOCKS)
    except FileNotFoundError:
        return []
    return [name for name in names if name.startswith(f"{inode}-")]


class Lab:
    """The namespaces, processes and files of one test; close() takes all of it away."""
    open_labs = []
    count = 0

    def __init__(self):
        need_namespaces()
        Lab.count += 1
        self.prefix = f"tw{os.getpid()}x{Lab.count}"
        self.namespaces = []
        self.processes = []
        self.undo = []
        self.dir = tempfile.mkdtemp(prefix=self.prefix + "-")
        os.chmod(self.dir, 0o755)
        Lab.open_labs.append(self)

    def path(self, name):
        return os.path.join(self.dir, name)

    def namespace(self, name):
        full = f"{self.prefix}{name}"
        run("ip", "netns", "add", full)
        self.namespaces.append(full)
        for lock in namespace_locks(full):  # of a killed instance in one whose number this one got
            os.unlink(os.path.join(LOCKS, lock))
        run("ip", "-n", full, "link", "set", "lo", "up")
        return full

    def veth(self, a, a_name, b, b_name):
        run("ip", "link", "add", a_name, "netns", a, "type", "veth", "peer", "name", b_name, "netns", b)
        run("ip", "-n", a, "link", "set", a_name, "up")
        run("ip", "-n", b, "link", "set", b_name, "up")

    def start(self, *args, ns=None, env=None, name=None):
        log = self.path(f"{name or os.path.basename(str(args[0]))}{len(self.processes)}.log")
        process = Process(*args, ns=ns, env=env, log=log)
        self.processes.append(process)
        return process

    def close(self):
        if self in Lab.open_labs:
            Lab.open_labs.remove(self)
        stopped = [p for p in reversed(self.processes) if p.popen.poll() is None]
        families = [c for p in stopped for c in children(p.pid)]
        for pid in families:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        for process in stopped:
            process.kill(signal.SIGCONT)
            process.kill(signal.SIGTERM)
        for process in stopped:
            with contextlib.suppress(AssertionError):
                process.stop(seconds=8)
        for pid in families:
            if alive(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for undo in reversed(self.undo):
            undo()
        for ns in self.namespaces:
            subprocess.run(["ip", "netns", "del", ns], capture_output=True, check=False)
        reports = [p.log() for p in self.processes if re.search(r"AddressSanitizer|runtime error:", p.log())]
        shutil.rmtree(self.dir, ignore_errors=True)
        # A daemon that a sanitizer has ended is restarted, and the test itself may not notice.
        assert not reports, "\n".join(reports)


def _close_all():
    for lab in list(Lab.open_labs):
        lab.close()


atexit.register(_close_all)


def addresses(ns, interface, *cidrs):
    for cidr in cidrs:
        run("ip", "-n", ns, "addr", "add", cidr, "dev", interface, *(["nodad"] if ":" in cidr else []))


def offloads_off(ns, *interfaces):
    """What is sent from here is complete, as on a real wire."""
    need_program("ethtool")
    for interface in interfaces:
        run("ethtool", "-K", interface, "tx", "off", "rx", "off", "gso", "off", "gro", "off", "tso", "off",
            "txvlan", "off", "rxvlan", "off", ns=ns, check=False)
        features = run("ethtool", "-k", interface, ns=ns).stdout
        assert "tx-checksumming: off" in features, features


def mac(ns, interface):
    return json.loads(run("ip", "-n", ns, "-j", "link", "show", "dev", interface).stdout)[0]["address"]


@contextlib.contextmanager
def inside(ns):
    """This thread, in another network namespace; sockets made there stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{ns}", os.O_RDONLY)
    try:
        assert libc.setns(there, 0x40000000) == 0, os.strerror(ctypes.get_errno())
        yield
    finally:
        libc.setns(home, 0x40000000)
        os.close(there)
        os.close(home)


# tickwire

class Tickwire:
    """`tickwire run` in a namespace; ready when made, unless told not to wait."""

    def __init__(self, lab, ns, *interfaces, sets=("local stratum 8",), config=None, env=None, wait=True,
                 run_dir=None, prefix=()):
        self.lab, self.ns = lab, ns
        self.run_dir = run_dir or lab.path(f"run{len(lab.processes)}")
        args = [*prefix, TICKWIRE, "run", "--run-dir", self.run_dir]
        for interface in interfaces:
            args += ["--set", f"interface {interface}"]
        for line in [*sets, *map(" ".join, lab_backends.forced())]:
            args += ["--set", line]
        if config:
            args += ["-c", config]
        self.process = lab.start(*args, ns=ns, env={**os.environ, **(env or {})})
        self.pid = self.process.pid
        self.started = time.monotonic()
        if wait:
            self.process.wait_log(r"^tickwire: ready$")
            self.start_time = time.monotonic() - self.started
            if lab_backends.forced():
                lab_backends.check(self.status())

    def log(self):
        return self.process.log()

    def status(self):
        """What `tickwire status --json` says; it exits with 1 while the instance is not ready."""
        done = run(TICKWIRE, "status", "--json", "--run-dir", self.run_dir, ns=self.ns, check=False)
        assert done.stdout.startswith("{"), done.stdout
        return json.loads(done.stdout)

    def verdicts(self):
        return self.status()["verdicts"]

    def daemon(self, name):
        return next(d for d in self.status()["daemons"] if d["name"] == name)

    def daemon_pid(self, name):
        """By /proc, which costs no `status`."""
        for pid in children(self.pid):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as f:
                if os.path.basename(f.read().split(b"\0")[0].decode()) == name:
                    return pid
        return 0

    def victim(self, name):
        """The same, for a signal: never 0, which would be all of us."""
        return wait_for(lambda: self.daemon_pid(name), 5, f"{name} runs")

    def family(self):
        return [self.pid] + children(self.pid)

    def reload(self):
        return run(TICKWIRE, "reload", "--run-dir", self.run_dir, ns=self.ns, check=False)

    def stop(self):
        return self.process.stop()


# Peers

def chronyd(lab, ns, name, *lines):
    """A chronyd that serves and never touches the clock (-x)."""
    need_program("chronyd", "chronyc")
    directory = lab.path(name)
    os.mkdir(directory, 0o750)
    config = os.path.join(directory, "chrony.conf")
    with open(config, "w", encoding="ascii") as f:
        f.write("\n".join([f"bindcmdaddress {directory}/chronyd.sock", "cmdport 0", f"pidfile {directory}/pid",
                           "allow all", *lines, ""]))
    process = lab.start("chronyd", "-x", "-d", "-u", "root", "-f", config, ns=ns)
    wait_for(lambda: os.path.exists(f"{directory}/chronyd.sock") or process.popen.poll() is not None, 5, "chronyd")
    assert process.popen.poll() is None, process.log()
    process.directory = directory
    return process


def chronyc(process, *command):
    return run("chronyc", "-c", "-h", f"{process.directory}/chronyd.sock", *command, check=False).stdout.strip()


def client_chronyd(lab, ns, host):
    """The offset that `chronyd -Q` would correct, in seconds."""
    need_program("chronyd")
    out = run("chronyd", "-Q", "-t", "5", "-u", "root", "-f", "/dev/null", f"server {host} iburst maxsamples 1",
              "cmdport 0", "bindcmdaddress /", f"pidfile {lab.path('client.pid')}", ns=ns, timeout=12).stdout
    return float(re.search(r"System clock wrong by (\S+) seconds", out).group(1))


def client_ntpdig(_lab, ns, host):
    need_program("ntpdig")
    out = run("ntpdig", "-j", "-t", "2", host, ns=ns).stdout
    return float(json.loads(out.strip().splitlines()[-1])["offset"])


def client_ntpdate(_lab, ns, host):
    """ntpdate -q: a query, which sets nothing."""
    need_program("ntpdate")
    out = run("ntpdate", "-q", "-p", "1", host, ns=ns).stdout
    return float(re.search(r"([+-]\d+\.\d+) \+/- ", out).group(1))


def client_rdate(_lab, ns, host):
    """rdate -n -p: SNTP, printed and not set; whole seconds are all that it shows, and -v the correction."""
    need_program("rdate")
    out = run("rdate", "-n", "-p", "-v", "-6" if ":" in host else "-4", host, ns=ns).stdout
    return float(re.search(r"adjust local clock by (-?\d+\.\d+) seconds", out).group(1))


def query(ns, host, *options):
    """What `tickwire query` says of a server that answers."""
    return json.loads(run(TICKWIRE, "query", "--json", *options, host, ns=ns, timeout=30).stdout)[0]


def client_query(_lab, ns, host):
    return float(query(ns, host, "-n", "2", "-i", "0.1")["offset"])


CLIENTS = {"chronyd -Q": client_chronyd, "ntpdig": client_ntpdig, "ntpdate -q": client_ntpdate,
           "rdate -n": client_rdate, "tickwire query": client_query}


def ping(ns, host, count=3, **options):
    done = run("ping", "-n", "-c", count, "-i", "0.05", "-W", "1", host, ns=ns, check=False, **options)
    return done.returncode == 0 and " 0% packet loss" in done.stdout


def tcp_works(server_ns, client_ns, host, port=8123):
    """A connection, and an octet each way."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with inside(server_ns):
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1)
        listener.settimeout(3)
    try:
        with inside(client_ns):
            client = socket.socket(family)
        client.settimeout(3)
        with client:
            client.connect((host, port))
            accepted, _ = listener.accept()
            with accepted:
                accepted.settimeout(3)
                client.sendall(b"there")
                accepted.sendall(accepted.recv(5)[::-1])
                return client.recv(5) == b"ereht"
    except OSError:
        return False
    finally:
        listener.close()


# NTP by hand

def to_ntp(unix):
    return int((unix + NTP_UNIX) * 2**32) & 0xffffffffffffffff


def from_ntp(value):
    return value / 2**32 - NTP_UNIX


def request(version=4, mode=3, transmit=None, extra=b""):
    return struct.pack("!BBbb11I", version << 3 | mode, 0, 6, 0, *[0] * 9,
                       *divmod(to_ntp(time.time()) if transmit is None else transmit, 2**32)) + extra


def ntp_to_ns(value):
    """Nanoseconds of Unix time: a float of seconds would be off by up to 0.24 us."""
    return (value * 10**9 >> 32) - NTP_UNIX * 10**9


class Reply:
    """A reply's fields; t1 and t4 are the client's, in Unix seconds, made of its nanoseconds."""

    def __init__(self, data, t1_ns=0, t4_ns=0):
        first, self.stratum, self.poll, self.precision, delay, dispersion = struct.unpack("!BBbbII", data[:12])
        self.leap, self.version, self.mode = first >> 6, first >> 3 & 7, first & 7
        self.root_delay, self.root_dispersion = delay / 65536, dispersion / 65536
        self.refid = data[12:16]
        self.reference, self.origin, self.receive, self.transmit = struct.unpack("!4Q", data[16:48])
        self.data, self.t1_ns, self.t4_ns = data, t1_ns, t4_ns
        self.t1, self.t4 = t1_ns / 1e9, t4_ns / 1e9

    @property
    def delay(self):
        return (self.t4_ns - self.t1_ns - (ntp_to_ns(self.transmit) - ntp_to_ns(self.receive))) / 1e9

    @property
    def offset(self):
        return (ntp_to_ns(self.receive) - self.t1_ns + ntp_to_ns(self.transmit) - self.t4_ns) / 2e9


class SocketHolder:
    """Has a .socket, which is closed with it."""
    socket = None

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Client(SocketHolder):
    """A UDP socket in a namespace that asks one server."""

    def __init__(self, ns, host, port=123):
        with inside(ns):
            self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.connect((host, port))

    def ask(self, timeout=0.5, **fields):
        """The reply to one request, or None; an ICMP error counts as none."""
        self.socket.settimeout(timeout)
        sent = request(**fields)
        t1 = time.time_ns()
        with contextlib.suppress(OSError):
            self.socket.send(sent)
            while True:
                data = self.socket.recv(2048)
                if data[24:32] == sent[40:48]:
                    return Reply(data, t1, time.time_ns())
        return None


def ask(ns, host, **options):
    with Client(ns, host) as client:
        return client.ask(**options)


def best_of(ns, host, samples=16):
    """Of several replies, that with the least delay."""
    with Client(ns, host) as client:
        replies = [r for r in (client.ask() for _ in range(samples)) if r]
    assert replies, f"no reply from {host}"
    return min(replies, key=lambda r: r.delay)


class Traffic:
    """Requests at a steady rate from a thread of their own, each answered or not."""

    def __init__(self, ns, host, interval=0.005):
        with inside(ns):
            self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((host, 123))
        self.socket.setblocking(False)
        self.interval, self.sent, self.answered = interval, {}, {}
        self.ending = False
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _receive(self):
        with contextlib.suppress(OSError):
            while True:
                data = self.socket.recv(2048)
                self.answered[data[24:32]] = time.monotonic()

    def _work(self):
        number = 0
        while not self.ending:
            number += 1
            packet = request(transmit=0xabcd << 48 | number)
            self.sent[packet[40:48]] = time.monotonic()
            with contextlib.suppress(OSError):
                self.socket.send(packet)
            time.sleep(self.interval)
            self._receive()
        end = time.monotonic() + 0.2 * PATIENCE
        while self.lost() and time.monotonic() < end:
            time.sleep(self.interval)
            self._receive()

    def stop(self):
        self.ending = True
        self.thread.join(5)
        self.socket.close()
        return self

    def loss_window(self):
        """From the first request in a row without an answer to the last, in seconds; the longest such row."""
        longest, start = 0.0, None
        for key, when in self.sent.items():
            if key in self.answered:
                start = None
            else:
                start = when if start is None else start
                longest = max(longest, when - start + self.interval)
        return longest

    def lost(self):
        return sum(key not in self.answered for key in self.sent)


# Frames by hand

def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def octets(mac_address):
    return bytes.fromhex(mac_address.replace(":", ""))


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def udp(source, destination, payload, sport=40000, dport=123, length=None, sum_=None, add=0):
    """A UDP datagram; sum_ sets the checksum, add spoils it."""
    real = 8 + len(payload)
    length = real if length is None else length
    head = struct.pack("!HHHH", sport, dport, length, 0)
    s, d = packed(source), packed(destination)
    pseudo = s + d + (struct.pack("!HH", 17, length) if len(s) == 4 else struct.pack("!II", length, 17))
    value = (checksum(pseudo + head + payload) or 0xffff) if sum_ is None else sum_
    return head[:6] + struct.pack("!H", (value + add) & 0xffff) + payload


def ipv4(source, destination, payload, protocol=17, options=b"", total=None, fragment=0, version=4, ihl=None, add=0):
    ihl = 5 + len(options) // 4 if ihl is None else ihl
    total = 20 + len(options) + len(payload) if total is None else total
    head = struct.pack("!BBHHHBBH4s4s", version << 4 | ihl, 0, total, 7, fragment, 64, protocol, 0, packed(source),
                       packed(destination)) + options
    return head[:10] + struct.pack("!H", (checksum(head) + add) & 0xffff) + head[12:] + payload


def ipv6(source, destination, payload, protocol=17, length=None, version=6):
    length = len(payload) if length is None else length
    return struct.pack("!IHBB", version << 28, length, protocol, 64) + packed(source) + packed(destination) + payload


def ethernet(source, destination, type_, payload, tags=()):
    """tags: (TPID, VLAN) from the outside in."""
    head = octets(destination) + octets(source)
    for tpid, vlan in tags:
        head += struct.pack("!HH", tpid, vlan)
    return head + struct.pack("!H", type_) + payload


class Wire(SocketHolder):
    """Frames in and out of an interface, as they are on the wire: a tag that the kernel took out is put back."""

    def __init__(self, ns, interface):
        with inside(ns):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.socket.bind((interface, 3))
        self.socket.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)

    def send(self, frame):
        self.socket.send(frame)

    def receive(self, timeout=0.5):
        """The next frame from outside, or None."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame, ancillary, _, address = self.socket.recvmsg(65536, 256)
            except TimeoutError:
                return None
            if address[2] == socket.PACKET_OUTGOING:
                continue
            for level, kind, data in ancillary:
                if level == 263 and kind == 8 and len(data) >= 20:
                    status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", data[:20])
                    if status & 0x10:
                        frame = frame[:12] + struct.pack("!HH", tpid if status & 0x40 else 0x8100, tci) + frame[12:]
            return frame
        return None

    def replies(self, timeout=0.3, until=None):
        """NTP replies of the next while; until(data) ends it early."""
        end, found = time.monotonic() + timeout, []
        while (left := end - time.monotonic()) > 0:
            frame = self.receive(left)
            data = ntp_of(frame) if frame else None
            if data is None:
                continue
            found.append((frame, data))
            if until and until(data):
                break
        return found


def ntp_of(frame):
    """The NTP octets of a frame from port 123, else None."""
    at = 12
    while frame[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    kind, at = frame[at:at + 2], at + 2
    if kind == b"\x08\x00" and frame[at + 9] == 17:
        at += (frame[at] & 15) * 4
    elif kind == b"\x86\xdd" and frame[at + 6] == 17:
        at += 40
    else:
        return None
    if frame[at:at + 2] != b"\x00\x7b":
        return None
    return frame[at + 8:at + struct.unpack("!H", frame[at + 4:at + 6])[0]]
