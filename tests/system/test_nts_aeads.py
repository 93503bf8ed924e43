"""Key establishment agrees on the AEAD that the client likes best of those that `ntsaeads` lists, and says so with exactly
the records that the client can use; cookies hold the keys that the client's TLS exports.
"""
import re

import pytest

import lab
import lab_bench
import lab_nts as nts
import nts_client as hand
from conftest import Pair

COMPLIANT = hand.record(hand.COMPLIANT, critical=False)
UNKNOWN = 99


class Served:
    """A tickwire that serves both AEADs, as it does when nothing is said, and the keys that its cookies are sealed with."""

    def __init__(self, pair):
        hand.need_client()
        self.client = pair.client
        self.authority = nts.Authority(pair.lab)
        self.tickwire = nts.serve(pair, self.authority)
        file = pair.lab.path("exported")
        nts.keys(self.tickwire, "export", file)
        with open(file, encoding="ascii") as f:
            self.masters = dict(re.findall(r"^([0-9A-F]{8}) ([0-9A-F]{64})$", f.read(), re.MULTILINE))

    def keys_in(self, cookie):
        """C2S and S2C."""
        return hand.cookie_keys(bytes.fromhex(self.masters[cookie[:4].hex().upper()]), cookie)

    def ask(self, *records):
        """The whole answer to a request with these records beside the protocol, and the open connection's exporter."""
        with hand.Tls(self.client, Pair.server4, authority=self.authority) as tls:
            tls.handshake()
            tls.send(hand.record(1, b"\0\0") + b"".join(records) + hand.END)
            answer, clean = tls.receive()
            assert clean
            return answer, tls.export


@pytest.fixture(scope="module")
def served(module_pair):
    return Served(module_pair)


# what the request has, the AEAD agreed on, whether record 1024 is answered, the AEAD of the exporter's context
AGREEMENTS = {
    "30 and 1024": ([hand.aeads(30), COMPLIANT], 30, True, 30),
    "1024 before 30": ([COMPLIANT, hand.aeads(30)], 30, True, 30),
    "30 before 15 and 1024, as chrony asks": ([hand.aeads(30, 15), COMPLIANT], 30, True, 30),
    "30 before 15 without 1024, as old chrony asks": ([hand.aeads(30, 15)], 30, False, 15),
    "30 without 1024": ([hand.aeads(30)], 30, False, 15),
    "15 before 30 and 1024": ([hand.aeads(15, 30), COMPLIANT], 15, False, 15),
    "15": ([hand.aeads(15)], 15, False, 15),
    "15 and 1024": ([hand.aeads(15), COMPLIANT], 15, False, 15),
    "unknown ones first": ([hand.aeads(UNKNOWN, 17, 30, 15), COMPLIANT], 30, True, 30),
}


def check_agreement(served, asked, aead, confirmed, context):
    answer, export = served.ask(*asked)
    key_size, cookie_size = (16, 68) if aead == 30 else (32, 100)
    head = hand.record(1, b"\0\0") + hand.aeads(aead) + (COMPLIANT if confirmed else b"")
    assert answer.startswith(head) and answer.endswith(hand.END), answer[:40]
    rest = hand.records(answer[len(head):-len(hand.END)])
    assert [(kind, len(body)) for kind, body in rest] == [(5, cookie_size)] * 8
    keys = export(0, context, key_size) + export(1, context, key_size)
    for _, cookie in rest:
        assert served.keys_in(cookie) == keys


@pytest.mark.parametrize("name", AGREEMENTS)
def test_agreements(served, name):
    check_agreement(served, *AGREEMENTS[name])


def test_only_unknown(served):
    answer, _ = served.ask(hand.aeads(UNKNOWN, 17), COMPLIANT)
    assert answer == hand.record(1, b"\0\0") + hand.record(4) + hand.END


@pytest.mark.parametrize("aead", [15, 30])
def test_record_with_a_body(served, aead):
    answer, _ = served.ask(hand.aeads(aead), hand.record(hand.COMPLIANT, b"\0", critical=False))
    assert hand.error_of(answer) == 1


NAMES = {15: "AEAD_AES_SIV_CMAC_256", 30: "AEAD_AES_128_GCM_SIV"}


@pytest.mark.parametrize("host", [Pair.server4, Pair.server6])
@pytest.mark.parametrize("options, aead", [([], 30), (["--aead", "30"], 30), (["--aead", "15"], 15),
                                           (["--aead", "15,30"], 15)])
def test_query(served, options, aead, host):
    """With either AEAD there is authentic time, and the reply to each request brings a cookie."""
    said = nts.query_nts(served.client, host, served.authority, "-n", "12", "-i", "0.05", *options)
    assert (said["answered"], said["nts"]["aead"], said["nts"]["establishments"]) == (12, NAMES[aead], 1), said
    assert (said["nts"]["cookies_held"], said["nts"]["discarded"]) == (8, 0), said


@pytest.mark.parametrize("aead", NAMES)
def test_load(served, aead):
    """A burst of clients with either AEAD: each reply verifies."""
    said = lab_bench.load_json(served.client, Pair.server4, "--nts", "--nts-clients", 16, "--aead", aead, "--ca",
                               served.authority.file, "--rate", 2000, "--time", 1, "--timeout", 2)
    assert said.status == 0 and said["sent"] > 1000 and said["valid"] == said["sent"] - said["lost"], said
    assert said["lost"] <= said["sent"] / 100, said
    assert said["settings"]["nts_aead"] == NAMES[aead], said


def test_reload(pair):
    """A reload changes what is offered: it restarts the daemon of key establishment, and no request is lost by that."""
    hand.need_client()
    authority = nts.Authority(pair.lab)
    identity = nts.pair_identity(pair, authority)
    config = pair.lab.path("tickwire.conf")

    def offer(line):
        with open(config, "w", encoding="ascii") as f:
            f.write("\n".join(["interface sv0", "local stratum 8", *identity.sets(), line, ""]))

    def agreed():
        """What comes of an establishment now that prefers AEAD 30, or None where there is none."""
        try:
            with hand.Tls(pair.client, Pair.server4, authority=authority) as tls:
                tls.handshake()
                tls.send(hand.record(1, b"\0\0") + hand.aeads(30, 15) + COMPLIANT + hand.END)
                return dict(hand.records(tls.receive()[0])).get(4)
        except (OSError, hand.SSL.Error):
            return None

    offer("ntsaeads 15")
    tickwire = pair.tickwire(sets=(), config=config)
    assert agreed() == b"\0\x0f"
    protected = hand.Load(pair.client, Pair.server4, [hand.establish(pair.client, Pair.server4, authority=authority)],
                          interval=0.01, timeout=2)
    for line, aead in ("ntsaeads 30 15", b"\0\x1e"), ("ntsaeads 15", b"\0\x0f"):
        offer(line)
        done = tickwire.reload()
        assert done.returncode == 0, done.stdout
        lab.wait_for(lambda wanted=aead: agreed() == wanted, 5, line)
    offer("ntsaeads 30")
    done = tickwire.reload()
    assert done.returncode == 1 and "15 (AES-SIV-CMAC-256) among them" in done.stdout, done.stdout
    assert agreed() == b"\0\x0f"
    assert protected.stop().counts[hand.AUTHENTIC] == sum(protected.counts.values()) > 0, protected.text()
