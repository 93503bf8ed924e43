"""Addresses as they come and go, and the configuration as it is reloaded."""
import lab
from conftest import Pair


def gone(pair, host):
    lab.wait_for(lambda: not pair.ask(host, timeout=0.15), 3, f"{host} is no longer answered")


def comes(pair, host):
    lab.wait_for(lambda: pair.ask(host, timeout=0.15), 3, f"{host} is answered")


def test_addresses_are_followed(pair):
    """Added and removed while tickwire runs; the rest is answered throughout."""
    tickwire = pair.tickwire()
    assert sorted(tickwire.status()["addresses"])[:2] == [Pair.server4, Pair.server6]
    for host, cidr in ("10.99.0.7", "10.99.0.7/24"), ("fd99::7", "fd99::7/64"):
        assert not pair.ask(host, timeout=0.15)
        traffic = lab.Traffic(pair.client, Pair.server4)
        lab.addresses(pair.server, "sv0", cidr)
        comes(pair, host)
        assert host in tickwire.status()["addresses"]
        lab.run("ip", "-n", pair.server, "addr", "del", cidr, "dev", "sv0")
        gone(pair, host)
        assert host not in tickwire.status()["addresses"]
        assert traffic.stop().lost() == 0


def test_every_address_goes(pair):
    tickwire = pair.tickwire()
    lab.run("ip", "-n", pair.server, "addr", "flush", "dev", "sv0")
    lab.wait_for(lambda: not tickwire.status()["addresses"], 3, "no address is served")
    assert "no address to serve" in tickwire.log()
    lab.addresses(pair.server, "sv0", f"{Pair.server4}/24")
    comes(pair, Pair.server4)


def write(path, *lines):
    with open(path, "w", encoding="ascii") as f:
        f.write("\n".join([*lines, ""]))


def test_reload(pair):
    """A good file is applied without a loss, a bad one is refused and leaves all as it was, and what only a restart
    applies is named."""
    config = pair.lab.path("tickwire.conf")
    lab.addresses(pair.server, "sv0", "10.99.0.7/24")
    base = ["interface sv0", "local stratum 8"]
    write(config, *base)
    tickwire = pair.tickwire(sets=(), config=config)
    with lab.Client(pair.client, Pair.server4) as client:
        assert client.ask().stratum == 8
        assert pair.ask("10.99.0.7") and pair.ask(Pair.server6)

        traffic = lab.Traffic(pair.client, Pair.server4)
        write(config, *base, f"bindaddress {Pair.server4}", "minpoll 8")
        done = tickwire.reload()
        assert done.returncode == 0 and "reloaded" in done.stdout
        gone(pair, "10.99.0.7")
        gone(pair, Pair.server6)
        assert client.ask().poll == 8

        write(config, *base, "bindaddress 10.99.0.7", "minpole 8", "port 0")
        done = tickwire.reload()
        assert done.returncode == 1 and "line 4" in done.stdout and "minpole" in done.stdout, done.stdout
        assert "line 5" in done.stdout and "refused" in done.stdout
        assert client.ask().poll == 8
        assert not pair.ask("10.99.0.7", timeout=0.15)

        write(config, *base, f"bindaddress {Pair.server4}", "hugepages no", "idle poll")
        done = tickwire.reload()
        assert done.returncode == 0
        assert "restart" in done.stdout and "hugepages" in done.stdout and "idle" in done.stdout
        assert client.ask().poll == 6
        assert traffic.stop().lost() == 0

        write(config, "interface sv0", "local stratum 5")
        assert tickwire.reload().returncode == 0
        lab.wait_for(lambda: (r := client.ask()) and r.stratum == 5, 4, "the clock daemon with the new stratum")
        comes(pair, "10.99.0.7")
    tickwire.process.kill(lab.signal.SIGHUP)
    tickwire.process.wait_log(r"(?s)reloaded.*reloaded.*reloaded.*reloaded", 3)
    assert len(tickwire.family()) >= 3


def test_another_port(pair):
    pair.tickwire(sets=["local stratum 8", "port 1123"])
    with lab.Client(pair.client, Pair.server4, 1123) as client:
        assert client.ask()
    assert not pair.ask(timeout=0.2)


def test_check_names_file_and_line(lab):  # pylint: disable=redefined-outer-name
    import lab as tools
    config = lab.path("bad.conf")
    write(config, "interface sv0", "", "workers x", "allow", "nonsense 1")
    done = tools.run(tools.TICKWIRE, "check", config, check=False)
    assert done.returncode == 1
    assert f"{config}:3: error: " in done.stdout and f"{config}:4: warning: " in done.stdout
    assert f"{config}:5: error: " in done.stdout
    write(config, "interface sv0")
    assert tools.run(tools.TICKWIRE, "check", config, check=False).returncode == 0
    assert tools.run(tools.TICKWIRE, "check", check=False).returncode == 2
