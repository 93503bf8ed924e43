"""What `tickwire bench load` does not do, and the sentence that it says instead."""
import re

import pytest

import lab
import lab_bench

# Targets

@pytest.mark.parametrize("target", ["127.0.0.1:9", "[::1]:9"])
def test_closed_port(ground, target):
    said = lab_bench.load_json(ground.ns, target, "--rate", 500, "--time", 0.3, "--timeout", 0.2)
    assert said.status == 1 and said["refused"] > 0, said
    assert said["answered"] == 0 and said["lost"] == said["sent"] > 0, said
    table = lab_bench.load(ground.ns, target, "--rate", 500, "--time", 0.3, "--timeout", 0.2)
    assert table.status == 1 and re.search(r"refused|unreachable|nobody", table.out + table.err, re.I), table


@pytest.mark.parametrize("target", ["198.51.100.1", "198.51.100.1:123", "8.8.8.8", "172.32.0.1", "11.0.0.1",
                                    "192.0.2.1", "0.0.0.0", "255.255.255.255", "224.0.1.1", "[2001:db8::1]:123",
                                    "2600::1", "::ffff:8.8.8.8", "::", "ff02::101"])
def test_public_target(ground, target):
    """Refused before a single datagram is sent, although there is a way to some of them."""
    before = lab_bench.sent_by(ground.ns)
    said = lab_bench.load_json(ground.ns, target, "--rate", 500, "--time", 0.3)
    assert said.status == 2 and not said.out, said
    assert "--i-own-this-target" in said.err and len(said.err.splitlines()) == 1, said
    assert lab_bench.sent_by(ground.ns) == before


def test_owned_public_target(ground):
    one = lab_bench.Erring(ground, ground.ns, "none", address="198.51.100.1")
    before = lab_bench.sent_by(ground.ns)
    said = lab_bench.load_json(ground.ns, one.target, "--rate", 500, "--time", 0.3, "--i-own-this-target")
    assert said.status == 0 and said["valid"] == said["sent"] > 0, said
    assert lab_bench.sent_by(ground.ns) >= before + 2 * said["sent"]
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
    (["--from", "127.1.0.0/30", "--clients", "100"], "100 clients, and room for 2 addresses"),
    (["--from", "127.1.0.1/16"], "127.1.0.1/16"),
    (["--from", "127.1.0.0/33"], "127.1.0.0/33"),
    (["--from", "127.1.0.0/16,127.1.2.0/24"], "127.1.2.0/24"),
    (["--from", "127.1.0.0/16,"], 'prefix ""'),
    (["--from", "nonsense"], "nonsense"),
    (["--from", ","], 'prefix ""'),
    (["--from", LONG], "it is too long"),
    (["--from", ",".join(f"127.{i}.0.0/16" for i in range(1, 40))], "more than 16 prefixes"),
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
    (["--nts", "--aead", "16"], "--aead"),
    (["--nts", "--aead", "15,15"], "--aead"),
    (["--nts", "--aead", LONG], "--aead"),
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
                                           "--version", "--garbage", "--seed", "--ca", "--name", "--ke-port", "--aead",
                                           "--ramp", "--timeout", "--interface", "--driver", "--cores", "--vlan",
                                           "--mac", "--gateway", "--csv", "--html")]


@pytest.mark.parametrize("words,expected", MISUSE, ids=[" ".join(words)[:40] for words, _ in MISUSE])
def test_misuse(ground, words, expected):
    """Status 2, one short sentence that names the option, nothing on stdout, nothing sent."""
    before = lab_bench.sent_by(ground.ns)
    said = lab_bench.load(ground.ns, "127.0.0.1:9", *words)
    assert said.status == 2 and not said.out, said
    assert expected in said.err and said.err.startswith("tickwire bench load: "), said
    assert len(said.err.splitlines()) == 1 and len(said.err) < 700, said
    assert lab_bench.sent_by(ground.ns) == before


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
