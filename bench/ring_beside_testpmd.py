#!/usr/bin/env python3
"""What a worker answers over net_ring, beside testpmd's macswap on the same kind of port, in turn.

testpmd sends a burst into a net_ring port that loops back to itself and swaps MAC addresses for ever; bench/ring times the
worker's own pass over a net_ring port and, in the same process, a macswap of its own. Both run on one core.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys

EAL = ["--no-huge", "--no-shconf", "--no-pci", "-m", "256", "--no-telemetry", "--log-level=*:error"]


def testpmd(core, other, seconds):
    """Millions of packets a second, the best of its seconds."""
    command = ["dpdk-testpmd", *EAL, "--lcores", f"0@{other},1@{core}", "--main-lcore", "0", "--vdev", "net_ring0", "--",
               "--forward-mode=macswap", "--tx-first", "--burst=32", "--stats-period", "1", "--nb-cores=1",
               "--total-num-mbufs=8192", "--no-lsc-interrupt"]
    run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        out, _ = run.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        run.terminate()
        out, _ = run.communicate()
    rates = [int(n) for n in re.findall(r"Rx-pps:\s+(\d+)", out)]
    if not any(rates):
        sys.exit("testpmd counted nothing")
    return max(rates) / 1e6


def ring(program, core, runs):
    out = subprocess.run(["taskset", "-c", str(core), program, "--runs", str(runs)], check=True, capture_output=True,
                         text=True).stdout
    return out, {(kind, work): float(mpps) for kind, work, mpps in
                 re.findall(r"^(\S+)\s+(\S+)\s+[\d.]+ clk\s+[\d.]+ ns\s+([\d.]+) Mpps", out, re.M)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="build directory")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=4000)
    arguments = parser.parse_args()
    if not shutil.which("dpdk-testpmd"):
        sys.exit("dpdk-testpmd is missing: apt-get install dpdk")
    cores = sorted(os.sched_getaffinity(0))
    core, other = cores[-1], cores[0]
    peer, ours, text = [], {}, ""
    for _ in range(max(1, min(arguments.rounds, 20))):
        peer.append(testpmd(core, other, 4))
        text, rates = ring(os.path.join(arguments.build, "bench", "ring"), core, arguments.runs)
        for key, rate in rates.items():
            ours.setdefault(key, []).append(rate)
    print(text)
    best = statistics.median(peer)
    print(f"testpmd macswap, median of {len(peer)}: {best:.1f} Mpps ({min(peer):.1f} to {max(peer):.1f})")
    for (kind, work), rates in ours.items():
        if work != "macswap":
            rate = statistics.median(rates)
            print(f"{kind:5} {work:14} {rate:6.1f} Mpps ({min(rates):.1f} to {max(rates):.1f}), {rate / best:.2f} of testpmd")


if __name__ == "__main__":
    main()
