"""The servers that are compared: where their programs are, and how each is started so that it serves and sets no clock.

All have their defaults but for what serving needs; none limits rates. What would set the clock is taken away: chronyd
runs with -x, the others without CAP_SYS_TIME.
"""
import contextlib
import glob
import os
import shutil
import struct
import subprocess
import time

from compare_stage import ADDRESSES, SERVER_IF, Failure

# The capability is not among those that it could ever get.
NO_CLOCK = ["setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time"]
NAME = "time.compare.test"
NTP_UNIX = 2208988800

# Program, and what in its own words tells it from another of the same name.
PROGRAMS = {"chronyd": ("chrony", "usr/sbin/chronyd", "chrony"), "ntpsec": ("ntpsec", "usr/sbin/ntpd", "ntpsec"),
            "openntpd": ("openntpd", "usr/sbin/ntpd", "[-dnSsv]"), "testpmd": ("dpdk-dev", "usr/bin/dpdk-testpmd", "")}


class Missing(Exception):
    """Why a server takes no part, and what would help."""


# Programs

def peers_dir(build):
    return os.path.join(build, "tools", "peers")


def is_the_one(path, mark):
    if not os.access(path, os.X_OK):
        return False
    if not mark:
        return True
    said = subprocess.run([path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10,
                          check=False)
    return mark in said.stdout + said.stderr


def find_program(build, name):
    """An unpacked one is preferred: no AppArmor profile applies to it."""
    package, path, mark = PROGRAMS[name]
    program = os.path.basename(path)
    for candidate in (os.path.join(peers_dir(build), package, path), os.path.join(build, "tools", "bin", program),
                      f"/opt/chrony/bin/{program}", f"/{path}", shutil.which(program) or ""):
        if candidate and is_the_one(candidate, mark):
            return candidate
    raise Missing(f"the program is not here; --install unpacks Debian's package {package}, as root")


def apt(*words):
    done = subprocess.run(["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120", *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=300, check=False,
                          env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing said").splitlines()
        raise Missing(f"apt-get {words[0]} failed: {said[-1]}")


def libraries(package):
    """The libraries that it depends on and that are not installed."""
    depends = subprocess.run(["apt-cache", "depends", package], capture_output=True, text=True, check=False).stdout
    wanted = [line.split()[1] for line in depends.splitlines() if line.startswith("  Depends: lib")]
    have = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *wanted], capture_output=True,
                          text=True, check=False).stdout.splitlines() if wanted else []
    return [name for name in wanted if f"installed {name}" not in have]


def unpack(build, name):
    """A package into build/tools/peers, so that no service of it is installed or started."""
    package = PROGRAMS[name][0]
    if os.geteuid() != 0 or not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Missing("--install needs root, apt-get and dpkg-deb")
    directory = os.path.join(peers_dir(build), package)
    downloads = directory + ".download"
    os.makedirs(downloads, exist_ok=True)
    try:
        home = os.getcwd()
        os.chdir(downloads)
        try:
            apt("download", package)
        finally:
            os.chdir(home)
        needed = libraries(package)
        if needed:
            apt("install", "--no-install-recommends", "--no-remove", *needed)
        for deb in glob.glob(os.path.join(downloads, "*.deb")):
            subprocess.run(["dpkg-deb", "-x", deb, directory], check=True, capture_output=True, timeout=60)
    finally:
        shutil.rmtree(downloads, ignore_errors=True)


def program_of(build, name, install):
    try:
        return find_program(build, name)
    except Missing:
        if not install:
            raise
    unpack(build, name)
    return find_program(build, name)


# Servers

class Server:
    """One that runs on a stage. `synchronised` is whether its replies say so."""
    name, nts, synchronised = "", True, True

    def __init__(self, program):
        self.program = program

    def start(self, stage, identity):
        """The process, serving."""
        raise NotImplementedError


def write(path, *lines):
    with open(path, "w", encoding="ascii") as f:
        f.write("\n".join([*lines, ""]))
    return path


def ask(stage, family=4):
    """The leap indicator of a reply, None without one: a look from within the client's namespace."""
    code = ("import socket,sys\ns=socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET,"
            "socket.SOCK_DGRAM)\ns.settimeout(0.3)\ns.connect((sys.argv[1],123))\n"
            "s.send(bytes.fromhex(sys.argv[2]))\nprint(s.recv(2048)[0]>>6)")
    request = struct.pack("!B39xII", 4 << 3 | 3, int(time.time()) + NTP_UNIX, 1)
    with contextlib.suppress(Failure, ValueError):
        return int(stage.run("python3", "-c", code, ADDRESSES[family][0], request.hex(), ns=stage.client))
    return None


def is_answered(stage, synchronised):
    """Over both families; with synchronised, by time that a client would take."""
    for family in ADDRESSES:
        leap = ask(stage, family)
        if leap is None or (synchronised and leap == 3):
            return False
    return True


class Tickwire(Server):
    name = "tickwire"

    def start(self, stage, identity, interface=SERVER_IF, *more):
        sets = ["local stratum 8", f"workers {stage.server_core}", *more]
        if identity:
            sets += [f"ntsservercert {identity[0]}", f"ntsserverkey {identity[1]}"]
        process = stage.start("tickwire", self.program, "run", "--run-dir", stage.path("run"), "--interface", interface,
                              *(word for line in sets for word in ("--set", line)), ns=stage.server,
                              core=stage.server_core)
        stage.wait(process, lambda: "tickwire: ready" in stage.log(process), 30, "tickwire was not ready")
        return process


class Chronyd(Server):
    name = "chronyd"

    def start(self, stage, identity):
        directory = stage.path("chrony")
        os.mkdir(directory, 0o750)
        config = write(stage.path("chrony.conf"), "local stratum 8", "allow all", "cmdport 0", "bindcmdaddress /",
                       f"pidfile {directory}/pid", f"ntsservercert {identity[0]}", f"ntsserverkey {identity[1]}",
                       "ntsprocesses 1")
        process = stage.start("chronyd", self.program, "-x", "-d", "-u", "root", "-f", config, ns=stage.server,
                              core=stage.server_core)
        stage.wait(process, lambda: is_answered(stage, True), 15, "chronyd did not serve")
        return process


class Ntpsec(Server):
    name = "ntpsec"

    def start(self, stage, identity):
        directory = stage.path("ntpsec")
        os.mkdir(directory, 0o755)
        # Its default limits each client's rate, which `restrict default` alone leaves in force.
        config = write(stage.path("ntp.conf"), "disable kernel", "disable ntp", "restrict default",
                       "unrestrict default limited", "refclock local", "tos orphan 5 orphanwait 0", "nts enable",
                       f"nts cert {identity[0]}", f"nts key {identity[1]}", f"nts cookie {directory}/cookie-keys")
        process = stage.start("ntpsec", *NO_CLOCK, self.program, "-n", "-g", "-c", config, "-p", f"{directory}/pid",
                              ns=stage.server, core=stage.server_core)
        stage.wait(process, lambda: is_answered(stage, True), 30, "ntpd did not serve synchronised")
        return process


class Openntpd(Server):
    """
    It calls itself synchronised only when it has adjusted the clock, which it may not here. So its replies have leap 3:
    the judge says unsynchronised of them, and answered is what counts.
    """
    name, nts, synchronised = "openntpd", False, False

    def start(self, stage, identity):
        home = stage.path("openntpd")
        os.mkdir(home, 0o755)
        config = write(stage.path("ntpd.conf"), *(f"listen on {addresses[0]}" for addresses in ADDRESSES.values()))
        for file, line in (("passwd", f"ntpd:x:65533:65533::{home}:/usr/sbin/nologin"), ("group", "ntpd:x:65533:")):
            with open(f"/etc/{file}", encoding="utf-8") as f:
                content = "".join(kept for kept in f if not kept.startswith("ntpd:"))
            write(stage.path(file), content + line)
        # Its user, and the directories that are compiled into it, are seen by it alone.
        script = ("mount --bind \"$1/passwd\" /etc/passwd && mount --bind \"$1/group\" /etc/group && "
                  "mount -t tmpfs none /var/lib && mkdir -p /var/lib/openntpd/db /var/lib/openntpd/run && "
                  "shift && exec \"$@\"")
        process = stage.start("openntpd", "unshare", "--mount", "sh", "-c", script, "sh", stage.dir, *NO_CLOCK,
                              self.program, "-d", "-f", config, ns=stage.server, core=stage.server_core)
        stage.wait(process, lambda: is_answered(stage, False), 15, "openntpd did not serve")
        return process


PEERS = {peer.name: peer for peer in (Chronyd, Ntpsec, Openntpd)}


def selfsign(stage, tickwire):
    """(certificate, key) that vouches for itself, by all names of the server."""
    stage.run(tickwire, "keys", "selfsign", stage.dir, NAME, *(addresses[0] for addresses in ADDRESSES.values()))
    return stage.path(f"{NAME}.crt"), stage.path(f"{NAME}.key")
