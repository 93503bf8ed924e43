"""Clocks kept by the pulses of one receiver, whose true time is known: chronyd, and tickwire-clock by the same pulses."""
import math

import guest
import pytest

# The guest's oscillator is off by 50 ppm and by 0.1 ppm more or less in an hour; a pulse by 1 us, one sigma.
OSCILLATOR = {"ppm": 50, "wander": 0.1, "period": 3600, "jitter": 1000, "seed": 1}
# Seconds in the guest: to settle, with pulses, without, and with them again.
PHASES = {"settle": 240, "locked": 400, "holdover": 600, "back": 120, "interval": 0.23}
# An oscillator that does not wander, as none does, and no more than what comparing by pulses takes.
CONSTANT = {"wander": 0, "holdover": 1, "back": 1}
# Sequences of jitter. With one, whose error is less is chance.
SEEDS = (1, 2, 3)
# Of both clocks' PPS source, in the syntax that they share.
OPTIONS = "poll 4"
SCRIPTS = {"chronyd": "chronyd.sh", "tickwire": "tickwire.sh"}


def start(workbench):
    programs = {
        "chronyd": lambda: {"chronyd": workbench.program("chronyd", "chrony"), "gpsd": workbench.packaged("gpsd", "gpsd")},
        "tickwire": lambda: {name: workbench.built("bin", name) for name in ("tickwire", "tickwire-clock")}}

    def guest_of(clock, name, **changes):
        return name, workbench.start(name, SCRIPTS[clock], programs[clock],
                                     options=OPTIONS, **{**OSCILLATOR, **PHASES, **changes})

    return dict([*(guest_of(clock, clock) for clock in SCRIPTS),
                 *(guest_of(clock, f"{clock}-constant-{seed}", seed=seed, **CONSTANT)
                   for seed in SEEDS for clock in SCRIPTS)])


class Run:
    def __init__(self, sections):
        self.locked, self.holdover, self.back = (guest.Series(sections[name]) for name in ("locked", "holdover", "back"))


@pytest.fixture(scope="module")
def chronyd(guests):
    return Run(guests["chronyd"].result())


def test_chronyd(chronyd, figure):
    """The bed is good enough to compare clocks by: chronyd averages the pulses' jitter."""
    figure(f"by pulses {chronyd.locked}; without {chronyd.holdover}")
    assert chronyd.locked.rms() < OSCILLATOR["jitter"]
    assert chronyd.locked.outside() == 0
    assert chronyd.locked.synchronised() == 1


@pytest.fixture(scope="module")
def tickwire(guests):
    return Run(guests["tickwire"].result())


def test_tickwire(tickwire, chronyd, figure):
    """No worse than chronyd on the same pulses, and never outside of its bound."""
    figure(f"by pulses {tickwire.locked}, bound at most {max(tickwire.locked.bounds):.0f} ns; chronyd {chronyd.locked}")
    assert tickwire.locked.synchronised() == 1 and tickwire.locked.strata == {1}
    assert tickwire.locked.outside() == 0
    assert tickwire.locked.rms() <= chronyd.locked.rms()


def test_tickwire_holdover(tickwire, chronyd, figure):
    """Without pulses for ten minutes it goes on within a bound that grows."""
    figure(f"without {tickwire.holdover}, bound at the end {tickwire.holdover.bounds[-1]:.0f} ns; "
           f"chronyd {chronyd.holdover}")
    assert tickwire.holdover.synchronised() == 1
    assert tickwire.holdover.outside() == 0
    assert tickwire.holdover.bounds[-1] > tickwire.locked.bounds[-1]


def test_tickwire_back(tickwire, figure):
    """With pulses again it comes back to the time, within its bound all along."""
    figure(f"with pulses again {tickwire.back}, bound at the end {tickwire.back.bounds[-1]:.0f} ns")
    assert tickwire.back.synchronised() == 1
    assert tickwire.back.outside() == 0
    assert tickwire.back.errors[-1] < OSCILLATOR["jitter"]


def test_tickwire_constant(guests, figure):
    """Nor is it worse where the oscillator's rate is constant: the straight line that chronyd fits is the best there.

    Two runs of either over all sequences differ by a tenth, for they meet the pulses at other phases of their polls; the ratio
    may differ by a quarter."""
    def together(clock):
        return [Run(guests[f"{clock}-constant-{seed}"].result()).locked for seed in SEEDS]

    def rms(of):
        return math.sqrt(sum(series.rms() ** 2 for series in of) / len(of))

    ours, theirs = together("tickwire"), together("chronyd")
    figure(f"by pulses rms {rms(ours):.0f} ns, chronyd {rms(theirs):.0f} ns; " + "; ".join(
        f"{seed}: {a}, chronyd {b}" for seed, a, b in zip(SEEDS, ours, theirs)))
    assert all(series.synchronised() == 1 and series.outside() == 0 for series in ours)
    assert rms(ours) <= 1.25 * rms(theirs)
