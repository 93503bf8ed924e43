#!/usr/bin/env python3
"""`tickwire keys` against a supervisor that is played here: what it asks, prints, writes and how it exits.

usage: test_keys.py TICKWIRE
"""
import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import unittest

TICKWIRE = sys.argv[1] if len(sys.argv) > 1 else "tickwire"
KEYS = ["%08X %s\n" % (0x1000000C + i, ("%02X" % (17 * i)) * 32) for i in range(4)]
FILE = "NKS0\n15 604.2\n" + "".join(KEYS)
STATUS = {"listening": [], "rotations": 17, "keys": [
    {"id": "1000000F", "state": "future", "not_before": 1709208000, "not_after": 1711022400, "key": "SECRET"},
    {"id": "1000000E", "state": "current", "not_before": 1708603200, "not_after": 1710417600}]}


class Keys(unittest.TestCase):
    def setUp(self):
        self.held = tempfile.TemporaryDirectory(prefix="tickwire-keys-")
        self.dir = self.held.name

    def tearDown(self):
        self.held.cleanup()

    def path(self, name, text=None):
        path = os.path.join(self.dir, name)
        if text is not None:
            with open(path, "w", encoding="utf-8", newline="") as f:
                f.write(text)
        return path

    @contextlib.contextmanager
    def supervisor(self, reply):
        """Answers one request, which is then in the list given."""
        asked = []
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path("control.sock"))
        listener.listen()
        listener.settimeout(20)

        def serve():
            connection = listener.accept()[0]
            with connection:
                line = connection.makefile().readline()
                if line:
                    asked.append(line)
                    connection.sendall(reply.encode())
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield asked
        finally:
            # Where nobody has asked, this ends the waiting.
            with socket.socket(socket.AF_UNIX) as last:
                last.connect(self.path("control.sock"))
            thread.join()
            listener.close()
            os.unlink(self.path("control.sock"))

    def call(self, *words, status=0):
        done = subprocess.run([TICKWIRE, "keys", *words], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def ask(self, reply, *words, status=0):
        with self.supervisor(reply) as asked:
            done = self.call(words[0], "--run-dir", self.dir, *words[1:], status=status)
        return done, asked

    def test_list(self):
        done, asked = self.ask(json.dumps(STATUS) + "\ndone\n", "list")
        self.assertEqual(asked, ["keys list\n"])
        self.assertEqual(done.stdout.splitlines()[1].split(),
                         ["1000000F", "future", "2024-02-29T12:00:00Z", "2024-03-21T12:00:00Z"])
        self.assertEqual(len(done.stdout.splitlines()), 3)
        self.assertNotIn("SECRET", done.stdout)

    def test_list_json(self):
        done, _ = self.ask(json.dumps(STATUS) + "\ndone\n", "list", "--json")
        listed = json.loads(done.stdout)
        self.assertEqual(listed["rotations"], 17)
        self.assertEqual(listed["keys"][1], STATUS["keys"][1])
        self.assertNotIn("SECRET", done.stdout)

    def test_list_refused(self):
        done, _ = self.ask("error: NTS is not on\nrefused\n", "list", status=1)
        self.assertIn("error: NTS is not on", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_list_before_there_are_keys(self):
        done, _ = self.ask(json.dumps({"running": False}) + "\ndone\n", "list", status=1)
        self.assertIn("tickwire-ke has not said which keys there are", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_rotate(self):
        done, asked = self.ask("done\n", "rotate")
        self.assertEqual((asked, done.stderr), (["keys rotate\n"], ""))
        done, _ = self.ask("error: not done\nrefused\n", "rotate", status=1)
        self.assertIn("error: not done\n", done.stderr)
        self.ask("error: it is not done", "rotate", status=1)

    def test_nobody(self):
        for words in (["list"], ["rotate"], ["export", self.path("out")], ["import", self.path("in", FILE)]):
            done = self.call(words[0], "--run-dir", self.dir, *words[1:], status=1)
            self.assertIn("no tickwire answers", done.stderr)
        self.assertEqual(sorted(os.listdir(self.dir)), ["in"])

    def test_export(self):
        out = self.path("out")
        _, asked = self.ask(FILE, "export", out)
        self.assertEqual(asked, ["keys export\n"])
        with open(out, encoding="utf-8") as f:
            self.assertEqual(f.read(), FILE)
        self.assertEqual(stat.S_IMODE(os.stat(out).st_mode), 0o600)
        self.assertEqual(os.listdir(self.dir), ["out"])

    def test_export_does_not_overwrite(self):
        out = self.path("out", "old")
        os.chmod(out, 0o644)
        done, _ = self.ask(FILE, "export", out, status=1)
        self.assertIn("is there already; --force", done.stderr)
        with open(out, encoding="utf-8") as f:
            self.assertEqual(f.read(), "old")
        self.ask(FILE, "export", "--force", out)
        with open(out, encoding="utf-8") as f:
            self.assertEqual(f.read(), FILE)
        self.assertEqual(stat.S_IMODE(os.stat(out).st_mode), 0o600)

    def test_export_to_standard_output(self):
        done, _ = self.ask(FILE, "export", "-")
        self.assertEqual(done.stdout, FILE)

    def test_export_refused(self):
        done, _ = self.ask("error: there are no keys\n", "export", self.path("out"), status=1)
        self.assertIn("there are no keys", done.stderr)
        self.assertEqual(os.listdir(self.dir), [])
        self.ask(FILE, "export", self.path("missing/out"), status=1)

    def test_import(self):
        path = self.path("in", FILE)
        here = os.getcwd()
        _, asked = self.ask("done\n", "import", os.path.relpath(path, here))
        self.assertEqual(asked, [f"keys import {os.path.realpath(path)}\n"])
        done, _ = self.ask("error: too old\nrefused\n", "import", path, status=1)
        self.assertIn("too old", done.stderr)

    def test_import_of_what_is_none(self):
        cases = {
            "": ":1: error: found the end of the file",
            FILE.replace("NKS0", "NKS9"): ":1: error: found something else",
            FILE.replace("15 604.2", "17 604.2"): ":2: error: found a key of AEAD 17",
            FILE[:-1]: ":6: error: found a line that does not end",
            FILE + "more\n": ":7: error: found something else",
            FILE * 20: ": error: too long for a key file",
        }
        for text, expected in cases.items():
            path = self.path("in", text)
            with self.supervisor("done\n") as asked:
                done = self.call("import", "--run-dir", self.dir, path, status=1)
            self.assertEqual(asked, [])
            self.assertTrue(done.stderr.startswith(path + expected), done.stderr)
            for key in KEYS:
                self.assertNotIn(key.split()[1], done.stderr)
        for path in (self.path("none"), self.dir):
            done = self.call("import", "--run-dir", self.dir, path, status=1)
            self.assertTrue(done.stderr.startswith(path + ": error: "), done.stderr)

    def test_import_of_too_long_a_path(self):
        os.mkdir(self.path("d" * 250))
        done, asked = self.ask("done\n", "import", self.path("d" * 250 + "/in", FILE), status=1)
        self.assertEqual(asked, [])
        self.assertIn("found a path of", done.stderr)

    def test_selfsign(self):
        whole = os.path.realpath(self.dir)  # directives take no other path
        done = self.call("selfsign", "--days", "2", os.path.relpath(self.dir), "time.example.com", "192.0.2.1")
        self.assertEqual(done.stdout, f"ntsservercert {whole}/time.example.com.crt\n"
                                      f"ntsserverkey {whole}/time.example.com.key\n")
        done = self.call("selfsign", self.dir, "time.example.com", status=1)
        self.assertIn("is there already; --force", done.stderr)
        self.call("selfsign", "--force", self.dir, "time.example.com")
        done = self.call("selfsign", self.dir, "no name", status=1)
        self.assertIn('found "no name", expected a host name', done.stderr)

    def test_wrong_calls(self):
        for words in ([], ["nothing"], ["list", "more"], ["export"], ["import", "a", "b"], ["selfsign", self.dir],
                      ["list", "--force"], ["rotate", "--json"], ["list", "--days", "3"], ["list", "--nothing"],
                      ["selfsign", "--days", "0", self.dir, "a"], ["selfsign", "--days", "3651", self.dir, "a"],
                      ["selfsign", "--days", "-1", self.dir, "a"], ["selfsign", "--days", "x", self.dir, "a"]):
            done = self.call(*words, status=2)
            self.assertEqual(done.stdout, "")
            self.assertNotEqual(done.stderr, "")
        self.assertEqual(os.listdir(self.dir), [])

    def test_help(self):
        for words in (["--help"], ["-h"], ["list", "--help"]):
            done = self.call(*words)
            self.assertIn("usage: tickwire keys list", done.stdout)
            self.assertEqual(done.stderr, "")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
