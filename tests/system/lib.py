# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the system tests share: TAP, the built programs, corewatchd with a state of its own, and the machine's journal.

The tests run as root on a machine where journald and systemd-coredump work (`quickstart test` sees to that), and use the programs of the build
folder, never installed ones. Reports go to the machine's journal, so only one test with a corewatchd runs at a time: they take turns by a lock.
Nothing is judged by time; DEADLINE is only the end of patience."""

import contextlib
import fcntl
import json
import os
import queue
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

# Whoever starts the tests in the background may have it ignored, and children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

HERE = os.path.dirname(os.path.realpath(__file__))
SRCDIR = os.path.abspath(os.environ.get("srcdir") or os.path.join(HERE, "../.."))
BUILDDIR = os.path.abspath(os.environ.get("builddir") or os.getcwd())
CORPUS = os.path.join(SRCDIR, "tests/corpus")
SCHEMA = os.path.join(SRCDIR, "conf/corewatch-report-1.schema.json")
DAEMON = os.path.join(BUILDDIR, "corewatchd")
WORKER = os.path.join(BUILDDIR, "corewatch-worker")
CTL = os.path.join(BUILDDIR, "corewatchctl")
REMOTE = "/lib/systemd/systemd-journal-remote"
COREDUMP_ID = "fc2e22bc6ee647b6b90729ab34a250b1"
REPORT_IDS = ("31135006fed94c4ba9bf5c818d78e6d3", "557e92bb241e41efb8d4d1d944561a78")
DEADLINE = 120
LOCK = "/run/lock/corewatch-system-tests"


# ── TAP ──

class Tap:
    count = failed = 0


def ok(good, name, detail=""):
    """One test point; `detail` (or what it returns) is shown when it failed."""
    Tap.count += 1
    print("%s %d - %s" % ("ok" if good else "not ok", Tap.count, name), flush=True)
    if not good:
        Tap.failed += 1
        note(detail() if callable(detail) else detail)
    return good


def equal(given, wanted, name):
    return ok(given == wanted, name, "%r, not %r" % (given, wanted))


def note(text):
    for line in str(text).splitlines()[:40]:
        print("# " + line[:400], flush=True)


def bail(why):
    print("Bail out! " + why, flush=True)
    sys.exit(99)


def main(*tests):
    """Runs the tests, each with a scratch folder of its own that is readable for every uid; prints the plan; the exit status."""
    if os.geteuid() != 0:
        bail("system tests crash programs and read other users' cores: run them as root (sudo ./quickstart test)")
    for program in (DAEMON, WORKER, CTL):
        if not os.access(program, os.X_OK):
            bail("%s is not built" % program)
    os.environ["COREWATCH_WORKER"] = WORKER
    os.environ["LC_ALL"] = "C.UTF-8"
    os.environ.pop("COREWATCH_ANALYZERS_DIR", None)
    os.umask(0o022)
    for test in tests:
        with contextlib.ExitStack() as stack:
            path = tempfile.mkdtemp(prefix="corewatch-test-")
            stack.callback(shutil.rmtree, path, ignore_errors=True)
            os.chmod(path, 0o755)
            try:
                test(Scratch(path, stack))
            except Exception as e:  # pylint: disable=broad-except
                ok(False, "%s came to its end" % test.__name__, "%s\n%s" % (e, traceback.format_exc()))
    print("1..%d" % Tap.count)
    return 1 if Tap.failed else 0


# ── processes ──

class Scratch:
    """A folder; what is entered on its stack ends with the test."""

    def __init__(self, path, stack):
        self.path, self.stack = path, stack

    def at(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text, mode=0o644):
        path = self.at(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, mode)
        return path

    def compile(self, name, source, *flags):
        program = self.at(name)
        with open(self.write(name + ".c", source), encoding="utf-8") as f:
            subprocess.run(["gcc", "-g", "-O0", "-pthread", "-o", program, *flags, f.name], check=True)
        return program


def run(*command, **options):
    """Runs to the end; text on both streams."""
    options = {"capture_output": True, "stdin": subprocess.DEVNULL, "timeout": DEADLINE, "check": False, **options}
    done = subprocess.run([str(c) for c in command], **options)
    for name in ("stdout", "stderr"):
        if isinstance(getattr(done, name), bytes):
            setattr(done, name, getattr(done, name).decode(errors="replace"))
    return done


def ctl(*arguments, **options):
    return run(CTL, *arguments, **options)


def clean_environment():
    """For make: the outer make's flags and jobserver are not its own."""
    return {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "DESTDIR", "srcdir", "builddir", "TESTS")}


def wait_until(what, true):
    """Asks again and again; for events that nobody tells of."""
    end = time.monotonic() + DEADLINE
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("%s: not within %d s" % (what, DEADLINE))
        time.sleep(0.02)


# ── crashes ──

def start_crash(*argv, uid=None):
    """Starts a program that will crash, with cores allowed."""
    command = ["bash", "-c", "ulimit -c unlimited; ulimit -S -s 8192; exec \"$@\"", "bash"]
    if uid is not None:
        command += ["setpriv", "--reuid=%d" % uid, "--regid=%d" % uid, "--clear-groups"]
    return subprocess.Popen([*command, *argv], cwd="/", env={"PATH": "/usr/bin:/bin"}, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def crash(*argv, uid=None):
    """Crashes a program; its pid."""
    p = start_crash(*argv, uid=uid)
    if p.wait(DEADLINE) >= 0:
        raise RuntimeError("%s did not crash, it ended with %d" % (argv[0], p.returncode))
    return p.pid


# ── the journal ──

def journal(*arguments):
    """Entries as dictionaries, as `journalctl -o json` has them (without --all: long fields are null)."""
    done = run("journalctl", "-q", "--no-pager", "-o", "json", *arguments)
    if done.returncode != 0:
        raise RuntimeError("journalctl: " + done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def end_of_journal():
    """The cursor of the last entry."""
    return journal("-n", "1")[-1]["__CURSOR"]


class Follower:
    """Entries that come after now, as they come."""

    def __init__(self, scratch, *matches):
        self.entries, self.rest = [], b""
        self.start = end_of_journal()
        self.child = subprocess.Popen(["journalctl", "-q", "-f", "--no-tail", "-o", "json", "--after-cursor=" + self.start, *matches],
                                      stdout=subprocess.PIPE)
        scratch.stack.callback(self.close)

    def close(self):
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()

    def read(self, seconds):
        """Reads what is there, waiting at most so long; false when nothing came."""
        if not select.select([self.child.stdout], [], [], max(0, seconds))[0]:
            return False
        data = os.read(self.child.stdout.fileno(), 1 << 20)
        if not data:
            raise RuntimeError("journalctl ended")
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.entries += [json.loads(line) for line in lines if line]
        return True

    def wait(self, wanted, deadline=DEADLINE):
        """The first entry for which wanted(entry) is true, or None."""
        end = time.monotonic() + deadline
        seen = 0
        while True:
            for entry in self.entries[seen:]:
                if wanted(entry):
                    return entry
            seen = len(self.entries)
            if not self.read(end - time.monotonic()) and time.monotonic() >= end:
                return None


def pid_of(entry):
    return int(entry.get("COREWATCH_PID") or entry.get("COREDUMP_PID") or 0)


def coredump_of(pid, after):
    """The coredump entries of a process."""
    return journal("--after-cursor=" + after, "MESSAGE_ID=" + COREDUMP_ID, "COREDUMP_PID=%d" % pid)


def reports_of(entry):
    """The report entries for a coredump entry."""
    return journal("-t", "corewatch", "COREWATCH_COREDUMP_CURSOR=" + entry["__CURSOR"])


def whole_report(entry):
    """The report in a journal entry, whole; asked for with --all, as `-o json` alone leaves out long fields."""
    done = run("journalctl", "-q", "--no-pager", "-o", "json", "--all", "--cursor=" + entry["__CURSOR"], "-n", "1", "-t", "corewatch")
    fields = json.loads(done.stdout.splitlines()[0])
    return json.loads(fields.get("COREWATCH_REPORT_FULL") or fields["COREWATCH_REPORT"])


def need_pipeline(scratch):
    """A real crash leaves a real entry, or there is nothing to test."""
    follower = Follower(scratch, "MESSAGE_ID=" + COREDUMP_ID)
    pid = crash("/bin/sh", "-c", "kill -SEGV $$")
    if not follower.wait(lambda e: pid_of(e) == pid, 60):
        bail("a crash left no entry in the journal within 60 s: journald and systemd-coredump must run, and kernel.core_pattern must be "
             "systemd-coredump's (sudo ./quickstart test sees to it)")
    follower.close()


def validate(scratch, reports, name):
    """The schema check on reports, one test point."""
    folder = scratch.at("reports-%d" % Tap.count)
    os.makedirs(folder)
    for i, report in enumerate(reports):
        with open(os.path.join(folder, "%04d.json" % i), "w", encoding="utf-8") as f:
            json.dump(report, f)
    done = run(sys.executable, os.path.join(HERE, "validate-reports"), "--schema", SCHEMA, folder)
    ok(done.returncode == 0, "%s: %d reports are valid against the schema" % (name, len(reports)), done.stdout + done.stderr)


# ── corewatchd ──

def other_daemon():
    """The pid of a corewatchd on the machine's journal that is not one of ours, or None: it would report the same crashes."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open("/proc/%s/comm" % pid, encoding="utf-8") as f:
                name = f.read().strip()
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                arguments = f.read()  # none: a zombie, which reports nothing
                if name == "corewatchd" and arguments and b"--journal-directory" not in arguments:
                    return int(pid)
    return None


class Daemon:
    """corewatchd of the build folder: own configuration, state and cache, the machine's journal. One on a machine at a time."""

    def __init__(self, scratch, config="", worker=WORKER, lock=True):
        self.scratch, self.process, self.messages = scratch, None, []
        for name in ("state", "cache", "root/etc/corewatch/corewatch.conf.d"):
            os.makedirs(scratch.at(name), exist_ok=True)
        self.configure(config, worker)
        self.queue = queue.SimpleQueue()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind(scratch.at("notify"))
        threading.Thread(target=self.receive, daemon=True).start()
        if lock:
            handle = open(LOCK, "w", encoding="ascii")  # pylint: disable=consider-using-with
            scratch.stack.callback(handle.close)
            fcntl.flock(handle, fcntl.LOCK_EX)
            other = other_daemon()
            if other:
                bail("another corewatchd runs (pid %d) and reports the same crashes: stop it for the time of the tests" % other)
        scratch.stack.callback(self.end)

    def configure(self, config="", worker=WORKER):
        return self.scratch.write("root/etc/corewatch/corewatch.conf", "[Daemon]\nCatchUp=none\n[Worker]\nPath=%s\n%s\n"
                                  "[Storm]\nMaxAlike=0\nMaxPerProgram=0\nMaxTotal=0\n" % (worker, config))

    def start(self, **environment):
        """Starts it and waits for READY=1."""
        with open(self.scratch.at("log"), "ab") as log:
            self.process = subprocess.Popen(
                [DAEMON, "--config-root=" + self.scratch.at("root")], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "NOTIFY_SOCKET": self.scratch.at("notify"),
                     "STATE_DIRECTORY": self.scratch.at("state"), "CACHE_DIRECTORY": self.scratch.at("cache"), **environment})
        self.wait_message("READY=1")

    def receive(self):
        """Reads all the time: a sender waits when some ten messages were not read."""
        while True:
            self.queue.put(self.socket.recv(65536).decode())

    def wait_message(self, wanted, deadline=DEADLINE):
        """Reads notifications until one has this line (an expression); all since the last call."""
        end = time.monotonic() + deadline
        got = []
        while True:
            try:
                got.append(self.queue.get(timeout=0.2))
            except queue.Empty:
                if self.process.poll() is not None and self.queue.empty():
                    raise RuntimeError("corewatchd ended with %s\n%s" % (self.process.returncode, self.log()[-2000:])) from None
                if time.monotonic() > end:
                    raise TimeoutError("no notification %s within %d s, but %s\n%s" % (wanted, deadline, got, self.log()[-2000:])) from None
                continue
            self.messages.append(got[-1])
            if re.search("^(%s)$" % wanted, got[-1], re.M):
                return got

    def stop(self, number=signal.SIGTERM):
        """Ends it; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(DEADLINE)

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def is_alive(self):
        return self.process.poll() is None

    def log(self):
        with open(self.scratch.at("log"), encoding="utf-8", errors="replace") as f:
            return f.read()
