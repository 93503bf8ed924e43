"""What goes wrong around tickwire-clock, devices that hang, files that cannot be written, programs that are not there: time
is served on, and the operator is told what is wrong."""
import os
import signal
import time

import lab as lab_module
import lab_devices
from lab_sources import SecondPulses, Sock, source, sources, wait_synchronised

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


def test_logs_are_not_written(pair):
    """Without the directory of its logs the daemon starts, serves, and says so; nor does it need who writes them."""
    gps, parent = Sock(pair.lab, "gps.sock"), pair.lab.path("far")
    logs = os.path.join(parent, "logs")
    tickwire = pair.tickwire(sets=[f"refclock SOCK {gps.path} {GPS}", f"logdir {logs}", "log tracking refclocks"])

    def wait_trouble(text):
        lab_module.wait_for(lambda: text == sources(tickwire)["files_trouble"], 10, text or "no trouble")
        done = lab_module.run(lab_module.TICKWIRE, "status", "--run-dir", tickwire.run_dir, ns=tickwire.ns, check=False)
        assert (f"warning: {text}\n" if text else "tickwire-clock") in done.stdout, done.stdout
    missing = f"logdir {logs} cannot be opened: No such file or directory; make it, and logs begin"
    wait_trouble(missing)
    wait_synchronised(pair)
    os.mkdir(parent)
    wait_trouble("")
    lab_module.wait_for(lambda: os.path.exists(os.path.join(logs, "refclocks.log")), 10, "a log")
    assert os.stat(logs).st_uid == os.stat(os.path.join(logs, "refclocks.log")).st_uid != 0
    helper = next(pid for pid in lab_module.children(tickwire.pid)
                  if open(f"/proc/{pid}/comm", encoding="ascii").read() == "tickwire-files\n")
    os.kill(helper, signal.SIGKILL)
    ended = "tickwire-files, which writes logs and the drift file, has ended: restart tickwire"
    wait_trouble(ended)
    wait_synchronised(pair)
    for text in missing, ended, "the logs and the drift file are written again":
        assert tickwire.log().count(f"{text}\n") == 1, tickwire.log()
    assert tickwire.daemon("tickwire-clock")["restarts"] == 0


class PulsesEnd(SecondPulses):
    """Whose end marks the second."""

    def beat(self):
        now = time.time_ns()
        self.newest_clear, self.clears = now - now % 10**9, self.clears + 1
        self.write()


def test_pulses_end_comes_back(pair):
    """Unplugged and back, the device stamps the begin of a pulse alone: its end is asked for again, which the daemon
    itself may not do any more."""
    pulses, gps = PulsesEnd(pair.lab), Sock(pair.lab, "gps.sock")
    tickwire = pair.tickwire(env=pulses.env, sets=[f"refclock PPS {pulses.device}:clear refid PPS lock GPS poll 1",
                                                   f"refclock SOCK {gps.path} {GPS}"])

    def wait_used(count):
        lab_module.wait_for(lambda: source(tickwire, "PPS")["verdicts"]["used"] >= count, 20, "pulses")
        return source(tickwire, "PPS")["verdicts"]["used"]
    wait_used(2)
    pulses.unplug()
    lab_module.wait_for(lambda: not source(tickwire, "PPS")["open"], 5, "the loss to be seen")
    pulses.set_mode(1, strict=1)
    used = source(tickwire, "PPS")["verdicts"]["used"]
    pulses.unplug(0)
    wait_used(used + 2)
    assert tickwire.daemon("tickwire-clock")["restarts"] == 0
