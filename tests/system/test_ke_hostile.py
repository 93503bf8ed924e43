"""Key establishment under bad clients: each is counted as what it is, gets no more than its share, and keeps neither
other clients from their keys nor anybody from their time.
"""
import contextlib
import os
import re
import resource
import socket
import struct
import threading
import time

import pytest

import lab
import lab_nts as nts
import nts_client as hand
from conftest import Pair
from test_privileges import threads

PATIENCE = 5  # seconds that a connection has in all
HELD = 5000
LIMIT = 20000  # descriptors, of this process and of the daemon


@pytest.fixture(scope="module", autouse=True)
def descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(LIMIT, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Served:
    """A tickwire that serves NTS, and what its clients are to find undisturbed."""

    def __init__(self, pair, *lines, **options):
        hand.need_client()
        self.pair, self.client = pair, pair.client
        self.authority = nts.Authority(pair.lab)
        self.tickwire = nts.serve(pair, self.authority, *lines, **options)

    def establish(self, **options):
        made = hand.establish(self.client, Pair.server4, authority=self.authority, **options)
        assert len(made.cookies) == 8
        return made

    def tls(self, **options):
        return hand.Tls(self.client, Pair.server4, authority=self.authority, **options)

    def connect(self, first=b""):
        """A connection that begins with these octets: before the first, the kernel keeps it from the daemon."""
        made = hand.connect(self.client, Pair.server4)
        with contextlib.suppress(ConnectionError):
            made.sendall(first)
        return made

    @contextlib.contextmanager
    def counted(self, **least):
        """What happens inside ends at least so many connections in these ways ("_" for "-")."""
        before = nts.outcomes(self.tickwire)
        yield
        now = {}

        def look():
            now.update(nts.outcomes(self.tickwire))
            return all(now[name.replace("_", "-")] - before[name.replace("_", "-")] >= count
                       for name, count in least.items())

        try:
            lab.wait_for(look, 4, "counts", 0.1)
        except AssertionError:
            pytest.fail(f"expected {least}, counted { {k: now[k] - before[k] for k in now if now[k] != before[k]} }")

    @contextlib.contextmanager
    def undisturbed(self):
        """Plain and protected requests meanwhile are all answered, and the daemon survives."""
        pid = self.tickwire.daemon_pid("tickwire-ke")
        association = self.establish()
        plain = lab.Traffic(self.client, Pair.server6)
        protected = hand.Load(self.client, Pair.server4, [association], interval=0.01, timeout=2)
        yield
        assert plain.stop().lost() == 0
        assert protected.stop().counts[hand.AUTHENTIC] == sum(protected.counts.values()) > 0, protected.text()
        assert self.tickwire.daemon_pid("tickwire-ke") == pid
        self.establish()


@pytest.fixture(scope="module")
def served(module_pair):
    return Served(module_pair, f"maxntsconnections {HELD + 1000}")


HELLO = b"\x16\x03\x01\x02"  # how any hand-shake begins


def ended(connection, seconds=1.0):
    """Whether the server ends it: a FIN, an alert before it, or a reset."""
    connection.settimeout(seconds)
    try:
        while connection.recv(4096):
            pass
        return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def client_hello(served):
    """As it goes over the wire, on a connection that is then closed."""
    with served.tls() as tls:
        with contextlib.suppress(hand.SSL.WantReadError):
            tls.tls.do_handshake()
        return tls.tls.bio_read(65536)


def test_confined(served):
    """The daemon that strangers talk to is nobody, can become nobody else, and has no file of ours open."""
    pid = served.tickwire.daemon_pid("tickwire-ke")
    for status in threads(pid):
        assert "0" not in status["Uid"].split() + status["Gid"].split() + status["Groups"].split()
        assert int(status["CapPrm"], 16) == 0 and status["NoNewPrivs"].strip() == "1", status["Name"]
        assert status["Seccomp"].strip() == "2", status["Name"]
    opened = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    assert not [path for path in opened if path.endswith((".key", ".crt", "ntskeys"))], opened


def test_slow(served):
    """Slow-loris in every phase: silence, a ClientHello and a request octet by octet, and half a request."""
    hello = client_hello(served)
    with served.undisturbed(), served.counted(timeout_handshake=4, timeout_request=8):
        silent = [served.connect() for _ in range(4)]
        trickling = [served.connect() for _ in range(4)]
        half = [served.tls().handshake() for _ in range(4)]
        octets = [served.tls().handshake() for _ in range(4)]
        for tls in half:
            tls.send(hand.REQUEST[:9])
        start, at = time.monotonic(), 0
        while time.monotonic() - start < PATIENCE + 0.5:
            for connection in trickling:
                with contextlib.suppress(OSError):
                    connection.send(hello[at:at + 1])
            for tls in octets:
                with contextlib.suppress(OSError):
                    tls.send(hand.REQUEST[at:at + 1])
            at += 1
            time.sleep(0.5)
            if at == 3:
                served.establish()
        for connection in trickling + [tls.socket for tls in half + octets]:
            assert ended(connection)
            connection.close()
        for connection in silent:
            connection.close()


def test_pieces(served):
    """One octet per segment and one per TLS record: slow to make, but right."""
    with served.undisturbed(), served.counted(answered=2):
        with served.tls() as tls:
            tls.handshake(piece=1)
            tls.send(hand.REQUEST, piece=1)
            answer, clean = tls.receive()
        assert clean and [kind for kind, _ in hand.records(answer)].count(5) == 8
        with served.tls() as tls:
            tls.handshake()
            for octet in hand.REQUEST:
                tls.send(bytes([octet]))
            answer, clean = tls.receive()
        assert clean and [kind for kind, _ in hand.records(answer)].count(5) == 8


def long_request(size):
    """A good request of so many octets, by records that nobody knows."""
    fill = size - len(hand.REQUEST)
    extra = b""
    while fill:
        body = min(fill - 4, 5000)
        body -= 8 if 0 < fill - 4 - body < 4 else 0
        extra += hand.record(0x4000, bytes(body), critical=False)
        fill -= 4 + body
    return hand.REQUEST[:-4] + extra + hand.END


# message, what the response has, outcome
MESSAGES = {
    "16384 octets": (long_request(16384), "cookies", "answered"),
    "16385 octets": (long_request(16385), 1, "too-long"),
    "an unknown critical record": (hand.record(0x1234) + hand.REQUEST, 0, "unknown-critical"),
    "no next protocol": (hand.REQUEST[6:], 1, "protocols"),
    "a cookie": (hand.record(5, bytes(100), critical=False) + hand.REQUEST, 1, "forbidden"),
    "another AEAD alone": (hand.REQUEST[:6] + hand.record(4, b"\0\x63") + hand.END, "nothing", "no-aead"),
    "more than a request": (hand.REQUEST + b"\0", 1, "trailing"),
}


@pytest.mark.parametrize("message", MESSAGES)
def test_messages(served, message):
    request, expected, outcome = MESSAGES[message]
    with served.counted(**{outcome.replace("-", "_"): 1}), served.tls() as tls:
        tls.handshake()
        tls.send(request)
        answer, clean = tls.receive()
        assert clean
        kinds = [kind for kind, _ in hand.records(answer)]
        assert kinds[-1] == 0
        if expected == "cookies":
            assert kinds.count(5) == 8
        else:
            assert 5 not in kinds and hand.error_of(answer) == (None if expected == "nothing" else expected), answer


@pytest.mark.parametrize("kind, options", [("version", {"tls12": True}), ("alpn", {"alpn": b"http/1.1"}),
                                           ("alpn", {"alpn": None})])
def test_wrong_handshake(served, kind, options):
    """TLS 1.2, and another protocol or none, get an alert and no connection."""
    with served.counted(**{kind: 1}), served.tls(**options) as tls:
        with pytest.raises((hand.SSL.Error, OSError)):
            tls.handshake()
            tls.send(hand.REQUEST)
            assert tls.receive()[0] == b""
            raise ConnectionError("ended without an alert")


def test_no_tls(served):
    with served.counted(tls=2):
        for junk in b"GET / HTTP/1.0\r\n\r\n", os.urandom(4000):
            with served.connect() as connection:
                connection.sendall(junk)
                assert ended(connection)


def test_no_close_notify(served):
    """Who ends TCP without a word has its answer all the same, and who ends it too early has none."""
    with served.undisturbed():
        with served.counted(answered=2, closed=1, reset=1):
            for how in socket.SHUT_WR, socket.SHUT_RDWR:
                with served.tls() as tls:
                    tls.handshake()
                    tls.send(hand.REQUEST)
                    if how == socket.SHUT_WR:
                        tls.socket.shutdown(how)
                    answer, clean = tls.receive()
                    assert clean and [kind for kind, _ in hand.records(answer)].count(5) == 8
                    with contextlib.suppress(OSError):
                        tls.socket.shutdown(how)
            with served.tls() as tls:
                tls.handshake()
                tls.send(hand.REQUEST[:10])
            with served.tls() as tls:
                tls.handshake()
                tls.send(hand.REQUEST[:10])
                reset(tls.socket)


def reset(connection):
    """Close with a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def memory(pid):
    """Octets of a process that are in memory."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def held_by(served, least):
    """The connections that the daemon holds, once they are so many; a status is at most a second old."""
    return lab.wait_for(lambda: (n := nts.nts_status(served.tickwire)["connections"]) >= least and n, 3, "all held")


def test_held_open(served, figure):
    """5 000 connections that begin a hand-shake and fall silent, and some that end it: the next client has its keys at
    once."""
    pid = served.tickwire.daemon_pid("tickwire-ke")
    limits = open(f"/proc/{pid}/limits", encoding="ascii").read()
    most = int(re.search(r"Max open files +(\d+)", limits).group(1))
    if min(most, resource.getrlimit(resource.RLIMIT_NOFILE)[0]) < HELD + 500:
        pytest.skip(f"needs a limit of {HELD + 500} open files")
    with served.undisturbed(), served.counted(timeout_handshake=HELD, timeout_request=200):
        before, start = memory(pid), time.monotonic()
        held = [served.connect(HELLO) for _ in range(HELD)]
        took = time.monotonic() - start
        begun = (memory(pid) - before) / held_by(served, HELD)
        before = memory(pid)
        shaken = [served.tls().handshake() for _ in range(200)]
        open_ = (memory(pid) - before) / len(shaken)
        start = time.monotonic()
        served.establish()
        waited = time.monotonic() - start
        for connection in held + [tls.socket for tls in shaken]:
            assert ended(connection, PATIENCE + 2)
            connection.close()
    figure(f"{HELD} connections made in {took:.1f} s, {begun:.0f} octets of memory each, after a hand-shake "
           f"{open_:.0f}; keys for one more after {waited * 1e3:.0f} ms")
    assert waited < 2


def test_reset_storm(served, figure):
    """Connections that are reset as soon as they are made, or after half a hand-shake."""
    hello = client_hello(served)
    done, end = [0] * 4, time.monotonic() + 2

    def storm(number):
        while time.monotonic() < end:
            connection = served.connect()
            if number % 2:
                connection.sendall(hello[:number * 60])
            reset(connection)
            done[number] += 1

    with served.undisturbed():
        storms = [threading.Thread(target=storm, args=(number,), daemon=True) for number in range(len(done))]
        for thread in storms:
            thread.start()
        made = 0
        while time.monotonic() < end:
            served.establish()
            made += 1
        for thread in storms:
            thread.join(10)
    figure(f"{sum(done)} resets in 2 s, and {made} key establishments beside them")
    assert sum(done) > 100 and made > 3


class Descriptors:
    """The limit of a process, by a process of the same user: root may lack the capability for it."""

    def __init__(self, pid):
        lab.need_program("prlimit", "setpriv")
        self.pid = pid
        status = open(f"/proc/{pid}/status", encoding="ascii").read()
        ids = [re.search(rf"^{name}:\t(\d+)", status, re.MULTILINE).group(1) for name in ("Uid", "Gid")]
        self.become = ["setpriv", f"--reuid={ids[0]}", f"--regid={ids[1]}", "--clear-groups"]
        self.soft, self.hard = self._prlimit("--nofile", "--output=SOFT,HARD", "--noheadings", "--raw").split()

    def _prlimit(self, *args):
        return lab.run(*self.become, "prlimit", "--pid", self.pid, *args).stdout

    def allow(self, more):
        """So many more than are open."""
        highest = max(int(fd) for fd in os.listdir(f"/proc/{self.pid}/fd"))
        self._prlimit(f"--nofile={highest + 1 + more}:{self.hard}")

    def restore(self):
        self._prlimit(f"--nofile={self.soft}:{self.hard}")


def test_no_descriptors(served, figure):
    """The daemon is out of descriptors: connections are turned away and counted, and it recovers."""
    descriptors_of = Descriptors(served.tickwire.daemon_pid("tickwire-ke"))
    with served.undisturbed():
        try:
            with served.counted(no_descriptor=50):
                descriptors_of.allow(20)
                held = [served.connect(HELLO) for _ in range(100)]
                time.sleep(0.3)
            assert works(served) is None
            for connection in held[:20]:
                connection.close()
            start = time.monotonic()
            lab.wait_for(lambda: works(served), PATIENCE + 3, "key establishment", 0.1)
            figure(f"key establishment again {time.monotonic() - start:.1f} s after some connections were closed")
        finally:
            descriptors_of.restore()
        for connection in held:
            connection.close()
    assert "Too many open files" in served.tickwire.log()


def test_few_descriptors(pair):
    """A limit below what maxntsconnections asks for is told at the start, and connections are limited to it."""
    lab.need_program("prlimit")
    served = Served(pair, prefix=["prlimit", "--nofile=128:128"])
    assert re.search("tickwire-ke: .*connections at a time instead of", served.tickwire.log()), served.tickwire.log()
    with served.counted(full=50, no_descriptor=0):
        held = [served.connect(HELLO) for _ in range(150)]
        lab.wait_for(lambda: works(served), 3, "key establishment", 0.1)
    for connection in held:
        connection.close()


def works(served):
    try:
        return served.establish(timeout=2)
    except (OSError, AssertionError, hand.SSL.Error):
        return None


def test_no_room(pair):
    """More connections than may be held: the oldest unfinished ones go, and a client gets its keys."""
    served = Served(pair, "maxntsconnections 100")
    with served.undisturbed(), served.counted(full=100, evicted=1):
        held = [served.connect(HELLO) for _ in range(250)]
        time.sleep(1.2)
        lab.wait_for(lambda: works(served), 3, "key establishment", 0.1)
        for connection in held:
            connection.close()


def test_rate_limit(pair, figure):
    """An address that comes too often waits; another one does not."""
    served = Served(pair, "ntsratelimit interval 6 burst 4 leak 4")
    with served.counted(limited=20, answered=4):
        good = sum(works(served) is not None for _ in range(40))
    figure(f"{good} of 40 in a row served")
    assert 4 <= good < 20
    assert hand.establish(pair.client, Pair.server6, authority=served.authority)
