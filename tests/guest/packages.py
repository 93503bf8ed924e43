"""Debian's packages, unpacked into a directory and not installed.

apt works on a configuration, lists and a cache of its own in that directory, so the system's are left alone, and no root
is needed. Its lists are those of the running release and of its backports.
"""
import os
import re
import subprocess

MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Unavailable(Exception):
    """What cannot be had, and why, in a sentence."""


def release():
    """The running Debian's code name; Unavailable elsewhere."""
    with open("/etc/os-release", encoding="utf-8") as f:
        fields = dict(line.strip().split("=", 1) for line in f if "=" in line)
    if fields.get("ID") != "debian" or "VERSION_CODENAME" not in fields:
        raise Unavailable("needs Debian's packages, and this is no released Debian")
    return fields["VERSION_CODENAME"]


class Packages:
    def __init__(self, directory):
        self._directory, self._release, self._updated = os.path.abspath(directory), None, False

    def _path(self, *parts):
        return os.path.join(self._directory, *parts)

    def _run(self, *command, cwd=None):
        with open(self._path("apt.log"), "a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)}\n")
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, check=False, cwd=cwd, timeout=300,
                                  env={**os.environ, "APT_CONFIG": self._path("apt.conf"), "LC_ALL": "C"})
            log.write(done.stdout)
        if done.returncode != 0:
            errors = re.findall(r"^[EW]: (.*)", done.stdout, re.MULTILINE) or [done.stdout.strip()[-200:]]
            raise Unavailable(f"{command[0]}: {errors[0]}")
        return done.stdout

    def _update(self):
        if self._updated:
            return
        self._release = release()
        for part in ("lists/partial", "archives/partial", "parts"):
            os.makedirs(self._path(part), exist_ok=True)
        with open(self._path("apt.conf"), "w", encoding="utf-8") as f:
            f.write(f'Dir::State "{self._directory}";\nDir::State::lists "{self._path("lists")}";\n'
                    f'Dir::State::status "/var/lib/dpkg/status";\nDir::Cache "{self._directory}";\n'
                    f'Dir::Cache::archives "{self._path("archives")}";\n'
                    f'Dir::Etc::sourcelist "{self._path("sources.list")}";\n'
                    f'Dir::Etc::sourceparts "{self._path("parts")}";\nDir::Etc::preferencesparts "{self._path("parts")}";\n'
                    'APT::Sandbox::User "root";\nAcquire::Languages "none";\nAcquire::Retries "2";\n'
                    'APT::Update::Error-Mode "any";\nDebug::NoLocking "true";\n')
        try:
            self._get_lists(self._release, f"{self._release}-backports")
        except Unavailable:
            self._get_lists(self._release)  # a release that is not out yet has no backports
        self._updated = True

    def _get_lists(self, *suites):
        with open(self._path("sources.list"), "w", encoding="utf-8") as f:
            f.writelines(f"deb [signed-by={KEYRING}] {MIRROR} {suite} main\n" for suite in suites)
        self._run("apt-get", "-q", "update")

    def _extract(self, archive, root, parts):
        """All of an archive, or what matches one of the patterns `parts`."""
        if not parts:
            self._run("dpkg-deb", "-x", archive, root)
            return
        os.makedirs(root, exist_ok=True)
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as members:
            subprocess.run(["tar", "-x", "-C", root, "--wildcards", *parts], stdin=members.stdout,
                           stderr=subprocess.DEVNULL, check=False, timeout=300)  # a pattern may match nothing

    def _unpack(self, target, fetch, parts=()):
        """Have `fetch` put archives into a directory, and unpack them, once for all runs."""
        root, stamp, archives = self._path(target), self._path(f"{target}.unpacked"), self._path("archives")
        if os.path.exists(stamp):
            return root
        try:
            self._update()
            fetch(archives)
            names = sorted(name for name in os.listdir(archives) if name.endswith(".deb"))
            for name in names:
                self._extract(os.path.join(archives, name), root, parts)
                os.unlink(os.path.join(archives, name))
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(str(error)) from error
        with open(stamp, "w", encoding="utf-8") as f:
            f.writelines(f"{name}\n" for name in names)
        return root

    def with_libraries(self, target, *names, backports=False):
        """The directory where these packages are unpacked, with those of their dependencies that are not installed."""
        def fetch(_):
            suite = ["-t", f"{self._release}-backports"] if backports else []
            self._run("apt-get", "-q", "-y", "--no-install-recommends", "--download-only", "--reinstall", *suite,
                      "install", *names)
        return self._unpack(target, fetch)

    def alone(self, target, name, parts):
        """The directory where what matches one of `parts` is unpacked of a package, or where that has no files of its
        own, of the one of like name that it depends on."""
        def fetch(archives):
            real = re.findall(rf"^  Depends: ({re.escape(name.split('-')[0])}\S+)",
                              self._run("apt-cache", "depends", name), re.MULTILINE)
            self._run("apt-get", "-q", "download", *(real[:1] or [name]), cwd=archives)
        return self._unpack(target, fetch, parts)
