#!/usr/bin/env python3
"""`./bootstrap test`: builds every variant and runs every test.

usage: run.py [GROUP...]

A line per group of tests, then the failed and the skipped tests with the reason, then "N passed, N failed, N skipped":
all test cases, where a program without cases of its own counts as one. Exits with 1 if any failed. All output is kept
in build*/*.log.
"""
import json
import os
import re
import subprocess
import sys
import textwrap
import threading
import time
import xml.etree.ElementTree

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "system")]

import check_includes  # noqa: E402  pylint: disable=wrong-import-position
import fuzz  # noqa: E402  pylint: disable=wrong-import-position
import lab_backends  # noqa: E402  pylint: disable=wrong-import-position

ROOT = check_includes.ROOT
FUZZ_SECONDS = 10
CLANG_FORMAT_MAJOR = 14  # others lay some lines out differently
# meson's tests that are about threads; under ThreadSanitizer nothing else is of use.
THREAD_TESTS = ["shm", "timebase stress", "exchange", "ke daemon"]
SANITIZED = ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Doptimization=1"]
THREADED = ["-Db_sanitize=thread", "-Db_lundef=false", "-Doptimization=1"]
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:abort_on_error=1",
    "LSAN_OPTIONS": f"suppressions={os.path.join(ROOT, 'tests', 'lsan.supp')}:print_suppressions=0",
    "TSAN_OPTIONS": "halt_on_error=1:abort_on_error=1",
}
# The sanitizers' shadow memory does not fit every random layout of recent kernels.
FIXED_LAYOUT = ["setarch", "-R"]


class Group:
    """The test cases of one line."""

    def __init__(self, name, text):
        self.name, self.text = name, text
        self.passed, self.failed, self.skipped = 0, [], []

    def good(self, count=1):
        self.passed += count

    def bad(self, test, reason):
        self.failed.append((test, reason))

    def skip(self, test, reason):
        self.skipped.append((test, reason))

    def summary(self):
        parts = [f"{self.passed} passed"]
        if self.failed:
            parts.append(f"{len(self.failed)} FAILED")
        if self.skipped:
            parts.append(f"{len(self.skipped)} skipped")
        return ", ".join(parts)


def path(*parts):
    return os.path.join(ROOT, *parts)


def run(log, *command, append=False, **environment):
    """Run a command with its output in a file of the tree; its exit status."""
    os.makedirs(os.path.dirname(path(log)), exist_ok=True)
    clean = {k: v for k, v in os.environ.items() if k not in ("CFLAGS", "LDFLAGS", "CPPFLAGS")}
    with open(path(log), "ab" if append else "wb") as out:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=ROOT, check=False,
                              env={**clean, **environment}).returncode


def tail(log, lines=15):
    with open(path(log), encoding="utf-8", errors="replace") as f:
        return "".join(f.readlines()[-lines:]).strip()


def first_error(log):
    """The line of a log that tells most."""
    text = tail(log, 10000)
    return next((line.strip() for line in text.splitlines() if re.search(r"\berror:|ERROR:", line, re.IGNORECASE)),
                last_line(text, "no output"))


def last_line(text, default):
    return next((line.strip() for line in reversed((text or "").splitlines()) if line.strip()), default)


# Building

def build(group, directory, compiler, options=(), targets=()):
    """Configure, once, and compile. False, with the group's test "build" failed, when that fails."""
    log = os.path.join(directory, "build.log")
    done = os.path.exists(path(directory, "build.ninja")) or run(
        log, "meson", "setup", path(directory), *options, CC=compiler) == 0
    if done and run(log, "ninja", "-C", path(directory), *targets, append=True) == 0:
        return True
    group.bad(f"build in {directory}/", f"{first_error(log)}; see {log}")
    return False


def meson_tests(directory):
    done = subprocess.run(["meson", "introspect", "--tests", path(directory)], capture_output=True, text=True,
                          check=False)
    return json.loads(done.stdout) if done.returncode == 0 else []


# Tests of meson

def count_cases(group, name, text):
    """Count the cases of cmocka's TAP output. False when there are none."""
    cases = re.findall(r"^(not ok|ok) \d+ (?:- |(# SKIP) ?)?(.*)((?:\n# (?!ok|not ok).*)*)$", text, re.MULTILINE)
    for verdict, skipped, case, remarks in cases:
        if skipped:
            group.skip(f"{name}: {case}", "the case says so; its source knows why")
        elif verdict == "ok":
            group.good()
        else:
            group.bad(f"{name}: {case}", " ".join(remarks.replace("\n# ", " ").split()))
    return bool(cases)


def take_meson_test(group, test, log):
    name, output, result = test["name"].split(" / ")[-1], test.get("stdout") or "", test["result"]
    said = last_line(test.get("stderr"), last_line(output, "no output"))
    before = len(group.failed)
    counted = count_cases(group, name, output)
    if result == "SKIP":
        group.skip(name, said.removeprefix("skipped: "))
    elif result not in ("OK", "EXPECTEDFAIL"):
        if len(group.failed) == before:
            group.bad(name, f"{result}, status {test.get('returncode')}: {said}")
        group.failed[before:] = [(case, f"{reason}; see {log}") for case, reason in group.failed[before:]]
    elif not counted:
        group.good()


def run_meson_tests(group, directory, *arguments, inside=()):
    log = os.path.join(directory, "meson-logs", f"{group.name}.json")
    if os.path.exists(path(log)):
        os.unlink(path(log))
    run(os.path.join(directory, f"{group.name}.log"), *inside, "meson", "test", "-C", path(directory), "--no-rebuild",
        "--logbase", group.name, "--no-suite", "system", "-t", "3", *arguments,
        CMOCKA_MESSAGE_OUTPUT="TAP", **SANITIZER_OPTIONS)
    if not os.path.exists(path(log)):
        group.bad("meson test", first_error(os.path.join(directory, f"{group.name}.log")))
        return
    with open(path(log), encoding="utf-8") as f:
        for line in f:
            take_meson_test(group, json.loads(line), log.replace(".json", ".txt"))


# The groups

def style(group):
    files = [name for name in check_includes.sources()]
    version = subprocess.run(["sh", "-c", "clang-format --version"], capture_output=True, text=True, check=False).stdout
    major = re.search(r"version (\d+)", version)
    if not major or int(major[1]) != CLANG_FORMAT_MAJOR:
        group.skip("clang-format", f"needs version {CLANG_FORMAT_MAJOR}, here is {major[1] if major else 'none'}")
    elif run("build/clang-format.log", "clang-format", "--dry-run", "-Werror", *files) == 0:
        group.good()
    else:
        lines = tail("build/clang-format.log", 100000).splitlines()
        ugly = sorted({line.split(":")[0] for line in lines if ": error:" in line})
        group.bad("clang-format", f"run clang-format -i {' '.join(ugly)}")
    wrong, headers = check_includes.check(path("build"))
    group.good(len(headers) + 1 - len({line.split(":")[0] for line in wrong}))
    for line in wrong:
        group.bad("includes", line)


def unit(group):
    if build(group, "build", "gcc"):
        run_meson_tests(group, "build")


def sanitizers(group):
    if build(group, "build-asan", "clang", SANITIZED):
        run_meson_tests(group, "build-asan", inside=FIXED_LAYOUT)


def threads(group):
    directory = "build-tsan"
    if not build(group, directory, "clang", THREADED, ["ntp/libntp.a"]):
        return
    # What is to be built for a test: its first word, or the last one for an interpreter's.
    tests = {test["name"]: os.path.relpath(os.path.join(path(directory), test["cmd"][-1]), path(directory))
             for test in meson_tests(directory)}
    for name in THREAD_TESTS:
        if name not in tests:
            group.bad(name, "there is no such test")
    chosen = [name for name in THREAD_TESTS if name in tests]
    if build(group, directory, "clang", THREADED, [tests[name] for name in chosen]):
        run_meson_tests(group, directory, *chosen, inside=FIXED_LAYOUT)


def fuzzing(group):
    if not fuzz.build():
        group.bad("build in build-fuzz/", f"{first_error('build-fuzz/build.log')}; see build-fuzz/build.log")
        return
    for result in fuzz.fuzz_all(FUZZ_SECONDS):
        if result.reason:
            group.bad(f"fuzz {result.name}", f"{result.reason}; see build-fuzz/fuzz-{result.name}.log")
        else:
            group.good()


def said_by(message):
    """One line of a pytest message: the assertion, or where that only quotes a program, the end of the quotation."""
    first = (message or "no message").splitlines()[0]
    return first if "assert " in first else last_line(message, first)


def take_pytest(group, report, log, prefix=""):
    if not os.path.exists(path(report)):
        group.bad(f"{prefix}pytest", first_error(log))
        return
    for case in xml.etree.ElementTree.parse(path(report)).iter("testcase"):
        name = f"{prefix}{case.get('classname', '').split('.')[-1]}::{case.get('name')}"
        outcome = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
        if outcome is None:
            group.good()
        elif outcome.tag == "skipped":
            group.skip(name, outcome.get("message"))
        else:
            group.bad(name, f"{said_by(outcome.get('message'))}; see {log}")


def run_pytest(name, directory, inside=(), files=("system",), without=(), **environment):
    """The cases of these files or folders of tests/, but for those of some files: the report and the log."""
    report, log = (os.path.join(directory, f"{name}.{kind}") for kind in ("xml", "log"))
    if os.path.exists(path(report)):
        os.unlink(path(report))
    run(log, *inside, sys.executable, "-B", "-m", "pytest", "-rs", "-p", "no:cacheprovider",
        f"--junitxml={path(report)}", *(f"--ignore={path('tests', file)}" for file in without),
        *(path("tests", file) for file in files), TICKWIRE_BUILD=path(directory), **SANITIZER_OPTIONS, **environment)
    return report, log


# Tests of sources of time, of leap seconds and of faults wait for seconds of real time most of the while, so they run
# beside the others and each other. Each row takes some four minutes.
WAITING = [["system/test_refclocks.py", "system/test_health.py", "system/test_leap.py"],
           ["system/test_clock_faults.py", "system/test_faults.py"],
           ["system/test_refclock_devices.py", "system/test_receivers.py", "system/test_clock_leap.py",
            "system/test_nts_clients.py"]]


def run_system(group, directory, inside=()):
    done = []

    def part(number, files, without=()):
        done.append(run_pytest(f"{group.name}-{number}", directory, inside, files, without))

    threads_of_parts = [threading.Thread(target=part, args=(number, files)) for number, files in enumerate(WAITING, 1)]
    for thread in threads_of_parts:
        thread.start()
    part(0, ["system"], without=sum(WAITING, []))
    for thread in threads_of_parts:
        thread.join()
    for report, log in done:
        take_pytest(group, report, log)


def system(group):
    if build(group, "build", "gcc"):
        run_system(group, "build")


def system_sanitizers(group):
    if build(group, "build-asan", "clang", SANITIZED):
        run_system(group, "build-asan", FIXED_LAYOUT)


# What a whole tickwire is made to use, and the tests whose replies are made by it.
FORCED = ["aeadbackend vaes512, packetlane avx512", "aeadbackend vaes256", "aeadbackend aesni",
          "aeadbackend openssl, packetlane generic"]
ANSWERING = [f"system/test_{name}.py" for name in
             ("frames", "nts_aeads", "nts_clients", "nts_faults", "nts_keys", "workers")]


def backends(group):
    if not build(group, "build", "gcc"):
        return
    for directives in FORCED:
        pairs = lab_backends.directives_of(directives)
        name = pairs[0][1]
        reason = next((reason for pair in pairs if (reason := lab_backends.why_not(*pair))), None)
        if reason:
            group.skip(name, reason)
        else:
            take_pytest(group, *run_pytest(f"{group.name}-{name}", "build", files=ANSWERING, TICKWIRE_FORCE=directives),
                        prefix=f"{name}: ")


def in_guest(group):
    if build(group, "build", "gcc"):
        take_pytest(group, *run_pytest(group.name, "build", files=["guest"]))


GROUPS = [
    Group("style", "format, includes, headers"),
    Group("unit", "gcc, release: units, corpora"),
    Group("sanitizers", "clang, ASan + UBSan: the same"),
    Group("threads", "clang, TSan: shared memory, tickwire-ke"),
    Group("fuzz", f"libFuzzer, {FUZZ_SECONDS} s each"),
    Group("system", "whole tickwire, real peers"),
    Group("system-sanitizers", "the same with ASan + UBSan"),
    Group("backends", "NTS and frames, each AEAD forced"),
    Group("guest", "clocks by devices, emulated"),
]
RUNNERS = {"style": style, "unit": unit, "sanitizers": sanitizers, "threads": threads, "fuzz": fuzzing,
           "system": system, "system-sanitizers": system_sanitizers, "backends": backends, "guest": in_guest}


def print_skipped(groups):
    """By the reason, which many often share."""
    for group in groups:
        for reason in dict.fromkeys(reason for _, reason in group.skipped):
            tests = [test for test, other in group.skipped if other == reason]
            print(textwrap.fill(f"{group.name}: {reason}: {', '.join(tests)}", 110, initial_indent="  ",
                                subsequent_indent="      ", break_long_words=False, break_on_hyphens=False))


def report(groups):
    passed, failed, skipped = (sum(counts) for counts in zip(*(
        (g.passed, len(g.failed), len(g.skipped)) for g in groups)))
    if skipped:
        print("\nskipped:")
        print_skipped(groups)
    if failed:
        print("\nFAILED:")
    for group in groups:
        for test, reason in group.failed:
            print(f"  {group.name}: {test}" + (f": {reason}" if reason else ""))
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


def main():
    unknown = set(sys.argv[1:]) - set(RUNNERS)
    if unknown:
        print(f"no such group: {' '.join(sorted(unknown))}; there are: {' '.join(RUNNERS)}", file=sys.stderr)
        return 2
    groups = [group for group in GROUPS if not sys.argv[1:] or group.name in sys.argv[1:]]
    for group in groups:
        print(f"{group.name:18} {group.text:31} ", end="", flush=True)
        start = time.monotonic()
        try:
            RUNNERS[group.name](group)
        except Exception as error:  # pylint: disable=broad-except
            group.bad("the test runner", f"{type(error).__name__}: {error}")
        print(f"{group.summary()} ({time.monotonic() - start:.0f} s)", flush=True)
    return report(groups)


if __name__ == "__main__":
    sys.exit(main())
