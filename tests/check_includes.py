#!/usr/bin/env python3
"""The rules of the tree that a compiler does not know.

usage: check_includes.py [BUILD_DIRECTORY]

- Includes of the project's own headers are written from the root and point only downwards:
  tests, bench -> control -> dataplane -> nts -> refclock -> ntp. Tests may include the pure headers of bench/ as well.
- DPDK's headers are included only by the files that are named here, libssl's only by nts/tls.c and the leaves.
- libmicrohttpd's header is included only by control/metrics_http.c.
- What exists on one kind of CPU only stays in files that are chosen by CPU (*_x86.h, *_aarch64.c, ...).
- Each header compiles alone (with a BUILD_DIRECTORY, for the headers that are generated there).

Prints FILE:LINE: what is wrong, and exits with 1 if there is any such line.
"""
import concurrent.futures
import os
import platform
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# A folder may include itself and what is above it here; the last two are leaves that nobody includes.
ORDER = ["ntp", "refclock", "nts", "dataplane", "control"]
LEAVES = ["bench", "tests"]
SHARED = {"tests/golden.h"}  # the one table of packets: for tests, fuzz seeds and benches
# Of a load, without a port: bench/ is a leaf, but tests may include these.
PURE_BENCH = {f"bench/{name}.h" for name in (
    "arrival", "distribution", "figures", "frame", "generator", "judge", "ke_reason", "link", "neighbour", "plot",
    "population", "quantity", "random", "report", "result", "search", "steer_map", "target", "text", "wire")}
DRIVEN_BENCH = {"bench/associations.h", "bench/next_hop.h", "bench/steer.h"}  # with sockets or the kernel, and driven by a test
GENERATED = {"tickwire_build.h", "dataplane/xdp_object.h", "bench/steer_object.h"}
DPDK_FILES = re.compile(r"(dataplane/(eal|main|port|worker)|bench/(ring|link_dpdk\w*))\.[ch]$")
SSL_FILES = re.compile(r"(nts/tls\.c|(bench|tests)/\w+\.c)$")
SSL = re.compile(r"openssl/(ssl\w*|tls1|dtls1|quic|srtp|prov_ssl)\.h$")
# These choose within the file, and have a branch for every CPU.
CPU_CHOICES = {"bench/clocks.c"}
CPU_FILE = re.compile(r"_(x86|aarch64|arm|riscv)\w*\.[ch]$")
CPU_ONLY = re.compile(r"#\s*include\s*<(?:x86intrin|[a-z]*mmintrin|cpuid|arm_\w+)\.h>|\b__(?:asm__|asm)\b|"
                      r"\basm\s*(?:volatile)?\s*\(|\b__rdtscp?\b|\b_mm\d*_\w+\s*\(|"
                      r"__builtin_(?:ia32|arm|aarch64)_|\b__cpuid")
BARRIER = re.compile(r'asm(__)?\s*(volatile|__volatile__)?\s*\(\s*""')  # of the compiler; it has no instruction
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
HOST = {"x86_64": "x86", "aarch64": "aarch64"}.get(platform.machine(), "")


def sources():
    for folder in ORDER + LEAVES:
        for directory, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(directory, name), ROOT)


def check_own_include(path, name):
    """What is wrong with including a header of the project, or None."""
    folder, target = path.split("/")[0], name.split("/")[0]
    if name in GENERATED:
        return None
    if "/" not in name or name.startswith("."):
        return f'"{name}" is not written from the root of the tree'
    if not os.path.exists(os.path.join(ROOT, name)):
        return f'"{name}" is not in the tree'
    if folder in LEAVES:
        may = target in ORDER or target == folder or name in SHARED or (
            folder == "tests" and name in PURE_BENCH | DRIVEN_BENCH)
        return None if may else f'"{name}" is of a folder that nobody includes'
    if target not in ORDER or ORDER.index(target) > ORDER.index(folder):
        return f'"{name}" points up: {folder}/ may include only {", ".join(ORDER[:ORDER.index(folder) + 1])}'
    return None


def check_line(path, line):
    include = INCLUDE.match(line)
    if include and include[1] == '"':
        wrong = check_own_include(path, include[2])
        if wrong:
            yield wrong
    if include and re.match(r"(rte_|dpdk/)", include[2]) and not DPDK_FILES.match(path):
        yield f"<{include[2]}> is DPDK's, and this is none of the files that may know DPDK"
    if include and SSL.match(include[2]) and not SSL_FILES.match(path):
        yield f"<{include[2]}> is libssl's, and only nts/tls.c may know libssl"
    if include and include[2] == "microhttpd.h" and path != "control/metrics_http.c":
        yield "<microhttpd.h> is libmicrohttpd's, and only control/metrics_http.c may know it"
    if CPU_ONLY.search(line) and not BARRIER.search(line) and not CPU_FILE.search(path) and path not in CPU_CHOICES:
        yield "this is of one kind of CPU only, and the file's name does not say so"


def flags(build):
    found = ["-I", ROOT, "-D_GNU_SOURCE", "-std=gnu11", "-Wall", "-Wextra", "-Werror"]
    if build:
        found += ["-I", build, "-I", os.path.join(build, "dataplane")]
    for package in ("libdpdk", "jansson", "libbpf"):
        done = subprocess.run(["pkg-config", "--cflags", package], capture_output=True, text=True, check=False)
        found += ["-isystem" + f[2:] if f.startswith("-I") else f for f in done.stdout.split()]
    return found


def check_alone(path, common):
    cpu = CPU_FILE.search(path)
    if cpu and cpu[1] != HOST:
        return []
    command = ["gcc", *common, "-fsyntax-only", "-x", "c", "-include", os.path.join(ROOT, path), os.devnull]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr)
    return [f"{path}:1: does not compile alone: {first.strip()}"]


def check(build=None):
    """All that is wrong, a line each."""
    wrong, headers = [], []
    for path in sources():
        with open(os.path.join(ROOT, path), encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                wrong += [f"{path}:{number}: {text}" for text in check_line(path, line)]
        if path.endswith(".h"):
            headers.append(path)
    common = flags(build)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(lambda path: check_alone(path, common), headers):
            wrong += found
    return wrong, headers


def main():
    wrong, headers = check(os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else None)
    for line in wrong:
        print(line)
    print(f"{len(headers)} headers, {len(wrong)} breaches")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
