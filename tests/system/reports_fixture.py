# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reports and journals made of them, for the tests of what shows reports: no crash, no daemon, no root.

Reports come from corewatchctl itself, on worker's records that the source tree has (tests/unit/data), and from docs/seed-report.json, a
real one. Journals are made by systemd-journal-remote from the export format."""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
SRCDIR = os.path.abspath(os.environ.get("srcdir") or os.path.join(HERE, "../.."))
BUILDDIR = os.path.abspath(os.environ.get("builddir") or os.getcwd())
CTL = os.path.join(BUILDDIR, "corewatchctl")
REMOTE = "/lib/systemd/systemd-journal-remote"
REPORT_ID = "31135006fed94c4ba9bf5c818d78e6d3"  # COREWATCH_MESSAGE_ID_REPORT
BOOT = "f579c8df93614d46868dc4e78a94e974"
BASE_USEC = 1795348698000000  # 2026-11-22 11:58:18 UTC
DEADLINE = 120

work = tempfile.mkdtemp(prefix="corewatch-test-")
_count = _failed = 0


def check(good, what, detail=""):
    """One test point."""
    global _count, _failed  # pylint: disable=global-statement
    _count += 1
    _failed += not good
    print("%sok %d - %s" % ("" if good else "not ", _count, what), flush=True)
    if not good:
        for line in str(detail() if callable(detail) else detail).splitlines()[:40]:
            print("# " + line[:500], flush=True)
    return good


def finish():
    print("1..%d" % _count)
    return 1 if _failed else 0


def ctl(*args, stdin=b"", program=CTL, **environment):
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC", **environment}
    return subprocess.run([program, *[str(a) for a in args]], env=env, capture_output=True, input=stdin, timeout=DEADLINE, cwd=work, check=False)


def write(name, text, mode=0o644):
    path = os.path.join(work, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(text if isinstance(text, bytes) else text.encode())
    os.chmod(path, mode)
    return path


def analyzed(records, name="core"):
    """The report that corewatchctl makes of a worker's records: the records are the core, and the worker hands them on."""
    worker = write("cat-worker", "#!/bin/sh\nexec /bin/cat <&3 >&4\n", 0o755)
    core = write(name, records)
    done = ctl("analyze", "--json=short", core, COREWATCH_WORKER=worker)
    if not done.stdout:
        raise RuntimeError(done.stderr.decode())
    return json.loads(done.stdout)


def recorded(name):
    with open(os.path.join(SRCDIR, "tests/unit/data", name), encoding="utf-8") as f:
        return analyzed(f.read(), name)


def seed_report():
    with open(os.path.join(SRCDIR, "docs/seed-report.json"), encoding="utf-8") as f:
        return json.load(f)


def shortened(report):
    """As corewatchd would have it in COREWATCH_REPORT, roughly: short enough, and marked."""
    stack = {**report["stack"], "frames": report["stack"]["frames"][:2], "by_function": report["stack"].get("by_function", [])[:1]}
    return {**report, "threads": [], "modules": [], "memory": [], "findings": report["findings"][:1], "stack": stack, "truncated": True}


def entry(report, number=0, **fields):
    """One entry in export format; entries are a minute apart."""
    process, verdict = report["process"], report["verdict"]
    base = {
        "__REALTIME_TIMESTAMP": BASE_USEC + number * 60_000_000, "__MONOTONIC_TIMESTAMP": 1000000 + number, "_BOOT_ID": BOOT,
        "_HOSTNAME": "alpha", "_TRANSPORT": "journal", "_UID": 0, "_SYSTEMD_UNIT": "corewatch.service", "MESSAGE": "%s: %s" % (process.get("command"), verdict["summary"]),
        "MESSAGE_ID": REPORT_ID, "SYSLOG_IDENTIFIER": "corewatch", "COREWATCH_ID": report["report_id"], "COREWATCH_VERDICT": verdict["id"],
        "COREWATCH_CONFIDENCE": verdict["confidence"], "COREWATCH_FINGERPRINT": report["fingerprint"]["id"],
        "COREWATCH_PID": process.get("pid"), "COREWATCH_COMM": process.get("command"), "COREWATCH_EXE": process["executable"]["path"],
        "COREWATCH_SIGNAL_NAME": report["crash"]["signal"]["name"], "COREWATCH_REPORT": json.dumps(shortened(report)),
        "COREWATCH_REPORT_FULL": json.dumps(report), **fields,
    }
    return "".join("%s=%s\n" % item for item in base.items() if item[1] is not None) + "\n"


def journal(name, entries):
    """A journal file below `work`, in a folder of its own, of entries in export format."""
    path = os.path.join(work, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    export = write(name + ".export", "".join(entries))
    done = subprocess.run([REMOTE, "-o", path, export], capture_output=True, check=False)
    os.unlink(export)
    if done.returncode != 0:
        sys.exit("Bail out! systemd-journal-remote: " + done.stderr.decode())
    return path


def numbered(model, number, **changes):
    """A report like `model` with an id and a time of its own."""
    report = json.loads(json.dumps(model))
    report["report_id"] = "c0ffee%06x%020x" % (number, number)
    report["time"] = "2026-11-22T%02d:%02d:18Z" % (11 + (58 + number) // 60 % 12, (58 + number) % 60)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = report
        for parent in parents:
            place = place[parent]
        place[last] = value
    return report
