"""`tickwire bench load` over the kernel's sockets: each way in which a server can err is found."""
import json
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


def ask(in_lab, way, *options, server=(), address="127.0.0.1", rate=RATE, seconds=SECONDS, patience=2):
    """A load on a server that errs in this way: what it said, and what the server has counted."""
    one = lab_bench.Erring(in_lab, in_lab.ns, way, *server, address=address)
    said = lab_bench.load_json(in_lab.ns, one.target, "--rate", rate, "--time", seconds, "--timeout", patience,
                               *options)
    return said, one.stop()


# Right servers

@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("options", [(), ("--version", "3"), ("--version", "both"), ("--arrival", "poisson"),
                                     ("--arrival", "burst", "--burst", "10"), ("--offset-limit", "0.5"),
                                     ("--garbage", "10%")], ids=" ".join)
def test_right(ground, address, options):
    """A right server is not convicted, and both sides have counted the same."""
    said, counts = ask(ground, "none", *options, address=address)
    assert said.status == 0, said
    assert (said["wrong"], said["lost"], said["valid"]) == (0, 0, said["sent"]), said
    assert not any(count for name, count in said["verdicts"].items() if name != "valid"), said
    assert counts["requests"] == said["sent"] and counts["replies"] == said["sent"], (said, counts)
    assert counts["received"] == said["sent"] + said["garbage"], (said, counts)
    # a machine that is busy elsewhere keeps the load from its schedule, and the load says so
    assert said["generator_limited"] or abs(said["sent"] - RATE * SECONDS) < 0.25 * RATE * SECONDS, said
    assert bool(said["garbage"]) == ("--garbage" in options), said
    latency = said["latency"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p999"] <= latency["max"], said
    lab_bench.check_sums(said)


def test_right_with_many_clients(ground):
    """Addresses of a whole loopback network, drawn by Zipf's law; the server is asked by each."""
    said, counts = ask(ground, "none", "--from", "127.1.0.0/16", "--clients", "3000", "--zipf", "1.1")
    assert said.status == 0 and said["valid"] == said["sent"] == counts["requests"], (said, counts)
    lab_bench.check_sums(said)


def test_count(ground):
    said, counts = ask(ground, "none", "--count", "123", seconds=5)
    assert said.status == 0 and said["sent"] == counts["requests"] == 123, (said, counts)


# Ways to err

def damaged(counts):
    return counts["damaged"]


class Way:
    """verdict: what the damaged ones get; `count` says how many of these there are at least (`slack` fewer where the
    load ends before it has read the last), and at most."""

    def __init__(self, verdict=None, header=None, count=damaged, slack=0, lost=None, status=1, options=(), server=(),
                 tries=1, **more):
        self.verdict, self.header, self.count, self.slack = verdict, header, count, slack
        self.tries = tries
        self.lost, self.status = lost, status
        self.options, self.server = options, server
        # what is lost is waited for to the end, and what is not is given time
        self.more = {"patience": 1 if lost else 2, **more}


def header(name, **more):
    return Way("header", name, **more)


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
    # the ticks of the first 64 convict the rest, but those that fell on one millisecond, whose time is repeated first: all
    # that come at once after a busy machine has put load or server aside
    "precision-lie": Way("precision", count=lambda counts: counts["damaged"] - 64, slack=20, rate=250, seconds=0.8,
                          tries=5),
    "t3-before-t2": header("receive-order"),
    "t2-zero": header("no-receive"),
    "t3-zero": header("no-transmit"),
    "transmit-echo": Way("cookie-echoed"),
    "t2-early": header("negative-delay"),
    "backwards": Way("backwards"),
    "offset": Way("offset", options=["--offset-limit", "0.5"]),
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
    for _ in range(way.tries):
        said, counts = ask(ground, name, *way.options, server=way.server, **way.more)
        if way.tries == 1 or said.verdict(way.verdict) >= way.count(counts) - way.slack:
            break
    check_way(way, said, counts)


@pytest.mark.parametrize("name", ["silent", "duplicate", "wrong-source-port", "wrong-source-address", "empty",
                                  "mode-3"])
def test_way_over_ipv6(ground, name):
    other = ["--other", OTHER6] if name == "wrong-source-address" else []
    said, counts = ask(ground, name, address="::1", server=other, **WAYS[name].more)
    check_way(WAYS[name], said, counts)


@pytest.mark.parametrize("name", ["duplicate", "wrong-origin", "mode-3", "kiss-rate", "transmit-echo", "leap-3"])
def test_one_among_many(ground, name):
    """One in a hundred is found as surely as all, and the rest are valid."""
    said, counts = ask(ground, name, "--count", "450", server=["--every", "100"], seconds=5, **WAYS[name].more)
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
        assert counts["damaged"] == said["sent"] and said.nts(verdict) == said["sent"], (said, counts)
    else:
        assert said["valid"] == said["sent"] > 0, said


# Ends

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("way,status", [("none", 0), ("silent", 1), ("mode-3", 1)])
def test_stopped(ground, number, way, status):
    """In the middle: a whole report of what there was, soon."""
    one = lab_bench.Erring(ground, ground.ns, way)
    before = lab_bench.sent_by(ground.ns)
    with subprocess.Popen(["ip", "netns", "exec", ground.ns,
                           *lab_bench.command(one.target, "--json", "--rate", 500, "--time", 60)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as bench:
        lab.wait_for(lambda: lab_bench.sent_by(ground.ns) > before + 100 or bench.poll() is not None, 10, "the load")
        bench.send_signal(number)
        told = time.monotonic()
        out, err = bench.communicate(timeout=30)
        took = time.monotonic() - told
    said = lab_bench.Load(bench.returncode, out, err)
    assert took < 2 and said.status == status, (took, said)
    assert said["stopped"] is True and said["sent"] > 0, said
    assert one.stop()["requests"] == said["sent"]
    lab_bench.check_sums(said)


def test_not_stopped(ground):
    said, _ = ask(ground, "none")
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
    said, _ = ask(ground, "none", "--csv", csv, "--html", html)
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
    lab.need_build_for_all()
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
    assert sum(step["sent"] for step in said["steps"]) == counts["requests"], (said, counts)
    assert all(step["valid"] == step["sent"] > 0 for step in said["steps"]), said
    assert [round(step["rate_wanted"]) for step in said["steps"]] == [500, 1000, 1500], said


def test_knee(ground):
    """A silent server has no knee; a right one has, if only the load's own bound."""
    for way, found in (("silent", False), ("none", True)):
        one = lab_bench.Erring(ground, ground.ns, way)
        said = lab_bench.load_json(ground.ns, one.target, "--find-knee", "--rate", "4k", "--loss", "1%", "--repeat", 2,
                                   "--time", 0.05, "--timeout", 0.05)
        one.stop()
        assert said["knee"]["found"] is found, said
