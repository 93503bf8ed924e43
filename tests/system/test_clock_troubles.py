"""What goes wrong around tickwire-clock, devices that hang, files that cannot be written, programs that are not there: time
is served on, and the operator is told what is wrong."""
import time

import lab as lab_module
import lab_devices
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


def test_gpsd_is_not_there(pair):
    """Why gpsd gives nothing is said once for each reason, and shown."""
    ipc = lab_devices.Ipc(pair.lab)
    tickwire = pair.tickwire(prefix=ipc.prefix, sets=["refclock GPSD 127.0.0.1:2999 refid GPS poll 1 offset 0.12 delay 0.2"])

    def wait_message(text, is_open=False):
        lab_module.wait_for(lambda: (s := source(tickwire, "GPS"))["message"] == text and s["open"] == is_open, 15,
                            text or "the receiver")

    refused, none = "gpsd at 127.0.0.1:2999: it does not take connections; is it running?", "gpsd at 127.0.0.1:2999: it has no receiver"
    wait_message(refused)
    time.sleep(2)
    gpsd = lab_devices.start_gpsd(pair.lab, pair.server, "-F", pair.lab.path("gpsd.control"), prefix=ipc.prefix, port=2999)
    wait_message(none)
    gpsd.stop()
    receiver = lab_devices.UdpReceiver(pair.lab, pair.server)
    lab_devices.start_gpsd(pair.lab, pair.server, receiver.source, prefix=ipc.prefix, port=2999)
    wait_message("", is_open=True)
    wait_synchronised(pair)
    for text in refused, none:
        assert f"GPSD 127.0.0.1:2999: {text}\n" in tickwire.log()
    assert tickwire.log().count(none) == 1 and tickwire.log().count(refused) <= 2, tickwire.log()
    done = lab_module.run(lab_module.TICKWIRE, "sources", "--run-dir", tickwire.run_dir, ns=tickwire.ns, check=False)
    assert "not there" not in done.stdout
