"""What the daemons may do once they run, and what an idle instance costs."""
import os
import pwd
import time

import pytest

import lab

SETUID_SETGID = 1 << 7 | 1 << 6


def threads(pid):
    """The fields of /proc/PID/status, of each thread."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as f:
            yield dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


@pytest.fixture(scope="module")
def tickwire(module_pair):
    return module_pair.tickwire()


@pytest.mark.parametrize("daemon", lab.DAEMONS)
def test_unprivileged(tickwire, daemon):
    """Not root, no capability, none to be had, and a filter of system calls: every thread."""
    names = [user.pw_name for user in pwd.getpwall()]
    user = pwd.getpwnam("_tickwire" if "_tickwire" in names else "nobody")
    count = 0
    for status in threads(tickwire.daemon_pid(daemon)):
        count += 1
        assert set(status["Uid"].split()) == {str(user.pw_uid)}
        assert set(status["Gid"].split()) == {str(user.pw_gid)}
        assert not status["Groups"].split()
        for capabilities in "CapInh", "CapPrm", "CapEff", "CapAmb":
            assert int(status[capabilities], 16) == 0, f"{status['Name']}: {capabilities}"
        assert status["NoNewPrivs"].strip() == "1", status["Name"]
        assert status["Seccomp"].strip() == "2", status["Name"]
    assert count >= (2 if daemon == "tickwire-dataplane" else 1)


def test_tracking_helper(tickwire):
    """It asks chronyd as the owner of chronyd's directory: it can become that user, and that is all."""
    helpers = [pid for pid in lab.children(tickwire.daemon_pid("tickwire-clock"))]
    assert helpers
    for pid in helpers:
        for status in threads(pid):
            if status["Name"].strip() == "tickwire-track":
                assert int(status["CapPrm"], 16) & ~SETUID_SETGID == 0
                assert int(status["CapAmb"], 16) == 0


def test_run_directory(tickwire):
    """Only ours to read."""
    assert os.stat(tickwire.run_dir).st_mode & 0o077 == 0
    for name in os.listdir(tickwire.run_dir):
        assert os.lstat(os.path.join(tickwire.run_dir, name)).st_mode & 0o077 == 0, name


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            total += sum(int(word) for word in f.read().rsplit(")", 1)[1].split()[11:15])
    return total / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("driver", ["af_xdp", "af_packet"])
def test_idle(pair, driver, figure):
    """Nobody asks: less than a tenth of a core, all processes together."""
    instance = pair.tickwire(f"sv0 driver {driver}")
    time.sleep(1.2)
    family = instance.family()
    names = {pid: open(f"/proc/{pid}/comm", encoding="ascii").read().strip() for pid in family}
    before, start = {pid: cpu_seconds([pid]) for pid in family}, time.monotonic()
    time.sleep(2)
    used = {pid: (cpu_seconds([pid]) - before[pid]) / (time.monotonic() - start) for pid in family if lab.alive(pid)}
    figure(f"{driver}: {sum(used.values()) * 100:.1f} % of a core idle ("
           + ", ".join(f"{names[pid]} {share * 100:.1f}" for pid, share in used.items()) + ")")
    assert sum(used.values()) < 0.1
    assert pair.ask()


def test_idle_latency(pair, figure):
    """The first request after a pause wakes a sleeping worker at once."""
    pair.tickwire()
    with lab.Client(pair.client, pair.server4) as client:
        waits = []
        for _ in range(15):
            time.sleep(0.06)
            waits.append(client.ask(timeout=5).delay)
        waits.sort()
    figure(f"first answer after 60 ms of silence: median {waits[7] * 1e6:.0f} us, worst {waits[-1] * 1e6:.0f} us")
    assert waits[7] < 0.005
