"""`tickwire bench load` over the kernel's sockets: each way to err is found, and misuse is said in a sentence."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

import lab
import lab_bench
import lab_nts

OTHER6 = "fd99::2"
RATE, SECONDS = 1000, 0.4


@pytest.fixture(scope="module")
def ground(module_lab):
    """A namespace with a loopback of two IPv6 addresses, and a public one that is nobody's."""
    ns = module_lab.namespace("b")
    lab.addresses(ns, "lo", f"{OTHER6}/128", "198.51.100.1/32")
    module_lab.ns = ns
    return module_lab


def ask(in_lab, way, *options, server=(), address="127.0.0.1", rate=RATE, seconds=SECONDS, patience=0.3):
    """A load on a server that errs in this way: what it said, and what the server has counted."""
    one = lab_bench.Erring(in_lab, in_lab.ns, way, *server, address=address)
    said = lab_bench.load_json(in_lab.ns, one.target, "--rate", rate, "--time", seconds, "--timeout", patience, *options)
    return said, one.stop()


# Right servers

@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("options", [(), ("--version", "3"), ("--version", "both"), ("--arrival", "poisson"),
                                     ("--arrival", "burst", "--burst", "10"), ("--offset-limit", "0.5"),
                                     ("--garbage", "10%")], ids=" ".join)
def test_right(ground, address, options):
    """A right server is not convicted, and both sides have counted the same."""
    said, counts = ask(ground, "none", *options, address=address, patience=1)
    assert said.status == 0, said
    assert (said["wrong"], said["lost"], said["valid"]) == (0, 0, said["sent"]), said
    assert said["verdicts"] == {"valid": said["sent"]} or not any(
        count for name, count in said["verdicts"].items() if name != "valid"), said
    assert counts["requests"] == said["sent"] and counts["replies"] == said["sent"], (said, counts)
    assert counts["received"] == said["sent"] + said["garbage"], (said, counts)
    assert abs(said["sent"] - RATE * SECONDS) < 0.25 * RATE * SECONDS, said
    assert bool(said["garbage"]) == ("--garbage" in options), said
    latency = said["latency"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p999"] <= latency["max"] < 1, said
    lab_bench.check_sums(said)


def test_right_with_many_clients(ground):
    """Addresses of a whole loopback network, drawn by Zipf's law; the server is asked by each."""
    said, counts = ask(ground, "none", "--from", "127.1.0.0/16", "--clients", "3000", "--zipf", "1.1", patience=1)
    assert said.status == 0 and said["valid"] == said["sent"] == counts["requests"], (said, counts)
    lab_bench.check_sums(said)


def test_count(ground):
    said, counts = ask(ground, "none", "--count", "123", seconds=5, patience=1)
    assert said.status == 0 and said["sent"] == counts["requests"] == 123, (said, counts)


# Ways to err

def damaged(counts):
    return counts["damaged"]


class Way:
    """verdict: what the damaged ones get; `count` says how many of these there are at least (`slack` fewer where the
    load ends before it has read the last), and at most."""

    def __init__(self, verdict=None, header=None, count=damaged, slack=0, lost=None, status=1, options=(), server=(),
                 **more):
        self.verdict, self.header, self.count, self.slack = verdict, header, count, slack
        self.lost, self.status = lost, status
        self.options, self.server, self.more = options, server, more


def header(name, **more):
    return Way("header", name, **more)


HALF_A_SECOND = ["--offset-limit", "0.5"]
WAYS = {
    "silent": Way(lost=damaged),
    "drop-every": Way(lost=damaged, status=0),
    "duplicate": Way("duplicate", slack=2),
    "unsolicited": Way("unsolicited", slack=2),
    "late": Way("late", count=lambda counts: 0.2 * counts["damaged"], slack=None, lost=damaged, patience=0.2,
                server=["--delay", "0.4"]),
    "wrong-source-port": Way("wrong-source", lost=damaged),
    "wrong-source-address": Way("wrong-source", lost=damaged),
    "wrong-client": Way("wrong-client", lost=damaged, options=["--from", "127.1.0.0/16", "--clients", "500"]),
    "mirror": Way("unsolicited", lost=damaged),
    "longer": Way("longer"),
    "short": header("short", lost=damaged),
    "truncated": header("short", lost=damaged),
    "empty": header("short", lost=damaged),
    "wrong-origin": Way("unsolicited", lost=damaged),
    "origin-zero": Way("unsolicited", lost=damaged),
    "origin-swapped": Way("unsolicited", lost=damaged),
    "mode-3": header("mode"),
    "mode-5": header("mode"),
    "version-wrong": header("version"),
    "leap-3": Way("unsynchronised", status=0),
    "stratum-0-no-kiss": Way("unsynchronised", status=0),
    "stratum-16": Way("unsynchronised", status=0),
    "stratum-changes": Way("stratum", count=lambda counts: 2 * counts["damaged"], slack=1),
    "kiss-rate": Way("kiss-rate", status=0),
    "kiss-deny": Way("kiss-other", status=0),
    "root-distance": header("root-distance"),
    "precision-positive": Way("precision"),
    # the ticks of the first 64 convict the rest; a millisecond has no more than one of them
    "precision-lie": Way("precision", count=lambda counts: counts["damaged"] - 64, rate=250, seconds=0.8),
    "t3-before-t2": header("receive-order"),
    "t2-zero": header("no-receive"),
    "t3-zero": header("no-transmit"),
    "transmit-echo": Way("cookie-echoed"),
    "t2-early": header("negative-delay"),
    "backwards": Way("backwards"),
    "offset": Way("offset", options=HALF_A_SECOND),
    # the first is right, and so are those that were asked for before it came
    "repeated-time": Way("repeated-time", slack=20),
    "reference-after-transmit": header("reference-order"),
}
NOT_HERE = {"none", "garbage-answered", "tag-flipped", "cookie-stripped", "identifier-changed", "identifier-missing",
            "nts-plain", "ntsn"}


def check_way(way, said, counts):
    got, expected = said.verdict(way.verdict) if way.verdict else 0, way.count(counts) if way.verdict else 0
    assert counts["damaged"] > 0 and counts["unsent"] == 0, counts
    assert counts["requests"] == said["sent"], (said, counts)
    assert got > 0 or not way.verdict, said
    if way.slack is None:
        assert got >= expected, (said, counts)
    else:
        assert expected - way.slack <= got <= expected, (way.verdict, got, expected, said, counts)
    if way.header:
        assert said["header"] == {**dict.fromkeys(said["header"], 0), way.header: got}, said
    if way.verdict != "precision":  # none of the others is convicted
        rest = sum(count for name, count in said["verdicts"].items() if name not in ("valid", way.verdict))
        assert rest == 0, said
    assert said["lost"] == (way.lost(counts) if way.lost else 0), (said, counts)
    assert said.status == way.status, said
    lab_bench.check_sums(said)


def test_all_ways_are_tried():
    assert set(lab_bench.ways()) == set(WAYS) | NOT_HERE


@pytest.mark.parametrize("name", WAYS)
def test_way(ground, name):
    way = WAYS[name]
    said, counts = ask(ground, name, *way.options, server=way.server, **way.more)
    check_way(way, said, counts)


@pytest.mark.parametrize("name", ["silent", "duplicate", "wrong-source-port", "wrong-source-address", "empty", "mode-3"])
def test_way_over_ipv6(ground, name):
    said, counts = ask(ground, name, address="::1",
                       server=["--other", OTHER6] if name == "wrong-source-address" else [])
    check_way(WAYS[name], said, counts)


@pytest.mark.parametrize("name", ["duplicate", "wrong-origin", "mode-3", "kiss-rate", "transmit-echo", "leap-3"])
def test_one_among_many(ground, name):
    """One in a hundred is found as surely as all, and the rest are valid."""
    said, counts = ask(ground, name, server=["--every", "100"], seconds=0.45)
    assert counts["damaged"] == 4, counts
    check_way(WAYS[name], said, counts)
    assert said["valid"] >= said["sent"] - 4, said


def test_garbage_answered(ground):
    """Only a datagram that is whole can be known again in its reply."""
    said, counts = ask(ground, "garbage-answered", "--garbage", "0.5")
    assert said.status == 1 and said["garbage_answered"] > 0.1 * said["garbage"], said
    assert said["valid"] == said["sent"] and said["lost"] == 0, said
    assert counts["damaged"] == said["garbage"], (said, counts)
    lab_bench.check_sums(said)


# NTS, between a client and chronyd

NTS_WAYS = {
    "none": (None, 0),
    "tag-flipped": ("forged", 1),
    "cookie-stripped": ("forged", 1),
    "identifier-changed": ("identifier", 1),
    "identifier-missing": ("identifier", 1),
    "nts-plain": ("unauthenticated", 1),
    "ntsn": ("nak", 1),
    "offset": ("forged", 1),
    "stratum-16": ("forged", 1),
    "kiss-rate": ("forged", 1),
}


@pytest.fixture(scope="module")
def nts_ground(ground):
    lab.need_program("openssl", "chronyd", "chronyc")
    authority = lab_nts.Authority(ground)
    lab_nts.chronyd_server(ground, ground.ns, "nts-server", authority.server("localhost", "127.0.0.1"), "port 1123",
                           "bindaddress 127.0.0.1")
    return ground, authority


@pytest.mark.parametrize("name", NTS_WAYS)
def test_nts_way(nts_ground, name):
    in_lab, authority = nts_ground
    verdict, status = NTS_WAYS[name]
    said, counts = ask(in_lab, name, "--nts", "--nts-clients", "4", "--ca", authority.file, rate=500,
                       server=["--forward", "127.0.0.1:1123"])
    assert said.status == status, said
    assert counts["forwarded"] == counts["requests"] == said["sent"], (said, counts)
    assert said.verdict("nts") == counts["damaged"], (said, counts)
    if verdict:
        assert counts["damaged"] == said["sent"] and said["nts"][verdict] == said["sent"], (said, counts)
    else:
        assert said["valid"] == said["sent"] > 0, said


# Other targets

@pytest.mark.parametrize("target", ["127.0.0.1:9", "[::1]:9"])
def test_closed_port(ground, target):
    said = lab_bench.load_json(ground.ns, target, "--rate", 500, "--time", 0.3, "--timeout", 0.2)
    assert said.status == 1 and said["refused"] > 0, said
    assert said["answered"] == 0 and said["lost"] == said["sent"] > 0, said
    table = lab_bench.load(ground.ns, target, "--rate", 500, "--time", 0.3, "--timeout", 0.2)
    assert table.status == 1 and re.search(r"refused|unreachable|nobody", table.out + table.err, re.I), table


def sent_by(ns):
    """Datagrams that the kernel of a namespace has sent, of both families."""
    v4 = lab.run("cat", "/proc/net/snmp", ns=ns).stdout
    v6 = lab.run("cat", "/proc/net/snmp6", ns=ns).stdout
    names, values = (line.split()[1:] for line in v4.splitlines() if line.startswith("Udp:"))
    return int(dict(zip(names, values))["OutDatagrams"]) + int(re.search(r"Udp6OutDatagrams\s+(\d+)", v6).group(1))


@pytest.mark.parametrize("target", ["198.51.100.1", "198.51.100.1:123", "8.8.8.8", "172.32.0.1", "11.0.0.1",
                                    "192.0.2.1", "0.0.0.0", "255.255.255.255", "224.0.1.1", "[2001:db8::1]:123",
                                    "2600::1", "::ffff:8.8.8.8", "::", "ff02::101"])
def test_public_target(ground, target):
    """Refused before a single datagram is sent, although there is a way to some of them."""
    before = sent_by(ground.ns)
    said = lab_bench.load_json(ground.ns, target, "--rate", 500, "--time", 0.3)
    assert said.status == 2 and not said.out, said
    assert "--i-own-this-target" in said.err and len(said.err.splitlines()) == 1, said
    assert sent_by(ground.ns) == before


def test_owned_public_target(ground):
    one = lab_bench.Erring(ground, ground.ns, "none", address="198.51.100.1")
    before = sent_by(ground.ns)
    said = lab_bench.load_json(ground.ns, one.target, "--rate", 500, "--time", 0.3, "--i-own-this-target")
    assert said.status == 0 and said["valid"] == said["sent"] > 0, said
    assert sent_by(ground.ns) >= before + 2 * said["sent"]
    assert one.stop()["requests"] == said["sent"]


@pytest.mark.parametrize("target", ["10.255.0.1", "fd77::1"])
def test_no_way(ground, target):
    """No route: a sentence, and status 1."""
    said = lab_bench.load_json(ground.ns, target, "--rate", 500, "--time", 0.3)
    assert said.status == 1 and re.search(r"no way to|route|unreachable", said.err), said


# Misuse

LONG = "x" * 1000
MISUSE = [
    (["--nonsense"], "--nonsense"),
    (["--rat", "5"], "--rat"),
    (["-x"], "-x"),
    (["10.0.0.1"], "10.0.0.1"),
    (["--rate"], "--rate"),
    (["--rate", "0"], "--rate"),
    (["--rate", "-1"], "--rate"),
    (["--rate", "1e12"], "--rate"),
    (["--rate", "nan"], "--rate"),
    (["--rate", "inf"], "--rate"),
    (["--rate", "0x10"], "--rate"),
    (["--rate", "5 "], "--rate"),
    (["--rate", "5kk"], "--rate"),
    (["--rate", LONG], "--rate"),
    (["--rate", "9" * 1000], "--rate"),
    (["--time", "0"], "--time"),
    (["--time", "-1"], "--time"),
    (["--time", "1e9"], "--time"),
    (["--time", "nan"], "--time"),
    (["--count", "0"], "--count"),
    (["--count", "1.5"], "--count"),
    (["--soak", "0"], "--soak"),
    (["--arrival", "sometimes"], "--arrival"),
    (["--arrival", "pool", "--peak-time", "10", "--every", "10"], "--peak-time"),
    (["--peak", "0.5"], "--peak"),
    (["--burst", "0"], "--burst"),
    (["--clients", "0"], "--clients"),
    (["--clients", "20000000"], "--clients"),
    (["--from", "127.1.0.0/30", "--clients", "100"], "127.1.0.0/30"),
    (["--from", "127.1.0.1/16"], "127.1.0.1/16"),
    (["--from", "127.1.0.0/33"], "127.1.0.0/33"),
    (["--from", "127.1.0.0/16,127.1.2.0/24"], "127.1.2.0/24"),
    (["--from", "127.1.0.0/16,"], "--from"),
    (["--from", "nonsense"], "nonsense"),
    (["--from", ","], "--from"),
    (["--from", LONG], "--from"),
    (["--from", ",".join(f"127.{i}.0.0/16" for i in range(1, 40))], "--from"),
    (["--from", "fd00::/64"], "IPv4"),
    (["--zipf", "9"], "--zipf"),
    (["--zipf", "-1"], "--zipf"),
    (["--version", "5"], "--version"),
    (["--garbage", "2"], "--garbage"),
    (["--garbage", "101%"], "--garbage"),
    (["--garbage", "-5%"], "--garbage"),
    (["--seed", "-1"], "--seed"),
    (["--timeout", "0"], "--timeout"),
    (["--offset-limit", "-1"], "--offset-limit"),
    (["--vlan", "5000"], "--vlan"),
    (["--vlan", "0"], "--vlan"),
    (["--mac", "nonsense"], "--mac"),
    (["--mac", "02:00:00:00:00"], "--mac"),
    (["--mac", "02:00:00:00:00:01:02"], "--mac"),
    (["--mac", "ff:ff:ff:ff:ff:ff"], "--mac"),
    (["--driver", "magic"], "--driver"),
    (["--cores", "0"], "--cores"),
    (["--cores", "999"], "--cores"),
    (["--cores", "1-"], "--cores"),
    (["--cores", LONG], "--cores"),
    (["--nts", "--version", "3"], "--nts"),
    (["--nts-share", "2"], "--nts-share"),
    (["--nts-clients", "0"], "--nts-clients"),
    (["--ke-port", "0"], "--ke-port"),
    (["--ke-port", "65536"], "--ke-port"),
    (["--check-tags", "1.5"], "--check-tags"),
    (["--find-knee", "--ramp", "1k:2k:1k"], "--ramp"),
    (["--find-knee", "--loss", "2"], "--loss"),
    (["--find-knee", "--repeat", "0"], "--repeat"),
    (["--ramp", "1k"], "--ramp"),
    (["--ramp", "1k:2k"], "--ramp"),
    (["--ramp", "1k:2k:0"], "--ramp"),
    (["--ramp", "1k:2k:1k:1k"], "--ramp"),
    (["--ramp", "1:1000:1"], "--ramp"),
    (["--ramp", "1k:2k:1k", "--rate", "5"], "--ramp"),
    (["--html", "/nonexistent/page.html"], "--html /nonexistent/page.html: No such file or directory"),
    (["--csv", "/nonexistent/table.csv"], "--csv /nonexistent/table.csv: No such file or directory"),
    (["--html", "/" + LONG], "--html"),
    (["--json=yes"], "--json"),
] + [([option, ""], option) for option in ("--rate", "--time", "--count", "--arrival", "--clients", "--from", "--zipf",
                                           "--version", "--garbage", "--seed", "--ca", "--name", "--ke-port",
                                           "--ramp", "--timeout", "--interface", "--driver", "--cores", "--vlan",
                                           "--mac", "--gateway", "--csv", "--html")]


@pytest.mark.parametrize("words,expected", MISUSE, ids=[" ".join(words)[:40] for words, _ in MISUSE])
def test_misuse(ground, words, expected):
    """Status 2, one short sentence that names the option, nothing on stdout, nothing sent."""
    before = sent_by(ground.ns)
    said = lab_bench.load(ground.ns, "127.0.0.1:9", *words)
    assert said.status == 2 and not said.out, said
    assert expected in said.err and said.err.startswith("tickwire bench load: "), said
    assert len(said.err.splitlines()) == 1 and len(said.err) < 700, said
    assert sent_by(ground.ns) == before


BAD_TARGETS = ["", ":123", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:", "127.0.0.1:12x", "[::1", "[::1]x", "[]:123",
               LONG, "127.0.0.1:" + "1" * 1000, "no-such-name.invalid", "127.0.0.1 "]


@pytest.mark.parametrize("target", BAD_TARGETS, ids=[repr(target)[:30] for target in BAD_TARGETS])
def test_bad_target(ground, target):
    said = lab_bench.load(ground.ns, target, "--json", "--time", "0.1")
    assert said.status == 2 and not said.out, said
    assert "target" in said.err and len(said.err.splitlines()) == 1 and len(said.err) < 1500, said


def test_family_that_the_target_has_not(ground):
    for family, target in (("-4", "::1"), ("-6", "127.0.0.1")):
        said = lab_bench.load(ground.ns, target, family)
        assert said.status == 2 and target in said.err, said


def test_no_target(ground):
    done = lab.run(lab.TICKWIRE, "bench", "load", ns=ground.ns, check=False)
    assert done.returncode == 2 and "TARGET" in done.stdout, done.stdout


def test_help(ground):
    """All options that the table has, on one page."""
    done = lab.run(lab.TICKWIRE, "bench", "load", "--help", ns=ground.ns)
    for option in ("--rate", "--from", "--nts", "--find-knee", "--json", "--i-own-this-target"):
        assert option in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 120


# Ends

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("way,status", [("none", 0), ("silent", 1), ("mode-3", 1)])
def test_stopped(ground, number, way, status):
    """In the middle: a whole report of what there was, soon."""
    one = lab_bench.Erring(ground, ground.ns, way)
    with subprocess.Popen(["ip", "netns", "exec", ground.ns,
                           *lab_bench.command(one.target, "--json", "--rate", 500, "--time", 60)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as bench:
        time.sleep(0.5)
        bench.send_signal(number)
        told = time.monotonic()
        out, err = bench.communicate(timeout=10)
        took = time.monotonic() - told
    said = lab_bench.Load(bench.returncode, out, err)
    assert took < 2 and said.status == status, (took, said)
    assert said["stopped"] is True and said["sent"] > 0, said
    assert one.stop()["requests"] == said["sent"]
    lab_bench.check_sums(said)


def test_not_stopped(ground):
    said, _ = ask(ground, "none", patience=1)
    assert said["stopped"] is False, said


def test_stdout_that_is_full(ground):
    one = lab_bench.Erring(ground, ground.ns, "none")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(["ip", "netns", "exec", ground.ns,
                               *lab_bench.command(one.target, "--json", "--rate", 500, "--time", 0.2)],
                              stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, timeout=20,
                              check=False)
    assert done.returncode == 1 and "standard output" in done.stderr, done.stderr
    one.stop()


def test_reports_in_files(ground):
    """The table, CSV, HTML and JSON tell of the same load; what was in the files is gone."""
    csv, html = ground.path("load.csv"), ground.path("load.html")
    with open(csv, "w", encoding="ascii") as f:
        f.write("old\n" * 10000)
    said, _ = ask(ground, "none", "--csv", csv, "--html", html, patience=1)
    with open(csv, encoding="utf-8") as f:
        lines = f.read().splitlines()
    assert said.status == 0 and len(lines) == 2 and str(said["sent"]) in lines[1].split(","), (said, lines)
    with open(html, encoding="utf-8") as f:
        page = f.read()
    assert page.lstrip().lower().startswith("<!doctype html>") and page.rstrip().endswith("</html>")
    assert not re.search(r"(src|href)\s*=\s*[\"']?https?:", page)  # whole by itself


def test_table(ground):
    one = lab_bench.Erring(ground, ground.ns, "mode-3")
    said = lab_bench.load(ground.ns, one.target, "--rate", 500, "--time", 0.3)
    counts = one.stop()
    assert said.status == 1 and not said.err, said
    assert str(counts["requests"]) in said.out and "is not of mode 4" in said.out, said
    assert max(len(line) for line in said.out.splitlines()) <= 132, said


def test_strange_words_in_the_report(ground):
    """What was typed stands in JSON and HTML, and stays data there."""
    one = lab_bench.Erring(ground, ground.ns, "none")
    name = "</script><b>\"'\\\n\t\x01\u00e9"
    html = ground.path("strange.html")
    said = lab_bench.load_json(ground.ns, one.target, "--rate", 500, "--time", 0.2, "--name", name, "--html", html)
    assert said.status == 0 and json.dumps(said.report), said
    with open(html, encoding="utf-8") as f:
        assert "</script><b>" not in f.read()
    one.stop()


def test_without_privilege(ground):
    """Sockets need none."""
    lab.need_program("setpriv")
    if not os.access(lab.TICKWIRE, os.X_OK):
        pytest.skip("needs a build that others may read")
    one = lab_bench.Erring(ground, ground.ns, "none")
    done = lab.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", lab.TICKWIRE, "bench", "load",
                   one.target, "--rate", 500, "--time", 0.2, ns=ground.ns, check=False)
    one.stop()
    assert done.returncode == 0, done.stdout


# Searches

def test_ramp(ground):
    one = lab_bench.Erring(ground, ground.ns, "none")
    said = lab_bench.load_json(ground.ns, one.target, "--ramp", "500:1500:500", "--time", 0.2)
    counts = one.stop()
    assert said.status == 0 and len(said["steps"]) == 3, said
    assert sum(step["sent"] for step in said["steps"]) == said["sent"] == counts["requests"], (said, counts)
    lab_bench.check_sums(said)


def test_knee(ground):
    """A server that drops one in ten has no knee within 1 %; a right one has, if only the load's own bound."""
    for way, found in (("drop-every", False), ("none", True)):
        one = lab_bench.Erring(ground, ground.ns, way)
        said = lab_bench.load_json(ground.ns, one.target, "--find-knee", "--rate", "4k", "--loss", "1%", "--repeat", 2,
                                   "--time", 0.1, "--timeout", 0.2)
        one.stop()
        assert said["knee"]["found"] is found, said
