"""What goes wrong at the start is said in a sentence and leaves nothing; what goes wrong later is overcome."""
import os
import signal
import time

import pytest

import lab
from conftest import Pair
from test_stop import HUGE, number, traces

DRIVERS = ["af_xdp", "af_packet"]


def refused(pair, *interfaces, status, words, **options):
    """A start that fails with this status and these words in its message."""
    tickwire = pair.tickwire(*interfaces, wait=False, **options)
    tickwire.process.popen.wait(20)
    log = tickwire.log()
    assert tickwire.process.popen.returncode == status, log
    assert "tickwire: ready" not in log
    for word in words:
        assert word in log, log
    assert len(log.splitlines()) <= 8, log
    return tickwire


def test_missing_interface(pair):
    tickwire = refused(pair, "nosuch0", status=69, words=["interface nosuch0: there is no such interface"])
    assert not os.path.exists(tickwire.run_dir)
    assert not traces(pair.server, ["lo", "sv0"])


def test_missing_device(pair):
    refused(pair, "vdev:net_nothing0", status=69, words=["vdev:net_nothing0", "DPDK"])
    refused(pair, "pci:0000:7f:1f.7", status=69, words=["pci:0000:7f:1f.7"])


def test_not_root(pair):
    lab.need_program("setpriv")
    run_dir = pair.lab.path("user")
    os.mkdir(run_dir)
    os.chown(run_dir, 65534, 65534)
    done = lab.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", lab.TICKWIRE, "run", "--interface",
                   "sv0", "--run-dir", run_dir + "/run", ns=pair.server, check=False)
    assert done.returncode == 77 and "needs root" in done.stdout, done.stdout
    assert not os.listdir(run_dir)


def test_second_instance(pair):
    """Neither the interface nor the run directory is had twice, and the first goes on."""
    first = pair.tickwire()
    refused(pair, status=69, words=["interface sv0: another tickwire", f"pid {first.pid}"])
    other = refused(pair, "lo", status=69, words=[f"another tickwire (pid {first.pid}) runs here"],
                    run_dir=first.run_dir)
    assert other.run_dir == first.run_dir
    assert pair.ask() and first.status()["ready"]
    assert first.stop() == 0


def test_two_instances(lab):  # pylint: disable=redefined-outer-name
    """On two interfaces of one host they do not know of each other."""
    import lab as tools
    one, two = Pair(lab), lab.namespace("d")
    lab.veth(one.server, "sv1", two, "cl1")
    tools.addresses(one.server, "sv1", "10.97.0.1/24")
    tools.addresses(two, "cl1", "10.97.0.2/24")
    first, second = one.tickwire("sv0"), one.tickwire("sv1", sets=["local stratum 9"])
    assert one.ask().stratum == 8 and tools.ask(two, "10.97.0.1").stratum == 9
    assert first.stop() == 0
    assert tools.ask(two, "10.97.0.1").stratum == 9
    assert second.stop() == 0


PASS_ALL = """
__attribute__((section("xdp"), used)) int pass_all(void *c) { (void)c; return 2; }
__attribute__((section("license"), used)) char license_of_it[] = "Apache-2.0";
"""


def test_foreign_xdp_program(pair):
    """Somebody else's program is neither replaced nor removed; AF_PACKET works beside it."""
    lab.need_program("clang")
    program = pair.lab.path("pass.o")
    lab.run("clang", "-O2", "-g", "-target", "bpf", "-x", "c", "-c", "-", "-o", program, text=PASS_ALL)
    if lab.run("ip", "-n", pair.server, "link", "set", "dev", "sv0", "xdp", "obj", program, "sec", "xdp",
               check=False).returncode:
        pytest.skip("needs an `ip` that loads XDP programs")
    refused(pair, status=69, words=["interface sv0: the XDP program pass_all of somebody else", "driver af_packet"])
    assert "xdp" in lab.run("ip", "-n", pair.server, "link", "show", "dev", "sv0").stdout
    tickwire = pair.tickwire("sv0 driver af_packet")
    assert pair.ask()
    assert tickwire.stop() == 0
    assert "xdp" in lab.run("ip", "-n", pair.server, "link", "show", "dev", "sv0").stdout


def test_no_huge_pages(pair):
    if number(HUGE + "free_hugepages") > 0:
        pytest.skip("needs a machine without free huge pages")
    refused(pair, sets=["local stratum 8", "hugepages yes"], status=71, words=["hugepages yes", "nr_hugepages"])
    tickwire = pair.tickwire(sets=["local stratum 8", "hugepages no"])
    assert pair.ask() and not tickwire.status()["huge_pages"]


def test_bad_configuration(pair):
    """File and line, before anything is opened."""
    config = pair.lab.path("bad.conf")
    with open(config, "w", encoding="ascii") as f:
        f.write("interface sv0\nlocal stratum 99\nfoo bar\n")
    tickwire = refused(pair, config=config, sets=(), status=78, words=[f"{config}:2: error: ", f"{config}:3: error: "])
    assert not os.path.exists(tickwire.run_dir)
    refused(pair, config=pair.lab.path("none.conf"), sets=(), status=78, words=["none.conf", "No such file"])
    refused(pair, sets=["workers 900"], status=78, words=["workers"])


@pytest.mark.parametrize("driver", DRIVERS)
def test_interface_removed(pair, driver, figure):
    """It goes and comes back, and so do the answers; the supervisor does not give up meanwhile."""
    tickwire = pair.tickwire(f"sv0 driver {driver}")
    assert pair.ask()
    lab.run("ip", "-n", pair.server, "link", "del", "sv0")
    tickwire.process.wait_log("interface sv0 is gone", 5)
    time.sleep(1)
    assert tickwire.process.popen.poll() is None
    assert not tickwire.status()["ready"]
    pair.lab.veth(pair.server, "sv0", pair.client, "cl0")
    lab.addresses(pair.server, "sv0", f"{Pair.server4}/24", f"{Pair.server6}/64")
    lab.addresses(pair.client, "cl0", f"{Pair.client4}/24", f"{Pair.client6}/64")
    start = time.monotonic()
    lab.wait_for(lambda: pair.ask(timeout=0.1), 10, "answers")
    figure(f"{driver}: answers {time.monotonic() - start:.2f} s after the interface is back")
    tickwire.process.wait_log("the dataplane polls again", 3)
    assert pair.ask(Pair.server6)
    assert tickwire.stop() == 0
    assert not traces(pair.server, ["lo", "sv0"])


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("daemon", lab.DAEMONS)
def test_daemon_killed_under_traffic(pair, driver, daemon, figure):
    """kill -9 under load: the clock daemon costs no answer, the dataplane a bounded while."""
    tickwire = pair.tickwire(f"sv0 driver {driver}")
    assert pair.ask()
    traffic = lab.Traffic(pair.client, Pair.server4)
    time.sleep(0.3)
    victim = tickwire.victim(daemon)
    os.kill(victim, signal.SIGKILL)
    lab.wait_for(lambda: tickwire.daemon_pid(daemon) not in (0, victim), 5, "the restart")
    if daemon == "tickwire-dataplane":
        tickwire.process.wait_log("the dataplane polls again")
    time.sleep(1.2)
    traffic.stop()
    figure(f"{driver}, {daemon}: {traffic.lost()} of {len(traffic.sent)} requests lost, "
           f"no answer for {traffic.loss_window():.2f} s")
    assert traffic.loss_window() < 1.5
    if daemon == "tickwire-clock":
        assert traffic.lost() == 0
    status = tickwire.status()
    assert status["ready"] and tickwire.daemon(daemon)["restarts"] == 1
    assert pair.ask().stratum == 8
    assert f"{daemon} was killed by signal 9" in tickwire.log()


def test_daemon_killed_again_and_again(pair):
    """It is restarted with a growing pause and never given up."""
    tickwire = pair.tickwire()
    for _ in range(3):
        victim = lab.wait_for(lambda: tickwire.daemon_pid("tickwire-dataplane"), 5, "the dataplane")
        os.kill(victim, signal.SIGKILL)
        lab.wait_for(lambda: tickwire.daemon_pid("tickwire-dataplane") != victim, 3, "its end")  # pylint: disable=W0640
    assert "restarted in" in tickwire.log()
    lab.wait_for(lambda: pair.ask(timeout=0.1), 6, "answers")


@pytest.mark.parametrize("driver", DRIVERS)
def test_one_of_two_interfaces_removed(pair, driver, figure):
    """The other one is answered soon again, and both once it is back."""
    other = pair.lab.namespace("d")

    def plug():
        pair.lab.veth(pair.server, "sv1", other, "cl1")
        lab.addresses(pair.server, "sv1", "10.97.0.1/24")
        lab.addresses(other, "cl1", "10.97.0.2/24")

    plug()
    # The one that goes comes first, so that the dataplane's numbers of ports shift.
    tickwire = pair.tickwire(f"sv1 driver {driver}", f"sv0 driver {driver}")
    assert pair.ask() and lab.ask(other, "10.97.0.1")
    lab.run("ip", "-n", pair.server, "link", "del", "sv1")
    start = time.monotonic()
    tickwire.process.wait_log("interface sv1 is gone", 5)
    lab.wait_for(lambda: pair.ask(timeout=0.1), 10, "answers of the other interface")
    tickwire.process.wait_log("the dataplane polls again", 3)
    figure(f"{driver}: the other one answers {time.monotonic() - start:.2f} s after the removal")
    assert pair.ask(Pair.server6) and pair.ping()
    lab.wait_for(lambda: tickwire.status()["ready"], 3, "ready")
    assert [port["interface"] for port in tickwire.status()["ports"]] == ["sv0"]
    plug()
    tickwire.process.wait_log("interface sv1 is back", 5)
    lab.wait_for(lambda: lab.ask(other, "10.97.0.1", timeout=0.1), 10, "answers of both")
    lab.wait_for(lambda: pair.ask(timeout=0.1), 10, "answers of both")
    assert tickwire.log().count("interface sv1 is gone") == 1
    assert tickwire.log().count("interface sv1 is back") == 1
    assert tickwire.stop() == 0
    assert not traces(pair.server, ["lo", "sv0", "sv1"])


def has_tap(ns):
    return lab.run("ip", "-n", ns, "addr", "show", "exc0", check=False).stdout.count(f"{Pair.server4}/24") == 1


def test_tap_removed(lab):  # pylint: disable=redefined-outer-name
    """It is made again, with its address; and one that a killed supervisor has left goes at the next stop."""
    import lab as tools
    tools.need_file("/dev/net/tun", "TAP interfaces")
    ns = lab.namespace("s")
    interface = f"vdev:net_tap0,iface=np0 tap exc0 address {Pair.server4}/24"
    tickwire = tools.Tickwire(lab, ns, interface)
    assert has_tap(ns)
    tools.run("ip", "-n", ns, "link", "del", "exc0")
    tickwire.process.wait_log("interface exc0 is gone", 5)
    tickwire.process.wait_log("the dataplane polls again", 10)
    assert has_tap(ns)
    assert tickwire.log().count("is gone") == 1 and "is back" not in tickwire.log()
    family = tickwire.family()
    tickwire.process.kill(signal.SIGKILL)
    tools.wait_for(lambda: not any(tools.alive(pid) for pid in family), 5, "end of the daemons")
    assert has_tap(ns)
    tickwire = tools.Tickwire(lab, ns, interface, run_dir=tickwire.run_dir)
    assert tickwire.stop() == 0
    assert not traces(ns, ["lo"])


def test_stale_files_are_not_served(pair):
    """What a killed instance has left in the run directory is nobody's; the new one makes its own."""
    tickwire = pair.tickwire()
    run_dir = tickwire.run_dir
    family = tickwire.family()
    tickwire.process.kill(signal.SIGKILL)
    lab.wait_for(lambda: not any(lab.alive(pid) for pid in family), 5, "end of the daemons")
    old = {name: os.stat(os.path.join(run_dir, name)).st_ino for name in ("timebase", "policy", "counters")}
    # Links keep the numbers of the files in use.
    for name in old:
        os.link(os.path.join(run_dir, name), pair.lab.path(name))
    again = pair.tickwire(run_dir=run_dir)
    assert pair.ask()
    for name, inode in old.items():
        assert os.stat(os.path.join(run_dir, name)).st_ino != inode
    assert again.stop() == 0


def test_locks_are_out_of_reach(pair):
    """Nobody but root can hold a lock that keeps an interface from being served."""
    pair.tickwire()
    assert lab.namespace_locks(pair.server)
    assert os.stat(lab.LOCKS).st_mode & 0o777 == 0o700 and os.stat(lab.LOCKS).st_uid == 0


def test_slow_client_of_the_control_socket(pair):
    """One that sends its request octet by octet holds nobody up for long."""
    tickwire = pair.tickwire("sv0 driver af_packet")
    with lab.socket.socket(lab.socket.AF_UNIX) as slow:
        slow.connect(tickwire.run_dir + "/control.sock")
        start = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - start < 10:
                slow.send(b"x")
                time.sleep(0.2)
        assert time.monotonic() - start < 4
    assert tickwire.status()["ready"]


def test_reload_with_a_stuck_clock(pair, figure):
    """The clock daemon is told to end and not waited for; as it does not, it is killed and started anew."""
    tickwire = pair.tickwire()
    config = pair.lab.path("reload.conf")
    with open(config, "w", encoding="ascii") as f:
        f.write("interface sv0\nlocal stratum 8\n")
    assert tickwire.stop() == 0
    tickwire = pair.tickwire(config=config, sets=())
    clock = tickwire.victim("tickwire-clock")
    os.kill(clock, signal.SIGSTOP)
    with open(config, "w", encoding="ascii") as f:
        f.write("interface sv0\nlocal stratum 5\n")
    start = time.monotonic()
    assert tickwire.reload().returncode == 0
    assert lab.alive(clock), "it was waited for"
    lab.wait_for(lambda: (r := pair.ask(timeout=0.2)) and r.stratum == 5, 10, "the new stratum")
    figure(f"the new stratum after {time.monotonic() - start:.2f} s")
    assert not lab.alive(clock)
    assert tickwire.stop() == 0
