"""A PC emulated by QEMU, without KVM, with what a clock can be kept by: an interrupt of its parallel port, two serial
lines that are connected with each other, and a NIC with a clock.

The guest's time is counted in its instructions: `-icount` makes each take 2^SHIFT ns of every clock in the machine. How
busy the host is changes nothing but how long it takes; a preempted emulator makes no interrupt late. And when the guest
has nothing to do, its time goes on at once to the next timer (`sleep=off`), so that minutes of it take seconds.
"""
import os
import re
import signal
import subprocess
import tempfile
import threading

SHIFT = 1  # 2 ns an instruction: a CPU of 500 MHz or so
START = "2026-06-01T12:00:00"
QEMU = "usr/bin/qemu-system-x86_64"


class Failed(Exception):
    """The guest did not get to its end."""


def library_path(root):
    return ":".join(os.path.join(root, part) for part in ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"))


class Emulator:
    def __init__(self, root):
        """In the directory where its packages are unpacked; the system's libraries serve where it has none."""
        self._program, self._root = os.path.join(root, QEMU), root
        self._lock, self._running, self._ended = threading.Lock(), set(), False
        self._env = {**os.environ, "LD_LIBRARY_PATH": library_path(root)}
        self.devices = self._ask("-device", "help")
        self.version = self._ask("--version").splitlines()[0]

    def _ask(self, *arguments):
        done = subprocess.run([self._program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, timeout=30, env=self._env)
        if done.returncode != 0:
            raise Failed(f"{self._program}: {done.stdout.strip()[-200:]}")
        return done.stdout

    def has(self, device):
        return f'name "{device}"' in self.devices

    def _command(self, kernel, initramfs, console, directory):
        data = [part for name in ("usr/share/qemu", "usr/share/seabios", "usr/lib/ipxe/qemu")
                for part in ("-L", os.path.join(self._root, name))]
        line = os.path.join(directory, "line")
        nic = ["-netdev", "hubport,id=hub,hubid=0", "-device", "igb,netdev=hub"] if self.has("igb") else []
        return [self._program, *data, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-machine", "q35", "-accel", "tcg", "-icount", f"shift={SHIFT},sleep=off", "-cpu", "max", "-smp", "1",
                "-m", "512", "-rtc", f"base={START},clock=vm",
                "-kernel", kernel, "-initrd", initramfs,
                "-append", "console=ttyS0,115200 quiet loglevel=4 tsc=reliable panic=-1 random.trust_cpu=1",
                "-chardev", f"file,id=console,path={console}", "-device", "isa-serial,chardev=console,index=0",
                "-chardev", f"socket,id=near,path={line},server=on,wait=off", "-device", "isa-serial,chardev=near,index=1",
                "-chardev", f"socket,id=far,path={line}",
                "-device", "isa-serial,chardev=far,index=2,iobase=0x3e8,irq=5",
                "-chardev", "null,id=port", "-device", "isa-parallel,chardev=port", *nic]

    def _start(self, command):
        with self._lock:
            if self._ended:
                raise Failed("no guest is started any more")
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,  # pylint: disable=consider-using-with
                                       stderr=subprocess.STDOUT, text=True, env=self._env)
            self._running.add(process)
        return process

    def end(self):
        """Of all guests, for good. Any thread."""
        with self._lock:
            self._ended = True
            for process in self._running:
                process.send_signal(signal.SIGKILL)

    def boot(self, kernel, initramfs, console, limit):
        """Run a guest to its end, within so many seconds; what it has written to its console. Any thread."""
        with tempfile.TemporaryDirectory(prefix="twguest") as directory:
            with self._start(self._command(kernel, initramfs, console, directory)) as process:
                try:
                    said, _ = process.communicate(timeout=limit)
                except subprocess.TimeoutExpired as error:
                    process.send_signal(signal.SIGKILL)
                    raise Failed(f"the guest was not ready within {limit} s; see {console}") from error
                finally:
                    with self._lock:
                        self._running.discard(process)
        if process.returncode != 0:
            raise Failed(f"QEMU ended with status {process.returncode}: {said.strip()[-300:]}")
        with open(console, encoding="utf-8", errors="replace") as f:
            return f.read().replace("\r", "")


def sections(text):
    """What a guest has written, by the names in its lines "=== NAME"; Failed where it did not get to "=== end"."""
    parts = re.split(r"^=== (.*)\n", text, flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2]))
    if "end" not in found:
        raise Failed(f"the guest did not get to its end: {text.strip()[-300:]}")
    return found
