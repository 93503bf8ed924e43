"""An initramfs in the kernel's "newc" format: programs with their libraries, modules with those they need, scripts.

The format is in the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
"""
import gzip
import os
import re
import stat
import subprocess


def libraries(program, library_path=""):
    """The files that the dynamic linker would load for a program; none for a static one."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False,
                          env={**os.environ, "LD_LIBRARY_PATH": library_path})
    missing = re.findall(r"^\s*(\S+) => not found", done.stdout, re.MULTILINE)
    if missing:
        raise FileNotFoundError(f"{program} needs {', '.join(missing)}")
    return re.findall(r"(/\S+) \(0x", done.stdout)


class Archive:
    """Members in the order in which the kernel is to make them: each directory before what is in it."""

    def __init__(self):
        self._members, self._have = [], {"", "/"}

    def _add(self, path, mode, data=b"", device=(0, 0)):
        path = os.path.normpath(path).lstrip("/")
        if path in self._have:
            return
        if os.path.dirname(path) not in self._have:
            self.directory(os.path.dirname(path))
        self._have.add(path)
        name = path.encode() + b"\0"
        fields = (len(self._members) + 1, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
        self._members.append(head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4))

    def directory(self, path):
        self._add(path, stat.S_IFDIR | 0o755)

    def text(self, path, text, mode=0o644):
        self._add(path, stat.S_IFREG | mode, text.encode())

    def file(self, path, source, mode=0o644):
        with open(source, "rb") as f:
            self._add(path, stat.S_IFREG | mode, f.read())

    def link(self, path, target):
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def console(self):
        """What the kernel opens for the first process."""
        self._add("/dev/console", stat.S_IFCHR | 0o600, device=(5, 1))

    def program(self, path, source, library_path=""):
        """A program, and each library where the linker looks for it by its name alone."""
        self.file(path, source, 0o755)
        for library in libraries(source, library_path):
            linker = os.path.basename(library).startswith("ld-linux")
            self.file(f"/lib64/{os.path.basename(library)}" if linker else f"/lib/{os.path.basename(library)}",
                      library, 0o755)

    def write(self, path):
        self._add("TRAILER!!!", 0)
        with gzip.open(path, "wb", compresslevel=1) as f:
            f.write(b"".join(self._members))


class Modules:
    """The modules of an unpacked kernel package."""

    def __init__(self, directory):
        self._files = {}
        for where, _, names in os.walk(directory):
            for name in names:
                if re.search(r"\.ko(\.xz)?$", name):
                    self._files[name.split(".")[0].replace("-", "_")] = os.path.join(where, name)

    @staticmethod
    def _read(path):
        if path.endswith(".xz"):
            import lzma  # pylint: disable=import-outside-toplevel
            with lzma.open(path) as f:
                return f.read()
        with open(path, "rb") as f:
            return f.read()

    def __contains__(self, name):
        return name in self._files

    def add(self, archive, *names):
        """Put modules into /modules; the order in which insmod has to take them."""
        order = []
        for name in names:
            self._add(archive, name, order)
        return order

    def _add(self, archive, name, order):
        if name in order:
            return
        if name not in self:
            raise FileNotFoundError(f"the module {name} is not in the kernel's package")
        data = self._read(self._files[name])
        depends = re.search(rb"\0depends=([^\0]*)\0", data)
        for other in filter(None, depends[1].decode().replace("-", "_").split(",") if depends else []):
            self._add(archive, other, order)
        archive._add(f"/modules/{name}.ko", stat.S_IFREG | 0o644, data)  # pylint: disable=protected-access
        order.append(name)
