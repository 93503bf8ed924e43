"""Which back-ends and lanes of the packet path this CPU has, and those that a whole run of tests is made with: by the
environment variable TICKWIRE_FORCE, as "aeadbackend aesni, packetlane generic", each tickwire gets these directives too."""
import os

AESNI = {"aes", "ssse3", "pclmulqdq"}
VAES = AESNI | {"avx2", "vaes", "vpclmulqdq"}
# What each value of a directive needs of the CPU, as /proc/cpuinfo names it.
NEEDS = {
    "aeadbackend": {"vaes512": VAES | {"avx512f", "avx512bw"}, "vaes256": VAES, "aesni": AESNI, "openssl": set()},
    "packetlane": {"avx512": {"avx512f", "avx512bw", "avx512vbmi", "avx512_vnni"}, "generic": set()},
}
# Where `tickwire status --json` says what is in use.
STATUS = {"aeadbackend": "aead", "packetlane": "packet_lane"}


def lacks(directive, value):
    """The features that it needs and that are not here."""
    with open("/proc/cpuinfo", encoding="ascii") as f:
        flags = next((line.split(":")[1].split() for line in f if line.startswith("flags")), [])
    return sorted(NEEDS[directive][value] - set(flags))


def why_not(directive, value):
    """Why this CPU cannot do it, or None."""
    missing = lacks(directive, value)
    return f"{value} needs a CPU with {', '.join(missing)}" if missing else None


def directives_of(text):
    """The directives in a text of that form, each as (name, value)."""
    return [tuple(line.split()) for line in text.split(",") if line.strip()]


def forced():
    """Those that this run is made with."""
    return directives_of(os.environ.get("TICKWIRE_FORCE", ""))


def check(status):
    """They are in use."""
    for directive, value in forced():
        assert status[STATUS[directive]] == value
