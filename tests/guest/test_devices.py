"""tickwire-clock by one device of the guest after another: does it keep within the bound that it claims?"""
import guest
import pytest

# Seconds in the guest for each device.
PHASES = {"settle": 60, "locked": 60, "interval": 0.23}
# The worst error, ns: sentences come over a line at 115200 baud whenever the programs get to them.
LIMITS = {"NMEA": 50e6, "SHM of sentences": 50e6, "SHM of pulses": 20e3, "SOCK": 20e3, "GPSD": 50e6, "PHC": 20e3}
BY_GPSD = {"SHM of sentences", "SHM of pulses", "SOCK", "GPSD"}


@pytest.fixture(scope="module")
def devices(workbench):
    programs = {"tickwire-clock": workbench.built("bin", "tickwire-clock"), "tickwire": workbench.built("bin", "tickwire"),
                "phc": workbench.built("tests", "guest_phc")}
    missing = {}
    try:
        programs["gpsd"] = workbench.packaged("gpsd", "gpsd")
    except pytest.skip.Exception as reason:
        missing = dict.fromkeys(BY_GPSD, str(reason))
    if not workbench.emulator.has("igb"):
        missing["PHC"] = f"needs a NIC with a clock, which QEMU has from version 8 on: {workbench.emulator.version}"
    return workbench.run("devices", "devices.sh", programs, ppm=50, wander=0, period=3600, jitter=1000, **PHASES), missing


@pytest.mark.parametrize("name", LIMITS)
def test_device(devices, name, figure):
    """Synchronised, at stratum 1, and right."""
    sections, missing = devices
    if name in missing:
        pytest.skip(missing[name])
    seen = guest.Series(sections[name])
    figure(f"{seen}, bound at most {max(seen.bounds):.0f} ns")
    assert seen.synchronised() == 1 and seen.strata == {1}
    assert seen.outside() == 0
    assert seen.worst() < LIMITS[name]
