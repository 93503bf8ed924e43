"""What the tests of NTS add to the lab: certificates, names, the servers and clients that people use, and tickwire."""
import contextlib
import json
import os
import re
import shutil

import lab

NAME4, NAME6 = "v4.tickwire.test", "v6.tickwire.test"


# Certificates

class Identity:
    """A certificate with its chain, and its key, as files."""

    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key

    def sets(self):
        """The directives that serve it."""
        return [f"ntsservercert {self.certificate}", f"ntsserverkey {self.key}"]


class Trusted:
    """What clients trust: a file."""

    def __init__(self, file):
        self.file = file


class Authority(Trusted):
    """A certificate authority in a directory of the lab, by the openssl program."""

    def __init__(self, in_lab, name="ca"):
        lab.need_program("openssl")
        self.dir = in_lab.path(name)
        os.mkdir(self.dir, 0o755)
        super().__init__(self._path("ca.pem"))
        self._openssl("req", "-x509", *self._new_key("ca"), "-subj", f"/CN=Authority {name}", "-days", "30", "-addext",
                      "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                      "-out", self.file)

    def _path(self, name):
        return os.path.join(self.dir, name)

    def _openssl(self, *args):
        lab.run("openssl", *args, timeout=30)

    def _new_key(self, name):
        key = self._path(f"{name}.key")
        if not os.path.exists(key):
            self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", key)
            os.chmod(key, 0o600)
        return ["-key", key]

    def _sign(self, name, extensions, days, issuer):
        request, config, out = self._path(f"{name}.csr"), self._path(f"{name}.ext"), self._path(f"{name}.crt")
        with open(config, "w", encoding="ascii") as f:
            f.write("\n".join([*extensions, ""]))
        self._openssl("req", "-new", *self._new_key(name), "-subj", f"/CN={name}", "-out", request)
        issuer_file = self.file if issuer == "ca" else self._path(f"{issuer}.crt")
        self._openssl("x509", "-req", "-in", request, "-CA", issuer_file, "-CAkey", self._path(f"{issuer}.key"),
                      "-CAcreateserial", "-days", days, "-extfile", config, "-out", out)
        return out

    def server(self, name, *names, days=10, intermediate=False):
        """An identity for these names and addresses; of days -1 it expired yesterday. With an intermediate authority
        the chain stands in its file."""
        issuer = "ca"
        if intermediate:
            issuer = f"{name}-issuer"
            self._sign(issuer, ["basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=critical,keyCertSign"], 20,
                       "ca")
        kinds = ["IP" if re.fullmatch(r"[0-9.]+|.*:.*", n) else "DNS" for n in names]
        certificate = self._sign(name, ["basicConstraints=CA:FALSE", "extendedKeyUsage=serverAuth", "subjectAltName="
                                        + ",".join(f"{k}:{n}" for k, n in zip(kinds, names))], days, issuer)
        if intermediate:
            with open(certificate, "a", encoding="ascii") as f, open(self._path(f"{issuer}.crt"),
                                                                     encoding="ascii") as chain:
                f.write(chain.read())
        return Identity(certificate, self._path(f"{name}.key"))


def hosts(in_lab, ns, names):
    """Names that programs in a namespace can look up: `ip netns exec` puts the file over /etc/hosts."""
    directory = f"/etc/netns/{ns}"
    while True:
        with contextlib.suppress(FileNotFoundError):  # another run has just taken /etc/netns away
            os.makedirs(directory)
            break

    def undo():
        shutil.rmtree(directory, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir("/etc/netns")

    in_lab.undo.append(undo)
    with open(f"{directory}/hosts", "w", encoding="ascii") as f:
        f.write("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in names.items()))


def pair_identity(pair, authority, name="server", more=None, **options):
    """A certificate for all that a Pair's server is called by, and names that resolve to it in the client's
    namespace, with more of them that are in no certificate."""
    if not os.path.exists(f"/etc/netns/{pair.client}"):
        hosts(pair.lab, pair.client, {NAME4: pair.server4, NAME6: pair.server6, **(more or {})})
    return authority.server(name, NAME4, NAME6, pair.server4, pair.server6, **options)


# Peers

def chronyd_server(in_lab, ns, name, identity, *lines):
    """A chronyd that serves NTP and NTS."""
    process = lab.chronyd(in_lab, ns, name, "local stratum 5", f"ntsservercert {identity.certificate}",
                          f"ntsserverkey {identity.key}", "ntsprocesses 1", *lines)
    return process


def chronyd_client(in_lab, ns, name, authority, *names, poll=-1):
    """A chronyd that goes on polling these servers with NTS, every 2^poll seconds, and never touches the clock."""
    return lab.chronyd(in_lab, ns, name, "port 0", "nosystemcert", f"ntstrustedcerts {authority.file}",
                       *[f"server {server} nts iburst minpoll {poll} maxpoll {poll}" for server in names])


def chronyd_once(in_lab, ns, host, authority, seconds=6, most=0.02, attempts=3):
    """The offset that `chronyd -Q` would correct with NTS, in seconds; None where it gets no time. It is of one exchange,
    so the first of some that is less than `most`, or the last."""
    lab.need_program("chronyd")
    for _ in range(attempts):
        offset = chronyd_offset(in_lab, ns, host, authority, seconds)
        if offset is not None and abs(offset) < most:
            break
    return offset


def chronyd_offset(in_lab, ns, host, authority, seconds):
    out = lab.run("chronyd", "-Q", "-t", seconds, "-u", "root", "-f", "/dev/null", "nosystemcert",
                  f"ntstrustedcerts {authority.file}", f"server {host} nts iburst maxsamples 1", "cmdport 0",
                  "bindcmdaddress /", f"pidfile {in_lab.path('once.pid')}", ns=ns, timeout=seconds + 10,
                  check=False).stdout
    match = re.search(r"System clock wrong by (\S+) seconds", out)
    return float(match.group(1)) if match else None


AUTHDATA = ["mode", "key_id", "type", "key_length", "last", "attempts", "nak", "cookies", "cookie_length"]


def authdata(process):
    """What `chronyc authdata` says of each source: a dict, numbers as such."""
    found = {}
    for line in lab.chronyc(process, "-N", "authdata").splitlines():
        name, *values = line.split(",")
        found[name] = {key: int(v) if re.fullmatch(r"-?\d+", v) else v for key, v in zip(AUTHDATA, values)}
    return found


def ntpdata(process, host):
    """chronyc's counts of a source: requests sent, replies, those authentic and sound, those that were used."""
    fields_ = lab.chronyc(process, "ntpdata", host).split(",")
    return dict(zip(("sent", "received", "valid", "good"), (int(f) for f in fields_[-4:])))


def chronyd_follows(process, seconds=15):
    """Until every source is selected or combined; their offsets in seconds, by name."""
    def look():
        lines = [line.split(",") for line in lab.chronyc(process, "-N", "sources").splitlines()]
        return lines if lines and all(len(line) >= 10 and line[1] in "*+" for line in lines) else None
    return {line[2]: float(line[7]) for line in lab.wait_for(look, seconds, "chronyd's sources are selected", 0.1)}


# Its own system calls would set the clock; the capability is not among those it could ever get.
NO_CLOCK = ["setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time"]


def ntpsec(in_lab, ns, name, *lines):
    """ntpsec's ntpd in the foreground, unable to touch the clock."""
    lab.need_program("setpriv", "ntpd", "ntpq")
    directory = in_lab.path(name)
    os.mkdir(directory, 0o755)
    config = os.path.join(directory, "ntp.conf")
    with open(config, "w", encoding="ascii") as f:
        f.write("\n".join(["disable kernel", "restrict default", "restrict 127.0.0.1",
                           f"logfile {directory}/ntpd.log", *lines, ""]))
    process = in_lab.start(*NO_CLOCK, "ntpd", "-n", "-g", "-c", config, "-p", f"{directory}/pid", ns=ns, name=name)
    process.ns, process.directory = ns, directory

    def up():
        assert process.popen.poll() is None, process.log() + ntpsec_log(process)
        return os.path.exists(f"{directory}/ntpd.log") and "Listening on routing socket" in ntpsec_log(process)

    lab.wait_for(up, 5, "ntpd")
    return process


def ntpsec_log(process):
    with contextlib.suppress(OSError), open(f"{process.directory}/ntpd.log", encoding="utf-8", errors="replace") as f:
        return f.read()
    return ""


def ntpsec_server(in_lab, ns, name, identity):
    process = ntpsec(in_lab, ns, name, "refclock local", "tos orphan 5 orphanwait 0", "nts enable",
                     f"nts cert {identity.certificate}", f"nts key {identity.key}",
                     f"nts cookie {in_lab.path(name)}/cookie-keys")
    lab.wait_for(lambda: (reply := lab.ask(ns, "127.0.0.1")) and reply.leap == 0, 15, "ntpd is synchronised", 0.1)
    return process


def ntpsec_client(in_lab, ns, name, authority, *names):
    return ntpsec(in_lab, ns, name,
                  *[f"server {server} nts iburst minpoll 3 maxpoll 3 ca {authority.file}" for server in names])


def ntpq(process, *command):
    return lab.run("ntpq", "-n", *command, "127.0.0.1", ns=process.ns, check=False, timeout=30).stdout


def ntpsec_follows(process, sources=1, seconds=25):
    """Until every source is selected or a candidate; (tally, remote, cookies, offset in seconds) of each."""
    def look():
        found = []
        for line in ntpq(process, "-p").splitlines():
            if line[:1] in ("*", "+"):
                words = line[1:].split()
                found.append((line[0], words[0], words[3], float(words[-2]) / 1e3))
        return found if len(found) == sources else None
    return lab.wait_for(look, seconds, "ntpd's sources are selected", 0.3)


# tickwire

def serve(pair, authority, *lines, identity=None, dump="keys", **options):
    """A tickwire that serves NTS on a Pair, its keys kept in a directory of the lab ("": nowhere)."""
    sets = ["local stratum 8", *(identity or pair_identity(pair, authority)).sets(), *lines]
    if dump:
        sets.append(f"ntsdumpdir {pair.lab.path(dump)}")
    return pair.tickwire(sets=sets, **options)


def keys(tickwire, *words, check=True):
    """`tickwire keys ...`, ended; its output is in .stdout."""
    return lab.run(lab.TICKWIRE, "keys", words[0], "--run-dir", tickwire.run_dir, *words[1:], ns=tickwire.ns,
                   check=check)


def nts_status(tickwire):
    """What `tickwire status` says of NTS."""
    return tickwire.status()["nts"]


def outcomes(tickwire):
    """How key establishments ended: name -> count."""
    return nts_status(tickwire)["outcomes"]


def problems(tickwire):
    """What `tickwire status` says for people, warnings among it."""
    return lab.run(lab.TICKWIRE, "status", "--run-dir", tickwire.run_dir, ns=tickwire.ns, check=False).stdout


def query_nts(ns, host, authority, *options, check=True, timeout=40):
    """`tickwire query --nts`: with check what it says of a server that answers, else the ended process."""
    done = lab.run(lab.TICKWIRE, "query", "--nts", "--ca", authority.file, *(["--json"] if check else []), *options,
                   host, ns=ns, timeout=timeout, check=check)
    return json.loads(done.stdout)[0] if check else done
