# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine of its own for system tests: systemd as PID 1 in a container of systemd-nspawn, whose root is this machine's as an overlay, with corewatch
installed and enabled in it.

systemd-coredump is driven as the kernel does it, with the core on standard input: `/lib/systemd/systemd-coredump PID UID GID SIGNAL SECONDS RLIMIT HOSTNAME
DUMPABLE`. All from there on is real: its socket and unit, its file with attributes and ACL, its entry under the owner's uid, journald's split by uid.

It needs what a container manager needs: CAP_SYS_ADMIN, overlayfs, and cgroups that PID 1 can write to. Without them the test bails out and says what
was missing: to pass silently would be to claim what nobody has seen."""

import contextlib
import glob
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import lib

COREDUMP = "/lib/systemd/systemd-coredump"
RLIMIT = "9223372036854775808"
OPAQUE = ("var/log/journal", "var/lib/systemd/coredump", "var/lib/corewatch", "var/cache/corewatch", "etc/systemd/system/multi-user.target.wants",
          "etc/systemd/system/timers.target.wants", "etc/systemd/system/sockets.target.wants", "etc/systemd/system/sysinit.target.wants", "etc/corewatch")
ALICE, BOB = 4201, 4202
FIELDS = "MESSAGE,MESSAGE_ID,_UID,_SYSTEMD_UNIT,_SYSTEMD_USER_UNIT,COREWATCH_COREDUMP_CURSOR"
# nspawn's own filter does not know Landlock before systemd 254.
CALLS = "landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp"


def in_own_mounts():
    """Starts the program again in a mount namespace of its own, so that nothing is left mounted."""
    if os.environ.get("COREWATCH_BOOTED") != "1":
        os.environ["COREWATCH_BOOTED"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation=private", sys.executable, *sys.argv])


def mount(*arguments):
    done = lib.run("mount", *arguments)
    if done.returncode != 0:
        lib.bail("mount %s: %s(CAP_SYS_ADMIN and overlayfs on a local file system are needed)" % (" ".join(arguments), done.stderr))


def core_of_null(scratch, folder=None):
    """The core of a real crash, unpacked: a null pointer's dereference. The program stays in the folder."""
    follower = lib.Follower(scratch, "MESSAGE_ID=" + lib.COREDUMP_ID)
    program = scratch.compile("null", "int main(void) { volatile int *p = 0; return *p; }\n")
    pid = lib.crash(shutil.copy(program, folder) if folder else program)
    packed = follower.wait(lambda e: lib.pid_of(e) == pid)["COREDUMP_FILENAME"]
    follower.close()
    if packed.endswith(".zst"):
        subprocess.run(["zstd", "-q", "-d", "-o", scratch.at("core"), packed], check=True)
    else:
        shutil.copyfile(packed, scratch.at("core"))
    return scratch.at("core")


class Machine:
    def __init__(self, scratch, config="", packaged=False):
        """With the build folder's corewatch and this configuration; or, if packaged, as a machine that never had one, to install packages in."""
        if not shutil.which("systemd-nspawn"):
            lib.bail("systemd-nspawn is not there: apt-get install systemd-container")
        # Not on a tmpfs, which may have no user attributes; and visible at the same path inside, as /tmp is not.
        self.base = tempfile.mkdtemp(prefix="corewatch-booted-", dir="/var/tmp")
        scratch.stack.callback(shutil.rmtree, self.base, ignore_errors=True)
        os.chmod(self.base, 0o755)
        self.root, self.leader, self.process = os.path.join(self.base, "root"), None, None
        self.log = os.path.join(self.base, "console")
        self.seconds = int(time.time()) - 100_000
        self.make_root()
        self.forget(packaged)
        if not packaged:
            self.install(config)
        scratch.stack.callback(self.stop)
        self.boot()

    def at(self, path):
        return os.path.join(self.root, path.lstrip("/"))

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.at(path)), exist_ok=True)
        with open(self.at(path), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.at(path), mode)

    def make_root(self):
        upper = os.path.join(self.base, "upper")
        for name in ("upper", "work", "root"):
            os.mkdir(os.path.join(self.base, name))
        for name in OPAQUE:
            os.makedirs(os.path.join(upper, name))
            try:
                os.setxattr(os.path.join(upper, name), "trusted.overlay.opaque", b"y")
            except OSError as e:
                lib.bail("trusted.overlay.opaque cannot be set (%s): CAP_SYS_ADMIN is needed" % e)
        mount("-t", "overlay", "overlay", "-o", "lowerdir=/,upperdir=%s,workdir=%s/work" % (upper, self.base), self.root)
        os.makedirs("/run/systemd/nspawn", exist_ok=True)
        mount("-t", "tmpfs", "tmpfs", "/run/systemd/nspawn")
        machine = lib.run("systemd-id128", "new").stdout
        self.write("/etc/machine-id", machine)
        os.makedirs(self.at("/var/log/journal/" + machine.strip()))
        with open(self.at("/etc/passwd"), "a", encoding="utf-8") as f:
            f.write("".join("%s:*:%d:%d::/home/%s:/bin/sh\n" % (name, uid, uid, name) for name, uid in (("alice", ALICE), ("bob", BOB))))
        with open(self.at("/etc/group"), "a", encoding="utf-8") as f:
            f.write("".join("%s:x:%d:\n" % (name, uid) for name, uid in (("alice", ALICE), ("bob", BOB))))
        # What the machine has besides is not the matter here, and may not start in a container.
        for unit in ("getty.target", "console-getty.service", "systemd-networkd.service", "systemd-resolved.service", "systemd-timesyncd.service"):
            self.write("/etc/systemd/system/%s" % unit, "")
            os.unlink(self.at("/etc/systemd/system/%s" % unit))
            os.symlink("/dev/null", self.at("/etc/systemd/system/%s" % unit))
        self.write("/etc/fstab", "")

    def forget(self, everything):
        # A corewatch that this machine has by itself would be found first.
        for folder in ("/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/local/lib/sysusers.d", "/usr/local/lib/tmpfiles.d"):
            for path in glob.glob(self.at(folder + "/corewatch*")):
                if not os.path.isdir(path):
                    os.unlink(path)
        if not everything:
            return
        for path in ("/etc/corewatch", "/var/lib/corewatch", "/var/cache/corewatch", "/usr/local/share/cockpit/corewatch"):
            shutil.rmtree(self.at(path), ignore_errors=True)
        for name in ("passwd", "group", "shadow", "gshadow"):
            with open(self.at("/etc/" + name), encoding="utf-8") as f:
                lines = [line for line in f if not line.startswith("corewatch")]
            self.write("/etc/" + name, "".join(lines), os.stat(self.at("/etc/" + name)).st_mode & 0o777)
        # Images for containers have the first, which lets no package start its service. The others do much after each package, and nothing for us.
        for path in ("/usr/sbin/policy-rc.d", "/var/lib/man-db/auto-update", "/etc/apt/apt.conf.d/20packagekit"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.at(path))

    def install(self, config):
        self.write("/etc/corewatch/corewatch.conf.d/test.conf", config)
        done = lib.run("make", "-C", lib.BUILDDIR, "install", "DESTDIR=" + self.root, env=lib.clean_environment(), timeout=600)
        if done.returncode != 0:
            raise RuntimeError("make install: " + done.stderr[-2000:])
        for command in (["systemd-sysusers", "--root=" + self.root], ["systemctl", "--root=" + self.root, "enable", "corewatch.service"]):
            done = lib.run(*command)
            if done.returncode != 0:
                raise RuntimeError("%s: %s" % (" ".join(command), done.stderr))

    def boot(self):
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        told.bind(os.path.join(self.base, "notify"))
        told.settimeout(1)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "--boot", "--directory=" + self.root, "--register=no", "--keep-unit", "--private-network", "--settings=no",
                 "--machine=corewatch-%d" % os.getpid(), "--notify-ready=yes", "--console=pipe", "--system-call-filter=" + CALLS],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": os.path.join(self.base, "notify")})
        end = time.monotonic() + lib.DEADLINE
        ready = False
        while not (ready and self.leader):
            try:
                message = told.recv(4096).decode()
            except TimeoutError:
                if self.process.poll() is not None or time.monotonic() > end:
                    with open(self.log, encoding="utf-8", errors="replace") as f:
                        lib.bail("systemd does not boot under systemd-nspawn here (in a container it needs CAP_SYS_ADMIN and cgroups of its own): %s"
                                 % f.read()[-1500:].replace("\n", " | "))
                continue
            for line in message.splitlines():
                ready = ready or line == "READY=1"
                if line.startswith("X_NSPAWN_LEADER_PID="):
                    self.leader = int(line.split("=")[1])

    def stop(self):
        if self.process and self.process.poll() is None:
            if self.leader:
                with contextlib.suppress(OSError):
                    os.kill(self.leader, signal.SIGRTMIN + 14)  # exit immediately: nothing in there is kept
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        lib.run("umount", "-l", self.root)

    # ── inside ──

    def command(self, *command, uid=None):
        prefix = ["setpriv", "--reuid=%d" % uid, "--regid=%d" % uid, "--clear-groups"] if uid is not None else []
        # The environment is the caller's: cleared, but for what is needed to find programs and to read times.
        return ["nsenter", "-t", str(self.leader), "-a", "env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C.UTF-8", "TZ=UTC",
                *(["XDG_RUNTIME_DIR=/run/user/%d" % uid] if uid is not None else []), *prefix, *command]

    def run(self, *command, uid=None, **options):
        return lib.run(*self.command(*command, uid=uid), **options)

    def must(self, *command, **options):
        done = self.run(*command, **options)
        if done.returncode != 0:
            raise RuntimeError("%s: %d %s%s" % (" ".join(map(str, command)), done.returncode, done.stdout[-500:], done.stderr[-1500:]))
        return done.stdout

    def journal(self, *matches, uid=None):
        """Entries with the few fields that say whose they are: a forged one may have fields of any size."""
        done = self.run("journalctl", "-q", "--no-pager", "-o", "json", "--all", "--output-fields=" + FIELDS, *matches, uid=uid)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def start(self, *command, uid=None, env=()):
        """A process in there, of no unit; its process id as it is seen inside. It ends with the machine."""
        words = ["env", *env, "sh", "-c", 'echo $$; exec "$@"', "sh", *command]
        process = subprocess.Popen(self.command(*words, uid=uid), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        return int(process.stdout.readline())

    def dump(self, core, pid, uid, signal_number=11, dumpable=1, command=None):
        """What the kernel does when the process crashes. Its time, in seconds: another one each."""
        self.seconds += 1
        with open(core, "rb") as f:
            done = lib.run(*self.command(*(command or [COREDUMP]), str(pid), str(uid), str(uid), str(signal_number), str(self.seconds), RLIMIT, "crashed",
                                         str(dumpable)), stdin=f)
        if done.returncode != 0:
            raise RuntimeError("systemd-coredump: " + done.stderr)
        return self.seconds


class Tail:
    """The entries that come, by journalctl --follow inside."""

    def __init__(self, machine, *matches):
        self.process = subprocess.Popen(machine.command("journalctl", "-q", "-o", "json", "--all", "--follow", "--lines=all", *matches), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE)
        self.entries, self.rest = [], b""

    def wait(self, enough, what):
        """Until enough(entries)."""
        end = time.monotonic() + lib.DEADLINE
        while not enough(self.entries):
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("%s: not within %d s; %d entries came" % (what, lib.DEADLINE, len(self.entries)))
            if not select.select([self.process.stdout], [], [], min(left, 1))[0]:
                continue
            data = os.read(self.process.stdout.fileno(), 1 << 20)
            if not data:
                raise RuntimeError("%s: journalctl ended" % what)
            *lines, self.rest = (self.rest + data).split(b"\n")
            self.entries += [json.loads(line) for line in lines if line]
        return self.entries

    def end(self):
        self.process.kill()
        self.process.wait()
