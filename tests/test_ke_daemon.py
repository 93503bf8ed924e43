"""The real tickwire-ke, with this test as its supervisor and its clients. test_ke_daemon.py PROGRAM"""
import contextlib
import json
import os
import re
import resource
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PROGRAM = sys.argv.pop(1)
with open(PROGRAM, "rb") as f:
    program = f.read()
# A sanitizer's own system calls are in no filter, and the daemon lets nobody trace it, as LeakSanitizer would.
SANITIZED = any(name in program for name in (b"__asan_init", b"__tsan_init"))
if SANITIZED:
    os.environ["ASAN_OPTIONS"] = "detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", "")
IDENTITIES, KEYS, ROTATE, EXPORT, STATUS, READY, SAVE, REPLY = range(1, 9)
PATIENCE = 5.0  # KE_PATIENCE_MS
NEXT_PROTOCOL, AEAD, COOKIE, SERVER, PORT, ERROR, COMPLIANT = 1, 4, 5, 6, 7, 2, 1024
REQUEST = bytes.fromhex("80010002000080040002000f80000000")


def make_certificate(directory, name):
    """Paths of a certificate and its key."""
    paths = [os.path.join(directory, f"{name}.{kind}") for kind in ("crt", "key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "30", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1",
                    "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    return paths


def free_port():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Daemon:
    """tickwire-ke and the supervisor's end of its channel."""

    def __init__(self, run_dir, *options, port=None, rotate=604800, address=("127.0.0.1",), limit=None, ballast=0):
        """With at most `limit` descriptors, of which `ballast` are of no use."""
        self.port = port or free_port()
        self.run_dir = run_dir
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel.settimeout(20)
        self.saved, self.ready = [], False
        self.log = tempfile.TemporaryFile(mode="w+")
        command = [PROGRAM, "--run-dir", run_dir, "--channel", str(theirs.fileno()), "--port", str(self.port),
                   "--rotate", str(rotate), *options]
        for a in address:
            command += ["--address", a]
        if SANITIZED:
            command += ["--seccomp", "off"]
        inherited = [theirs.fileno()] + [os.open(os.devnull, os.O_RDONLY) for _ in range(ballast)]
        self.process = subprocess.Popen(
            command, pass_fds=inherited, stderr=self.log,
            preexec_fn=limit and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))))
        theirs.close()
        for fd in inherited[1:]:
            os.close(fd)

    def send(self, kind, body=b"", descriptors=()):
        socket.send_fds(self.channel, [bytes([kind]) + body], descriptors)

    def hear(self):
        try:
            octets = self.channel.recv(1 << 17)
        except ConnectionResetError:
            octets = b""
        if not octets:
            raise EOFError(f"the daemon has closed the channel, {self.process.wait(10)}: {self.text()}")
        if octets[0] == SAVE:
            self.saved.append(octets[1:])
        elif octets[0] == READY:
            self.ready = True
        return octets[0], octets[1:]

    def reply(self):
        while True:
            kind, body = self.hear()
            if kind == REPLY:
                return body

    def ask(self, kind, body=b"", descriptors=()):
        self.send(kind, body, descriptors)
        return self.reply()

    def identities(self, *pairs):
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(open(path, "rb")) for pair in pairs for path in pair]
            names = b"".join(path.encode() + b"\0" for pair in pairs for path in pair)
            return self.ask(IDENTITIES, names, [f.fileno() for f in files]).decode()

    def keys(self, text=b""):
        reply = self.ask(KEYS, text).decode()
        while not self.ready:
            self.hear()
        return reply

    def begin(self, *pairs, keys=b""):
        assert self.identities(*pairs) == "", self.text()
        assert self.keys(keys) == ""
        return self

    def status(self):
        return json.loads(self.ask(STATUS))

    def outcomes(self):
        return {name: n for name, n in self.status()["outcomes"].items() if n}

    def wait_for(self, outcome, n, seconds=8):
        end = time.monotonic() + seconds
        while self.outcomes().get(outcome, 0) < n:
            if time.monotonic() > end:
                raise AssertionError(f"{outcome} < {n}: {self.outcomes()}")
            time.sleep(0.05)

    def wait_for_none_held(self):
        end = time.monotonic() + 8
        while self.status()["connections"] > 0:
            assert time.monotonic() < end, self.status()
            time.sleep(0.05)

    def ring(self):
        """What dataplanes see: id -> (not before, not after, key) in the order of the ring, and all octets."""
        with open(os.path.join(self.run_dir, "keyring"), "rb") as f:
            octets = f.read()
        magic, _, size, _, sequence = struct.unpack_from("<8sIIQQ", octets)
        assert magic == b"TWKEYRNG" and size == 232 and sequence > 0
        keys = {}
        for i in range(4):
            at = 64 + (sequence & 1) * 256 + i * 56
            key, algorithm, _, begin, end = struct.unpack_from("<IHHQQ", octets, at)
            if algorithm:
                keys[key] = (begin, end, octets[at + 24:at + 56])
        return keys, octets

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        self.process.terminate()
        status = self.process.wait(20)
        self.channel.close()
        return status


def context(alpn="ntske/1", version=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    if version:
        c.minimum_version = ssl.TLSVersion.TLSv1_2
        c.maximum_version = version
    if alpn:
        c.set_alpn_protocols([alpn])
    return c


def connect(daemon, c=None, host="127.0.0.1", name="a.example", source=None):
    tcp = socket.create_connection((host, daemon.port), 15, source_address=source)
    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        return (c or context()).wrap_socket(tcp, server_hostname=name, suppress_ragged_eofs=False)
    except BaseException:
        tcp.close()
        raise


def records(octets):
    """(critical, type, body) each; the message must be whole and end with End of Message."""
    at, all_records = 0, []
    while at < len(octets):
        kind, size = struct.unpack_from(">HH", octets, at)
        all_records.append((kind >> 15, kind & 0x7fff, octets[at + 4:at + 4 + size]))
        at += 4 + size
    assert at == len(octets) and all_records[-1] == (1, 0, b""), octets
    return all_records[:-1]


def read_all(tls):
    """Up to close_notify: an end without it raises."""
    octets = b""
    while True:
        piece = tls.recv(4096)
        if not piece:
            return octets
        octets += piece


def establish(daemon, request=REQUEST, **where):
    with connect(daemon, **where) as tls:
        tls.sendall(request)
        return records(read_all(tls))


def cookies(response):
    return [body for _, kind, body in response if kind == COOKIE]


def half_open(daemon, octets=b"\x16"):
    s = socket.create_connection(("127.0.0.1", daemon.port), 15)
    s.sendall(octets)
    return s


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp()
        cls.a = make_certificate(cls.directory, "a.example")
        cls.b = make_certificate(cls.directory, "b.example")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def setUp(self):
        self.run_dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.run_dir)

    def daemon(self, *options, **more):
        d = Daemon(self.run_dir, *options, **more)
        self.addCleanup(d.log.close)
        self.addCleanup(d.stop)
        return d

    def check_served(self, d, **where):
        found = cookies(establish(d, **where))
        self.assertEqual([len(c) for c in found], [100] * 8)
        self.assertEqual(len(set(found)), 8)
        return found

    def check_sum(self, d):
        """Each accepted connection has one outcome, or is held."""
        end = time.monotonic() + 3
        while True:
            s = d.status()
            all_outcomes = s["outcomes"]
            ended = sum(n for name, n in all_outcomes.items() if name != "accepted")
            if all_outcomes["accepted"] == ended + s["connections"]:
                return
            self.assertLess(time.monotonic(), end, s)


class Establishment(Case):
    def test_response(self):
        d = self.daemon("--ntp-server", "time.example", "--ntp-port", "1123").begin(self.a)
        response = establish(d)
        self.assertEqual(response[0], (1, NEXT_PROTOCOL, b"\0\0"))
        self.assertIn((AEAD, b"\0\x0f"), [(k, b) for _, k, b in response])
        self.assertIn((SERVER, b"time.example"), [(k, b) for _, k, b in response])
        self.assertIn((PORT, struct.pack(">H", 1123)), [(k, b) for _, k, b in response])
        ring, _ = d.ring()
        now = (time.time() + 2208988800) * 2 ** 32
        current = max((k for k in ring if ring[k][0] <= now), key=lambda k: ring[k][0])
        self.assertEqual({struct.unpack(">I", c[:4])[0] for c in cookies(response)}, {current})
        d.wait_for("answered", 1)
        self.check_sum(d)

    def test_aeads(self):
        """The first in the client's order that is offered; record 1024 is answered in kind."""
        d = self.daemon("--aeads", "15,30").begin(self.a)
        protocol, end = bytes.fromhex("800100020000"), bytes.fromhex("80000000")
        for ids, record, chosen in ((b"\0\x1e", True, 30), (b"\0\x1e\0\x0f", True, 30), (b"\0\x1e", False, 30),
                                    (b"\0\x0f\0\x1e", True, 15), (b"\0\x63\0\x1e\0\x0f", True, 30)):
            request = protocol + struct.pack(">HH", 0x8004, len(ids)) + ids + bytes.fromhex("04000000") * record + end
            response = establish(d, request)
            head = [(1, NEXT_PROTOCOL, b"\0\0"), (1, AEAD, bytes([0, chosen]))]
            head += [(0, COMPLIANT, b"")] * (record and chosen == 30)
            self.assertEqual(response[:-8], head)
            self.assertEqual([len(c) for c in cookies(response)], [68 if chosen == 30 else 100] * 8)
        d.wait_for("answered", 5)
        establish(d, protocol + bytes.fromhex("80040002001e040000010080000000"))
        d.wait_for("record-body", 1)

    def test_threads_and_families(self):
        d = self.daemon("--threads", "4", address=()).begin(self.a)
        self.assertEqual(d.status()["listening"], [f"0.0.0.0:{d.port}", f"[::]:{d.port}"])
        found = []
        for _ in range(12):
            for host in ("127.0.0.1", "::1"):
                found += self.check_served(d, host=host)
        self.assertEqual(len(set(found)), 12 * 2 * 8)
        self.assertEqual(len({c[4:20] for c in found}), len(found))  # nonces
        d.wait_for("answered", 24)

    def test_address_that_is_not_there(self):
        d = self.daemon(address=("127.0.0.1", "192.0.2.77", "2001:db8::77")).begin(self.a)
        self.check_served(d)

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            d = self.daemon(port=other.getsockname()[1])
            self.assertEqual(d.process.wait(10), 69)
            self.assertIn("another program has the port", d.text())
        first = self.daemon().begin(self.a)
        os.mkdir(os.path.join(self.run_dir, "other"))
        second = Daemon(os.path.join(self.run_dir, "other"), port=first.port)
        self.addCleanup(second.log.close)
        self.assertEqual(second.process.wait(10), 69)
        second.channel.close()

    def test_usage(self):
        for options in (["--port", "0"], ["--rate-limit", "1,2"], ["--rate-limit", "1,0,2"], ["--threads", "65"],
                        ["--ntp-server", "x" * 256], ["--seccomp", "perhaps"], ["more"], ["--rotate", "-1"],
                        ["--aeads", "16"], ["--aeads", "15,15"], ["--aeads", ""]):
            done = subprocess.run([PROGRAM, "--run-dir", self.run_dir, "--channel", "0", *options],
                                  capture_output=True, stdin=subprocess.DEVNULL, timeout=20)
            self.assertEqual(done.returncode, 64, options)

    def test_octet_by_octet(self):
        d = self.daemon().begin(self.a)
        with connect(d) as tls:
            for i in range(len(REQUEST)):
                tls.send(REQUEST[i:i + 1])
            self.assertEqual(len(cookies(records(read_all(tls)))), 8)

    def test_handshake_octet_by_octet(self):
        d = self.daemon().begin(self.a)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context().wrap_bio(incoming, outgoing, server_hostname="a.example")
        with socket.create_connection(("127.0.0.1", d.port), 15) as tcp:
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def trickle():
                for octet in outgoing.read():
                    tcp.sendall(bytes([octet]))

            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    trickle()
                    incoming.write(tcp.recv(4096))
            tls.write(REQUEST)
            trickle()
            octets = b""
            while True:
                try:
                    piece = tls.read(4096)
                    if not piece:
                        break
                    octets += piece
                except ssl.SSLWantReadError:
                    incoming.write(tcp.recv(4096))
                except ssl.SSLZeroReturnError:
                    break
            self.assertEqual(len(cookies(records(octets))), 8)

    def test_one_segment(self):
        """Response and close_notify come together: the peer reads all of it at once."""
        d = self.daemon().begin(self.a)
        tls = connect(d)
        tls.sendall(REQUEST)
        raw = socket.socket(fileno=tls.detach())
        raw.settimeout(5)
        select.select([raw], [], [], 5)
        octets = raw.recv(65536)
        kinds, at = 0, 0
        while at < len(octets):
            at += 5 + struct.unpack_from(">H", octets, at + 3)[0]
            kinds += 1
        self.assertEqual((at, kinds), (len(octets), 2))
        self.assertEqual(raw.recv(10), b"")
        raw.close()

    def test_no_close_notify(self):
        d = self.daemon().begin(self.a)
        for _ in range(5):
            tls = connect(d)
            tls.sendall(REQUEST)
            self.assertEqual(len(cookies(records(read_all(tls)))), 8)
            tls.close()
        d.wait_for("answered", 5)
        self.check_sum(d)

    def test_half_closed(self):
        """The peer shuts its end behind the request, without close_notify and then with it."""
        d = self.daemon().begin(self.a)
        with connect(d) as tls:
            tls.sendall(REQUEST)
            tls.shutdown(socket.SHUT_WR)  # from here on without TLS
            self.assertGreater(len(read_all(tls)), 800)
        d.wait_for("answered", 1)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context().wrap_bio(incoming, outgoing, server_hostname="a.example")
        with socket.create_connection(("127.0.0.1", d.port), 15) as tcp:
            for step in (tls.do_handshake, lambda: tls.write(REQUEST), tls.unwrap):
                while True:
                    try:
                        step()
                        break
                    except ssl.SSLWantReadError:
                        if step == tls.unwrap:
                            break
                        tcp.sendall(outgoing.read())
                        incoming.write(tcp.recv(4096))
            tcp.sendall(outgoing.read())  # the end of the handshake, the request and close_notify at once
            octets = b""
            while piece := tcp.recv(4096):
                octets += piece
            self.assertGreater(len(octets), 800)
        d.wait_for("answered", 2)

    def test_silent_after_response(self):
        d = self.daemon().begin(self.a)
        with connect(d) as tls:
            tls.sendall(REQUEST)
            read_all(tls)
            begun = time.monotonic()
            d.wait_for("answered", 1, 3)
            self.assertLess(time.monotonic() - begun, 2)

    def test_refused(self):
        d = self.daemon().begin(self.a)
        bad = {
            "no-protocol": bytes.fromhex("80010002000180040002000f80000000"),
            "no-aead": bytes.fromhex("8001000200008004000200ff80000000"),
            "unknown-critical": bytes.fromhex("80010002000080040002000f8fff000080000000"),
            "protocols": bytes.fromhex("80040002000f80000000"),
            "trailing": REQUEST + REQUEST,
            "too-long": REQUEST[:-4] + bytes.fromhex("00ff1000") + bytes(4096) * 1 +
                        (bytes.fromhex("00ff1000") + bytes(4096)) * 4,
        }
        for name, request in bad.items():
            with self.subTest(name):
                self.assertEqual(cookies(establish(d, request)), [])
                d.wait_for(name, 1)
        self.check_served(d)
        self.check_sum(d)

    def test_other_tls(self):
        d = self.daemon().begin(self.a)
        with self.assertRaises(ssl.SSLError):
            connect(d, context(version=ssl.TLSVersion.TLSv1_2))
        d.wait_for("version", 1)
        with self.assertRaises(ssl.SSLError):
            with connect(d, context("http/1.1")) as tls:
                tls.sendall(REQUEST)
                tls.recv(1)
        d.wait_for("alpn", 1)
        with half_open(d, b"GET / HTTP/1.1\r\n\r\n") as s:
            s.recv(100)
        d.wait_for("tls", 1)
        self.check_served(d)
        self.check_sum(d)


class Pressure(Case):
    def test_slow_loris(self):
        d = self.daemon().begin(self.a)
        begun = time.monotonic()
        trickling = half_open(d)
        silent = connect(d)
        with trickling, silent:
            with self.assertRaises(OSError):
                while time.monotonic() < begun + 2 * PATIENCE:
                    trickling.send(b"\x03")
                    time.sleep(0.2)
                    self.check_served(d)
            self.assertLess(time.monotonic() - begun, PATIENCE + 2)
            d.wait_for("timeout-request", 1)
        self.assertEqual({k: v for k, v in d.outcomes().items() if k not in ("accepted", "answered")} |
                         {"tls": 0, "timeout-handshake": 0},
                         {"timeout-request": 1, "tls": 0, "timeout-handshake": 0})
        self.check_sum(d)

    def test_handshake_timeout(self):
        d = self.daemon().begin(self.a)
        begun = time.monotonic()
        with half_open(d) as s:
            self.assertEqual(s.recv(1), b"")
            self.assertAlmostEqual(time.monotonic() - begun, PATIENCE, delta=1)
        d.wait_for("timeout-handshake", 1)

    def test_unread_response(self):
        """A peer that takes nothing is not waited for."""
        d = self.daemon().begin(self.a)
        with connect(d) as tls:
            tls.sendall(REQUEST)
            time.sleep(2)
            self.assertEqual(d.status()["connections"], 0)

    def test_never_a_word(self):
        """Connections without an octet are the kernel's to hold."""
        d = self.daemon("--connections", "8").begin(self.a)
        silent = [socket.create_connection(("127.0.0.1", d.port), 15) for _ in range(100)]
        self.check_served(d)
        self.assertLess(d.outcomes()["accepted"], 10)
        for s in silent:
            s.close()

    def test_eviction(self):
        d = self.daemon("--connections", "8").begin(self.a)
        held = [half_open(d) for _ in range(8)]
        d.wait_for("accepted", 8)
        self.assertEqual(d.status()["connections"], 8)
        with self.assertRaises(OSError):
            establish(d)
        d.wait_for("full", 1)
        time.sleep(1.1)
        for n in range(1, 4):
            self.check_served(d)
        self.assertEqual(d.outcomes()["evicted"], 1)
        for s in held:
            s.close()
        self.check_sum(d)
        d.wait_for("closed", 7)

    def test_thousands_held(self):
        count = 2000
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < count + 200:
            self.skipTest(f"needs {count + 200} descriptors, and may have {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        d = self.daemon("--connections", str(count), "--threads", "2").begin(self.a)
        held = [half_open(d) for _ in range(count)]
        time.sleep(1.2)
        for _ in range(20):
            self.check_served(d)
        for s in held:
            s.close()
        self.check_sum(d)

    def test_reset_storm(self):
        d = self.daemon("--threads", "2").begin(self.a)
        hello = self.client_hello()
        for i in range(600):
            s = socket.create_connection(("127.0.0.1", d.port), 15)
            if i % 3:
                s.sendall(hello[:1 + i % len(hello)] if i % 2 else hello)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        self.check_served(d)
        self.check_sum(d)
        d.wait_for_none_held()

    @staticmethod
    def client_hello():
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            context().wrap_bio(incoming, outgoing, server_hostname="a.example").do_handshake()
        except ssl.SSLWantReadError:
            pass
        return outgoing.read()

    def test_garbage(self):
        d = self.daemon().begin(self.a)
        hello = self.client_hello()
        import random
        seeded = random.Random(1)
        for _ in range(300):
            octets = bytearray(hello)
            for _ in range(seeded.randrange(1, 6)):
                octets[seeded.randrange(len(octets))] = seeded.randrange(256)
            s = half_open(d, bytes(octets[:seeded.randrange(1, len(octets) + 1)]))
            s.close()
        self.check_served(d)
        self.check_sum(d)

    def test_rate_limit(self):
        d = self.daemon("--rate-limit", "5,3,0", address=()).begin(self.a)
        for _ in range(3):
            self.check_served(d)
        for _ in range(4):
            with self.assertRaises(OSError):
                establish(d)
        self.assertEqual(d.outcomes()["limited"], 4)
        self.check_served(d, source=("127.0.0.9", 0))
        self.check_served(d, host="::1")
        self.check_sum(d)

    def test_no_descriptors(self):
        d = self.daemon("--connections", "40", limit=119, ballast=100).begin(self.a)
        self.check_served(d)
        held = []
        while d.outcomes().get("no-descriptor", 0) == 0:
            self.assertLess(len(held), 40)
            held.append(half_open(d))
            time.sleep(0.02)
        for _ in range(5):
            with self.assertRaises(OSError):
                establish(d)
        self.assertGreaterEqual(d.outcomes()["no-descriptor"], 6)
        self.assertEqual(d.text().count("turned away"), 1)
        self.assertIn("descriptors", d.identities(self.b))
        begun = d.cpu_seconds()
        time.sleep(0.5)
        self.assertLess(d.cpu_seconds() - begun, 0.2)
        for s in held:
            s.close()
        d.wait_for_none_held()
        self.check_served(d)
        self.assertEqual(d.identities(self.b), "")
        self.check_sum(d)

    def test_fewer_descriptors_than_connections(self):
        raising = ("import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (100, 100)); "
                   "r.setrlimit(r.RLIMIT_NOFILE, (109, 109))")
        if subprocess.run([sys.executable, "-c", raising], capture_output=True).returncode == 0:
            self.skipTest("needs a process that may not raise its own limit")
        d = self.daemon("--connections", "40", limit=100).begin(self.a)
        self.assertIn("31 connections at a time instead of 40", d.text())
        self.assertIn("LimitNOFILE=109", d.text())
        self.check_served(d)

class Supervision(Case):
    def test_nothing_before_identities(self):
        d = self.daemon()
        self.assertEqual(d.keys(), "")
        self.assertFalse(d.status()["served"])
        with self.assertRaises(ConnectionRefusedError):
            establish(d)
        self.assertEqual(d.identities(self.a), "")
        self.check_served(d)

    def test_nothing_before_keys(self):
        d = self.daemon()
        self.assertEqual(d.identities(self.a), "")
        with self.assertRaises(ConnectionRefusedError):
            establish(d)
        self.assertEqual(d.keys(), "")
        self.check_served(d)

    def test_no_port(self):
        d = self.daemon()
        command = [PROGRAM, "--run-dir", self.run_dir, "--channel", "0"] + ["--seccomp", "off"] * SANITIZED
        d.stop()
        channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        process = subprocess.Popen(command, stdin=theirs, stderr=subprocess.DEVNULL)
        theirs.close()
        channel.settimeout(10)
        channel.send(bytes([KEYS]))
        self.assertEqual({channel.recv(9999)[0] for _ in range(3)}, {REPLY, SAVE, READY})
        channel.send(bytes([STATUS]))
        self.assertEqual(json.loads(channel.recv(99999)[1:])["listening"], [])
        channel.close()
        self.assertEqual(process.wait(10), 69)

    def test_identities(self):
        d = self.daemon().begin(self.a, self.b)
        self.assertEqual([c["file"] for c in d.status()["certificates"]], [self.a[0], self.b[0]])
        for name in ("a.example", "b.example"):
            c = ssl.create_default_context(cafile=os.path.join(self.directory, name + ".crt"))
            c.set_alpn_protocols(["ntske/1"])
            self.check_served(d, c=c, name=name)

    def test_bad_identities_keep_the_old(self):
        d = self.daemon().begin(self.a)
        empty, long = (os.path.join(self.directory, name) for name in ("empty", "long"))
        open(empty, "w").close()
        with open(long, "w") as f:
            f.write("x" * 70000)
        with open(self.a[1]) as f:
            secret = f.read().splitlines()[1]
        for pair in ((self.a[0], self.b[1]), (empty, self.a[1]), (self.a[0], empty), (long, self.a[1]),
                     (self.a[0], long), (self.a[1], self.a[0])):
            sentence = d.identities(pair)
            self.assertTrue(any(os.path.basename(path) in sentence for path in pair), sentence)
            self.assertNotIn(secret, sentence)
        self.assertTrue(d.ask(IDENTITIES, b"one\0two\0"))
        self.assertTrue(d.ask(IDENTITIES))
        c = ssl.create_default_context(cafile=self.a[0])
        c.set_alpn_protocols(["ntske/1"])
        self.check_served(d, c=c)
        self.assertEqual(d.identities(self.b), "")
        self.assertRaises(ssl.SSLError, establish, d, c=c)
        self.assertNotIn(secret, d.text())

    def test_bad_first_identities(self):
        d = self.daemon()
        self.assertIn("a.example", d.identities((self.a[0], self.b[1])))
        self.assertEqual(d.keys(), "")
        self.assertFalse(d.status()["served"])
        self.assertEqual(d.identities(self.a), "")
        self.check_served(d)

    def test_identities_under_load(self):
        d = self.daemon("--threads", "2").begin(self.a)
        failures, stop = [], threading.Event()

        def load():
            while not stop.is_set():
                try:
                    establish(d)
                except Exception as e:
                    failures.append(e)

        threads = [threading.Thread(target=load) for _ in range(3)]
        for t in threads:
            t.start()
        for i in range(30):
            self.assertEqual(d.identities(self.b if i % 2 else self.a), "")
            self.assertEqual(d.ask(ROTATE), b"")
        stop.set()
        for t in threads:
            t.join()
        self.assertEqual(failures, [])
        self.check_sum(d)

    def test_unknown_message(self):
        d = self.daemon().begin(self.a)
        d.send(200, b"what?")
        d.send(REPLY, b"what?")
        self.check_served(d)
        self.assertTrue(d.status()["served"])

    def test_ends(self):
        d = self.daemon().begin(self.a)
        self.assertEqual(d.stop(), 0)
        d = self.daemon().begin(self.a)
        d.channel.close()
        self.assertEqual(d.process.wait(10), 69)

    def test_confined(self):
        d = self.daemon().begin(self.a)
        for task in os.listdir(f"/proc/{d.process.pid}/task"):
            with open(f"/proc/{d.process.pid}/task/{task}/status") as f:
                facts = dict(line.split(":\t", 1) for line in f.read().splitlines())
            self.assertEqual(int(facts["CapEff"], 16) | int(facts["CapPrm"], 16), 0)
            self.assertEqual(facts["NoNewPrivs"], "1")
            if "--seccomp" not in d.process.args:
                self.assertEqual(facts["Seccomp"], "2")
            if os.geteuid() == 0:
                self.assertNotIn("0", facts["Uid"].split())


class Keys(Case):
    def test_first(self):
        d = self.daemon().begin(self.a)
        d.status()
        ring, _ = d.ring()
        self.assertEqual(len(ring), 4)
        self.assertEqual(len(d.saved), 1)
        self.assertTrue(d.saved[0].startswith(b"NKS0\n"))
        listed = d.status()["keys"]
        self.assertEqual([int(k["id"], 16) for k in listed], list(ring))
        self.assertEqual([k["state"] for k in listed], ["future", "current", "old", "old"])
        self.assertAlmostEqual(listed[0]["not_before"], time.time() + 604800, delta=60)
        self.assertAlmostEqual(listed[1]["not_before"], time.time(), delta=60)
        self.assertEqual(sorted(k % 4 for k in ring), [0, 1, 2, 3])

    def test_times_do_not_move(self):
        d = self.daemon().begin(self.a)
        times = [(begin, end) for begin, end, _ in d.ring()[0].values()]
        expected = [tuple((t >> 32) - 2208988800 for t in pair) for pair in times]
        for _ in range(8):  # at several fractions of a second
            self.assertEqual([(k["not_before"], k["not_after"]) for k in d.status()["keys"]], expected)
            time.sleep(0.13)

    def test_longest_period(self):
        d = self.daemon(rotate=536870911).begin(self.a)  # of the directive
        self.check_served(d)
        self.assertEqual([k["state"] for k in d.status()["keys"]], ["future", "current", "old", "old"])

    def test_rotate(self):
        d = self.daemon().begin(self.a)
        before, _ = d.ring()
        self.assertEqual(d.ask(ROTATE), b"")
        d.status()
        after, octets = d.ring()
        self.assertEqual(list(after)[1:], list(before)[:3])
        self.assertEqual(len(d.saved), 2)
        self.assertNotIn(list(before.values())[3][2], octets)  # both copies
        first = struct.unpack(">I", self.check_served(d)[0][:4])[0]
        self.assertEqual(first, list(before)[0])
        self.assertEqual(d.status()["rotations"], 5)

    def test_rotation_by_time(self):
        d = self.daemon(rotate=1).begin(self.a)
        ids = set(d.ring()[0])
        end = time.monotonic() + 4.5
        while time.monotonic() < end:
            found = {struct.unpack(">I", c[:4])[0] for c in self.check_served(d)}
            ring, _ = d.ring()
            self.assertEqual(len(found), 1)
            self.assertLessEqual(found, set(ring))
            ids |= set(ring)
            time.sleep(0.1)
        d.status()
        self.assertIn(len(ids), range(7, 10))
        self.assertIn(len(d.saved), range(4, 12))
        self.assertNotIn("warning", d.text())

    def test_export_and_import(self):
        d = self.daemon()
        self.assertEqual(d.ask(EXPORT), b"")
        d.begin(self.a)
        text = d.ask(EXPORT)
        ring, _ = d.ring()
        for _ in range(5):
            d.ask(ROTATE)
        self.assertFalse(set(ring) & set(d.ring()[0]))
        self.assertEqual(d.ask(KEYS, text), b"")
        d.status()
        self.assertEqual(d.ring()[0], ring)
        self.assertEqual(len(d.saved), 7)
        for bad in (b"", b"nonsense", text[:-9], text.replace(b"sha256 ", b"sha256 0", 1)):
            self.assertNotEqual(d.ask(KEYS, bad), b"")
            self.assertEqual(d.ring()[0], ring)
        self.assertNotIn(list(ring.values())[0][2].hex().upper(), d.text().upper())

    def test_file(self):
        d = self.daemon().begin(self.a)
        text = d.ask(EXPORT)
        ring, _ = d.ring()
        d.stop()
        os.remove(os.path.join(self.run_dir, "keyring"))
        d = self.daemon().begin(self.a, keys=text)
        self.assertEqual(d.ring()[0], ring)
        self.check_served(d)

    def test_corrupt_file(self):
        d = self.daemon()
        self.assertEqual(d.identities(self.a), "")
        self.assertNotEqual(d.ask(KEYS, b"NKS0\ngarbage\n"), b"")
        self.assertEqual(d.saved, [])  # the sentence comes before what would replace the file
        while not d.ready:
            d.hear()
        self.assertEqual(len(d.saved), 1)
        self.check_served(d)

    def test_killed(self):
        d = self.daemon().begin(self.a)
        old = d.ask(EXPORT)
        d.ask(ROTATE)
        ring, _ = d.ring()
        d.process.send_signal(signal.SIGKILL)
        d.process.wait()
        d = self.daemon().begin(self.a, keys=old)  # the file of before the rotation: the segment is newer
        self.assertEqual(d.ring()[0], ring)
        d.process.send_signal(signal.SIGKILL)
        d.process.wait()
        d = self.daemon().begin(self.a)
        self.assertEqual(d.ring()[0], ring)
        self.check_served(d)

    def test_kept_by_somebody_else(self):
        maker = self.daemon().begin(self.a)
        first = maker.ask(EXPORT)
        ring, _ = maker.ring()
        maker.ask(ROTATE)
        second = maker.ask(EXPORT)
        maker.stop()
        d = self.daemon(rotate=0).begin(self.a, keys=first)
        self.assertEqual(d.ring()[0], ring)  # not the segment's, though that is newer
        self.assertIn(b"ntsrotate", d.ask(ROTATE))
        self.assertEqual(d.ask(KEYS, second), b"")
        self.assertNotEqual(d.ring()[0], ring)
        self.check_served(d)
        self.assertEqual(d.saved, [])

    def test_no_file_of_somebody_else(self):
        d = self.daemon(rotate=0).begin(self.a)
        self.assertIn("no other server", re.sub(r"\s+", " ", d.text()))
        self.assertEqual(len(d.ring()[0]), 4)
        self.assertEqual(d.saved, [])
        self.check_served(d)


if __name__ == "__main__":
    if not shutil.which("openssl"):
        print("skipped: openssl makes the certificates, and there is none")
        sys.exit(77)
    unittest.main(verbosity=2)
