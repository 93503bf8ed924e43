"""Certificates: chosen by name, replaced while tickwire runs, and what is told of them."""
import os
import shutil
import time

import lab
import lab_nts as nts
import nts_client as hand


def serial(pair, **options):
    with hand.Tls(pair.client, pair.server4, **options) as tls:
        return tls.handshake().certificate().get_serial_number()


def replace(identity, fresh):
    """Another identity in the files of the first, each in one step."""
    for old, new in (identity.key, fresh.key), (identity.certificate, fresh.certificate):
        shutil.copy(new, old + ".new")
        os.replace(old + ".new", old)


def test_certificate_is_replaced(pair, authority):
    """On reload at once, and when the file changes soon; nobody is refused meanwhile. A bad one leaves the old."""
    identity = nts.pair_identity(pair, authority)
    config = pair.lab.path("tickwire.conf")
    with open(config, "w", encoding="ascii") as f:
        f.write("\n".join(["interface sv0", "local stratum 8", *identity.sets(),
                           f"ntsdumpdir {pair.lab.path('keys')}", ""]))
    tickwire = pair.tickwire(sets=(), config=config)
    first = serial(pair)
    storm = hand.KeLoad(pair.client, pair.server6, authority)

    replace(identity, nts.pair_identity(pair, authority, "second"))
    assert tickwire.reload().returncode == 0
    second = serial(pair)
    assert second != first

    replace(identity, nts.pair_identity(pair, authority, "third"))
    third = lab.wait_for(lambda: (s := serial(pair)) != second and s, 6, "the changed file is served", 0.2)

    os.replace(nts.pair_identity(pair, authority, "fourth").key, identity.key)
    problem = lab.wait_for(lambda: nts.nts_status(tickwire)["identity_error"], 6, "the problem is in the status", 0.2)
    assert identity.key in problem and problem in nts.problems(tickwire)
    done = tickwire.reload()
    assert done.returncode == 1 and identity.key in done.stdout, done.stdout
    assert serial(pair) == third and tickwire.status()["ready"]

    with open(identity.certificate, "w", encoding="ascii") as f:
        f.write("no certificate\n")
    done = tickwire.reload()
    assert done.returncode == 1 and identity.certificate in done.stdout, done.stdout
    assert serial(pair) == third
    replace(identity, nts.pair_identity(pair, authority, "fifth"))
    lab.wait_for(lambda: serial(pair) != third, 6, "a good one is served again", 0.2)
    assert not nts.nts_status(tickwire)["identity_error"]
    storm.stop()
    assert storm.done > 20 and not storm.failed, storm.failed[:3]


def test_sni(pair, authority):
    """Of several certificates the one that the client names; the first where it names none of them."""
    first = nts.pair_identity(pair, authority)
    second = authority.server("second", "second.tickwire.test")
    nts.serve(pair, authority, *second.sets(), identity=first)
    assert serial(pair) == serial(pair, name="nobody.tickwire.test") == serial(pair, name=nts.NAME4)
    assert serial(pair, name="second.tickwire.test") != serial(pair)


def test_expiry_is_told(pair, authority):
    soon = nts.pair_identity(pair, authority, days=2)
    tickwire = nts.serve(pair, authority, identity=soon)
    lab.wait_for(lambda: lab.re.search(f"{soon.certificate}.* 1 days left: warning", nts.problems(tickwire)), 3,
                 "the warning", 0.2)
    facts = nts.nts_status(tickwire)["certificates"][0]
    assert 0 < facts["not_after"] - time.time() < 3 * 86400


def test_readable_key_is_told(pair, authority):
    identity = nts.pair_identity(pair, authority)
    os.chmod(identity.key, 0o644)
    tickwire = nts.serve(pair, authority, identity=identity)
    assert f"chmod 600 {identity.key}" in tickwire.log(), tickwire.log()
