"""Where a comparison takes place: two network namespaces with a cable, processes, and what a core did meanwhile.

Names carry a prefix and the pid. close() takes everything away again; whoever makes a Stage calls it, also after a failure.
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time

PREFIX = "twcompare"
SERVER_IF, CLIENT_IF = "sv0", "cl0"
ADDRESSES = {4: ("10.98.0.1", "10.98.0.2", "/24"), 6: ("fd98::1", "fd98::2", "/64")}  # server's, client's
PLAYED = {4: "10.98.128.0/17", 6: "fd98:0:0:1::/64"}  # where the load's clients live


class Failure(Exception):
    """A sentence for the person at the terminal."""


def end_process(process, seconds=10):
    """It and all that is in its session, which is its own."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):  # it is dead to us; what else there is to remove comes first
        process.wait(10)


def children(pid):
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
                found += [int(word) for word in f.read().split()]
    return found + [below for child in found for below in children(child)]


def process_seconds(pids):
    """Processor time of all threads that live, to the nanosecond; utime and stime count in steps of 10 ms."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
                    total += int(f.read().split()[0])
    return total / 1e9


def core_seconds(core):
    """All that a core did but idling, interrupts included."""
    with open("/proc/stat", encoding="ascii") as f:
        fields = next(line for line in f if line.startswith(f"cpu{core} ")).split()[1:]
    user, nice, system, _, _, irq, softirq, *_ = (int(field) for field in fields)
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def sent_packets(pid):
    """That the interface of the server's namespace has sent."""
    with open(f"/proc/{pid}/net/dev", encoding="ascii") as f:
        line = next(line for line in f if line.strip().startswith(SERVER_IF + ":"))
    return int(line.split(":")[1].split()[9])


class Watch(threading.Thread):
    """Samples for compare_figures.busy_window, five times a second."""

    def __init__(self, pid, core):
        super().__init__(daemon=True)
        self.pid, self.core = pid, core
        self.samples, self.ending = [], threading.Event()

    def run(self):
        with contextlib.suppress(OSError, StopIteration):
            while not self.ending.wait(0.2):
                family = [self.pid, *children(self.pid)]
                self.samples.append((time.monotonic(), core_seconds(self.core), process_seconds(family),
                                     sent_packets(self.pid)))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join()


class Stage:
    """A pair of namespaces, the server's and the client's, and all that runs in them."""
    count = 0

    def __init__(self, server_core, client_core):
        Stage.count += 1
        self.server_core, self.client_core = server_core, client_core
        name = f"{PREFIX}{os.getpid()}x{Stage.count}"
        self.server, self.client = f"{name}s", f"{name}c"
        self.namespaces, self.processes = [], []
        self.dir = tempfile.mkdtemp(prefix=name + "-")
        os.chmod(self.dir, 0o755)
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def _build(self):
        for ns in (self.server, self.client):
            self.namespaces.append(ns)
            self.run("ip", "netns", "add", ns)
            self.run("ip", "-n", ns, "link", "set", "lo", "up")
        self.run("ip", "link", "add", SERVER_IF, "netns", self.server, "type", "veth", "peer", "name", CLIENT_IF, "netns",
                 self.client)
        for side, (ns, interface) in enumerate(((self.server, SERVER_IF), (self.client, CLIENT_IF))):
            for family, addresses in ADDRESSES.items():
                self.run("ip", "-n", ns, "address", "add", addresses[side] + addresses[2], "dev", interface,
                         *(["nodad"] if family == 6 else []))
            self.run("ip", "-n", ns, "link", "set", interface, "up")
        for family, prefix in PLAYED.items():
            self.run("ip", "-n", self.server, "route", "add", prefix, "via", ADDRESSES[family][1])
        self.settle()

    def settle(self):
        """A run of DPDK takes a link down, and with it IPv6 addresses and neighbours: set again what is gone."""
        macs = [self.mac(self.server, SERVER_IF), self.mac(self.client, CLIENT_IF)]
        for side, (ns, interface) in enumerate(((self.server, SERVER_IF), (self.client, CLIENT_IF))):
            self.run("ip", "-n", ns, "link", "set", interface, "up")
            for family, addresses in ADDRESSES.items():
                self.run("ip", "-n", ns, "address", "replace", addresses[side] + addresses[2], "dev", interface,
                         *(["nodad"] if family == 6 else []))
                self.run("ip", "-n", ns, "neighbour", "replace", addresses[1 - side], "lladdr", macs[1 - side], "dev",
                         interface)
        for family, prefix in PLAYED.items():
            self.run("ip", "-n", self.server, "route", "replace", prefix, "via", ADDRESSES[family][1])

    def mac(self, ns, interface):
        return json.loads(self.run("ip", "-n", ns, "-j", "link", "show", "dev", interface))[0]["address"]

    def run(self, *command, ns=None, core=None, timeout=20, check=True):
        """A program to its end: what it wrote to stdout, with check also to stderr where it failed."""
        process = subprocess.Popen(self._command(command, ns, core), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"{command[0]} did not end within {timeout:.0f} s") from None
        finally:
            if process.poll() is None:
                end_process(process, 5)
        if process.returncode != 0 and (check or not out.strip()):
            said = (err.strip() or out.strip() or f"status {process.returncode}").splitlines()
            raise Failure(f"{os.path.basename(command[0])} failed: {said[-1][:300]}")
        return out

    @staticmethod
    def _command(command, ns, core):
        return [*(["ip", "netns", "exec", ns] if ns else []), *(["taskset", "-c", str(core)] if core is not None else []),
                *(str(word) for word in command)]

    def start(self, name, *command, ns=None, core=None):
        """A server in the background; its output is in self.log(process)."""
        log = self.path(f"{name}.log")
        with open(log, "wb") as out:
            process = subprocess.Popen(self._command(command, ns, core), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       start_new_session=True)
        process.log_file = log
        self.processes.append(process)
        return process

    @staticmethod
    def log(process):
        with open(process.log_file, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait(self, process, condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition():
            if process.poll() is not None or time.monotonic() > end:
                said = "; ".join(self.log(process).strip().splitlines()[-3:])
                raise Failure(f"{what} within {seconds} s: {said or 'it said nothing'}")
            time.sleep(0.05)

    def close(self):
        for process in reversed(self.processes):
            end_process(process)
        for ns in self.namespaces:
            subprocess.run(["ip", "netns", "delete", ns], capture_output=True, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
