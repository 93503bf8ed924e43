"""The figures of a comparison: what a load's JSON says, medians with their spread, ratios, and tables. Pure."""
import json
import statistics

WIDTH = 110  # columns of a table
FIGURES = ("rate", "core", "process", "p50", "p99")
TITLES = {"rate": "answered, k/s", "core": "CPU core, us", "process": "process, us", "p50": "p50, us", "p99": "p99, us"}
REPLIES_LEAST = 1000  # below that the processor's share of a reply says nothing
SCALE = {"rate": 1e-3, "core": 1e6, "process": 1e6, "p50": 1e6, "p99": 1e6}


class Unreadable(Exception):
    """A sentence about what was said instead of a result."""


# What the load generator says

def load_object(text):
    """The JSON object in the output of `tickwire bench load --json`."""
    start = text.find("{")
    try:
        said = json.loads(text[start:]) if start >= 0 else None
    except ValueError:
        said = None
    if not isinstance(said, dict):
        lines = text.strip().splitlines() or ["nothing"]
        raise Unreadable(f"the load generator said: {lines[-1][:300]}")
    missing = [key for key in ("sent", "answered", "lost", "rate_sent", "latency", "generator_limited") if key not in said]
    if missing:
        raise Unreadable(f"the load generator's object has no {', '.join(missing)}")
    return said


def returned(said):
    """
    Requests a second that came back, each counted once, over the seconds of sending. For a responder that is what
    was answered. An echo is counted the same way where the load was told --echo: the judge then knows a returned request
    by what stands in its origin, counts it as answered, and convicts it nevertheless, so that `valid` is 0.
    """
    return said["answered"] * said["rate_sent"] / said["sent"] if said["sent"] else 0.0


def knee(said):
    """(rate, whether the generator was the limit); the rate is None where even the lowest was too much."""
    found = said.get("knee") or {}
    rate = found.get("rate") if found.get("found", True) else None
    return rate or None, bool(found.get("generator_limited", False))


# Forwarding, as RFC 2285 section 3.6 has it: the most that came back at any offered rate

def best_step(steps):
    """Of (offered, sent, returned) a second, that with the most returned, and who was the limit there."""
    best = max(steps, key=lambda step: step[2])
    return best, "generator" if best[2] >= 0.99 * best[1] else "server"


def ladder_is_over(steps):
    """A higher rate would tell nothing: two steps could not be made as asked, or less comes back than did."""
    most = max((step[2] for step in steps), default=0.0)
    behind = [step for step in steps[-2:] if step[1] < 0.9 * step[0]]
    return len(behind) == 2 or bool(steps and steps[-1][2] < 0.7 * most)


# What the processor did meanwhile

def busy_window(samples):
    """
    Of samples (time, core's busy seconds, processes' seconds, replies), those between the first and the last moment at
    which replies went at their full rate: (core, process) seconds a reply, or None where there were too few.
    """
    rates = [(b[3] - a[3]) / (b[0] - a[0]) for a, b in zip(samples, samples[1:]) if b[0] > a[0]]
    if not rates:
        return None
    usual = statistics.median(sorted(rates)[-max(1, len(rates) // 3):])
    full = [i for i, rate in enumerate(rates) if rate >= 0.8 * usual]
    first, last = samples[full[0]], samples[full[-1] + 1]
    replies = last[3] - first[3]
    if replies < REPLIES_LEAST:
        return None
    return (last[1] - first[1]) / replies, (last[2] - first[2]) / replies


# Medians, spread and ratios

def spread(values):
    """(median, least, most) of what there is; None where there is nothing."""
    there = [value for value in values if value is not None]
    return (statistics.median(there), min(there), max(there)) if there else None


def ratios(ours, theirs):
    """Round by round, as both were measured beside each other."""
    return [a / b if a is not None and b else None for a, b in zip(ours, theirs)]


def limit_of(limits):
    """Of rounds, each "server", "generator" or None: a word that fits into a column."""
    there = {limit for limit in limits if limit}
    word = there.pop() if len(there) == 1 else "mixed" if there else "-"
    return "load" if word == "generator" else word


def number(value):
    """Three digits that count."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def with_spread(values, scale=1.0):
    found = spread(values)
    if not found:
        return "-"
    middle, least, most = (number(value * scale) for value in found)
    return middle if sum(value is not None for value in values) == 1 else f"{middle} ({least}-{most})"


def kind_rows(servers, reference):
    """Rows of one kind of load: servers is {name: {figure: [a value a round]}}, in order."""
    rows = []
    for name, figures in servers.items():
        rows.append([name, *(with_spread(figures[key], SCALE[key]) for key in FIGURES), limit_of(figures["limit"])])
        if name != reference and reference in servers:
            rows.append([f"  /{reference}", *(with_spread(ratios(figures[key], servers[reference][key]))
                                              for key in FIGURES), ""])
    return [["server", *(TITLES[key] for key in FIGURES), "limit"], *rows]


def echo_rows(beds):
    """Rows of the second part: beds is {bed: {side: {"rate": [...], "limit": [...]}}}, rates a second."""
    rows = [["wire", "server", "returned, k/s", "of testpmd", "limit"]]
    for bed, sides in beds.items():
        for side, figures in sides.items():
            ratio = "" if side == "testpmd" or "testpmd" not in sides else with_spread(
                ratios(figures["rate"], sides["testpmd"]["rate"]))
            rows.append([bed, side, with_spread(figures["rate"], 1e-3), ratio, limit_of(figures["limit"])])
    return rows


# Tables; the first row is the titles

def table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * min(WIDTH, sum(widths) + 2 * len(widths) - 2), *lines[1:]])


def markdown(rows):
    lines = ["| " + " | ".join(cell.strip() for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
