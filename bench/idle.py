#!/usr/bin/env python3
"""What the `idle` settings cost and bring, over a veth pair: CPU of an idle dataplane, CPU and latency at 100 requests a second,
latency back to back, and the offset that a client sees. Root; makes and removes two network namespaces."""
import argparse
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "system"))
sys.dont_write_bytecode = True

SETTINGS = ("sleep after 10", "sleep after 100", "sleep after 1000", "poll")
SERVER = "10.99.0.1"


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(lab, ns, count, gap):
    """Delays and offsets in microseconds."""
    delays, offsets = [], []
    with lab.Client(ns, SERVER) as client:
        for _ in range(count):
            reply = client.ask(timeout=1)
            if reply:
                delays.append(reply.delay * 1e6)
                offsets.append(reply.offset * 1e6)
            time.sleep(gap)
    return delays, offsets


def measure(lab, server, client, driver, setting, in_lab):
    tickwire = lab.Tickwire(in_lab, server, f"sv0 driver {driver}", sets=("local stratum 8", f"idle {setting}"))
    pid = tickwire.daemon_pid("tickwire-dataplane")
    start, begun = cpu_seconds(pid), time.monotonic()
    time.sleep(3)
    idle = (cpu_seconds(pid) - start) / (time.monotonic() - begun)
    start, begun = cpu_seconds(pid), time.monotonic()
    delays, offsets = ask(lab, client, 300, 0.01)
    slow = (cpu_seconds(pid) - start) / (time.monotonic() - begun)
    fast, _ = ask(lab, client, 3000, 0)
    tickwire.stop()
    tenths = statistics.quantiles(delays, n=10)
    print(f"{driver:9}  {setting:16}  {idle:5.0%}  {slow:6.0%}  {statistics.median(delays):7.1f} {tenths[8]:7.1f}  "
          f"{statistics.median(fast):7.1f}  {statistics.median(offsets):+7.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="build directory")
    os.environ["TICKWIRE_BUILD"] = os.path.abspath(parser.parse_args().build)
    import lab  # pylint: disable=import-error,import-outside-toplevel

    in_lab = lab.Lab()
    try:
        server, client = in_lab.namespace("s"), in_lab.namespace("c")
        in_lab.veth(server, "sv0", client, "cl0")
        lab.addresses(server, "sv0", f"{SERVER}/24")
        lab.addresses(client, "cl0", "10.99.0.2/24")
        print("                             CPU of a core    100/s: delay, us  back to   offset,\n"
              "driver     idle              idle   at 100/s  median    90 %     back, us        us")
        for driver in ("af_xdp", "af_packet"):
            for setting in SETTINGS:
                measure(lab, server, client, driver, setting, in_lab)
    finally:
        in_lab.close()


if __name__ == "__main__":
    main()
