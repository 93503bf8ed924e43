"""`tickwire bench ke` against the real tickwire-ke, and against servers that err. Only loopback.

test_bench_ke.py TICKWIRE_KE TICKWIRE_BENCH GET_ASSOCIATIONS
"""
import contextlib
import csv
import json
import os
import resource
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import unittest

sys.dont_write_bytecode = True
from test_ke_daemon import Case, context, free_port  # noqa: E402  (takes the first argument)

BENCH, ASSOCIATIONS = sys.argv.pop(1), sys.argv.pop(1)
# Only the daemon lets nobody look for leaks.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "").replace("detect_leaks=0:", "")}


def bench(*words, timeout=60, command="ke", **more):
    return subprocess.run([BENCH, command, *map(str, words)], capture_output=True, text=True, timeout=timeout, check=False,
                          stdin=subprocess.DEVNULL, env=ENVIRONMENT, **more)


class Server:
    """On loopback, each connection in a thread of its own."""

    def __init__(self, handle, backlog=64):
        self.handle = handle
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.port = self.listener.getsockname()[1]
        self.held = []
        threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        while True:
            try:
                tcp, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(tcp,), daemon=True).start()

    def serve(self, tcp):
        with contextlib.suppress(OSError):
            if self.handle(tcp):
                self.held.append(tcp)
                return
        tcp.close()

    def close(self):
        self.listener.close()
        for tcp in self.held:
            tcp.close()


def record(kind, body=b"", critical=True):
    return struct.pack(">HH", kind | (0x8000 if critical else 0), len(body)) + body


RESPONSE = record(1, b"\0\0") + record(4, b"\0\x0f") + record(5, bytes(100), False) * 8 + record(0)


class Storm(Case):
    def ask(self, target, *words, status=0, ca=None, **more):
        """The report of a run; what has to hold of each."""
        done = bench(target, "--json", "--ca", ca or self.a[0], *words, **more)
        self.assertEqual(done.returncode, status, done)
        said = json.loads(done.stdout)
        self.assertEqual(said["failed"], sum(said["failures"].values()), said)
        if "hold" not in said:
            self.assertEqual(said["begun"], said["good"] + said["failed"] + said["abandoned"], said)
        self.assertEqual("first_failure" in said, said["failed"] > 0)
        return said

    def server(self, handle, **more):
        s = Server(handle, **more)
        self.addCleanup(s.close)
        return s

    def tls_server(self, response, alpn="ntske/1", version=None):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(*self.a)
        if version:
            c.maximum_version = version
        if alpn:
            c.set_alpn_protocols([alpn])

        def handle(tcp):
            with c.wrap_socket(tcp, server_side=True) as tls:
                tls.recv(1000)
                tls.sendall(response)
                tls.unwrap()

        return self.server(handle)

    def expect_failure(self, port, reason, *words, **more):
        said = self.ask(f"127.0.0.1:{port}", "--count", 4, *words, status=1, **more)
        self.assertEqual(said["failures"], {reason: 4})
        self.assertEqual(said["first_failure"]["reason"], reason)
        self.assertTrue(said["first_failure"]["remedy"])
        return said

    def test_all_good(self):
        d = self.daemon().begin(self.a)
        said = self.ask(f"127.0.0.1:{d.port}", "--connections", 8, "--count", 200)
        self.assertEqual((said["begun"], said["good"], said["few_cookies"]), (200, 200, 0))
        self.assertEqual(said["target"], f"127.0.0.1:{d.port}")
        for name in ("latency", "connect", "handshake", "response"):
            times = [said[name][share] for share in ("p50", "p90", "p99", "p999", "max")]
            self.assertEqual(times, sorted(times))
            self.assertGreater(times[0], 0)
        self.assertGreaterEqual(said["latency"]["max"], said["handshake"]["max"])
        self.assertAlmostEqual(said["rate"], 200 / said["seconds"], delta=1)
        d.wait_for("answered", 200)
        self.check_sum(d)

    def test_name(self):
        d = self.daemon().begin(self.a)
        self.ask(f"127.0.0.1:{d.port}", "--count", 4, "--name", "a.example")
        said = self.expect_failure(d.port, "certificate", "--name", "b.example")
        self.assertIn("hostname mismatch", said["first_failure"]["detail"])

    def test_wrong_authority(self):
        d = self.daemon().begin(self.a)
        said = self.expect_failure(d.port, "certificate", ca=self.b[0])
        self.assertIn("--ca", said["first_failure"]["remedy"])
        done = bench(f"127.0.0.1:{d.port}", "--ca", os.path.join(self.directory, "none"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("none", done.stderr)

    def test_no_more_at_a_time(self):
        """A server that takes one connection at a time and drops others sees one at a time."""
        d = self.daemon("--connections", "1").begin(self.a)
        self.ask(f"127.0.0.1:{d.port}", "--connections", 1, "--count", 20)

    def test_rate(self):
        d = self.daemon().begin(self.a)
        start = time.monotonic()
        said = self.ask(f"127.0.0.1:{d.port}", "--rate", 50, "--time", 2)
        self.assertEqual((said["begun"], said["good"], said["unbegun"]), (100, 100, 0))
        self.assertGreater(time.monotonic() - start, 1.9)
        said = self.ask(f"127.0.0.1:{d.port}", "--rate", 50, "--count", 20, "--arrival", "poisson")
        self.assertEqual(said["good"], 20)

    def test_rate_hides_nothing(self):
        """One connection at a time to a server that takes 0.2 s each: the others' times go by, and are told."""
        def handle(tcp):
            time.sleep(0.2)
            c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            c.load_cert_chain(*self.a)
            c.set_alpn_protocols(["ntske/1"])
            with c.wrap_socket(tcp, server_side=True) as tls:
                tls.recv(1000)
                tls.sendall(RESPONSE)
                tls.unwrap()

        s = self.server(handle)
        said = self.ask(f"127.0.0.1:{s.port}", "--rate", 20, "--time", 1.1, "--connections", 1, status=1)
        self.assertEqual(said["begun"] + said["unbegun"], 22, said)
        self.assertGreater(said["unbegun"], 10)
        self.assertGreater(said["late"], 2)
        self.assertGreater(said["latency"]["max"], 0.5, said)

    def test_as_a_load(self):
        """`bench load --ke` is the same storm, and what goes with it goes over."""
        d = self.daemon().begin(self.a)
        said = self.ask("127.0.0.1", "--ke", 3, "--ke-port", d.port, "--rate", 50, "--count", 20, "-4", command="load")
        self.assertEqual((said["begun"], said["good"]), (20, 20))
        self.assertGreater(said["seconds"], 0.35)
        elsewhere = ("--ke", 3, "--ke-host", "127.0.0.1", "--ke-port", d.port, "--count", 4)
        self.assertEqual(self.ask("a.example", *elsewhere, command="load")["good"], 4)
        said = self.ask("b.example", *elsewhere, command="load", status=1)
        self.assertEqual(said["failures"], {"certificate": 4})
        for words, what in ((["--interface", "lo"], "--interface"), (["--nts"], "--nts"), (["--find-knee"], "search"),
                            (["--arrival", "poisson"], "--rate")):
            done = bench("127.0.0.1", "--ke", 3, *words, command="load")
            self.assertEqual((done.returncode, done.stdout), (2, ""), done)
            self.assertIn(what, done.stderr)

    def test_refused(self):
        self.expect_failure(free_port(), "refused")

    def test_refusal_is_no_flood(self):
        port = free_port()
        said = self.ask(f"127.0.0.1:{port}", "--connections", 2, "--time", 0.5, status=1)
        self.assertLess(said["begun"], 110)
        self.assertGreater(said["begun"], 20)

    def test_timeouts(self):
        s = self.server(lambda tcp: True)
        said = self.expect_failure(s.port, "handshake-timeout", "--timeout", 0.3)
        self.assertLess(said["seconds"], 1.5)

        def shake(tcp):
            c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            c.load_cert_chain(*self.a)
            c.set_alpn_protocols(["ntske/1"])
            self.addCleanup(c.wrap_socket(tcp, server_side=True).close)
            return True

        self.expect_failure(self.server(shake).port, "response-timeout", "--timeout", 3)

    def test_connect_timeout(self):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as stack:
            for _ in range(2):
                s = stack.enter_context(socket.socket())
                s.setblocking(False)
                s.connect_ex(full.getsockname())
            self.expect_failure(full.getsockname()[1], "connect-timeout", "--timeout", 0.3)

    def test_servers_that_err(self):
        self.expect_failure(self.server(lambda tcp: tcp.recv(1000) and None).port, "closed-early")
        self.expect_failure(self.server(lambda tcp: tcp.sendall(b"SSH-2.0-none\r\n") or True).port, "tls")
        self.expect_failure(self.tls_server(RESPONSE, alpn="h2").port, "alpn")
        self.expect_failure(self.tls_server(RESPONSE, version=ssl.TLSVersion.TLSv1_2).port, "version")
        self.expect_failure(self.tls_server(RESPONSE[:-4]).port, "closed-early")
        self.expect_failure(self.tls_server(b"").port, "closed-early")
        self.expect_failure(self.tls_server(RESPONSE + b"x").port, "response-trailing")
        self.expect_failure(self.tls_server(record(5, bytes(100)) + record(0)).port, "response-protocol")
        said = self.expect_failure(self.tls_server(record(2, b"\0\1") + record(0)).port, "response-error")
        self.assertIn("1", said["first_failure"]["detail"])
        self.expect_failure(self.tls_server(record(1, b"\0\0") * 30000).port, "response-too-long")

    def test_long_response(self):
        filler = record(0x4000, bytes(15000), False) * 4
        self.ask(f"127.0.0.1:{self.tls_server(filler + RESPONSE).port}", "--count", 4)

    def test_few_cookies(self):
        few = record(1, b"\0\0") + record(4, b"\0\x0f") + record(5, bytes(100), False) * 3 + record(0)
        said = self.ask(f"127.0.0.1:{self.tls_server(few).port}", "--count", 4)
        self.assertEqual((said["good"], said["few_cookies"]), (4, 4))

    def test_alert(self):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(*self.a)
        c.set_alpn_protocols(["ntske/1"])
        c.verify_mode = ssl.CERT_REQUIRED  # of the client, which has none
        c.load_verify_locations(self.a[0])

        def handle(tcp):
            with c.wrap_socket(tcp, server_side=True) as tls:
                tls.recv(1000)

        self.expect_failure(self.server(handle).port, "alert")

    def interrupt(self, number, is_begun, *words):
        with subprocess.Popen([BENCH, "ke", "--json", "--ca", self.a[0], *map(str, words)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
            begun = time.monotonic()
            while not is_begun():
                self.assertLess(time.monotonic(), begun + 30)
                time.sleep(0.05)
            process.send_signal(number)
            start = time.monotonic()
            out, err = process.communicate(timeout=20)
            self.assertLess(time.monotonic() - start, 1.5)
            self.assertEqual(err, "")
            said = json.loads(out)
            self.assertLess(said["seconds"], start - begun + 2)
            return process.returncode, said

    def test_ctrl_c(self):
        d = self.daemon().begin(self.a)
        for number, pace in ((signal.SIGINT, ["--connections", 2]), (signal.SIGTERM, ["--rate", 20])):
            enough = d.outcomes().get("answered", 0) + 20
            status, said = self.interrupt(number, lambda: d.outcomes().get("answered", 0) >= enough,  # pylint: disable=W0640
                                          f"127.0.0.1:{d.port}", "--time", 60, *pace)
            self.assertEqual((status, said["failed"]), (0, 0), said)
            self.assertGreater(said["good"], 10)
            self.assertEqual(said["begun"], said["good"] + said["abandoned"])
        s = self.server(lambda tcp: True)
        status, said = self.interrupt(signal.SIGINT, lambda: len(s.held) >= 16, f"127.0.0.1:{s.port}", "--timeout", 60)
        self.assertEqual((status, said["good"], said["abandoned"]), (0, 0, 16))

    def test_hold(self):
        d = self.daemon("--connections", "50").begin(self.a)
        for stage, served in (("tcp", 0), ("hello", 20), ("handshake", 20)):
            before = d.status()["connections"]
            said = self.ask(f"127.0.0.1:{d.port}", "--hold", stage, "--connections", 20, "--time", 1)
            self.assertEqual((said["hold"], said["begun"], said["held"], said["dropped"]), (stage, 20, 20, 0))
            self.assertGreaterEqual(said["seconds"], 1)
            self.assertEqual(before, 0)
            d.wait_for_none_held()
            self.assertLessEqual(d.outcomes().get("accepted", 0), 60)
        said = self.ask(f"127.0.0.1:{d.port}", "--hold", "handshake", "--connections", 5, "--time", 20)
        self.assertEqual((said["held"], said["dropped"]), (5, 5))
        self.assertLess(said["seconds"], 12)  # it ends when none is left
        self.assertAlmostEqual(said["kept"]["p50"], 5, delta=1.5)  # the server's patience

    def test_public_targets(self):
        for target in ("8.8.8.8", "192.0.2.1:1", "[2001:db8::1]:1", "::ffff:8.8.8.8"):
            done = bench(target, "--count", 1)
            self.assertEqual((done.returncode, done.stdout), (2, ""), target)
            self.assertIn("--i-own-this-target", done.stderr)

    def test_descriptors(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))

        if os.geteuid() == 0 and not shutil.which("setpriv"):
            self.skipTest("setpriv takes root's right to raise limits, and there is none")
        privileged = ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"] * (os.geteuid() == 0)
        done = subprocess.run([*privileged, BENCH, "ke", f"127.0.0.1:{free_port()}", "--connections", "100"],
                              capture_output=True, text=True, timeout=20, preexec_fn=limit, check=False)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn("164 file descriptors, and the limit is 80", done.stderr)

    def in_own_network(self, script):
        """The report of a run by a shell in a network namespace, where lo is down at first."""
        command = ["unshare", *(["-r"] * (os.geteuid() != 0)), "-n"]
        if not shutil.which("ip") or subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
            self.skipTest("no network namespace can be made here, or there is no ip")
        done = subprocess.run([*command, "sh", "-c", script, BENCH, self.a[0]], capture_output=True, text=True,
                              timeout=30, check=False)
        self.assertEqual(done.returncode, 1, done)
        return json.loads(done.stdout)

    def test_no_way(self):
        said = self.in_own_network('"$0" ke 127.0.0.1 --ca "$1" --count 3 --json')
        self.assertEqual(said["failures"], {"unreachable": 3})

    def test_local_ports(self):
        said = self.in_own_network("""ip link set lo up && echo 40000 40003 >/proc/sys/net/ipv4/ip_local_port_range || exit
            python3 -c 'import socket, time; s = socket.create_server(("127.0.0.1", 4460)); time.sleep(30)' & p=$!
            until grep -q :116C /proc/net/tcp; do sleep 0.1; done
            "$0" ke 127.0.0.1 --ca "$1" --hold tcp --connections 20 --time 1 --json; s=$?; kill $p; exit $s""")
        self.assertEqual((said["held"], said["failures"]), (4, {"local-ports": 16}))
        self.assertIn("ip_local_port_range", said["first_failure"]["remedy"])

    def test_wrong_usage(self):
        for words, what in ((["--count", "0"], "--count"), (["--count", "10000001"], "10000000"),
                            (["--connections", "20001"], "20000"), (["--rate", "1000001"], "--rate"),
                            (["--rate", "nan"], "--rate"), (["--time", "86401"], "86400"), (["--time", "x"], "'x'"),
                            (["--timeout", "0"], "--timeout"), (["-p", "65536"], "65535"), (["-4", "-6"], "exclude"),
                            (["--hold", "on"], "'on'"), (["--hold", "tcp", "--count", "1"], "--connections"),
                            (["--arrival", "poisson"], "--rate"), (["--rate", "1", "--arrival", "odd"], "'odd'"),
                            (["--name", ""], "--name"), (["--aead", "16"], "'16'"), (["--none"], "--none"), (["--count"], "--count"),
                            (["10.0.0.1"], "2 targets"), (["-p", "1"], "-p is 1")):
            done = bench("127.0.0.1:9", *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), (words, done))
            self.assertIn(what, done.stderr)
        for target in ("", "127.0.0.1:", "127.0.0.1:0", "[::1", "::1:x:"):
            self.assertEqual(bench(target).returncode, 2, target)
        self.assertEqual(bench().returncode, 2)

    def test_help(self):
        done = bench("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("--hold", done.stdout)

    def test_table_and_csv(self):
        d = self.daemon().begin(self.a)
        path = os.path.join(self.run_dir, "latencies.csv")
        done = bench(f"127.0.0.1:{d.port}", "--count", 30, "--ca", self.a[0], "--csv", path)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertIn("good 30, failed 0", done.stdout)
        self.assertIn("handshake", done.stdout)
        with open(path, encoding="ascii", newline="") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual(sum(int(row["count"]) for row in rows), 30)
        self.assertTrue(all(float(row["from_s"]) < float(row["to_s"]) for row in rows))
        done = bench(f"127.0.0.1:{d.port}", "--count", 1, "--ca", self.a[0], "--csv", self.run_dir)
        self.assertEqual(done.returncode, 1)
        done = bench(f"127.0.0.1:{free_port()}", "--count", 3)
        self.assertIn("3 refused: the target refuses TCP connections; is an", done.stdout)

    def test_ipv6(self):
        d = self.daemon(address=("::1",)).begin(self.a)
        self.ask(f"[::1]:{d.port}", "--count", 4, "--name", "a.example", "-6")
        self.ask("::1", "-p", d.port, "--count", 4, "--name", "a.example")


class Associations(Case):
    def get(self, port, count, parallel, keys=b"", ca=None, aeads="15"):
        done = subprocess.run([ASSOCIATIONS, f"127.0.0.1:{port}", ca or self.a[0], str(count), str(parallel), aeads],
                              input=keys, capture_output=True, timeout=60, check=False, env=ENVIRONMENT)
        self.assertEqual(done.stderr, b"")
        return done.returncode, json.loads(done.stdout)

    def test_all(self):
        d = self.daemon("--ntp-server", "time.example", "--ntp-port", "1123").begin(self.a)
        status, said = self.get(d.port, 100, 8, keys=d.ask(4))
        self.assertEqual((status, said["established"], said["right"], said["failed"]), (0, 100, 100, 0), said)
        self.assertEqual((said["server"], said["port"], said["varied"], said["reason"]), ("time.example", 1123, 0, ""))
        d.wait_for("answered", 100)

    def test_aeads(self):
        """The client's choice, where the server has it; cookies hold the keys that TLS gives the client."""
        both = self.daemon("--aeads", "15,30").begin(self.a)
        for aeads, chosen in ("30", 30), ("30,15", 30), ("15,30", 15), ("15", 15):
            status, said = self.get(both.port, 3, 3, keys=both.ask(4), aeads=aeads)
            self.assertEqual((status, said["right"], said["aead"], said["varied"]), (0, 3, chosen, 0), (aeads, said))

    def test_aeads_of_an_old_server(self):
        old = self.daemon("--aeads", "15").begin(self.a)
        status, said = self.get(old.port, 3, 3, keys=old.ask(4), aeads="30,15")
        self.assertEqual((status, said["right"], said["aead"]), (0, 3, 15), said)
        said = self.get(old.port, 3, 3, aeads="30")[1]
        self.assertEqual(said["established"], 0)
        self.assertIn("AEAD", said["reason"])

    def test_default_server(self):
        d = self.daemon().begin(self.a)
        status, said = self.get(d.port, 3, 50, keys=d.ask(4))
        self.assertEqual((status, said["right"], said["server"], said["port"]), (0, 3, "", 0))

    def test_varied(self):
        answers = iter([b"one.example", b"two.example"])
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(*self.a)
        c.set_alpn_protocols(["ntske/1"])

        def handle(tcp):
            with c.wrap_socket(tcp, server_side=True) as tls:
                tls.recv(1000)
                tls.sendall(RESPONSE[:-4] + record(6, next(answers)) + RESPONSE[-4:])
                tls.unwrap()

        s = Server(handle)
        self.addCleanup(s.close)
        status, said = self.get(s.port, 2, 1)
        self.assertEqual((status, said["established"], said["server"], said["varied"]), (0, 2, "one.example", 1))

    def test_failures_are_tried_again(self):
        """A server that closes every third connection."""
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(*self.a)
        c.set_alpn_protocols(["ntske/1"])
        number = iter(range(1000))

        def handle(tcp):
            if next(number) % 3 == 2:
                return
            with c.wrap_socket(tcp, server_side=True) as tls:
                tls.recv(1000)
                tls.sendall(RESPONSE)
                tls.unwrap()

        s = Server(handle)
        self.addCleanup(s.close)
        status, said = self.get(s.port, 6, 1)
        self.assertEqual((status, said["established"], said["failed"]), (0, 6, 2), said)
        self.assertTrue(said["reason"])

    def test_none(self):
        start = time.monotonic()
        status, said = self.get(free_port(), 1000, 4)
        self.assertEqual((status, said["established"]), (1, 0))
        self.assertLess(said["failed"], 80)  # it gives up
        self.assertLess(time.monotonic() - start, 5)
        self.assertIn("refuses TCP connections (Connection refused)", said["reason"])
        d = self.daemon().begin(self.a)
        status, said = self.get(d.port, 2, 1, ca=self.b[0])
        self.assertEqual((status, said["established"], said["failed"]), (1, 0, 2))
        self.assertIn("certificate", said["reason"])


if __name__ == "__main__":
    if not shutil.which("openssl"):
        print("skipped: openssl makes the certificates, and there is none")
        sys.exit(77)
    unittest.main(verbosity=2)
