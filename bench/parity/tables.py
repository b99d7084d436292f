# SPDX-License-Identifier: LGPL-2.1-or-later
"""What bench/parity/run found, as parity.json's document and as parity.md. The words of classes are in classes.json."""
import platform
import subprocess

import classes

PAGE = 4096


def version(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.splitlines()[0].strip()
    except (OSError, IndexError):
        return None


def line(row):
    if row.get("left_out"):
        return "%-28s left out: %s" % (row["name"], row["left_out"])
    known = sorted({d["class"] for d in row["differences"]})
    return "%-28s %4d threads %7d frames %7d equal%s %s" % (
        row["name"], row["threads"], row["frames"], row["equal"], "" if row["gdb_ended"] else " (gdb cut off)",
        " ".join(known))


def result(groups):
    found = {}
    for title, rows in groups:
        for row in rows:
            for d in row.get("differences", []):
                new = {**classes.WORDS[d["class"]], "frames": 0, "cores": [], "example": None}
                entry = found.setdefault(d["class"], new)
                entry["frames"] += d["frames"]
                entry["cores"].append(row["name"])
                if entry["example"] is None:
                    entry["example"] = {"core": row["name"], **d}
    return {"gdb": version("gdb", "--version"), "addr2line": version("addr2line", "--version"),
            "machine": " ".join((platform.system(), platform.release(), platform.machine())),
            "groups": {title: rows for title, rows in groups}, "classes": found}


def short(value, most=100):
    text = " → ".join(str(v) for v in value) if isinstance(value, list) else str(value)
    return (text if len(text) <= most else text[:most - 1] + "…").replace("|", "\\|").replace("`", "'")


def row_of(row):
    if row.get("left_out"):
        return "| %s | | | | | | left out: %s |" % (row["name"], short(row["left_out"]))
    said = sum(d["frames"] for d in row["differences"] if d["class"] == classes.UNEXPLAINED)
    notes = sorted({d["class"] for d in row["differences"]} - {classes.UNEXPLAINED})
    if not row["gdb_ended"]:
        notes.append("**gdb cut off**")
    if row.get("missing_threads"):
        notes.append("threads %s are in one of the two only" % row["missing_threads"])
    return "| %s | %d | %d | %d | %d | %d | %s |" % (row["name"], row["threads"], row["frames"], row["equal"],
                                                  row["frames"] - row["equal"], said, ", ".join(notes))


def table(title, rows):
    kept = [r for r in rows if not r.get("left_out")]
    return ["## %s" % title, "",
            "%d cores, %d threads, %d frames compared; %d equal, %d different." % (
                len(kept), sum(r["threads"] for r in kept), sum(r["frames"] for r in kept),
                sum(r["equal"] for r in kept), sum(r["frames"] - r["equal"] for r in kept)), "",
            "| core | threads | frames | equal | different | unexplained | classes |", "|---|--:|--:|--:|--:|--:|---|",
            *[row_of(r) for r in rows], ""]


def class_text(name, entry):
    example = entry["example"]
    where = "%s, thread %s, frame #%s" % (example["core"], example["thread"], example["frame"])
    if example.get("offset"):
        where += ", %s+%s" % ((example["module"] or "?").rsplit("/", 1)[-1], example["offset"])
    out = ["### %s (right: %s)" % (name, entry["right"]), "", entry["what"] + " " + entry["why"], "",
           "%d frames in %d cores. For example %s: corewatch `%s`, gdb `%s`." % (
               entry["frames"], len(set(entry["cores"])), where, short(example["ours"]), short(example["gdb"])), ""]
    return out + (["```", entry["evidence"], "```", ""] if entry["evidence"] else [])


def wrong_sum(s):
    """Why a thread's stack does not add up, or None; it must where bounds and all frames are known."""
    if s["used"] is None or not s["complete"]:
        return None
    if "frames" not in s:
        return "nothing is said of it"
    if s["frames"] + sum(s["parts"].values()) + s["unaccounted"] != s["used"]:
        return "the figures are not high - SP"
    if s["unaccounted"] > PAGE:
        return "more than a page is unaccounted for"
    if s["listed"] is not None and s["listed"] != s["frames"] and s["kind"] != "alternate":
        return "the frames have other sizes"
    return None


def wrong_sums(result_):
    return [(row["name"], s, wrong_sum(s)) for rows in result_["groups"].values() for row in rows
            for s in row.get("sums", []) if wrong_sum(s)]


def sums(result_):
    """By kind of stack: what its frames have, what lies above them, what is unaccounted for."""
    kinds, unknown = {}, 0
    for rows in result_["groups"].values():
        for row in rows:
            for s in row.get("sums", []):
                if s["used"] is None or not s["complete"] or "frames" not in s:
                    unknown += 1
                else:
                    kinds.setdefault(s["kind"], []).append((row["name"], s))
    text = ["## Sums", "",
            "high − SP = the frames' bytes + what lies above the outermost frame + what is unaccounted for, of every thread "
            "whose bounds are known and whose outermost frame was reached (%d others). A part is found by its own place in "
            "the core: the TLS register, the auxiliary vector, the signal frame." % unknown, "",
            "| stack | threads | frames | parts (largest) | unaccounted (largest) | where |", "|---|--:|--:|---|--:|---|"]
    for kind, items in sorted(kinds.items()):
        parts = {}
        for _, s in items:
            for name, size in s["parts"].items():
                parts[name] = max(parts.get(name, 0), size)
        name, most = max(items, key=lambda x: x[1]["unaccounted"])
        text.append("| %s | %d | %d | %s | %d | %s, thread %d |" % (
            kind, len(items), sum(s["frames"] for _, s in items),
            ", ".join("%s %d" % x for x in sorted(parts.items())), most["unaccounted"], name, most["thread"]))
    wrong = wrong_sums(result_)
    text += ["", "%d threads do not add up." % len(wrong)]
    return text + ["%s, thread %d: %s." % (name, s["thread"], why) for name, s, why in wrong] + [""]


def markdown(result_):
    out = ["# Frame by frame against gdb", "",
           "Made by `make parity`. Each frame of each thread: function, inlined functions, file and line, CFA and bytes. "
           "Compared are gdb's Python interface (%s) and `corewatchctl analyze --json`; lines in dispute go to %s. "
           "*Different* counts frames with a difference other than the spelling of a name and gdb's made-up frames of "
           "tail calls." % (result_["gdb"], result_["addr2line"]), ""]
    titles = {"corpus": "The corpus", "programs": "One program, built in all ways that debug info comes in"}
    for title, rows in result_["groups"].items():
        if rows:
            out += table(titles.get(title, title), rows)
    out += ["## Every class of difference", ""]
    for name, entry in sorted(result_["classes"].items()):
        out += class_text(name, entry)
    return "\n".join(out + sums(result_)).rstrip() + "\n"
