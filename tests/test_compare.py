#!/usr/bin/env python3
"""What bench/compare makes of its figures. Usage: test_compare.py BENCH_DIRECTORY. Output is TAP; nothing is measured."""
import json
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

import compare_figures as figures  # noqa: E402  pylint: disable=wrong-import-position,import-error

SAID = {"sent": 1000, "answered": 990, "valid": 980, "lost": 10, "wrong": 3, "rate_sent": 500.0, "latency": {"p50": 1e-4},
        "generator_limited": False, "verdicts": {"valid": 980, "late": 7, "unsolicited": 3}}


def raises(call, *words):
    try:
        call()
    except figures.Unreadable as error:
        assert all(word in str(error) for word in words), str(error)
        return
    raise AssertionError("was read")


def an_object_is_found_behind_chatter():
    assert figures.load_object(json.dumps(SAID)) == SAID
    assert figures.load_object("EAL: something\n" + json.dumps(SAID, indent=1) + "\n") == SAID


def what_is_no_result_is_refused():
    raises(lambda: figures.load_object(""), "nothing")
    raises(lambda: figures.load_object("tickwire bench: no such interface\n"), "no such interface")
    raises(lambda: figures.load_object('{"sent": 1'), "said")
    raises(lambda: figures.load_object("[1]"), "said")
    raises(lambda: figures.load_object(json.dumps({k: v for k, v in SAID.items() if k != "lost"})), "has no lost")


def an_echo_counts_as_returned():
    """Though the judge convicts it."""
    assert figures.returned(SAID) == 495.0
    assert figures.returned({**SAID, "answered": 997, "valid": 0, "lost": 3, "wrong": 997}) == 498.5
    assert figures.returned({**SAID, "sent": 0, "answered": 0, "rate_sent": 0}) == 0


def a_knee_says_whose_it_is():
    assert figures.knee({"knee": {"found": True, "rate": 2e5, "generator_limited": True}}) == (2e5, True)
    assert figures.knee({"knee": {"found": False, "rate": 5.0, "generator_limited": False}}) == (None, False)
    assert figures.knee({"knee": {"found": True, "rate": 0}})[0] is None and figures.knee({}) == (None, False)


def the_most_that_came_back_is_taken():
    steps = [(1e5, 1e5, 1e5), (2e5, 2e5, 1.9e5), (4e5, 3.9e5, 1.5e5)]
    assert figures.best_step(steps) == ((2e5, 2e5, 1.9e5), "server")
    assert figures.best_step([(1e5, 1e5, 1e5), (2e5, 1.2e5, 1.2e5)]) == ((2e5, 1.2e5, 1.2e5), "generator")


def a_ladder_ends():
    assert not figures.ladder_is_over([]) and not figures.ladder_is_over([(1e5, 1e5, 1e5)])
    assert not figures.ladder_is_over([(1e5, 1e5, 1e5), (2e5, 1.5e5, 1.5e5)])
    assert figures.ladder_is_over([(2e5, 1.5e5, 1.5e5), (4e5, 1.5e5, 1.5e5)])
    assert figures.ladder_is_over([(1e5, 1e5, 1e5), (2e5, 2e5, 0.6e5)])
    assert figures.ladder_is_over([(1e5, 0.0, 0.0), (2e5, 0.0, 0.0)])


def the_window_is_that_of_the_load():
    """Before and after it the core does something else, which is not the replies'."""
    samples = [(0.0, 0.0, 0.0, 0), (0.2, 0.2, 0.1, 0)]
    for i in range(1, 11):
        samples.append((0.2 + 0.2 * i, 0.2 + 0.1 * i, 0.1 + 0.05 * i, 10000 * i))
    samples += [(2.4, 1.4, 0.8, 100000), (2.6, 1.6, 1.0, 100010)]
    core, process = figures.busy_window(samples)
    assert abs(core - 1e-5) < 1e-12 and abs(process - 5e-6) < 1e-12, (core, process)


def no_window_without_replies():
    assert figures.busy_window([]) is None and figures.busy_window([(0.0, 0.0, 0.0, 0)]) is None
    assert figures.busy_window([(0.0, 0.0, 0.0, 5), (0.2, 0.1, 0.1, 5)]) is None
    assert figures.busy_window([(0.0, 0.0, 0.0, 0), (0.2, 0.1, 0.1, 999)]) is None


def spread_leaves_out_what_is_not_there():
    assert figures.spread([3.0, 1.0, None, 2.0]) == (2.0, 1.0, 3.0)
    assert figures.spread([None]) is None and figures.spread([]) is None
    assert figures.with_spread([None, None]) == "-" and figures.with_spread([1.5]) == "1.50"
    assert figures.with_spread([1e5, 2e5, 3e5], 1e-3) == "200 (100-300)"


def ratios_are_those_of_a_round():
    assert figures.ratios([2.0, 9.0, None, 4.0, 5.0], [1.0, 3.0, 2.0, None, 0]) == [2.0, 3.0, None, None, None]
    assert figures.limit_of(["server", "server", None]) == "server" and figures.limit_of([None]) == "-"
    assert figures.limit_of(["server", "generator"]) == "mixed"
    assert figures.limit_of(["generator"]) == "load"


def three_digits_count():
    assert [figures.number(v) for v in (0, 0.123, 1.005, 12.34, 99.96, 123.4, 12345.6)] == [
        "0", "0.12", "1.00", "12.3", "100.0", "123", "12346"]


def widest():
    rounds = {"rate": [123456.0, 234567.0, 999999.0], "core": [1.234e-5, 2.345e-5, 9.876e-5],
              "process": [1.234e-5, 2.345e-5, 9.876e-5], "p50": [1.234e-3, 2.345e-3, 9.876e-3],
              "p99": [1.234e-3, 2.345e-3, 9.876e-3], "limit": ["generator"] * 3}
    return {"tickwire": rounds, "chronyd": rounds, "openntpd": rounds}


def a_table_is_narrow_enough():
    rows = figures.kind_rows(widest(), "chronyd")
    assert [row[0] for row in rows] == ["server", "tickwire", "  /chronyd", "chronyd", "openntpd", "  /chronyd"]
    lines = figures.table(rows).splitlines()
    assert max(len(line) for line in lines) <= figures.WIDTH, lines
    assert all(lines[i].endswith("  load") for i in (2, 4, 5)) and "235 (123-1000)" in lines[2], lines
    assert "1.00 (1.00-1.00)" in lines[3]


def ratios_need_a_reference():
    assert len(figures.kind_rows({"tickwire": widest()["tickwire"]}, "chronyd")) == 2


def echoes_are_compared_on_the_same_wire():
    beds = {"memif": {"tickwire": {"rate": [1e6, None], "limit": ["server", None]},
                      "testpmd": {"rate": [2e6, 2e6], "limit": ["server", "server"]}},
            "veth": {"tickwire": {"rate": [1e5], "limit": ["generator"]}}}
    rows = figures.echo_rows(beds)
    assert rows[1:] == [["memif", "tickwire", "1000", "0.50", "server"],
                        ["memif", "testpmd", "2000 (2000-2000)", "", "server"],
                        ["veth", "tickwire", "100", "", "load"]], rows


def markdown_is_a_table():
    lines = figures.markdown([["a", "b"], ["  /c", "1"]]).splitlines()
    assert lines == ["| a | b |", "|---|---|", "| /c | 1 |"], lines


TESTS = [an_object_is_found_behind_chatter, what_is_no_result_is_refused, an_echo_counts_as_returned,
         a_knee_says_whose_it_is, the_most_that_came_back_is_taken, a_ladder_ends, the_window_is_that_of_the_load,
         no_window_without_replies, spread_leaves_out_what_is_not_there, ratios_are_those_of_a_round, three_digits_count,
         a_table_is_narrow_enough, ratios_need_a_reference, echoes_are_compared_on_the_same_wire, markdown_is_a_table]


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
