"""The page for Prometheus: what it says of a running tickwire, what it refuses, and that nothing waits for it."""
import contextlib
import http.client
import os
import re
import signal
import socket
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import lab
import lab_nts as nts
from lab_sources import Sock, sources, wait_synchronised
from test_privileges import threads

PORT = 9123
LIMIT = 10  # seconds that a connection may last
CONNECTIONS = 16
SAMPLE = re.compile(r'(tickwire_\w+)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)+)\})? (\S+)$')


def ask(ns, method="GET", path="/metrics", host="127.0.0.1", port=PORT, **options):
    """Status, headers and body of one request."""
    with lab.inside(ns):
        connection = http.client.HTTPConnection(host, port, timeout=LIMIT * lab.PATIENCE)
        try:
            connection.request(method, path, **options)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()


def listens(ns, **where):
    try:
        return ask(ns, **where)[0] == 200
    except OSError:
        return False


def page(ns, **where):
    """The samples, (name, label=value, ...) -> number."""
    status, _, body = ask(ns, **where)
    assert status == 200
    found = {}
    for line in body.decode("ascii").splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SAMPLE.match(line).groups()
        key = (name.removeprefix("tickwire_"), *re.findall(r'(\w+="(?:[^"\\]|\\.)*")', labels or ""))
        assert key not in found, key
        found[key] = float(value)
    return found


def wait_page(ns, **where):
    lab.wait_for(lambda: listens(ns, **where), 5, "the metrics")
    return page(ns, **where)


def one(samples, name, *labels):
    """The only sample of a name with these labels."""
    found = [v for key, v in samples.items() if key[0] == name and set(labels) <= set(key[1:])]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def write(path, *lines):
    with open(path, "w", encoding="ascii") as f:
        f.write("\n".join([*lines, ""]))


@pytest.fixture(name="served", scope="module")
def fixture_served(module_pair):
    module_pair.running = module_pair.tickwire()
    wait_page(module_pair.server)
    return module_pair


def test_counters(served):
    """They grow with requests, and are those of `status`."""
    before = page(served.server)
    assert one(before, "ready") == 1 and one(before, "clock_stratum") == 8
    assert one(before, "clock_keeper_info", 'keeper="local"') == 1
    for _ in range(20):
        assert served.ask(timeout=5).stratum == 8
    # A reply is counted when it is on its way.
    after = lab.wait_for(lambda: (p := page(served.server)) and one(
        p, "worker_sent_frames_total", 'worker="0"') == one(before, "worker_sent_frames_total", 'worker="0"') + 20 and p,
        3, "20 replies", 0.1)
    for name, label in ("frames_total", 'verdict="answered"'), ("worker_sent_frames_total", 'worker="0"'):
        assert one(after, name, label) == one(before, name, label) + 20
    verdicts = served.running.verdicts()
    assert {key[1]: int(value) for key, value in after.items() if key[0] == "frames_total"} == {
        f'verdict="{name}"': count for name, count in verdicts.items()}
    names = {f'daemon="{name}"' for name in (*lab.DAEMONS, "tickwire-metrics")}
    lab.wait_for(lambda: {key[1] for key, value in page(served.server).items() if key[0] == "daemon_up" and value}
                 == names, 3, "all daemons", 0.2)
    assert served.running.daemon("tickwire-metrics")["restarts"] == 0


def test_promtool(served):
    """Prometheus reads the page, and has nothing to say of its names."""
    lab.need_program("promtool")
    done = lab.run("promtool", "check", "metrics", text=ask(served.server)[2].decode("ascii"), check=False)
    assert done.returncode == 0 and not done.stdout, done.stdout


def test_alerts(lab):  # pylint: disable=redefined-outer-name
    """The rules in the operator's guide are rules, and what they name is on the page of the golden file."""
    import lab as tools
    tools.need_program("promtool")
    with open(os.path.join(tools.ROOT, "docs", "operator.md"), encoding="utf-8") as f:
        block = re.search(r"\n(    groups:\n(?:    .*\n)+)", f.read()).group(1)
    rules = lab.path("rules.yml")
    write(rules, textwrap.dedent(block))
    done = tools.run("promtool", "check", "rules", rules)
    assert re.search(r"SUCCESS: \d+ rules found", done.stdout), done.stdout
    with open(os.path.join(tools.ROOT, "tests", "metrics.golden"), encoding="ascii") as f:
        names = {line.split()[2] for line in f if line.startswith("# TYPE ")}
    assert set(re.findall(r"tickwire_\w+", block)) <= names


def test_head(served):
    status, headers, body = ask(served.server, "HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 1000
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert ask(served.server, path="/metrics?a=b")[0] == 200


def test_refused(served):
    """Other methods, other pages, and what is no HTTP; the process survives all of it."""
    pid = served.running.daemon_pid("tickwire-metrics")
    for path in "/", "/metrics/", "//metrics", "/metric", "/../metrics", "/" + 3000 * "a":
        assert ask(served.server, path=path)[0] == 404, path
    for method in "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW":
        status, headers, _ = ask(served.server, method, body=b"x" * 100 if method == "POST" else None)
        assert status == 405 and headers["Allow"] == "GET, HEAD", method
    # A body that is promised is not waited for.
    start = time.monotonic()
    assert ask(served.server, "POST", headers={"Content-Length": str(10**9)})[0] == 405
    assert time.monotonic() - start < LIMIT / 2
    # A head that has no end; it may be closed before all of it is sent.
    try:
        status = ask(served.server, headers={f"X-{i}": 1000 * "y" for i in range(60)})[0]
    except OSError:
        status = 431
    assert status in (413, 431)
    for octets in b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\r\n" * 2000, b"\x00" * 20000, os.urandom(3000):
        with lab.inside(served.server), socket.create_connection(("127.0.0.1", PORT), 0.5) as s:
            with contextlib.suppress(OSError):
                s.sendall(octets)
                s.shutdown(socket.SHUT_WR)
                while s.recv(4096):
                    pass
    assert listens(served.server)
    assert served.running.daemon_pid("tickwire-metrics") == pid
    assert served.ask(timeout=5)


def test_slow(served, figure):
    """Connections that dribble take all room for LIMIT seconds and no longer; who comes meanwhile waits."""
    with lab.inside(served.server):
        slow = [socket.create_connection(("127.0.0.1", PORT), 5) for _ in range(CONNECTIONS)]
    start = time.monotonic()
    ended, waiting = {}, ThreadPoolExecutor().submit(ask, served.server)
    for s in slow:
        s.sendall(b"GET /metrics HTTP/1.1\r\n")
        s.setblocking(False)
    while len(ended) < len(slow) and time.monotonic() < start + LIMIT * lab.PATIENCE:
        for i, s in enumerate(slow):
            if i in ended:
                continue
            try:
                s.send(b"X")
                if not s.recv(100):
                    ended[i] = time.monotonic() - start
            except BlockingIOError:
                pass
            except OSError:
                ended[i] = time.monotonic() - start
        assert time.monotonic() - start > LIMIT / 2 or len(ended) < len(slow)
        time.sleep(0.3)
    assert len(ended) == len(slow)
    assert waiting.result()[0] == 200
    assert served.ask(timeout=5)
    for s in slow:
        s.close()
    figure(f"dribbling connections were ended after {min(ended.values()):.1f} to {max(ended.values()):.1f} s")


def test_unprivileged(served):
    for status in threads(served.running.daemon_pid("tickwire-metrics")):
        assert "0" not in status["Uid"].split() and not status["Groups"].split()
        for capabilities in "CapInh", "CapPrm", "CapEff", "CapAmb":
            assert int(status[capabilities], 16) == 0
        assert status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"


def test_killed(served):
    """It comes back by itself at the same socket, and no request for time is lost."""
    pid = served.running.daemon_pid("tickwire-metrics")
    answered = served.running.verdicts()["answered"]
    os.kill(pid, signal.SIGKILL)
    assert ask(served.server)[0] == 200  # who comes meanwhile waits
    assert served.running.daemon_pid("tickwire-metrics") != pid
    assert one(page(served.server), "frames_total", 'verdict="answered"') == answered
    lab.wait_for(lambda: one(page(served.server), "daemon_restarts_total", 'daemon="tickwire-metrics"') == 1, 5, "the count")


def test_elsewhere(served):
    """Another instance, in another namespace, has a page of its own at the same address."""
    other = lab.Tickwire(served.lab, served.client, "cl0", sets=["local stratum 9"])
    assert one(wait_page(served.client), "clock_stratum") == 9
    assert one(page(served.server), "clock_stratum") == 8
    assert other.stop() == 0


def test_port_taken(pair):
    """It is said once, with the remedy; all else goes on, and the metrics come when the port is free."""
    with lab.inside(pair.server):
        other = socket.create_server(("127.0.0.1", PORT))
    tickwire = pair.tickwire()
    lab.wait_for(lambda: "no metrics yet" in tickwire.log(), 5, "the sentence")
    time.sleep(2.5)
    assert pair.ask(timeout=5).stratum == 8
    assert tickwire.log().count("no metrics yet: 127.0.0.1:9123 ") == 1, tickwire.log()
    assert "Address already in use" in tickwire.log() and "`metrics off`" in tickwire.log()
    assert not tickwire.daemon_pid("tickwire-metrics")
    other.close()
    wait_page(pair.server)
    assert "metrics are at http://127.0.0.1:9123/metrics" in tickwire.log()


def test_reload(pair):
    """The address is another one, off and on again; a source that has come is on the page."""
    config, gps = pair.lab.path("tickwire.conf"), Sock(pair.lab, "gps.sock")
    base = ["interface sv0", "local stratum 8"]
    write(config, *base, "metrics [::1]:9200")
    tickwire = pair.tickwire(sets=(), config=config)
    six = {"host": "::1", "port": 9200}
    assert not [key for key in wait_page(pair.server, **six) if key[0].startswith("source_")]
    assert not listens(pair.server)
    write(config, *base, "metrics 127.0.0.1:9200", f"refclock SOCK {gps.path} refid GPS poll 1 delay 0.0001")
    assert tickwire.reload().stdout.endswith("reloaded\n")
    lab.wait_for(lambda: listens(pair.server, port=9200) and [
        key for key in page(pair.server, port=9200) if key[0] == "source_info"], 10, "the source")
    assert not listens(pair.server, **six)
    write(config, *base, "metrics off")
    tickwire.reload()
    lab.wait_for(lambda: not listens(pair.server, port=9200), 5, "the end of the metrics")
    lab.wait_for(lambda: not tickwire.daemon_pid("tickwire-metrics"), 5, "the end of the daemon")
    write(config, *base)
    tickwire.reload()
    assert not [key for key in wait_page(pair.server) if key[0].startswith("source_")]
    assert "is restarted" not in tickwire.log(), tickwire.log()


def test_rung(pair):
    """A drill is seen by who is paged: the rung, its reason, and the source that is well all the while."""
    gps = Sock(pair.lab, "gps.sock")
    healthy = pair.lab.path("healthy")
    tickwire = pair.tickwire(sets=[f"refclock SOCK {gps.path} refid GPS poll 1 delay 0.0001", f"healthfile {healthy}"])
    wait_synchronised(pair)
    samples = lab.wait_for(lambda: (p := wait_page(pair.server)) and one(p, "clock_rung") == 0 and p, 10, "rung 0", 0.2)
    assert one(samples, "clock_synchronised") == 1 and one(samples, "health_file_failed") == 0
    label = 'refid="GPS"'
    lab.wait_for(lambda: one(page(pair.server), "source_samples_total", label, 'verdict="used"') >= 6, 20, "samples", 0.3)
    samples = page(pair.server)
    known = next(s for s in sources(tickwire)["sources"] if s["refid"] == "GPS")
    assert one(samples, "source_state", label, f'state="{known["state"]}"') == 1
    assert one(samples, "source_reach_ratio", label) > 0.2
    assert 0 <= one(samples, "source_last_sample_age_seconds", label) < 10
    assert abs(one(samples, "source_offset_seconds", label)) < 0.1
    assert 0 < one(samples, "clock_error_bound_seconds") < 0.1

    lab.run(lab.TICKWIRE, "drill", "lost", "--time", "60", "--run-dir", tickwire.run_dir)
    samples = lab.wait_for(lambda: (p := page(pair.server)) and one(p, "clock_rung") == 3 and p, 10, "rung 3", 0.2)
    assert one(samples, "clock_rung_info", 'rung="silent"', 'reason="a drill"') == 1
    lab.wait_for(lambda: one(page(pair.server), "clock_silent") == 1, 5, "silence", 0.2)
    assert one(page(pair.server), "clock_synchronised") == 0 and one(page(pair.server), "clock_drill") == 1
    lab.run(lab.TICKWIRE, "drill", "end", "--run-dir", tickwire.run_dir)
    lab.wait_for(lambda: one(page(pair.server), "clock_rung") == 0, 20, "rung 0 again", 0.2)


def test_health_file_failed(pair):
    """One that cannot be written is on the page until it can; the log says it once."""
    directory = pair.lab.path("none")
    tickwire = pair.tickwire(sets=["local stratum 8", f"healthfile {directory}/healthy"])
    wait_page(pair.server)
    lab.wait_for(lambda: one(page(pair.server), "health_file_failed") == 1, 5, "the failure", 0.2)
    time.sleep(1.5)
    assert tickwire.log().count("health file: ") == 1, tickwire.log()
    os.mkdir(directory)
    lab.wait_for(lambda: one(page(pair.server), "health_file_failed") == 0, 5, "the file", 0.2)
    assert os.path.exists(f"{directory}/healthy")


def test_nts(pair, authority):
    """Certificates, keys and how connections have ended, as `status` has them."""
    tickwire = nts.serve(pair, authority)
    wait_page(pair.server)
    nts.query_nts(pair.client, pair.server4, authority)
    samples = lab.wait_for(lambda: (p := page(pair.server)) and
                           one(p, "nts_ke_connections_total", 'outcome="answered"') == 1 and p, 10, "the connection")
    status = nts.nts_status(tickwire)
    certificate, = status["certificates"]
    assert one(samples, "nts_certificate_not_after_timestamp_seconds",
               f'file="{certificate["file"]}"') == certificate["not_after"]
    for key in status["keys"]:
        labels = f'key="{key["id"]}"', f'state="{key["state"]}"'
        assert one(samples, "nts_key_not_before_timestamp_seconds", *labels) == key["not_before"]
        assert one(samples, "nts_key_not_after_timestamp_seconds", *labels) == key["not_after"]
    assert {key["state"] for key in status["keys"]} >= {"future", "current"}
    assert one(samples, "frames_total", 'verdict="nts-answered"') >= 1
    assert one(samples, "nts_ke_up") == 1 and one(samples, "daemon_up", 'daemon="tickwire-ke"') == 1
    assert not [key for key, value in samples.items() if key[0] == "nts_failed" and value]
