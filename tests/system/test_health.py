"""What an operator has of the clock: the health file and hook as the server comes, loses its time and goes; sources and
drills where there is no reference clock."""
import os
import signal

import lab


def write(path, *lines):
    with open(path, "w", encoding="ascii") as f:
        f.write("\n".join([*lines, ""]))


def read(path):
    try:
        with open(path, encoding="ascii") as f:
            return f.read()
    except FileNotFoundError:
        return None


def test_health_file_and_hook(pair):
    """They follow what replies say: synchronised, by a reload no longer, again, and gone with tickwire."""
    config, healthy = pair.lab.path("tickwire.conf"), pair.lab.path("healthy")
    told, hook = pair.lab.path("told"), pair.lab.path("hook")
    write(hook, "#!/bin/sh", f'echo "$1: $2" >>{told}')
    os.chmod(hook, 0o755)
    base = ["interface sv0", f"healthfile {healthy}", f"healthhook {hook}"]
    write(config, *base, "local stratum 8")
    tickwire = pair.tickwire(sets=(), config=config)
    lab.wait_for(lambda: read(healthy), 5, "the health file")
    assert read(healthy).startswith("serving: ")
    lab.wait_for(lambda: read(told), 5, "the hook")
    assert pair.ask().stratum == 8

    write(config, *base)
    assert tickwire.reload().returncode == 0
    lab.wait_for(lambda: (r := pair.ask()) and r.leap == 3, 4, "leap indicator 3")
    lab.wait_for(lambda: read(healthy) is None, 5, "the health file gone")
    lab.wait_for(lambda: "unsynchronised: " in read(told), 5, "the hook")
    write(config, *base, "local stratum 8")
    assert tickwire.reload().returncode == 0
    lab.wait_for(lambda: read(healthy), 5, "the health file again")
    tickwire.stop()
    assert read(healthy) is None
    assert [line.split(":")[0] for line in read(told).splitlines()] == ["serving", "unsynchronised", "serving", "silent"]


def test_what_a_killed_one_leaves(pair):
    """The file of a tickwire that was killed does not outlive the next start, also one that fails; and the hook is told."""
    healthy, told, hook = pair.lab.path("healthy"), pair.lab.path("told"), pair.lab.path("hook")
    write(hook, "#!/bin/sh", f'echo "$1" >>{told}')
    os.chmod(hook, 0o755)
    sets = ["local stratum 8", f"healthfile {healthy}", f"healthhook {hook}"]
    tickwire = pair.tickwire(sets=sets)
    lab.wait_for(lambda: read(healthy) and read(told) == "serving\n", 5, "the health file and the hook")
    # Another one that cannot have the interface has nothing to say about it.
    other = pair.tickwire(sets=sets, wait=False)
    assert other.process.popen.wait(60) == 69 and read(healthy) and read(told) == "serving\n"
    tickwire.process.stop(signal.SIGKILL)
    failed = pair.tickwire(sets=[*sets, "leapseclist /nonexistent", "refclock SHM 9"], wait=False,
                           run_dir=tickwire.run_dir)
    assert failed.process.popen.wait(60) == 78, failed.log()
    assert read(healthy) is None and read(told) == "serving\nsilent\n"


def test_no_reference_clock(pair):
    """Nothing is rehearsed on a clock that another keeps, and that is said."""
    tickwire = pair.tickwire()
    for drill in (["holdover"], ["lost", "--time", "5"], ["step", "--by", "0.5"]):
        done = lab.run(lab.TICKWIRE, "drill", *drill, "--run-dir", tickwire.run_dir, check=False)
        assert done.returncode == 1 and "there is no `refclock`" in done.stdout, done.stdout
    assert lab.run(lab.TICKWIRE, "drill", "end", "--run-dir", tickwire.run_dir, check=False).returncode == 0
    done = lab.run(lab.TICKWIRE, "drill", "step", "--run-dir", tickwire.run_dir, check=False)
    assert done.returncode == 2 and "expected a step (--by)" in done.stdout
    assert lab.run(lab.TICKWIRE, "sources", "--run-dir", tickwire.run_dir, check=False).returncode == 1
