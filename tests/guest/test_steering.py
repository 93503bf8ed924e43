"""The kernel clock of a machine of its own, kept by tickwire-clock."""
import guest


def start(workbench):
    return {"steering": workbench.start("steering", "steering.sh", lambda: {
        name: workbench.built("bin", name) for name in ("tickwire", "tickwire-clock")},
        options="poll 4", ppm=50, wander=0.1, period=3600, jitter=1000, seed=1, settle=200, locked=120, interval=0.23)}


def test_steer_kernel(guests, figure):
    """It follows the time that is served to some microseconds, and says so itself (maxerror)."""
    sections = guests["steering"].result()
    kernel, served = guest.Series(sections["kernel"]), guest.Series(sections["served"])
    figure(f"kernel clock {kernel}; served {served}")
    assert kernel.synchronised() == 1 and kernel.outside() == 0
    assert kernel.rms() < 10e3
    assert served.outside() == 0
