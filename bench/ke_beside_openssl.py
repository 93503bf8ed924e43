#!/usr/bin/env python3
"""What tickwire-ke makes of a core, beside OpenSSL's own handshakes in memory, in turn; and what a held connection costs.

A storm of key establishments goes over a veth pair from one core to tickwire-ke on another. Handshakes a second of one core
are those that were answered, by the processor time that the daemon took, the kernel's on its behalf included; OpenSSL's is
the server's side alone, on the same core. Root; makes and removes two network namespaces.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "system"))
sys.dont_write_bytecode = True

SERVER, CLIENT = "10.99.0.1", "10.99.0.2"
STAGES = ("tcp", "hello", "handshake")


def cpu_seconds(pid):
    """Of all threads that live; the kernel's time on their behalf is in it."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read())[1])


def on_core(core, *command):
    return ["taskset", "-c", str(core), *command]


def storm(lab, client, program, ca, seconds, core):
    out = lab.run(*on_core(core, program, "ke", SERVER, "--ca", ca, "--time", seconds, "--json"), ns=client,
                  timeout=seconds + 20, check=False).stdout
    return json.loads(out)


def held_memory(client, program, ca, pid, stage, count):
    """kB a connection."""
    before = resident(pid)
    with subprocess.Popen(["ip", "netns", "exec", client, program, "ke", SERVER, "--ca", ca, "--hold", stage,
                           "--connections", str(count), "--time", "20", "--json"], stdout=subprocess.PIPE,
                          text=True) as holder:
        time.sleep(2)  # all are there by then, and the server's patience is not over
        taken = resident(pid) - before
        holder.terminate()
        said = json.loads(holder.communicate(timeout=10)[0])
    kept = said["held"] - said["dropped"]
    return kept, taken / max(1, kept)


def measure(lab, in_lab, build, arguments):
    cores = sorted(os.sched_getaffinity(0))
    server_core, client_core = cores[-1], cores[0]
    server, client = in_lab.namespace("s"), in_lab.namespace("c")
    in_lab.veth(server, "sv0", client, "cl0")
    lab.addresses(server, "sv0", f"{SERVER}/24")
    lab.addresses(client, "cl0", f"{CLIENT}/24")
    lab.run(lab.TICKWIRE, "keys", "selfsign", in_lab.dir, SERVER)
    certificate, key = (in_lab.path(f"{SERVER}.{end}") for end in ("crt", "key"))

    def start():
        tickwire = lab.Tickwire(in_lab, server, "sv0", sets=(
            "local stratum 8", f"ntsservercert {certificate}", f"ntsserverkey {key}", "maxntsconnections 2000"))
        pid = tickwire.daemon_pid("tickwire-ke")
        lab.run("taskset", "-a", "-c", "-p", str(server_core), str(pid))
        return tickwire, pid

    tickwire, pid = start()
    program, memory = os.path.join(build, "bin", "tickwire-bench"), os.path.join(build, "bench", "ke_memory")
    ours, servers, boths = [], [], []
    for _ in range(max(1, min(arguments.rounds, 20))):
        limit = json.loads(lab.run(*on_core(server_core, memory, certificate, key, arguments.seconds)).stdout)
        servers.append(limit["server"])
        boths.append(limit["both"])
        before = cpu_seconds(pid)
        result = storm(lab, client, program, certificate, arguments.seconds, client_core)
        ours.append(result["good"] / (cpu_seconds(pid) - before))
        p50, p99 = (result["latency"][share] * 1e3 for share in ("p50", "p99"))
        print(f"storm: {result['good']} of {result['begun']}, {result['rate']:.0f}/s, p50 {p50:.2f} ms, p99 {p99:.2f} ms "
              f"{result['failures'] or ''}")
    for name, rates in (("tickwire-ke, a core", ours), ("OpenSSL, server's side", servers),
                        ("OpenSSL, both sides", boths)):
        print(f"{name:24} {statistics.median(rates):7.0f}/s ({min(rates):.0f} to {max(rates):.0f})")
    ratios = [a / b for a, b in zip(ours, servers)]
    print(f"{'ratio to server side':24} {statistics.median(ratios):7.2f}   ({min(ratios):.2f} to {max(ratios):.2f})")
    tickwire.stop()
    for stage in STAGES:
        tickwire, pid = start()
        held, size = held_memory(client, program, certificate, pid, stage, 1000)
        print(f"held after {stage:13} {size:7.1f} kB a connection ({held} held)")
        tickwire.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="build directory")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    os.environ["TICKWIRE_BUILD"] = build
    import lab  # pylint: disable=import-error,import-outside-toplevel

    in_lab = lab.Lab()
    try:
        measure(lab, in_lab, build, arguments)
    finally:
        in_lab.close()


if __name__ == "__main__":
    main()
