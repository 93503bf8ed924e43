"""What goes wrong around tickwire-clock, devices that hang, files that cannot be written, programs that are not there: time
is served on, and the operator is told what is wrong."""
import time

import lab as lab_module
from lab_sources import SecondPulses, Sock, source, wait_synchronised

GPS = "refid GPS poll 1 delay 0.0001"


def test_device_hangs(pair):
    """Opening it never returns: the daemon starts all the same, other sources are read, and it is there once it answers."""
    pulses, gps = SecondPulses(pair.lab), Sock(pair.lab, "gps.sock")
    pulses.unplug(2)
    tickwire = pair.tickwire(env=pulses.env, sets=[f"refclock PPS {pulses.device} refid PPS lock GPS poll 1",
                                                   f"refclock SOCK {gps.path} {GPS}"])
    wait_synchronised(pair)
    # By then the supervisor would have killed a daemon that waits.
    time.sleep(8)
    report = source(tickwire, "PPS")
    assert not report["open"]
    assert report["message"] == f"cannot open {pulses.device}: the device does not answer; it is waited for"
    assert tickwire.daemon("tickwire-clock")["restarts"] == 0
    assert tickwire.log().count(report["message"]) == 1, tickwire.log()
    pulses.unplug(0)
    lab_module.wait_for(lambda: source(tickwire, "PPS")["verdicts"]["used"] >= 2, 20, "pulses")
    assert source(tickwire, "PPS")["open"] and source(tickwire, "PPS")["message"] == ""
