"""tickwire-clock by one device of the guest after another: does it keep within the bound that it claims?"""
import guest
import pytest

# Seconds in the guest for each device.
PHASES = {"settle": 60, "locked": 60, "interval": 0.23}
# The worst error, ns: sentences come over a line at 115200 baud whenever the programs get to them.
LIMITS = {"NMEA": 50e6, "SHM of sentences": 50e6, "SHM of pulses": 20e3, "SOCK": 20e3, "GPSD": 50e6, "PHC": 20e3}
BY_GPSD = {"SHM of sentences", "SHM of pulses", "SOCK", "GPSD"}


def why_missing(workbench):
    """Of the devices that cannot be had, by name."""
    reasons = {}
    try:
        workbench.packaged("gpsd", "gpsd")
    except pytest.skip.Exception as reason:
        reasons = dict.fromkeys(BY_GPSD, str(reason))
    if not workbench.emulator.has("igb"):
        reasons["PHC"] = f"needs a NIC with a clock, which QEMU has from version 8 on: {workbench.emulator.version}"
    return reasons


def start(workbench):
    def programs():
        found = {"tickwire-clock": workbench.built("bin", "tickwire-clock"), "tickwire": workbench.built("bin", "tickwire"),
                 "phc": workbench.built("tests", "guest_phc")}
        if not BY_GPSD & why_missing(workbench).keys():
            found["gpsd"] = workbench.packaged("gpsd", "gpsd")
        return found
    return {"devices": workbench.start("devices", "devices.sh", programs,
                                       ppm=50, wander=0, period=3600, jitter=1000, seed=1, **PHASES)}


@pytest.fixture(scope="module")
def missing(workbench):
    return why_missing(workbench)


@pytest.mark.parametrize("name", LIMITS)
def test_device(guests, missing, name, figure):
    """Synchronised, at stratum 1, and right."""
    sections = guests["devices"].result()
    if name in missing:
        pytest.skip(missing[name])
    seen = guest.Series(sections[name])
    figure(f"{seen}, bound at most {max(seen.bounds):.0f} ns")
    assert seen.synchronised() == 1 and seen.strata == {1}
    assert seen.outside() == 0
    assert seen.worst() < LIMITS[name]
