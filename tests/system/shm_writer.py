"""Writes NTP's shared memory as other programs do: shm_writer.py UNIT DEED...

good[:LEAP]  a sample, of a reference 0.25 s ahead of the kernel clock
mode0        the same without a count
torn         a sample whose count goes on while it is read
hostile      times, codes and modes that are none, one after the other, then random octets
remove       remove the segment
make:MODE    make it, with these rights (octal)
"""
import ctypes
import os
import random
import struct
import sys
import time

AHEAD_NS = 250_000_000
SIZE = 96
IPC_CREAT, IPC_RMID = 0o1000, 0
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p


def check(value):
    if value in (-1, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return value


class Segment:
    def __init__(self, unit, mode=0, make=False):
        self.id = check(libc.shmget(0x4e545030 + unit, SIZE, mode | (IPC_CREAT if make else 0)))
        self.at = check(libc.shmat(self.id, None, 0))

    def put(self, offset, octets):
        ctypes.memmove(self.at + offset, octets, len(octets))

    def word(self, offset):
        return ctypes.c_int32.from_address(self.at + offset)

    def wait_taken(self):
        """Until the reader has it."""
        end = time.monotonic() + 5
        while self.word(48).value and time.monotonic() < end:
            time.sleep(0.001)

    def write(self, mode=1, leap=0, clock=None, kernel=None, us=None):
        now = time.time_ns()
        kernel = now if kernel is None else kernel
        clock = now + AHEAD_NS if clock is None else clock
        self.word(48).value = 0
        self.word(4).value += 1
        for offset, t, ns in (8, clock, 52), (24, kernel, 56):
            self.put(offset, struct.pack("<qi", t // 10**9, t % 10**9 // 1000 if us is None else us))
            self.put(ns, struct.pack("<I", t % 10**9))
        self.put(36, struct.pack("<iii", leap, -20, 3))
        self.word(0).value = mode
        self.word(4).value += 1
        self.word(48).value = 1


def hostile(segment):
    year = 365 * 86400 * 10**9
    for options in ({"leap": 4}, {"leap": -1}, {"mode": 2}, {"mode": -7}, {"clock": -10**9}, {"kernel": -10**9},
                    {"clock": 2**62 * 1}, {"us": -1}, {"us": 1000000}, {"kernel": time.time_ns() - year},
                    {"kernel": time.time_ns() + year}):
        segment.write(**options)
        segment.wait_taken()
    random.seed(6)
    for _ in range(300):
        segment.put(0, random.randbytes(48))
        segment.put(52, random.randbytes(44))
        segment.word(48).value = 1
        time.sleep(0.002)
    segment.put(0, bytes(SIZE))


def torn(segment):
    end = time.monotonic() + 0.3
    segment.write()
    while time.monotonic() < end:
        segment.word(4).value += 1


def main():
    unit = int(sys.argv[1])
    for deed in sys.argv[2:]:
        deed, _, value = deed.partition(":")
        segment = Segment(unit, int(value, 8) if deed == "make" else 0, deed == "make")
        if deed in ("good", "mode0"):
            segment.write(mode=int(deed == "good"), leap=int(value or 0))
            segment.wait_taken()
        elif deed == "hostile":
            hostile(segment)
        elif deed == "torn":
            torn(segment)
        elif deed == "remove":
            check(libc.shmctl(segment.id, IPC_RMID, None))


if __name__ == "__main__":
    main()
