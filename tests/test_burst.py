#!/usr/bin/env python3
"""bench/burst against a server that errs in known ways. Usage: test_burst.py BURST. Output is TAP; only loopback."""
import json
import socket
import struct
import subprocess
import sys
import threading

BURST = sys.argv[1]
COUNT = 256


def reply_to(request, **change):
    head = {"lvm": 0x24, "stratum": 3, "origin": request[40:48], "receive": 1 << 40, "transmit": (1 << 40) + 1}
    head.update(change)
    return (struct.pack("!BBbb20x", head["lvm"], head["stratum"], 0, -20) + head["origin"]
            + struct.pack("!QQ", head["receive"], head["transmit"]))


def run(*words):
    return subprocess.run([BURST, *words], capture_output=True, text=True, timeout=30, check=False)


def ask(answer, family=socket.AF_INET, host="127.0.0.1"):
    """One burst to a server on the loopback that sends answer(number, request), a list: the status, what burst says."""
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        server.bind((host, 0))
        server.settimeout(5)

        def serve():
            for number in range(COUNT):
                request, peer = server.recvfrom(2048)
                for reply in answer(number, request):
                    server.sendto(reply, peer)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        shown = f"[{host}]" if ":" in host else host
        done = run("-n", str(COUNT), "-r", "2000", f"{shown}:{server.getsockname()[1]}")
        thread.join(10)
    return done.returncode, json.loads(done.stdout)


def judge(status, said, answered, wrong):
    expected = 0 if answered == COUNT and not wrong else 1
    assert (status, said["sent"], said["answered"], said["wrong"], said["lost"]) == (
        expected, COUNT, answered, wrong, COUNT - answered), (status, said)


def all_right():
    for _ in range(3):  # a machine that stands still sends late, but not each time
        status, said = ask(lambda number, request: [reply_to(request)])
        judge(status, said, COUNT, 0)
        assert said["stratum"] == [3, 3] and said["rate"] < 2100, said
        if said["rate"] > 1000:
            return
    assert said["rate"] > 1000, said


def all_right_over_ipv6():
    judge(*ask(lambda number, request: [reply_to(request)], socket.AF_INET6, "::1"), COUNT, 0)


def silence_is_lost():
    judge(*ask(lambda number, request: [reply_to(request)] if number % 4 else []), COUNT - COUNT // 4, 0)


def duplicates_are_wrong():
    judge(*ask(lambda number, request: [reply_to(request)] * (1 + (number == 7))), COUNT, 1)


def spoilt_replies_are_wrong():
    spoilt = [{"lvm": 0x23}, {"lvm": 0x1c}, {"lvm": 0xe4}, {"stratum": 0}, {"stratum": 16}, {"transmit": 1 << 40},
              {"origin": b"notyours"}]
    judge(*ask(lambda number, request: [reply_to(request, **(spoilt[number] if number < len(spoilt) else {}))]),
          COUNT - len(spoilt), len(spoilt))


def wrong_lengths_are_wrong():
    judge(*ask(lambda number, request: [reply_to(request)[:47]] if number == 0 else [reply_to(request)]), COUNT - 1, 1)
    judge(*ask(lambda number, request: [reply_to(request) + bytes(4 * (number == 0))]), COUNT - 1, 1)


def strata_are_told():
    _, said = ask(lambda number, request: [reply_to(request, stratum=2 + number % 2)])
    assert said["stratum"] == [2, 3], said


def only_private_hosts_are_asked():
    for host in ("8.8.8.8", "172.32.0.1", "11.0.0.1", "[2001:db8::1]:123", "::ffff:8.8.8.8", "192.0.2.1", "0.0.0.0"):
        done = run("-n", "1", "-r", "1", host)
        assert done.returncode == 2 and "private" in done.stderr and not done.stdout, (host, done)


def bounds_are_kept():
    for words in (["-n", "1000001", "-r", "1000000"], ["-n", "101", "-r", "10"], ["-n", "0", "-r", "1"], ["-n", "1"],
                  ["-n", "-1", "-r", "1"], ["-n", "1x", "-r", "1"]):
        assert run(*words, "127.0.0.1:9").returncode == 2, words


TESTS = [all_right, all_right_over_ipv6, silence_is_lost, duplicates_are_wrong, spoilt_replies_are_wrong,
         wrong_lengths_are_wrong, strata_are_told, only_private_hosts_are_asked, bounds_are_kept]


def main():
    bad = 0
    print(f"1..{len(TESTS)}")
    for number, test in enumerate(TESTS, 1):
        try:
            test()
            print(f"ok {number} - {test.__name__}")
        except Exception as error:  # pylint: disable=broad-except
            bad += 1
            print(f"not ok {number} - {test.__name__}\n# {type(error).__name__}: {error}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
