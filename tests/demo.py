#!/usr/bin/env python3
"""`./bootstrap demo`: tickwire answers NTP between two network namespaces, and every answer is checked.

usage: demo.py BUILD_DIRECTORY (as root)

Exits with 0 only if every answer was right. Whatever happens, the namespaces, the processes and the run directory
are taken away again.
"""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

PREFIX = "tickwire-demo-"  # of the namespaces and the directory; the pid follows
MARK = "TICKWIRE_DEMO"  # in the environment of all that is started: the pid
FAMILIES = {"IPv4": ("10.77.0.1", "10.77.0.2", "/24"), "IPv6": ("fd77::1", "fd77::2", "/64")}
SERVER_IF, CLIENT_IF = "server0", "client0"
STRATUM = 8
CERTIFICATE = "time.demo.test"
OFFSET_LIMIT = 1e-3  # seconds; both ends read the same clock
BURST, RATE, BURST_LIMIT = 40000, 20000, 0.99


class Failure(Exception):
    """A sentence for the person at the terminal."""


def say(text=""):
    print(text, flush=True)


def with_unit(seconds):
    for unit, size in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if abs(seconds) >= size:
            return f"{seconds / size:+.2f} {unit}"
    return f"{seconds * 1e9:+.0f} ns"


def is_running(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def processes_of(demo):
    """What the demo of that pid has started and still runs."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as environment:
            if f"{MARK}={demo}".encode() in environment.read().split(b"\0"):
                yield int(pid)


def remove_stale():
    """What a demo has left that was killed without mercy."""
    namespaces = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
    for name in [*namespaces, *os.listdir(tempfile.gettempdir())]:
        match = re.match(rf"{PREFIX}(\d+)-", name)
        if not match or is_running(int(match[1])):
            continue
        for pid in processes_of(match[1]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        if name in namespaces:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        else:
            shutil.rmtree(os.path.join(tempfile.gettempdir(), name), ignore_errors=True)


class Demo:
    """What was made, so that it can be taken away again."""

    def __init__(self, build):
        self.tickwire = os.path.join(build, "bin", "tickwire")
        self.burst = os.path.join(build, "bench", "burst")
        self.logs = os.path.join(build, "demo")
        self.server, self.client = (f"{PREFIX}{os.getpid()}-{side}" for side in ("server", "client"))
        self.processes, self.namespaces, self.rows, self.wrong = [], [], [], []
        shutil.rmtree(self.logs, ignore_errors=True)
        os.makedirs(self.logs)
        self.dir = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
        self.environment = {**os.environ, MARK: str(os.getpid())}
        os.chmod(self.dir, 0o755)

    # Running things

    def log(self, name):
        return os.path.join(self.logs, name + ".log")

    def run(self, name, *command, ns=None, timeout=20, check=True):
        """Run a program to its end; its output is returned and kept."""
        inside = ["ip", "netns", "exec", ns] if ns else []
        done = subprocess.run(inside + list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False, env=self.environment)
        with open(self.log(name), "a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(inside + list(command))}\n{done.stdout}")
        if check and done.returncode != 0:
            raise Failure(f"{' '.join(command)} failed: {done.stdout.strip() or done.returncode}")
        return done.stdout

    def start(self, name, *command, ns):
        """A program in the background, in a session of its own: Ctrl-C is ours to handle."""
        with open(self.log(name), "wb") as log:
            process = subprocess.Popen(["ip", "netns", "exec", ns, *command], stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=subprocess.STDOUT, start_new_session=True, env=self.environment)
        self.processes.append(process)
        return process

    def output(self, name):
        with open(self.log(name), encoding="utf-8", errors="replace") as log:
            return log.read()

    # The stage

    def make_namespaces(self):
        remove_stale()
        for ns in (self.server, self.client):
            self.run("ip", "ip", "netns", "add", ns)
            self.namespaces.append(ns)
            self.run("ip", "ip", "-n", ns, "link", "set", "lo", "up")
        self.run("ip", "ip", "link", "add", SERVER_IF, "netns", self.server, "type", "veth", "peer", "name", CLIENT_IF,
                 "netns", self.client)
        for side, (ns, interface) in enumerate(((self.server, SERVER_IF), (self.client, CLIENT_IF))):
            for name, family in FAMILIES.items():
                self.run("ip", "ip", "-n", ns, "address", "add", family[side] + family[2], "dev", interface,
                         *(["nodad"] if name == "IPv6" else []))
            self.run("ip", "ip", "-n", ns, "link", "set", interface, "up")

    def start_chronyd(self):
        """The keeper of the clock that tickwire follows; -x: it leaves the machine's clock alone."""
        directory = os.path.join(self.dir, "chrony")
        config = os.path.join(self.dir, "chrony.conf")
        os.mkdir(directory, 0o750)
        shutil.chown(directory, "nobody", "nogroup")
        with open(config, "w", encoding="ascii") as f:
            f.write(f"local stratum {STRATUM}\nbindaddress 127.0.0.1\nallow 127.0.0.1\ncmdport 0\n"
                    f"bindcmdaddress {directory}/chronyd.sock\npidfile {directory}/chronyd.pid\n")
        process = self.start("chronyd", "chronyd", "-x", "-d", "-u", "nobody", "-f", config, ns=self.server)
        end = time.monotonic() + 10
        while not os.path.exists(f"{directory}/chronyd.sock"):
            if process.poll() is not None or time.monotonic() > end:
                raise Failure(f"chronyd does not start: {self.output('chronyd').strip()}")
            time.sleep(0.02)
        return f"chronyrundir {directory}"

    def make_certificate(self):
        """The settings that serve it. It vouches for itself: clients are told to trust it."""
        self.run("keys", self.tickwire, "keys", "selfsign", self.dir, CERTIFICATE, *(f[0] for f in FAMILIES.values()))
        self.certificate = os.path.join(self.dir, f"{CERTIFICATE}.crt")
        return [f"ntsservercert {self.certificate}", f"ntsserverkey {os.path.join(self.dir, CERTIFICATE)}.key"]

    def start_tickwire(self, settings):
        start = time.monotonic()
        self.run_dir = os.path.join(self.dir, "run")
        sets = [word for setting in settings for word in ("--set", setting)]
        process = self.start("tickwire", self.tickwire, "run", "--interface", SERVER_IF, "--run-dir", self.run_dir,
                             *sets, ns=self.server)
        while "tickwire: ready" not in self.output("tickwire"):
            if process.poll() is not None or time.monotonic() > start + 60:
                raise Failure(f"tickwire does not start:\n{self.output('tickwire').strip()}")
            time.sleep(0.02)
        return time.monotonic() - start

    def status(self):
        return json.loads(self.run("status", self.tickwire, "status", "--json", "--run-dir", self.run_dir,
                                   ns=self.server))

    def wait_for_stratum(self):
        """chronyd believes in itself some moments after its start, and tickwire asks it once a second."""
        end = time.monotonic() + 15
        while self.status()["timebase"]["stratum"] != STRATUM:
            if time.monotonic() > end:
                raise Failure(f"tickwire does not come to stratum {STRATUM}: {self.status()['timebase']}")
            time.sleep(0.1)

    # Those who ask. Each adds a row, and a sentence to `wrong` if the answer is not right.

    def row(self, who, over, stratum, offset, answered, wrong):
        self.rows.append((who, over, stratum, offset, answered, "no" if wrong else "yes"))
        if wrong:
            self.wrong.append(f"{who} over {over}: {wrong}")

    def ask_query(self, over, nts=False):
        who = "tickwire query --nts" if nts else "tickwire query"
        options = ["--nts", "--ca", self.certificate] if nts else []
        out = self.run(f"query-{over}", self.tickwire, "query", *options, "-n", "8", "-i", "0.05", "--json",
                       FAMILIES[over][0], ns=self.client, check=False)
        try:
            answer = json.loads(out)[0]
        except (ValueError, LookupError):
            self.row(who, over, "-", "-", "-", out.strip() or "no output")
            return
        wrong = answer["error"]
        if not wrong and answer["answered"] != answer["sent"]:
            wrong = "an answer is missing"
        elif not wrong and answer["stratum"] != STRATUM:
            wrong = f"stratum {answer['stratum']} instead of {STRATUM}"
        elif not wrong and abs(answer["offset"]) > OFFSET_LIMIT:
            wrong = f"the offset is more than {with_unit(OFFSET_LIMIT)}"
        offset = "-" if answer["offset"] is None else with_unit(answer["offset"])
        self.row(who, over, answer["stratum"] or "-", offset, f"{answer['answered']}/{answer['sent']}", wrong)

    def ask_chronyd(self, over, nts=False):
        """-Q: print what would be corrected, and correct nothing."""
        who, name = ("chronyd -Q, nts", f"chronyd-Q-nts-{over}") if nts else ("chronyd -Q", f"chronyd-Q-{over}")
        trust = ["nosystemcert", f"ntstrustedcerts {self.certificate}"] if nts else []
        out = self.run(name, "chronyd", "-Q", "-t", "10", "-u", "nobody", "-f", "/dev/null", *trust,
                       f"server {FAMILIES[over][0]} {'nts ' if nts else ''}iburst maxsamples 4", "cmdport 0",
                       "bindcmdaddress /", f"pidfile {self.dir}/{name}.pid", ns=self.client, check=False)
        match = re.search(r"System clock wrong by (\S+) seconds", out)
        if not match:
            said = out.strip().splitlines() or ["no output"]
            self.row(who, over, "-", "-", "refused", said[-1])
            return
        offset = float(match[1])
        wrong = f"the offset is more than {with_unit(OFFSET_LIMIT)}" if abs(offset) > OFFSET_LIMIT else None
        self.row(who, over, "-", with_unit(offset), "accepted", wrong)

    def ask_ping(self, over, results):
        out = self.run(f"ping-{over}", "ping", "-n", "-q", "-c", "15", "-i", "0.1", "-W", "2", FAMILIES[over][0],
                       ns=self.client, check=False)
        match = re.search(r"(\d+) packets transmitted, (\d+) received", out)
        results[over] = (int(match[2]), int(match[1])) if match else (0, 15)

    def ask_burst(self, over, results):
        out = self.run(f"burst-{over}", self.burst, "-n", str(BURST), "-r", str(RATE), FAMILIES[over][0],
                       ns=self.client, check=False)
        try:
            results[over] = json.loads(out)
        except ValueError:
            results[over] = {"sent": 0, "answered": 0, "wrong": 0, "stratum": [0, 0], "error": out.strip()}

    def load(self, over):
        """The burst, and ping beside it: the kernel goes on with all that is not NTP."""
        bursts, pings = {}, {}
        threads = [threading.Thread(target=self.ask_burst, args=(over, bursts)),
                   threading.Thread(target=self.ask_ping, args=(over, pings))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.burst_row(over, bursts.get(over))
        answered, sent = pings.get(over, (0, 0))
        self.row("ping, meanwhile", over, "-", "-", f"{answered}/{sent}", None if answered == sent > 0 else "lost")

    def burst_row(self, over, result):
        if not result or result.get("error"):
            self.row("load", over, "-", "-", "-", result["error"] if result else "no output")
            return
        wrong = None
        if result["wrong"]:
            wrong = f"{result['wrong']} wrong answers"
        elif result["answered"] < BURST_LIMIT * BURST:
            wrong = f"less than {BURST_LIMIT:.0%} of {BURST} answered"
        elif result["stratum"] != [STRATUM, STRATUM]:
            wrong = f"stratum {result['stratum']} instead of {STRATUM}"
        self.row(f"load, {round(result['rate'], -2):.0f}/s", over, result["stratum"][1] or "-", "-",
                 f"{result['answered']}/{result['sent']}", wrong)

    def stop_tickwire(self, process):
        process.send_signal(signal.SIGTERM)
        if process.wait(15) != 0:
            self.wrong.append(f"tickwire ended with status {process.returncode}")
        left = json.loads(self.run("ip", "ip", "-n", self.server, "-j", "link", "show", "dev", SERVER_IF))[0]
        if "xdp" in left or os.path.exists(self.run_dir):
            self.wrong.append("tickwire left its XDP program or its run directory behind")

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        for ns in self.namespaces:
            subprocess.run(["ip", "netns", "delete", ns], capture_output=True, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)


# The performance

def print_table(rows):
    titles = ("who asked", "over", "stratum", "offset", "answered/sent", "right")
    widths = [max(len(str(row[i])) for row in [titles, *rows]) for i in range(len(titles))]
    for row in [titles, ["-" * w for w in widths], *rows]:
        cells = [str(c).ljust(w) if i < 2 or i == 5 else str(c).rjust(w) for i, (c, w) in enumerate(zip(row, widths))]
        say("  " + "   ".join(cells).rstrip())


def print_status(status):
    timebase, port = status["timebase"], status["ports"][0]
    for i, worker in enumerate(status["workers"]):
        say(f"  worker {i} on core {worker['cpu']}: {worker['rx_frames']} frames by {port['driver']}, "
            f"{worker['ticks_per_frame']:.0f} clk ({timebase['counter']} ticks) per packet,")
        say("  with all that the kernel does to carry it through a virtual cable")
    say(f"  its clock is within {with_unit(timebase['error_bound'])[1:]} of the kernel's; "
        f"kept by {timebase['keeper']}, reference id {timebase['refid']}")
    if port["remark"]:
        say(f"  {port['remark']}")


def perform(demo):
    have_chronyd = shutil.which("chronyd") is not None
    say("Two network namespaces with a cable between them:")
    demo.make_namespaces()
    (server4, client4, _), (server6, client6, _) = FAMILIES.values()
    say(f"  server {server4} {server6}  <--->  client {client4} {client6}")
    settings = [f"local stratum {STRATUM}"]
    if have_chronyd:
        say(f"In the server's: chronyd -x (it sets no clock) says that it keeps the time, at stratum {STRATUM}")
        settings = [demo.start_chronyd()]
    say(f"  $ tickwire keys selfsign {demo.dir} {CERTIFICATE} {server4} {server6}")
    settings += demo.make_certificate()
    say(f"  $ tickwire run --interface {SERVER_IF} \\\n        " +
        " \\\n        ".join(f"--set '{setting}'" for setting in settings))
    seconds = demo.start_tickwire(settings)
    tickwire = demo.processes[-1]
    demo.wait_for_stratum()
    say(f"  tickwire: ready, after {seconds:.1f} s")
    say("In the client's: asking it, by tickwire query" + (" and chronyd -Q" if have_chronyd else "") +
        ", plain and with NTS")
    for nts in (False, True):
        for over in FAMILIES:
            demo.ask_query(over, nts)
    if have_chronyd:
        asked = [(over, nts) for nts in (False, True) for over in FAMILIES]
        threads = [threading.Thread(target=demo.ask_chronyd, args=each) for each in asked]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        demo.rows[-len(asked):] = sorted(demo.rows[-len(asked):])
    for over in FAMILIES:
        say(f"  {BURST} requests over {over} at {RATE}/s, each answer checked, and ping meanwhile")
        demo.load(over)
    status = demo.status()
    say("Stopping it; the namespaces go too")
    demo.stop_tickwire(tickwire)
    say()
    print_table(demo.rows)
    say()
    print_status(status)
    if not have_chronyd:
        say("  chronyd -Q was not asked: chronyd is not here")


def end_on_signal(number, _frame):
    raise Failure(f"ended by {signal.Signals(number).name}")


def main():
    if len(sys.argv) != 2 or os.geteuid() != 0:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_on_signal)
    start = time.monotonic()
    demo = Demo(os.path.abspath(sys.argv[1]))
    try:
        perform(demo)
    except (Failure, subprocess.SubprocessError, OSError, ValueError, LookupError) as error:
        demo.wrong.append(str(error) or type(error).__name__)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        demo.close()
    say()
    for sentence in demo.wrong:
        say(f"wrong: {sentence}")
    if demo.wrong:
        say(f"The demo failed; what everybody said is in {os.path.relpath(demo.logs)}/")
        return 1
    say(f"Every answer was right ({time.monotonic() - start:.0f} s). The logs are in {os.path.relpath(demo.logs)}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
