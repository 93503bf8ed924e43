"""A client of NTS by hand: a second implementation of RFC 8915, by pyOpenSSL and python3-cryptography. It keeps
cookies, so that a test can say which of them open, and it can be rude.
"""
import contextlib
import os
import socket
import struct
import threading
import time

import pytest

import lab

try:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.cmac import CMAC
    from OpenSSL import SSL
except ImportError:
    SSL = None

KE_PORT = 4460
AEAD = 15  # AEAD_AES_SIV_CMAC_256
GCM_SIV = 30  # AEAD_AES_128_GCM_SIV, in key establishment only
COMPLIANT = 1024  # the record of those that export its keys as RFC 8915 says
IDENTIFIER, COOKIE, PLACEHOLDER, AUTHENTICATOR = 0x0104, 0x0204, 0x0304, 0x0404


def need_client():
    if SSL is None:
        pytest.skip("needs pyOpenSSL with python3-cryptography (package python3-openssl), which is not here")


# TLS and key establishment by hand

class Tls(lab.SocketHolder):
    """A TLS client over a socket in a namespace, in pieces of one's own: what TLS says is in .wire until flush()."""

    def __init__(self, ns, host, port=KE_PORT, authority=None, alpn=b"ntske/1", name=None, tls12=False, timeout=10):
        need_client()
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION if tls12 else SSL.TLS1_3_VERSION)
        if tls12:
            context.set_max_proto_version(SSL.TLS1_2_VERSION)
        if alpn:
            context.set_alpn_protos([alpn])
        if authority:
            context.load_verify_locations(authority.file)
            context.set_verify(SSL.VERIFY_PEER, lambda *args: bool(args[-1]))
        self.timeout = timeout
        self.socket = connect(ns, host, port, timeout)
        self.tls = SSL.Connection(context, None)
        self.tls.set_connect_state()
        if name:
            self.tls.set_tlsext_host_name(name.encode())
        self.wire = b""

    def flush(self, piece=None):
        """Send what TLS has said, in pieces of so many octets."""
        with contextlib.suppress(SSL.WantReadError):
            while True:
                self.wire += self.tls.bio_read(65536)
        while self.wire:
            now, self.wire = self.wire[:piece], self.wire[piece:] if piece else b""
            self.socket.sendall(now)

    def take(self):
        """Some octets from the wire into TLS; False at the end of the stream."""
        data = self.socket.recv(65536)
        if data:
            self.tls.bio_write(data)
        return bool(data)

    def handshake(self, piece=None):
        while True:
            try:
                self.tls.do_handshake()
                self.flush(piece)
                return self
            except SSL.WantReadError:
                self.flush(piece)
                if not self.take():
                    raise ConnectionError("the server ended the connection in the hand-shake") from None

    def send(self, data, piece=None):
        self.tls.send(data)
        self.flush(piece)

    def receive(self):
        """All that comes until the end, and whether the end was a close_notify."""
        data = b""
        while True:
            try:
                data += self.tls.recv(65536)
            except SSL.WantReadError:
                if not self.take():
                    return data, False
            except SSL.ZeroReturnError:
                return data, True

    def shut(self):
        """close_notify."""
        self.tls.shutdown()
        self.flush()

    def export(self, direction, aead=AEAD, size=32):
        """The key of that direction, with that AEAD in the context."""
        return self.tls.export_keying_material(b"EXPORTER-network-time-security", size,
                                               struct.pack("!HHB", 0, aead, direction))

    def certificate(self):
        return self.tls.get_peer_certificate()


def connect(ns, host, port=KE_PORT, timeout=10):
    with lab.inside(ns):
        made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    made.settimeout(timeout)
    try:
        made.connect((host, port))
    except OSError:
        made.close()
        raise
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def record(kind, body=b"", critical=True):
    return struct.pack("!HH", kind | (0x8000 if critical else 0), len(body)) + body


def aeads(*ids, critical=True):
    return record(4, b"".join(struct.pack("!H", aead) for aead in ids), critical)


END = record(0)
REQUEST = record(1, b"\0\0") + aeads(AEAD, critical=False) + END


def records(data):
    """(type, body) of a response, the critical bit left out; it must be whole."""
    found = []
    while data:
        kind, size = struct.unpack("!HH", data[:4])
        assert len(data) >= 4 + size, "the response is cut off"
        found.append((kind & 0x7fff, data[4:4 + size]))
        data = data[4 + size:]
    return found


def error_of(data):
    """The error code of a response, or None."""
    return next((struct.unpack("!H", body)[0] for kind, body in records(data) if kind == 2), None)


def establish(ns, host, port=KE_PORT, authority=None, name=None, timeout=10):
    """A key establishment as it should be: an Association."""
    with Tls(ns, host, port, authority, name=name, timeout=timeout) as tls:
        tls.handshake()
        tls.send(REQUEST)
        answer, clean = tls.receive()
        keys = tls.export(0), tls.export(1)
    assert clean, "no close_notify"
    return Association(keys, records(answer))


# NTS by hand

def _cmac(key, data):
    mac = CMAC(algorithms.AES(key))
    mac.update(data)
    return mac.finalize()


def _doubled(block):
    number = int.from_bytes(block, "big") << 1
    return ((number ^ 0x87 if number >> 128 else number) & (1 << 128) - 1).to_bytes(16, "big")


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def _s2v(key, strings):
    """RFC 5297 section 2.4."""
    d = _cmac(key, bytes(16))
    for string in strings[:-1]:
        d = _xor(_doubled(d), _cmac(key, string))
    last = strings[-1]
    if len(last) >= 16:
        return _cmac(key, last[:-16] + _xor(last[-16:], d))
    return _cmac(key, _xor(_doubled(d), (last + b"\x80").ljust(16, b"\0")))


def _ctr(key, tag, data):
    counter = (int.from_bytes(tag, "big") & ~(1 << 63 | 1 << 31)).to_bytes(16, "big")
    cipher = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
    return cipher.update(data) + cipher.finalize()


def siv_seal(key, ad, nonce, text):
    tag = _s2v(key[:16], [ad, nonce, text])
    return tag + _ctr(key[16:], tag, text)


def siv_open(key, ad, nonce, sealed):
    """The text, or None where the tag is wrong."""
    text = _ctr(key[16:], sealed[:16], sealed[16:])
    return text if _s2v(key[:16], [ad, nonce, text]) == sealed[:16] else None


def cookie_keys(master, cookie):
    """The keys C2S and S2C that a cookie holds, or None where it is not under that key."""
    return siv_open(master, b"", cookie[4:20], cookie[20:])


def field(kind, body):
    return struct.pack("!HH", kind, 4 + len(body)) + body


def fields(data, start=48):
    """(type, body, offset) of extension fields."""
    found, at = [], start
    while at + 4 <= len(data):
        kind, size = struct.unpack("!HH", data[at:at + 4])
        assert size >= 4 and at + size <= len(data), "a field is cut off"
        found.append((kind, data[at + 4:at + size], at))
        at += size
    return found


AUTHENTIC, NAK, LOST, FORGED = "authentic", "NTSN", "no answer", "forged"


class Association:
    """Keys and cookies, and what a server does with them."""

    def __init__(self, keys, response):
        self.c2s, self.s2c = keys
        self.response = response
        assert not [body for kind, body in response if kind == 2], f"an error: {response}"
        self.cookies = [body for kind, body in response if kind == 5]
        assert (1, b"\0\0") in response and (4, struct.pack("!H", AEAD)) in response, response

    def request(self, cookie, placeholders=0, header=None):
        """The whole packet and its Unique Identifier."""
        identifier, nonce = os.urandom(32), os.urandom(16)
        head = (header or lab.request(transmit=int.from_bytes(os.urandom(8), "big"))) + field(IDENTIFIER, identifier)
        head += field(COOKIE, cookie) + field(PLACEHOLDER, bytes(len(cookie))) * placeholders
        sealed = siv_seal(self.c2s, head, nonce, b"")
        return head + field(AUTHENTICATOR, struct.pack("!HH", 16, len(sealed)) + nonce + sealed), identifier

    def judge(self, identifier, reply):
        """AUTHENTIC, with the new cookies taken in, NAK or FORGED."""
        found = fields(reply)
        if not found or found[0][:2] != (IDENTIFIER, identifier):
            return FORGED
        authenticator = next(((body, at) for kind, body, at in found if kind == AUTHENTICATOR), None)
        if not authenticator:
            return NAK if reply[1] == 0 and reply[12:16] == b"NTSN" else FORGED
        body, at = authenticator
        nonce_size, sealed_size = struct.unpack("!HH", body[:4])
        sealed_at = 4 + (nonce_size + 3) // 4 * 4
        text = siv_open(self.s2c, reply[:at], body[4:4 + nonce_size], body[sealed_at:sealed_at + sealed_size])
        if text is None:
            return FORGED
        self.cookies += [new for kind, new, _ in fields(text, 0) if kind == COOKIE]
        return AUTHENTIC

    def next_cookie(self):
        """The oldest; the last one is never used up, so that an outage ends no load."""
        return self.cookies.pop(0) if len(self.cookies) > 1 else self.cookies[0]


class Client(lab.Client):
    """A UDP socket in a namespace that asks one server with NTS."""

    def ask_nts(self, association, cookie=None, timeout=3, placeholders=None, change=None):
        """The outcome, and the reply's octets. A cookie that is handed in is not taken from the association's, and no
        placeholders are sent with it; change(packet) spoils the packet."""
        own = cookie is None
        cookie = association.next_cookie() if own else cookie
        if placeholders is None:
            placeholders = max(0, min(7, 7 - len(association.cookies))) if own else 0
        packet, identifier = association.request(cookie, placeholders)
        packet = change(packet) if change else packet
        end = time.monotonic() + timeout
        with contextlib.suppress(OSError):
            self.socket.send(packet)
            while (left := end - time.monotonic()) > 0:
                self.socket.settimeout(left)
                reply = self.socket.recv(2048)
                if reply[24:32] != packet[40:48]:
                    continue
                assert len(reply) <= len(packet), "the reply is longer than its request"
                return association.judge(identifier, reply), reply
        return LOST, b""


def opens(ns, host, association, cookies):
    """Outcomes of asking once with each of these cookies, each asked again where no answer comes."""
    found = []
    with Client(ns, host) as client:
        for cookie in cookies:
            outcome = LOST
            for _ in range(3):
                outcome = client.ask_nts(association, cookie)[0]
                if outcome != LOST:
                    break
            found.append(outcome)
    return found


class Load:
    """Requests with NTS from threads of their own, each with an association; counts what becomes of them."""

    def __init__(self, ns, host, associations, interval=0.004, timeout=2):
        self.timeout = timeout
        self.counts = dict.fromkeys((AUTHENTIC, NAK, LOST, FORGED), 0)
        self.problems = []
        self.longest = 0.0  # without an answer, in seconds
        self.ending = False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._work, args=(Client(ns, host), a, interval), daemon=True)
                        for a in associations]
        for thread in self.threads:
            thread.start()

    def _work(self, client, association, interval):
        last = time.monotonic()
        with client:
            while not self.ending:
                try:
                    outcome = client.ask_nts(association, timeout=self.timeout)[0]
                except Exception as error:  # pylint: disable=broad-except
                    self.problems.append(repr(error))
                    return
                with self.lock:
                    self.counts[outcome] += 1
                    if outcome == AUTHENTIC:
                        self.longest = max(self.longest, time.monotonic() - last)
                        last = time.monotonic()
                time.sleep(interval)

    def stop(self):
        self.ending = True
        for thread in self.threads:
            thread.join(5)
        assert not self.problems, self.problems
        return self

    def text(self):
        return ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items())


class KeLoad:
    """Key establishments one after the other from threads; each must succeed."""

    def __init__(self, ns, host, authority, threads=1, interval=0.0):
        self.done, self.failed, self.ending = 0, [], False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._work, args=(ns, host, authority, interval), daemon=True)
                        for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def _work(self, ns, host, authority, interval):
        while not self.ending:
            try:
                made = establish(ns, host, authority=authority)
                good = len(made.cookies) == 8
                error = f"{len(made.cookies)} cookies"
            except Exception as failure:  # pylint: disable=broad-except
                good, error = False, repr(failure)
            with self.lock:
                self.done += good
                self.failed += [] if good else [error]
            time.sleep(interval)

    def stop(self):
        self.ending = True
        for thread in self.threads:
            thread.join(15)
        return self
