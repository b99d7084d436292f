# SPDX-License-Identifier: LGPL-2.1-or-later
"""A corewatchd of one's own for system tests: a journal that is a folder filled by systemd-journal-remote, a folder of
cores, a configuration, and a FIFO that the reports come out of (--submit-file=), so that a test waits for them and not for
time.

Uses $COREWATCHD (default: ./corewatchd) and $srcdir (default: the source tree this file is in)."""

import json
import os
import queue
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SRCDIR = os.path.abspath(os.environ.get("srcdir", os.path.join(HERE, "../..")))
DAEMON = os.path.abspath(os.environ.get("COREWATCHD", "./corewatchd"))
REMOTE = next((p for p in ("/lib/systemd/systemd-journal-remote", "/usr/lib/systemd/systemd-journal-remote")
               if os.path.exists(p)), None)
with open("/proc/sys/kernel/random/boot_id") as boot_id:
    BOOT = boot_id.read().strip().replace("-", "")
COREDUMP_MESSAGE_ID = "fc2e22bc6ee647b6b90729ab34a250b1"  # SD_MESSAGE_COREDUMP
DEADLINE = 120  # seconds until a test gives up; nothing passes or fails by time otherwise


class Fixture:
    """A folder with a journal, cores, configuration and state of its own."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="test-daemon-", dir=os.getcwd())
        os.chmod(self.path, 0o755)
        for name in ("journal", "cores", "state", "cache", "root/etc/corewatch"):
            os.makedirs(self.at(name))
        os.mkfifo(self.at("reports"))
        self.fifo = os.open(self.at("reports"), os.O_RDWR | os.O_CLOEXEC)
        self.buffer = b""
        self.pid = 1000
        self.time = int(time.time() * 1_000_000) - 3_600_000_000
        self.daemon = None

    def at(self, name):
        return os.path.join(self.path, name)

    def configure(self, catch_up="all", storm="MaxAlike=0\nMaxPerProgram=0\nMaxTotal=0\n", **worker):
        keys = {"Path": os.path.join(HERE, "fake-worker"), "TimeoutSec": "1s", **worker}
        with open(self.at("root/etc/corewatch/corewatch.conf"), "w") as out:
            out.write(f"[Daemon]\nCatchUp={catch_up}\nMaxWorkers=4\nLogLevel=debug\nCoreDirectory={self.at('cores')}\n")
            out.write("[Worker]\n")
            out.writelines(f"{key}={value}\n" for key, value in keys.items())
            out.write(f"[Storm]\n{storm}")

    def crash(self, mode, **fields):
        """A genuine entry, of systemd-coredump run by root, with a core that holds the worker's mode. The entry as text."""
        self.pid += 1
        self.time += 1_000_000
        core = self.at(f"cores/core.{mode}.4242.{BOOT}.{self.pid}.{self.time}")
        with open(core, "w") as out:
            out.write(mode + "\n")
        os.chmod(core, 0o640)
        entry = {
            "__REALTIME_TIMESTAMP": self.time, "__MONOTONIC_TIMESTAMP": self.time % 1_000_000_000_000, "_BOOT_ID": BOOT,
            "MESSAGE_ID": COREDUMP_MESSAGE_ID, "_TRANSPORT": "journal", "_UID": 0, "_GID": 0, "_HOSTNAME": "test",
            "COREDUMP_UID": 4242, "COREDUMP_GID": 4242, "COREDUMP_PID": self.pid, "COREDUMP_SIGNAL": 11,
            "COREDUMP_TIMESTAMP": self.time, "COREDUMP_COMM": mode, "COREDUMP_EXE": f"/usr/bin/{mode}",
            "COREDUMP_FILENAME": core, "COREDUMP_UNIT": "test.service",
        }
        for name in ("uid", "gid", "pid", "signal", "timestamp"):
            os.setxattr(core, f"user.coredump.{name}", str(entry[f"COREDUMP_{name.upper()}"]).encode())
        entry.update(fields)
        for name in ("comm", "exe"):
            if entry[f"COREDUMP_{name.upper()}"] is not None:
                os.setxattr(core, f"user.coredump.{name}", str(entry[f"COREDUMP_{name.upper()}"]).encode())
        return "".join(f"{name}={value}\n" for name, value in entry.items() if value is not None) + "\n"

    def append(self, text):
        """Adds entries to the journal, as a journald would: the follower wakes up."""
        with open(self.at("in.export"), "wb") as out:
            out.write(text if isinstance(text, bytes) else text.encode())
        subprocess.run([REMOTE, "-o", self.at("journal/test.journal"), self.at("in.export")],
                       check=True, stderr=subprocess.DEVNULL)

    def start(self):
        """Starts the daemon and waits until it says READY=1: then it has its place in the journal."""
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if os.path.exists(self.at("notify")):
            os.unlink(self.at("notify"))
        told.bind(self.at("notify"))
        self.told = queue.Queue()
        # Read all the time, as PID 1 would: a full socket stops the daemon.
        threading.Thread(target=self.listen, args=(told, self.told), daemon=True).start()
        environment = {"NOTIFY_SOCKET": self.at("notify"), "STATE_DIRECTORY": self.at("state"),
                       "CACHE_DIRECTORY": self.at("cache"), "PATH": "/usr/bin:/bin"}
        # What a sanitizer has to say, it says to its own file; options of the caller are kept.
        environment.update({k: v for k, v in os.environ.items() if k.endswith("_OPTIONS")})
        self.log = open(self.at("log"), "ab")
        self.daemon = subprocess.Popen(
            [DAEMON, f"--config-root={self.at('root')}", f"--journal-directory={self.at('journal')}",
             f"--submit-file={self.at('reports')}"],
            stderr=self.log, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment)
        self.wait_for(b"READY=1")

    @staticmethod
    def listen(told, messages):
        while True:
            messages.put(told.recv(4096))

    def wait_for(self, message):
        """Waits until the daemon says this by sd_notify()."""
        while message not in self.told.get(timeout=DEADLINE):
            pass

    def stop(self, number=signal.SIGTERM):
        self.daemon.send_signal(number)
        return self.daemon.wait(DEADLINE)

    def read(self, n):
        """The next n reports, as dictionaries of fields. Fewer if the daemon ends or the deadline is over."""
        entries = []
        end = time.monotonic() + DEADLINE
        pidfd = os.pidfd_open(self.daemon.pid)
        while len(entries) < n:
            entry, self.buffer = parse_export(self.buffer)
            if entry is not None:
                entries.append(entry)
                continue
            ready, _, _ = select.select([self.fifo, pidfd], [], [], max(0, end - time.monotonic()))
            if self.fifo not in ready:
                break
            self.buffer += os.read(self.fifo, 65536)
        os.close(pidfd)
        return entries

    def left(self):
        """What came that nobody waited for."""
        entries = []
        while select.select([self.fifo], [], [], 0)[0]:
            self.buffer += os.read(self.fifo, 65536)
        while True:
            entry, self.buffer = parse_export(self.buffer)
            if entry is None:
                return entries
            entries.append(entry)

    def cursor(self):
        with open(self.at("state/cursor")) as cursor:
            return cursor.read().strip()

    def last_cursor(self):
        command = ["journalctl", "-D", self.at("journal"), "-o", "json", "-n", "1", f"MESSAGE_ID={COREDUMP_MESSAGE_ID}"]
        out = subprocess.run(command, check=True, capture_output=True).stdout
        return json.loads(out)["__CURSOR"]

    def text_of_log(self):
        with open(self.at("log"), errors="replace") as log:
            return log.read()

    def done(self):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()
        os.close(self.fifo)
        if os.environ.get("KEEP"):
            print(f"# kept {self.path}")
        else:
            shutil.rmtree(self.path)


def parse_export(data):
    """(entry or None, rest): the first whole entry of a stream in the journal's export format."""
    entry = {}
    at = 0
    while True:
        end = data.find(b"\n", at)
        if end < 0:
            return None, data
        line = data[at:end]
        at = end + 1
        if not line:
            return (entry, data[at:])
        name, equals, value = line.partition(b"=")
        if not equals:
            if len(data) < at + 8:
                return None, data
            length = int.from_bytes(data[at:at + 8], "little")
            if len(data) < at + 8 + length + 1:
                return None, data
            value = data[at + 8:at + 8 + length]
            at += 8 + length + 1
        entry.setdefault(name.decode(), []).append(value.decode())
