# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine's worth of journal for a test alone: own mounts and processes, own journald, own cores. What such a test rotates, vacuums, kills or
fills up is its own. Crashes are entries as systemd-coredump sends them, with cores that tests/system/fake-worker understands.

Call enter() first: it starts the script again in namespaces of its own."""

import fcntl
import os
import queue
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import lib
from lib import equal  # noqa: F401  pylint: disable=unused-import

JOURNALD = "/lib/systemd/systemd-journald"
SOCKET = "/run/systemd/journal/socket"
JOURNAL = "/var/log/journal"
UID = 4242
INSIDE = "COREWATCH_TEST_INSIDE"
STATUS = "Name:\tx\nUid:\t%d\t%d\t%d\t%d\nGid:\t%d\t%d\t%d\t%d\n" % ((UID,) * 8)


def enter():
    """Goes on in namespaces of its own, as their first process."""
    if os.environ.get(INSIDE):
        return
    if os.geteuid() != 0:
        lib.bail("this test makes namespaces: run it as root (sudo ./quickstart test)")
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation=private", sys.executable,
                          os.path.realpath(sys.argv[0]), *sys.argv[1:]])


def mount(kind, where, *options):
    subprocess.run(["mount", "-t", kind, *options, kind, where], check=True)


class Machine:
    """journald, and corewatchd with folders of its own."""

    def __init__(self, scratch, settings="", storm="MaxAlike=0\nMaxPerProgram=0\nMaxTotal=0\n"):
        self.scratch = scratch
        self.journald = self.daemon = None
        self.pid = 1000
        self.seconds = 1_700_000_000
        self.sent = 0
        os.makedirs(JOURNAL, exist_ok=True)
        mount("tmpfs", "/run")
        mount("tmpfs", JOURNAL)
        scratch.stack.callback(subprocess.run, ["umount", "-l", JOURNAL], check=False)
        scratch.stack.callback(subprocess.run, ["umount", "-l", "/run"], check=False)
        self.machine_id = "%032x" % random.SystemRandom().randrange(1 << 128)
        subprocess.run(["mount", "--bind", scratch.write("machine-id", self.machine_id + "\n"), "/etc/machine-id"], check=True)
        scratch.stack.callback(subprocess.run, ["umount", "-l", "/etc/machine-id"], check=False)
        self.folder = os.path.join(JOURNAL, self.machine_id)
        os.makedirs(self.folder)
        os.makedirs("/run/systemd/journald.conf.d")
        with open("/run/systemd/journald.conf.d/test.conf", "w", encoding="ascii") as f:
            f.write("[Journal]\nStorage=persistent\nReadKMsg=no\nAudit=no\nRateLimitBurst=0\nSyncIntervalSec=1s\n" + settings)
        # Else journald believes that /var is not there yet, and writes to /run.
        os.makedirs("/run/systemd/journal")
        open("/run/systemd/journal/flushed", "w", encoding="ascii").close()
        for name in ("cores", "state", "cache", "root/etc/corewatch"):
            os.makedirs(scratch.at(name), exist_ok=True)
        os.chmod(scratch.at("cores"), 0o755)
        self.configure(storm)
        self.start_journald()
        scratch.stack.callback(self.end)

    def configure(self, storm="MaxAlike=0\nMaxPerProgram=0\nMaxTotal=0\n", worker="", daemon=""):
        self.scratch.write("root/etc/corewatch/corewatch.conf", "[Daemon]\nCatchUp=all\nMaxWorkers=4\nLogLevel=debug\nCoreDirectory=%s\n%s[Worker]\n"
                           "Path=%s\nTimeoutSec=1min\n%s[Storm]\n%s" % (self.scratch.at("cores"), daemon, os.path.join(lib.HERE, "fake-worker"), worker, storm))

    def start_journald(self):
        # Whoever finds the socket of the last one sends into nothing.
        for name in ("socket", "stdout", "dev-log", "io.systemd.journal"):
            if os.path.exists("/run/systemd/journal/" + name):
                os.unlink("/run/systemd/journal/" + name)
        log = open(self.scratch.at("journald.log"), "ab")  # pylint: disable=consider-using-with
        self.journald = subprocess.Popen([JOURNALD], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        lib.wait_until("journald is there", lambda: os.path.exists("/run/systemd/journal/io.systemd.journal") and os.path.exists(SOCKET))
        self.synchronize()

    def stop_journald(self, number=signal.SIGTERM):
        self.journald.send_signal(number)
        self.journald.wait(lib.DEADLINE)

    @staticmethod
    def synchronize():
        """All that was sent is stored."""
        lib.wait_until("journald answers", lambda: lib.run("journalctl", "--sync").returncode == 0)

    @staticmethod
    def rotate():
        subprocess.run(["journalctl", "-q", "--rotate"], check=True)

    @staticmethod
    def vacuum():
        """All archived files go."""
        subprocess.run(["journalctl", "-q", "--vacuum-files=1"], check=True, stderr=subprocess.DEVNULL)

    # ── crashes ──

    def crash(self, mode="complete", image=None, **more):
        """Sends an entry as systemd-coredump run by root does. mode: for fake-worker; None: no core, and the owner may read the report. image: a core
        for a real worker."""
        self.pid += 1
        self.seconds += 1
        fields = {"MESSAGE": "Process %d (%s) of user %d dumped core." % (self.pid, mode, UID), "MESSAGE_ID": lib.COREDUMP_ID, "PRIORITY": "2",
                  "COREDUMP_UID": str(UID), "COREDUMP_GID": str(UID), "COREDUMP_PID": str(self.pid), "COREDUMP_SIGNAL": "11",
                  "COREDUMP_TIMESTAMP": str(self.seconds * 1_000_000), "COREDUMP_COMM": "x", "COREDUMP_EXE": "/usr/bin/x%s" % mode}
        if mode is None:
            fields.update(COREDUMP_DUMPABLE="1", COREDUMP_PROC_STATUS=STATUS)
        else:
            core = self.scratch.at("cores/core.x.%d.%d" % (UID, self.pid))
            with open(core, "wb") as f:
                f.write(image or mode.encode() + b"\n")
            os.chmod(core, 0o640)
            for name in ("uid", "gid", "pid", "signal", "timestamp"):
                os.setxattr(core, "user.coredump." + name, fields["COREDUMP_" + name.upper()].encode())
            fields["COREDUMP_FILENAME"] = core
        fields.update(more)
        send(fields)
        self.sent += 1
        return self.pid

    # ── the daemon ──

    def start(self, wait=True, **environment):
        notify = self.scratch.at("notify")
        if os.path.exists(notify):
            os.unlink(notify)
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        told.bind(notify)
        self.messages = queue.SimpleQueue()
        threading.Thread(target=receive, args=(told, self.messages), daemon=True).start()
        with open(self.scratch.at("log"), "ab") as log:
            self.daemon = subprocess.Popen([lib.DAEMON, "--config-root=" + self.scratch.at("root")], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           env={"PATH": "/usr/bin:/bin", "NOTIFY_SOCKET": notify, "STATE_DIRECTORY": self.scratch.at("state"),
                                                "CACHE_DIRECTORY": self.scratch.at("cache"), **environment})
        if wait:
            while "READY=1" not in self.messages.get(timeout=lib.DEADLINE):
                pass

    def stop(self, number=signal.SIGTERM):
        self.daemon.send_signal(number)
        return self.daemon.wait(lib.DEADLINE)

    def end(self):
        for p in (self.daemon, self.journald):
            if p and p.poll() is None:
                p.kill()
                p.wait()

    def log(self):
        with open(self.scratch.at("log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    # ── what came of it ──

    @staticmethod
    def reports():
        """{pid: how many reports}"""
        counts = {}
        for entry in lib.journal("SYSLOG_IDENTIFIER=corewatch", *("MESSAGE_ID=" + i for i in lib.REPORT_IDS)):
            pid = int(entry["COREWATCH_PID"])
            counts[pid] = counts.get(pid, 0) + 1
        return counts

    @staticmethod
    def summaries():
        return lib.journal("MESSAGE_ID=d5bfec4f14194911a86f4ba64bd658eb")

    def wait_reports(self, pids, deadline=lib.DEADLINE):
        """Waits until each has one at least."""
        end = time.monotonic() + deadline
        while not set(pids) <= set(self.reports()):
            if time.monotonic() > end or self.daemon.poll() is not None:
                return False
            time.sleep(0.1)
        return True


def receive(told, messages):
    while True:
        messages.put(told.recv(65536).decode())


def send(fields):
    """One entry by journald's native protocol, as whoever we are."""
    data = b""
    for name, value in fields.items():
        value = value.encode() if isinstance(value, str) else value
        if b"\n" in value:
            data += name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
        else:
            data += name.encode() + b"=" + value + b"\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as s:
        s.sendto(data, SOCKET)


def send_large(fields, uid):
    """One entry as a user; a number is a field of so many bytes. In a sealed memfd, as sd_journal_send() does it."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        os.setgid(uid)
        os.setuid(uid)
        fd = os.memfd_create("entry", os.MFD_ALLOW_SEALING)
        with os.fdopen(os.dup(fd), "wb") as f:
            for name, value in fields:
                data = b"A" * value if isinstance(value, int) else value.encode()
                f.write(name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n")
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as s:
            s.connect(SOCKET)
            s.sendmsg([], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", fd))])
        os._exit(0)
    finally:
        os._exit(1)
