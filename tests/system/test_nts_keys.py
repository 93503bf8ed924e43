"""Cookie keys: their rotation under load, their file, and sharing them with other nodes and with chrony."""
import os
import shutil
import subprocess
import time

import pytest

import lab
import lab_nts as nts
import nts_client as hand
from conftest import Pair


def associations(pair, authority, count, host=Pair.server4):
    return [hand.establish(pair.client, host, authority=authority) for _ in range(count)]


def key_ids(tickwire):
    """Of the keys that open, by their state."""
    found = {}
    for key in nts.nts_status(tickwire)["keys"]:
        found.setdefault(key["state"], []).append(key["id"])
    return found


class Everybody:
    """All kinds of clients at once: by hand, chronyd, tickwire query, and a storm of key establishments."""

    def __init__(self, pair, authority):
        self.pair = pair
        # So often that its cookies do not outlive two rotations.
        self.chrony = nts.chronyd_client(pair.lab, pair.client, "following", authority, pair.server4, poll=-4)
        nts.chronyd_follows(self.chrony)
        self.query = [pair.lab.start(lab.TICKWIRE, "query", "--nts", "--json", "--ca", authority.file, "-n", "1000",
                                     "-i", "0.05", host, ns=pair.client) for host in (pair.server4, pair.server6)]
        # None of theirs is lost, however long a busy machine takes for it.
        self.hand = [hand.Load(pair.client, host, associations(pair, authority, 1, host), timeout=3)
                     for host in (pair.server4, pair.server6)]
        self.storm = hand.KeLoad(pair.client, pair.server6, authority)

    def stop(self):
        """What was asked and answered, in words; every single failure is one of the test."""
        self.storm.stop()
        for load in self.hand:
            load.stop()
        asked = sum(sum(load.counts.values()) for load in self.hand)
        assert asked == sum(load.counts[hand.AUTHENTIC] for load in self.hand), [load.text() for load in self.hand]
        assert asked > 300 and self.storm.done > 50 and not self.storm.failed, self.storm.failed[:5]
        # One is under way with each request.
        state = lab.wait_for(lambda: (s := nts.authdata(self.chrony)[self.pair.server4])["cookies"] == 8 and s, 5,
                             "all of chronyd's cookies")
        counts = nts.ntpdata(self.chrony, self.pair.server4)
        assert state["nak"] == 0 and state["attempts"] == 0, state
        # 16 polls a second: chronyd does not wait for what a busy machine is late with, but all that comes is right.
        assert counts["received"] - counts["valid"] <= 1 and counts["valid"] > counts["sent"] / 2, counts
        for query in self.query:
            assert query.popen.poll() is None, query.log()
            query.stop()
        return f"{asked} requests, {self.storm.done} key establishments, {counts['valid']} polls of chronyd"


def test_rotations_under_load(pair, authority, figure):
    """Ten within half a minute, by hand: nobody's cookie is refused, for none is two rotations old."""
    tickwire = nts.serve(pair, authority)
    load = Everybody(pair, authority)
    before = nts.nts_status(tickwire)["rotations"]
    seen = set()
    for _ in range(10):
        time.sleep(1.2)
        nts.keys(tickwire, "rotate")
        seen.update(key_ids(tickwire)["current"])
    time.sleep(0.5)
    text = load.stop()
    assert len(seen) == 10, seen
    assert nts.nts_status(tickwire)["rotations"] == before + 10
    verdicts = tickwire.verdicts()
    assert verdicts["nts-unknown-key"] == verdicts["nts-expired-key"] == verdicts["nts-cookie-forged"] == 0
    figure(f"10 rotations: {text}, none failed")


def test_rotation_by_time(pair, authority, figure):
    """ntsrotate: under load as before, and cookies live as long as they are promised to and not much longer."""
    period = 3
    nts.serve(pair, authority, f"ntsrotate {period}")
    load = Everybody(pair, authority)
    since = time.monotonic()
    held = associations(pair, authority, 1)[0]
    aged = {}
    for age in 0.9 * 2 * period, 3 * period + 2:
        time.sleep(max(0, since + age - time.monotonic()))
        aged[age] = hand.opens(pair.client, pair.server4, held, held.cookies[:1])[0]
    assert list(aged.values()) == [hand.AUTHENTIC, hand.NAK], aged
    text = load.stop()
    with open(pair.lab.path("keys/ntskeys"), encoding="ascii") as f:
        assert f"{int.from_bytes(held.cookies[0][:4], 'big'):08X}" not in f.read(), "the key is still in the file"
    figure(f"rotating every {period} s: {text}, none failed")


def test_keys_are_shared(pair, authority):
    """export and import: the second node opens the first's cookies, and the first the second's."""
    other = nts_pair()
    try:
        first = nts.serve(pair, authority)
        second = nts.serve(other, nts.Authority(other.lab))
        association = associations(pair, authority, 1)[0]
        assert hand.opens(other.client, other.server4, association, association.cookies[:1]) == [hand.NAK]
        file = pair.lab.path("exported")
        nts.keys(first, "export", file)
        assert os.stat(file).st_mode & 0o777 == 0o600
        text = open(file, encoding="ascii").read()
        assert text.startswith("NKS")
        nts.keys(second, "import", file)
        assert hand.opens(other.client, other.server4, association, association.cookies[:2]) == [hand.AUTHENTIC] * 2
        # The rotation of one is not the other's, but its cookies under the key that was to come open there.
        nts.keys(first, "rotate")
        fresh = associations(pair, authority, 1)[0]
        assert hand.opens(other.client, other.server4, fresh, fresh.cookies[:1]) == [hand.AUTHENTIC]
        back = hand.establish(other.client, other.server4)
        assert hand.opens(pair.client, pair.server4, back, back.cookies[:1]) == [hand.AUTHENTIC]
        # What is no key file changes nothing.
        with open(file, "w", encoding="ascii") as f:
            f.write("nonsense\n")
        done = nts.keys(second, "import", file, check=False)
        assert done.returncode == 1 and file in done.stdout, done.stdout
        assert hand.opens(other.client, other.server4, fresh, fresh.cookies[1:2]) == [hand.AUTHENTIC]
        listed = nts.keys(second, "list").stdout
        for state, ids in key_ids(second).items():
            assert state in listed and all(id_.upper() in listed.upper() for id_ in ids), listed
        secrets = [word for word in text.split() if len(word) == 64]
        assert secrets and not any(secret.lower() in listed.lower() for secret in secrets)
    finally:
        other.lab.close()


def nts_pair():
    made = lab.Lab()
    try:
        return Pair(made)
    except BaseException:
        made.close()
        raise


def test_behind_chronys_key_establishment(pair, authority):
    """chronyd gives the cookies and keeps the keys, tickwire answers with them, also after chronyd has new ones."""
    identity = nts.pair_identity(pair, authority)
    directory = pair.lab.path("shared")
    os.mkdir(directory, 0o700)

    def start(name):
        return nts.chronyd_server(pair.lab, pair.server, name, identity, f"ntsdumpdir {directory}",
                                  f"ntsntpserver {pair.server4}")

    chrony = start("ke")
    lab.wait_for(lambda: os.path.exists(f"{directory}/ntskeys"), 5, "chronyd's keys")
    tickwire = pair.tickwire(sets=["local stratum 8", f"ntsdumpdir {directory}", "ntsrotate 0"])
    assert "tickwire-ke" in [daemon["name"] for daemon in tickwire.status()["daemons"]]
    association = associations(pair, authority, 1)[0]
    assert (6, pair.server4.encode()) in association.response
    with hand.Client(pair.client, pair.server4) as client:
        for placeholders in range(8):
            assert client.ask_nts(association, placeholders=placeholders)[0] == hand.AUTHENTIC
    assert nts.query_nts(pair.client, pair.server6, authority, "-n", "2", "-i", "0.1")["answered"] == 2
    assert abs(nts.chronyd_once(pair.lab, pair.client, pair.server4, authority)) < 0.02
    assert tickwire.verdicts()["nts-answered"] >= 11, "it was chronyd that answered"
    chrony.stop()
    os.unlink(f"{directory}/ntskeys")
    chrony = start("ke-again")
    lab.wait_for(lambda: os.path.exists(f"{directory}/ntskeys"), 5, "chronyd's new keys")
    fresh = associations(pair, authority, 1)[0]
    lab.wait_for(lambda: hand.opens(pair.client, pair.server4, fresh, fresh.cookies[:1]) == [hand.AUTHENTIC], 5,
                 "the new keys are in use", 0.2)
    with open(f"{directory}/ntskeys", encoding="ascii") as f:
        assert "tickwire" not in f.read(), "the file is chronyd's"


def test_before_a_chronyd(pair, authority):
    """tickwire gives the cookies and chronyd, which reads the same file, answers with them; to chronyd and to tickwire
    query as clients, too. What the library of that chronyd may not have is not offered."""
    backend = pair.lab.namespace("d")
    pair.lab.veth(backend, "sv1", pair.client, "cl1")
    lab.addresses(backend, "sv1", "10.97.0.1/24")
    lab.addresses(pair.client, "cl1", "10.97.0.2/24")
    tickwire = nts.serve(pair, authority, "ntsntpserver 10.97.0.1", "ntsaeads 15")
    association = associations(pair, authority, 1)[0]
    assert (6, b"10.97.0.1") in association.response
    shutil.copytree(pair.lab.path("keys"), pair.lab.path("copy"))
    nts.chronyd_server(pair.lab, backend, "behind", nts.pair_identity(pair, authority),
                       f"ntsdumpdir {pair.lab.path('copy')}", "ntsrotate 0", "ntsport 4461")
    with hand.Client(pair.client, "10.97.0.1") as client:
        for placeholders in range(8):
            outcome, reply = client.ask_nts(association, placeholders=placeholders)
            assert outcome == hand.AUTHENTIC and lab.Reply(reply).stratum == 5
    # Cookies that chronyd has made open here, too.
    assert hand.opens(pair.client, pair.server4, association, association.cookies[-2:]) == [hand.AUTHENTIC] * 2
    assert abs(nts.chronyd_once(pair.lab, pair.client, pair.server4, authority)) < 0.02
    said = nts.query_nts(pair.client, pair.server4, authority, "-n", "2", "-i", "0.1")
    assert said["answered"] == 2 and said["stratum"] == 5, said
    assert tickwire.status()["ready"]


# The file of the keys

def kept(pair):
    directory = pair.lab.path("keys")
    with open(os.path.join(directory, "ntskeys"), "rb") as f:
        return f.read()


def test_file(pair, authority):
    """Only root's, whole at any time, and made anew by each rotation."""
    tickwire = nts.serve(pair, authority)
    mode = os.stat(pair.lab.path("keys/ntskeys"))
    assert mode.st_mode & 0o777 == 0o600 and mode.st_uid == 0
    before = kept(pair)
    nts.keys(tickwire, "rotate")
    lab.wait_for(lambda: kept(pair) != before, 3, "the rotation is in the file")
    assert set(os.listdir(pair.lab.path("keys"))) == {"ntskeys", "ntskeys.lock"}
    secrets = [word.lower() for word in kept(pair).decode().split() if len(word) == 64]
    told = (tickwire.log() + nts.problems(tickwire) + str(tickwire.status())).lower()
    assert len(secrets) >= 4 and not any(secret in told for secret in secrets)


@pytest.mark.parametrize("damage", ["garbage", "cut off", "a bit", "empty", "huge"])
def test_corrupt_file(pair, authority, damage):
    """A clear error, fresh keys, and the file is kept aside as it was."""
    tickwire = nts.serve(pair, authority)
    association = associations(pair, authority, 1)[0]
    assert tickwire.stop() == 0
    good = kept(pair)
    spoilt = {"garbage": os.urandom(300), "cut off": good[:len(good) // 2],
              "a bit": good[:40] + bytes([good[40] ^ 1]) + good[41:], "empty": b"", "huge": good * 100}[damage]
    path = pair.lab.path("keys/ntskeys")
    with open(path, "wb") as f:
        f.write(spoilt)
    tickwire = nts.serve(pair, authority)
    assert lab.re.search(lab.re.escape(path) + ".*(kept|aside)", tickwire.log()), tickwire.log()
    aside = [name for name in os.listdir(pair.lab.path("keys")) if "damaged" in name]
    assert len(aside) == 1
    with open(pair.lab.path("keys/" + aside[0]), "rb") as f:
        assert f.read() == spoilt
    fresh = associations(pair, authority, 1)[0]
    assert hand.opens(pair.client, pair.server4, fresh, fresh.cookies[:1]) == [hand.AUTHENTIC]
    assert hand.opens(pair.client, pair.server4, association, association.cookies[:1]) == [hand.NAK]
    assert kept(pair).startswith(b"NKS")


def tmpfs(pair, name, options):
    """A file system of its own, gone with the lab."""
    path = pair.lab.path(name)
    os.mkdir(path, 0o700)
    lab.run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path)
    pair.lab.undo.append(lambda: subprocess.run(["umount", "-l", path], capture_output=True, check=False))
    return path


@pytest.mark.parametrize("trouble", ["read-only", "full"])
def test_unwritable_directory(pair, authority, trouble):
    """Answers, key establishment and rotation go on; the status says what is wrong until it is not."""
    path = tmpfs(pair, "keys", "size=32k,mode=700")
    tickwire = nts.serve(pair, authority)
    association = associations(pair, authority, 1)[0]
    before = kept(pair)
    filler = os.path.join(path, "filler")
    if trouble == "full":
        with open(filler, "wb", buffering=0) as f, pytest.raises(OSError):
            while True:
                f.write(bytes(4096))
    else:
        lab.run("mount", "-o", "remount,ro", path)
    nts.keys(tickwire, "rotate", check=False)
    lab.wait_for(lambda: path in nts.problems(tickwire), 5, "the status says so", 0.2)
    assert kept(pair) == before, "the old file is whole"
    fresh = associations(pair, authority, 1)[0]
    assert fresh.cookies[0][:4] != association.cookies[0][:4], "the rotation has happened"
    for some in association, fresh:
        assert hand.opens(pair.client, pair.server4, some, some.cookies[:1]) == [hand.AUTHENTIC]
    if trouble == "full":
        os.unlink(filler)
    else:
        lab.run("mount", "-o", "remount,rw", path)
    lab.wait_for(lambda: kept(pair) != before, 5, "the keys are written in the end", 0.1)
    lab.wait_for(lambda: path not in nts.problems(tickwire), 5, "the status is content", 0.2)
    assert tickwire.stop() == 0


@pytest.mark.parametrize("options", ["ro", "nr_inodes=1"])
def test_unwritable_from_the_start(pair, authority, options):
    """Nothing can be kept, which is said, and the rest works."""
    path = tmpfs(pair, "keys", f"size=32k,mode=700,{options}")
    tickwire = nts.serve(pair, authority)
    assert path in nts.problems(tickwire)
    fresh = associations(pair, authority, 1)[0]
    assert hand.opens(pair.client, pair.server4, fresh, fresh.cookies[:1]) == [hand.AUTHENTIC]
