"""What the tests of `tickwire bench load` add to the lab: loads, and a server that errs as it is told."""
import json
import os
import re
import subprocess

import lab

ERRING_SERVER = os.path.join(lab.BUILD, "tests", "erring_server")

# Replies of these verdicts leave their request under way.
ANSWER_NOTHING = ("unsolicited", "late", "duplicate", "wrong-client", "wrong-source")


class Load:
    """What a load has said and how it ended."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    @property
    def report(self):
        assert self.out.startswith("{"), self
        return json.loads(self.out)

    def __getitem__(self, name):
        return self.report[name]

    def verdict(self, name):
        return self.report["verdicts"].get(name, 0)

    def header(self, name):
        return self.report["header"].get(name, 0)

    def nts(self, name):
        """Replies that NTS refuses for this reason."""
        return self.report["nts_verdicts"].get(name, 0)

    def __repr__(self):
        return f"status {self.status}\n{self.out}\n{self.err}"


def command(target, *options):
    return [lab.TICKWIRE, "bench", "load", target, *[str(o) for o in options]]


def load(ns, target, *options, timeout=30):
    """`tickwire bench load` to its end."""
    done = subprocess.run(["ip", "netns", "exec", ns, *command(target, *options)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout, check=False)
    return Load(done.returncode, done.stdout, done.stderr)


def load_json(ns, target, *options, **more):
    return load(ns, target, "--json", *options, **more)


def check_sums(one):
    """What must be so whatever the server does: nothing is counted twice, and nothing forgotten."""
    report = one.report
    verdicts = report["verdicts"]
    answering = sum(count for name, count in verdicts.items() if name not in ANSWER_NOTHING)
    assert report["sent"] == report["answered"] + report["lost"], one
    assert report["answered"] == answering - one.header("short"), one
    assert report["valid"] == verdicts.get("valid", 0), one
    assert sum(report["header"].values()) == verdicts.get("header", 0), one
    # wrong is whatever convicts the server; these do not
    excused = ("valid", "kiss-rate", "kiss-other", "unsynchronised", "late")
    assert report["wrong"] == sum(count for name, count in verdicts.items() if name not in excused), one


class Erring:
    """tests/erring_server.c in a namespace, answering when made."""

    def __init__(self, in_lab, ns, way, *options, address="127.0.0.1", port=123):
        lab.need_program(ERRING_SERVER)
        self.file = in_lab.path(f"counts{len(in_lab.processes)}")
        self.target = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        self.process = in_lab.start(ERRING_SERVER, "-6" if ":" in address else "-4", address, "--port", port, "--err",
                                    way, "--count-file", self.file, *options, ns=ns)
        self.process.wait_log("^ready$")

    def stop(self):
        """End it; what it has counted."""
        assert self.process.stop() == 0, self.process.log()
        with open(self.file, encoding="ascii") as f:
            return json.load(f)


def ways():
    """All that the server knows."""
    lab.need_program(ERRING_SERVER)
    return [line.split()[0] for line in lab.run(ERRING_SERVER, "--list").stdout.splitlines()]


def sent_by(ns):
    """Datagrams that the kernel of a namespace has sent, of both families."""
    v4 = lab.run("cat", "/proc/net/snmp", ns=ns).stdout
    v6 = lab.run("cat", "/proc/net/snmp6", ns=ns).stdout
    names, values = (line.split()[1:] for line in v4.splitlines() if line.startswith("Udp:"))
    return int(dict(zip(names, values))["OutDatagrams"]) + int(re.search(r"Udp6OutDatagrams\s+(\d+)", v6).group(1))
