"""What the tests of this directory are made of: a kernel, an emulator, programs, and scenarios that run in a guest."""
import concurrent.futures
import math
import os
import platform
import re
import shutil

import initramfs
import machine
import packages
import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("TICKWIRE_BUILD", os.path.join(ROOT, "build")))
MODULES = ("parport_pc", "pps_parport", "igb")
# Of the kernel's package, with what these modules need; all of it would be 400 MB.
KERNEL_PARTS = ("*/boot/vmlinuz*", *(f"*/kernel/drivers/{part}/*" for part in (
    "parport", "pps", "ptp", "net/ethernet/intel/igb", "i2c/algos", "dca")))
# Host seconds until a guest is given up. The longest scenario takes a tenth of it on an idle machine.
LIMIT = 1600


def first(root, *names):
    """Of these files below a directory the one that is there."""
    return next((os.path.join(root, name) for name in names if os.path.exists(os.path.join(root, name))), None)


class Missing:
    """In place of a guest that cannot be started."""

    def __init__(self, reason):
        self._reason = reason

    def result(self):
        pytest.skip(self._reason)


class Workbench:
    """Has all that guests have in common, or skips the test by saying what is missing."""

    def __init__(self):
        if platform.machine() != "x86_64":
            pytest.skip("needs x86-64: the guest is a PC and runs the programs built here")
        self.directory = os.path.join(BUILD, "guest")
        os.makedirs(self.directory, exist_ok=True)
        self._packages = packages.Packages(self.directory)
        try:
            self._kernel_root = self._packages.alone("kernel", "linux-image-amd64", KERNEL_PARTS)
            self._tools = self._packages.with_libraries("tools", "busybox-static")
            self.emulator = self._an_emulator()
        except (packages.Unavailable, machine.Failed) as error:
            pytest.skip(f"needs QEMU, busybox and a kernel from Debian's packages: {error}")
        boot = os.path.join(self._kernel_root, "boot")
        self._kernel = first(boot, *sorted(name for name in os.listdir(boot) if name.startswith("vmlinuz")))
        self._modules = initramfs.Modules(self._kernel_root)
        # What a guest sees does not depend on what else the host does (machine.py).
        self._pool = concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0)))

    def _an_emulator(self):
        """The newest, from the backports: only from version 8 on QEMU has the NIC with a clock."""
        try:
            return machine.Emulator(self._packages.with_libraries("qemu-backports", "qemu-system-x86", backports=True))
        except (packages.Unavailable, machine.Failed):
            return machine.Emulator(self._packages.with_libraries("qemu", "qemu-system-x86"))

    def packaged(self, package, program):
        """A program of a Debian package that need not be installed; the test is skipped where it cannot be had."""
        try:
            root = self._packages.with_libraries(package, package)
        except packages.Unavailable as error:
            pytest.skip(f"needs Debian's package {package}: {error}")
        return first(root, f"usr/sbin/{program}", f"usr/bin/{program}"), machine.library_path(root)

    def program(self, program, package):
        """The program as it is installed or in bootstrap's tools, else as packaged."""
        found = shutil.which(program)
        return (found, "") if found else self.packaged(package, program)

    @staticmethod
    def built(*parts):
        path = os.path.join(BUILD, *parts)
        if not os.path.exists(path):
            pytest.skip(f"needs {path}, which is not built")
        return path, ""

    def _archive(self, script, programs, variables):
        archive = initramfs.Archive()
        for directory in ("/dev", "/etc", "/proc", "/run", "/sys", "/tmp", "/var/run", "/var/lib/chrony"):
            archive.directory(directory)
        archive.console()
        archive.text("/etc/passwd", "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
        archive.text("/etc/group", "root:x:0:\ndialout:x:20:\nnogroup:x:65534:\n")
        archive.file("/bin/busybox", first(self._tools, "bin/busybox", "usr/bin/busybox"), 0o755)
        for name, (path, library_path) in programs.items():
            archive.program(f"/bin/{name}", path, library_path)
        variables["modules"] = " ".join(
            self._modules.add(archive, *(name for name in MODULES if name in self._modules)))
        lines = ["#!/bin/busybox sh", *(f"{name}='{value}'" for name, value in variables.items())]
        for name in ("init.sh", script):
            with open(os.path.join(HERE, name), encoding="utf-8") as f:
                lines.append(f.read())
        archive.text("/init", "\n".join([*lines, "section end", "poweroff -f", ""]), 0o755)
        return archive

    def start(self, name, script, programs, **variables):
        """Have a scenario run in a guest as soon as a CPU is free. result() of what is returned waits for its sections, by
        name, or skips the test where programs() cannot be had. The console is kept in build/guest/NAME.log."""
        try:
            found = {"receiver": self.built("tests", "guest_receiver"), "judge": self.built("tests", "guest_judge"),
                     **programs()}
        except pytest.skip.Exception as reason:
            return Missing(str(reason))
        image = os.path.join(self.directory, f"{name}.cpio.gz")
        self._archive(script, found, variables).write(image)
        return self._pool.submit(self._run, image, os.path.join(self.directory, f"{name}.log"))

    def _run(self, image, console):
        return machine.sections(self.emulator.boot(self._kernel, image, console, LIMIT))

    def close(self):
        """Whoever waits for a guest that has not ended learns that it will not."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.emulator.end()


class Series:
    """What tests/guest/judge.c has seen of a clock: seconds, errors and bounds, in ns."""

    def __init__(self, text):
        rows = re.findall(r"^(\d+\.\d+) (-?\d+) (-?\d+) (\d+)$", text, re.MULTILINE)
        self.times, self.errors, self.bounds = ([float(row[i]) for row in rows] for i in range(3))
        self.strata = {int(row[3]) for row in rows}
        assert rows, f"the judge has seen no clock: {text[-200:]}"

    def rms(self):
        return math.sqrt(sum(e * e for e in self.errors) / len(self.errors))

    def mean(self):
        return sum(self.errors) / len(self.errors)

    def worst(self):
        return max(abs(e) for e in self.errors)

    def synchronised(self):
        """The share of the time in which the clock claimed a bound."""
        return sum(b >= 0 for b in self.bounds) / len(self.bounds)

    def outside(self):
        """How often the error was larger than the bound that was claimed."""
        return sum(abs(e) > b >= 0 for e, b in zip(self.errors, self.bounds))

    def __str__(self):
        return (f"rms {self.rms():.0f} ns, mean {self.mean():+.0f} ns, at most {self.worst():.0f} ns in "
                f"{self.times[-1] - self.times[0]:.0f} s")
