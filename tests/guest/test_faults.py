"""tickwire-clock by pulses, while something goes wrong that only a machine of its own can be made to suffer."""
import guest
import pytest

PHASES = {"settle": 240, "locked": 60, "interval": 0.23}
FAULTS = ("kernel clock set", "doubled pulses", "missed pulses", "killed")
LIMIT = 20e3  # ns; the pulses' jitter is 1000


def start(workbench):
    return {"faults": workbench.start("faults", "faults.sh", lambda: {
        name: workbench.built("bin", name) for name in ("tickwire", "tickwire-clock")},
        options="poll 4", ppm=50, wander=0.1, period=3600, jitter=1000, seed=1, **PHASES)}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(guests, name, figure):
    """The time that is served does not move, and no bound is wrong."""
    seen = guest.Series(guests["faults"].result()[name])
    figure(f"{seen}, bound at most {max(seen.bounds):.0f} ns")
    assert seen.outside() == 0
    assert seen.worst() < LIMIT
    assert seen.synchronised() == 1
