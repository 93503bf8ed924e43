"""The limit of the way to the wire: tickwire beside dpdk-testpmd as servers of the same wire and the same load.

testpmd gives requests back as they are, addresses and ports swapped (5tswap: with macswap alone they would be addressed to
the server and to no client of the load). Both sides are counted by requests that came back: compare_figures.returned().
tickwire's are replies, computed; that is what the ratio tells.
"""
import os

import compare_figures as figures
from compare_servers import Tickwire
from compare_stage import ADDRESSES, CLIENT_IF, PLAYED, SERVER_IF, Failure

RATES = (100_000, 200_000, 400_000, 800_000, 1_600_000, 3_200_000, 6_400_000)
EAL = ("--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-m", "256", "--log-level=*:error")
MAC = "02:00:00:00:00:98"  # of testpmd's memif


class Bed:
    """A kind of wire: what each end is told to open. Memory is shared by a memif's ends only while both live."""

    def __init__(self, name, server, client, sets=()):
        self.name, self.server, self.client, self.sets = name, server, client, sets


def veth(_stage):
    return Bed("veth, AF_XDP", SERVER_IF, CLIENT_IF)


def memif(stage):
    socket = f"socket={stage.path('memif.sock')},socket-abstract=no"
    return Bed("memif", f"vdev:net_memif0,role=server,{socket},mac={MAC}", f"vdev:net_memif0,role=client,{socket}",
               (f"bindaddress {ADDRESSES[4][0]}",))


def vdev_of(bed):
    return bed.server[5:] if bed.server.startswith("vdev:") else f"net_af_xdp0,iface={bed.server}"


def start_testpmd(stage, program, bed):
    process = stage.start(
        "testpmd", program, *EAL, "--lcores",
        f"0@{stage.client_core},1@{stage.server_core}", "--main-lcore", "0", "--vdev", vdev_of(bed), "--",
        "--forward-mode=5tswap", "--auto-start", "--nb-cores=1", "--total-num-mbufs=16384", "--no-lsc-interrupt",
        "--stats-period=1", ns=stage.server)
    stage.wait(process, lambda: "NIC statistics" in stage.log(process), 20, "testpmd did not start")
    return process


def climb(stage, load, mac, *options):
    """Load at rising rates until more would tell nothing: (offered, sent, returned) a second of each step."""
    steps, (server, _, _) = [], ADDRESSES[4]
    for rate in RATES:
        said = load(stage, server, "--interface", stage.bed.client, "--from", PLAYED[4], "--mac", mac, "--rate", rate,
                    *options)
        steps.append((rate, said["rate_sent"], figures.returned(said)))
        if figures.ladder_is_over(steps):
            break
    if max(step[2] for step in steps) <= 0:
        raise Failure("nothing came back")
    return steps


def measure(stage, make_bed, side, programs, load):
    """(most returned a second, who was the limit) of one side over one kind of wire."""
    stage.bed = make_bed(stage)
    if side == "testpmd":
        start_testpmd(stage, programs["testpmd"], stage.bed)
    else:
        Tickwire(programs["tickwire"]).start(stage, None, stage.bed.server, *stage.bed.sets)
    on_veth = stage.bed.server == SERVER_IF
    if on_veth:
        stage.settle()
    steps = climb(stage, load, stage.mac(stage.server, SERVER_IF) if on_veth else MAC,
                  *(["--echo"] if side == "testpmd" else []))
    best, limit = figures.best_step(steps)
    return best[2], limit


def ring_rates(build, rounds, note):
    """{side: {"rate": [...], "limit": [...]}} over net_ring, where each side feeds itself."""
    program = os.path.join(build, "bench", "ring")
    if not os.access(program, os.X_OK):
        raise Failure("bench/ring is not here: it is built, but not installed (--build names the build directory)")
    import ring_beside_testpmd as beside  # pylint: disable=import-outside-toplevel

    cores = sorted(os.sched_getaffinity(0))
    sides = {"tickwire": [], "testpmd": []}
    for number in range(rounds):
        note(f"round {number + 1}: net_ring")
        try:
            sides["testpmd"].append(beside.testpmd(cores[-1], cores[0], 4) * 1e6)
        except SystemExit as error:
            raise Failure(str(error)) from None
        _, rates = beside.ring(program, cores[-1], 1000)
        sides["tickwire"].append(next(rate for (_, work), rate in rates.items() if work != "macswap") * 1e6)
    return {side: {"rate": rates, "limit": ["server"] * rounds} for side, rates in sides.items()}


BEDS = (veth, memif)
SIDES = ("tickwire", "testpmd")
