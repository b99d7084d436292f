# SPDX-License-Identifier: LGPL-2.1-or-later
"""For the tests of what reads reports: programs of Debian that are run without being installed (rsyslog and syslog-ng exclude each other, and
a test is no reason to start a log server), and a real report, of a real core and a real worker, in a journal of the test's own."""

import os
import shutil
import socket
import subprocess
import urllib.request

import lib

# Package: one of its programs.
PACKAGES = {
    "prometheus": "/usr/bin/promtool", "prometheus-node-exporter": "/usr/bin/prometheus-node-exporter", "rsyslog": "/usr/sbin/rsyslogd",
    "syslog-ng-core": "/usr/sbin/syslog-ng",
}
UNPACKED = os.path.join(lib.BUILDDIR, "consumers")
CONFIGS = os.path.join(lib.SRCDIR, "dashboard/consumers")
# What consumers have broken before: quotes, backslashes, a character of each UTF-8 length, and in the command line what must not come through.
NAME = "größe \"ß\\x€🦀'%m$!{}"
COMMAND_LINE = "a \"b\" \\c\td\nnew line\x1b[31m ü€🦀 %s ${x} <b>"

# Deep enough, and with so many threads, that the report does not fit one field.
SOURCE = r"""
#include <pthread.h>
#include <unistd.h>
struct item { int value[400]; };
static volatile struct item *nothing;
static int größe(int depth) { volatile char bytes[100]; bytes[0] = depth; return depth > 0 ? größe(depth - 1) + bytes[0] : nothing->value[3]; }
#define STEP(n, m) static int step_##n(int d) { volatile char b[64 + n]; b[0] = d; return step_##m(d) + b[0]; }
static int step_0(int d) { return größe(d); }
STEP(1, 0) STEP(2, 1) STEP(3, 2) STEP(4, 3) STEP(5, 4) STEP(6, 5) STEP(7, 6) STEP(8, 7) STEP(9, 8) STEP(10, 9) STEP(11, 10) STEP(12, 11)
static pthread_barrier_t barrier;
static void *idle(void *unused) { pthread_barrier_wait(&barrier); for (;;) pause(); return unused; }
int main(void) {
	pthread_t thread;
	pthread_barrier_init(&barrier, 0, 41);
	for (int i = 0; i < 40; i++) pthread_create(&thread, 0, idle, 0);
	pthread_barrier_wait(&barrier);
	return step_12(50);
}
"""


def unpack():
    """Packages that are not installed are fetched by apt and unpacked into the build folder; once."""
    for package, program in PACKAGES.items():
        if os.path.exists(program) or os.path.exists(UNPACKED + program):
            continue
        plan = lib.run("apt-get", "-s", "-q", "install", "--no-install-recommends", package, env={**os.environ, "LC_ALL": "C"})
        names = [line.split()[1] for line in plan.stdout.splitlines() if line.startswith("Inst ")]
        # Of Prometheus's own pages nothing is shown here.
        names = [name for name in names if not name.startswith(("libjs-", "fonts-"))]
        folder = os.path.join(UNPACKED, "packages", package)
        os.makedirs(folder, exist_ok=True)
        got = lib.run("apt-get", "-q", "download", *names, cwd=folder) if names else plan
        if not names or got.returncode != 0:
            lib.bail("%s is neither installed nor to be had from apt: %s" % (package, got.stderr or got.stdout))
        for file in os.listdir(folder):
            subprocess.run(["dpkg", "-x", os.path.join(folder, file), UNPACKED], check=True)
        shutil.rmtree(folder)


def program(path):
    """Where it is, and the environment that lets it find its libraries."""
    if os.path.exists(path):
        return path, dict(os.environ)
    triplet = lib.run("gcc", "-print-multiarch").stdout.strip()
    folders = [UNPACKED + "/usr/lib/" + triplet, UNPACKED + "/lib/" + triplet, UNPACKED + "/usr/lib/syslog-ng"]
    return UNPACKED + path, {**os.environ, "LD_LIBRARY_PATH": ":".join(folders), "RSYSLOG_MODDIR": folders[0] + "/rsyslog"}


def tool(path, *arguments, **options):
    where, environment = program(path)
    return lib.run(where, *arguments, env=environment, **options)


class Server:
    """A program in the foreground, until the test is over; what it says is in a file."""

    def __init__(self, scratch, name, *command):
        where, environment = program(command[0])
        self.log = scratch.at(name + ".log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([where, *command[1:]], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=scratch.path)
        scratch.stack.callback(self.end)

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def wait(self, what, true):
        def look():
            if self.process.poll() is not None:
                raise RuntimeError("%s: it ended with %s\n%s" % (what, self.process.returncode, self.text()))
            return true()
        try:
            lib.wait_until(what, look)
        except TimeoutError as error:
            raise TimeoutError("%s\n%s" % (error, self.text())) from None

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()[-3000:]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def get(url, **headers):
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    with urllib.request.urlopen(request, timeout=lib.DEADLINE) as answer:
        return answer.read()


def config(name, **replaced):
    """A shipped configuration with its paths and addresses exchanged; each of them must be there."""
    with open(os.path.join(CONFIGS, name), encoding="utf-8") as f:
        text = f.read()
    for old, new in replaced.values():
        if old not in text:
            raise RuntimeError("%s does not have %s" % (name, old))
        text = text.replace(old, new)
    return text


def entries_of(data):
    """Journal export format, as dictionaries of bytes; a field that comes several times is a list."""
    found, entry, at = [], {}, 0
    while at < len(data):
        end = data.index(b"\n", at)
        line, at = data[at:end], end + 1
        if not line:
            if entry:
                found.append(entry)
            entry = {}
            continue
        name, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(data[at:at + 8], "little")
            value, at = data[at + 8:at + 8 + length], at + 8 + length + 1
        name = name.decode()
        entry[name] = [*entry[name], value] if isinstance(entry.get(name), list) else [entry[name], value] if name in entry else value
    return found + ([entry] if entry else [])


def make_core(scratch):
    """A program that dereferences null, and its core as gdb writes it, xattrs as systemd-coredump sets them."""
    path = os.path.join(scratch.path, NAME)
    built = scratch.compile("crasher", SOURCE, "-g")
    os.rename(built, path)
    core = scratch.at("cores/core.crasher.0.4711")
    done = lib.run("gdb", "-q", "-nx", "-batch", "-ex", "run", "-ex", "generate-core-file " + core, path, cwd=scratch.path)
    if not os.path.exists(core):
        raise RuntimeError(done.stdout + done.stderr)
    os.chmod(core, 0o640)
    return path, core


def crash(machine, send, path, core, number):
    """The entry that systemd-coredump would have sent for it: a process of root's, so that the report is, too."""
    pid = 4711 + number
    fields = {
        "MESSAGE": "Process %d dumped core." % pid, "MESSAGE_ID": lib.COREDUMP_ID, "PRIORITY": "2", "COREDUMP_UID": "0", "COREDUMP_GID": "0",
        "COREDUMP_PID": str(pid), "COREDUMP_SIGNAL": "11", "COREDUMP_TIMESTAMP": str((1_700_000_000 + number) * 1_000_000), "COREDUMP_COMM": "größe",
        "COREDUMP_EXE": path, "COREDUMP_CMDLINE": COMMAND_LINE, "COREDUMP_UNIT": "größe@1.service", "COREDUMP_FILENAME": core,
    }
    for name in ("uid", "gid", "pid", "signal", "timestamp"):
        os.setxattr(core, "user.coredump." + name, fields["COREDUMP_" + name.upper()].encode())
    send(fields)
    if not machine.wait_reports([pid]):
        raise RuntimeError("no report came\n" + machine.log()[-3000:])
    machine.synchronize()
    return pid


if __name__ == "__main__":
    unpack()
