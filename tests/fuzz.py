#!/usr/bin/env python3
"""Runs the libFuzzer targets, tests/fuzz_NAME.c, two at a time.

usage: fuzz.py [SECONDS] [--keep] [NAME...]

Each target fuzzes for SECONDS (default 600). It starts from tests/corpus/NAME, which is only read, and from what
earlier runs have found, in build-fuzz/corpus/NAME. Inputs that crash a target stay in build-fuzz/crashes/. With
--keep, inputs that reach something new are added to tests/corpus/NAME, as few as do it.
Exits with 1 if a target crashed, hung or did not run.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build-fuzz")
CRASHES = os.path.join(BUILD, "crashes")
AT_A_TIME = 2
OPTIONS = ["-timeout=10", "-rss_limit_mb=2048", "-max_len=4096", "-print_final_stats=1", "-verbosity=1"]


def names():
    files = glob.glob(os.path.join(ROOT, "tests", "fuzz_*.c"))
    return sorted({os.path.basename(path)[len("fuzz_"):-len(".c")] for path in files} - {"replay"})


def kept(name):
    return os.path.join(ROOT, "tests", "corpus", name)


def found(name):
    return os.path.join(BUILD, "corpus", name)


def build():
    """Configure and compile the targets; the output is in build-fuzz/build.log. False when that failed."""
    environment = {k: v for k, v in os.environ.items() if k not in ("CFLAGS", "LDFLAGS", "CPPFLAGS")}
    with open_log("build.log") as log:
        def run(*command):
            return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, check=False,
                                  env={**environment, "CC": "clang"}).returncode == 0
        if not os.path.exists(os.path.join(BUILD, "build.ninja")) and not run(
                "meson", "setup", BUILD, "-Dfuzz=true", "-Doptimization=1", "-Db_lundef=false"):
            return False
        return run("ninja", "-C", BUILD, *(f"tests/fuzz_{name}" for name in names()))


def open_log(name):
    os.makedirs(BUILD, exist_ok=True)
    return open(os.path.join(BUILD, name), "w", encoding="utf-8")


class Result:
    """How one target ended."""

    def __init__(self, name, status, log, before):
        self.name, self.status = name, status
        with open(log, encoding="utf-8", errors="replace") as f:
            self.text = f.read()
        last = re.findall(r"^#(\d+)\s.* cov: (\d+) ft: (\d+)", self.text, re.MULTILINE)
        runs = re.search(r"^stat::number_of_executed_units:\s+(\d+)", self.text, re.MULTILINE)
        self.runs = int(runs[1]) if runs else int(last[-1][0]) if last else 0
        self.coverage, self.features = (int(last[-1][1]), int(last[-1][2])) if last else (0, 0)
        self.crashes = sorted(set(crash_files(name)) - set(before))

    @property
    def reason(self):
        """What is wrong, or an empty string."""
        summary = re.search(r"^SUMMARY: (.*)", self.text, re.MULTILINE)
        if self.status == 0 and self.runs > 0:
            return ""
        files = ", ".join(os.path.relpath(path, ROOT) for path in self.crashes)
        said = summary[1] if summary else (self.text.strip().splitlines() or ["no output"])[-1]
        return f"{said}{'; input: ' + files if files else ''}"


def crash_files(name):
    return glob.glob(os.path.join(CRASHES, glob.escape(name) + "-*"))


def fuzz(name, seconds):
    os.makedirs(found(name), exist_ok=True)
    os.makedirs(CRASHES, exist_ok=True)
    before = crash_files(name)
    log = os.path.join(BUILD, f"fuzz-{name}.log")
    dictionary = os.path.join(ROOT, "tests", f"fuzz_{name}.dict")
    command = [os.path.join(BUILD, "tests", f"fuzz_{name}"), f"-max_total_time={seconds}",
               f"-artifact_prefix={CRASHES}/{name}-", *OPTIONS]
    if os.path.exists(dictionary):
        command.append(f"-dict={dictionary}")
    corpora = [found(name)] + ([kept(name)] if os.path.isdir(kept(name)) else [])
    with open(log, "wb") as out:
        try:
            status = subprocess.run(command + corpora, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False,
                                    timeout=seconds + 120).returncode
        except (subprocess.TimeoutExpired, OSError) as error:
            status = -1
            out.write(f"\n{error}\n".encode())
    return Result(name, status, log, before)


def fuzz_all(seconds, chosen=None):
    """Results, as the targets end."""
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        jobs = [pool.submit(fuzz, name, seconds) for name in chosen or names()]
        for job in concurrent.futures.as_completed(jobs):
            yield job.result()


def keep(name):
    """Add to the kept corpus what reaches more than it does; the number of inputs added."""
    os.makedirs(kept(name), exist_ok=True)
    before = len(os.listdir(kept(name)))
    with open_log(f"merge-{name}.log") as log:
        subprocess.run([os.path.join(BUILD, "tests", f"fuzz_{name}"), "-merge=1", kept(name), found(name)],
                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
    return len(os.listdir(kept(name))) - before


def main():
    parser = argparse.ArgumentParser(prog="bootstrap fuzz", description="Fuzz the targets, two at a time.")
    parser.add_argument("words", nargs="*", metavar="SECONDS|TARGET", help=f"of: {' '.join(names())}")
    parser.add_argument("--keep", action="store_true", help="add what was found to tests/corpus")
    arguments = parser.parse_intermixed_args()
    seconds = next((int(word) for word in arguments.words if word.isdigit()), 600)
    chosen = [word for word in arguments.words if not word.isdigit()] or names()
    unknown = sorted(set(chosen) - set(names()))
    if unknown or seconds == 0:
        parser.error(f"no such target: {' '.join(unknown)}" if unknown else "SECONDS is 0")
    print("compiling into build-fuzz/", flush=True)
    if not build():
        with open(os.path.join(BUILD, "build.log"), encoding="utf-8", errors="replace") as log:
            print("    ".join(["", *log.readlines()[-40:]]))
        print("that failed; the whole output is in build-fuzz/build.log")
        return 1
    rounds = (len(chosen) + AT_A_TIME - 1) // AT_A_TIME
    print(f"{len(chosen)} targets, {seconds} s each, two at a time: done at "
          f"{time.strftime('%H:%M:%S', time.localtime(time.time() + rounds * seconds))}", flush=True)
    print(f"{'target':14} {'runs':>12} {'coverage':>9} {'features':>9} {'crashes':>8}", flush=True)
    bad = 0
    for result in fuzz_all(seconds, chosen):
        bad += bool(result.reason)
        print(f"{result.name:14} {result.runs:12} {result.coverage:9} {result.features:9} {len(result.crashes):8}",
              flush=True)
        if result.reason:
            print(f"    {result.reason}\n    see build-fuzz/fuzz-{result.name}.log", flush=True)
    if arguments.keep:
        for name in chosen:
            print(f"{keep(name)} inputs added to tests/corpus/{name}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
