# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lays gdb's frames (frames.py) beside those of a report and says where they differ. It judges nothing.

Both sides become physical frames, numbered from 0: a report's folded runs and cycles are unfolded, gdb's inlined
functions are put into the frame that holds them, and the frames that gdb makes up for functions which left by a tail
call are counted apart, for they have no stack and no address of their own.
"""
import json
import os
import re


def hexed(text):
    return int(text, 16) if text else None


def base(path):
    return os.path.basename(path) if path else None


# ── gdb ────────────────────────────────────────────────────────────────────────────────────────────────────────

def read_gdb(path):
    """{thread id: {"frames": [...], "end": why gdb stopped or None when it was cut off}}"""
    threads, places, level, tail = {}, [], [], 0
    thread = None
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                item = json.loads(line)
            except ValueError:
                break
            if "thread" in item:
                thread = threads[item["thread"]] = {"frames": [], "end": None}
                level, tail = [], 0
            elif "place" in item:
                places.append(item)
            elif "end" in item:
                thread["end"] = item["end"]
            else:
                pc, sp, cfa, place = item["frame"]
                place = places[place]
                level.append(place)
                if place["kind"] == "tailcall":
                    level, tail = [], tail + 1
                elif place["kind"] != "inline":
                    thread["frames"].append({"pc": pc, "sp": sp, "cfa": cfa, "levels": level, "tailcalls": tail,
                                             "signal": place["kind"] == "signal"})
                    level, tail = [], 0
    for thread in threads.values():
        frames = thread["frames"]
        for frame, caller in zip(frames, frames[1:] + [None]):
            frame["top"] = caller["sp"] if caller else None
            frame["bytes"] = caller["sp"] - frame["sp"] if caller and None not in (caller["sp"], frame["sp"]) else None
    return threads


# ── the report ─────────────────────────────────────────────────────────────────────────────────────────────────

def levels_of(frame):
    inlined = [{"name": i.get("function"), "file": i.get("file"), "line": i.get("line")}
               for i in frame.get("inlined", [])]
    name = frame.get("function")
    # Where there is no symbol a report says "module+0x1234".
    if name and name == "%s+%s" % (base(frame.get("module") or ""), frame.get("offset")):
        name = None
    return inlined + [{"name": name, "file": frame.get("file"), "line": frame.get("line")}]


def unfold(items):
    """[(index, frame)]; a cycle's own frames carry their own size, so that every CFA can be counted up."""
    out = []
    for item in items:
        cycle = item.get("turn") or [item]
        cfa = hexed(item.get("cfa"))
        for turn in range(item.get("count", 1)):
            for place, frame in enumerate(cycle):
                size = frame.get("bytes")
                if (turn or place) and cfa is not None and size is not None:
                    cfa += size
                elif turn or place:
                    cfa = None
                out.append({"pc": hexed(frame["pc"]), "cfa": cfa, "bytes": size, "levels": levels_of(frame),
                            "trust": frame.get("trust") or item.get("trust"), "module": frame.get("module"),
                            "offset": frame.get("offset"), "signal": bool(item.get("signal_frame")),
                            "index": item["index"] + turn * len(cycle) + place})
    return out


def read_report(report):
    """{thread id: {"frames": {index: frame}, "complete":, "bounds":}}"""
    threads = {}
    crashed = report["crash"].get("thread", {}).get("id")
    for thread in report.get("threads", []):
        stack = report.get("stack") if thread["id"] == crashed else thread.get("stack")
        threads[thread["id"]] = stack
    if crashed is not None and crashed not in threads:
        threads[crashed] = report.get("stack")
    return {number: {"frames": {f["index"]: f for f in unfold(stack["frames"])}, "count": stack["frame_count"],
                     "complete": stack.get("complete"), "bounds": stack.get("bounds") or {},
                     "use": stack.get("use") or {}}
            for number, stack in threads.items() if stack}


# ── one beside the other ───────────────────────────────────────────────────────────────────────────────────────

HASHES = re.compile(r"::h[0-9a-f]{16}$|\[[0-9a-f]{8,16}\]")


def squeeze(name):
    """A name without what is only spelling: spaces, and the hashes in names of Rust."""
    return HASHES.sub("", name).replace(" ", "")


def same_name(ours, theirs):
    """"spelled" when ours is what gdb's own demangler makes of the linkage name or of the symbol; "" otherwise."""
    known = [squeeze(name) for name in (theirs["linkage"], theirs["symbol"]) if name]
    return "spelled" if ours and squeeze(ours) in known else ""


def compare_levels(ours, theirs, note):
    if len(ours["levels"]) != len(theirs["levels"]):
        note("inlines", [level["name"] for level in ours["levels"]], [level["name"] for level in theirs["levels"]])
        return
    for depth, (mine, other) in enumerate(zip(ours["levels"], theirs["levels"])):
        other_name = other["name"]
        if theirs["signal"] and ours["signal"]:
            continue # gdb shows "<signal handler called>", and no line
        if mine["name"] != other_name:
            note(same_name(mine["name"], other) or "name", mine["name"], other_name, other["linkage"])
        place, other_place = (base(mine["file"]), mine["line"]), (base(other["file"]), other["line"])
        if mine["line"] is None and other["line"] is None:
            continue
        if place != other_place:
            note("line", "%s:%s" % place, "%s:%s" % other_place, mine["name"], depth)


def compare_thread(ours, theirs, note):
    """Physical frames compared, and how many of them differ. note() says whether what it was told makes them differ."""
    frames, unequal, compared = theirs["frames"], 0, 0
    for index, other in enumerate(frames):
        mine = ours["frames"].get(index)
        if mine is None:
            continue
        compared += 1
        seen = []

        def found(kind, *values, _mine=mine, _other=other, _index=index, _seen=seen):
            _seen.append(note(kind, _index, _mine, _other, values))

        if mine["pc"] != other["pc"]:
            found("pc", "%#x" % mine["pc"], "%#x" % other["pc"])
            return compared, unequal + 1
        if other["tailcalls"]:
            found("tailcall", other["tailcalls"])
        compare_levels(mine, other, found)
        last = index == len(frames) - 1
        if not last and mine["bytes"] != other["bytes"]:
            found("bytes", mine["bytes"], other["bytes"])
        top = other["cfa"] or (None if last else other["top"])
        if top and mine["cfa"] != top:
            found("cfa", mine["cfa"], top)
        unequal += any(seen)
    if theirs["end"] and len(frames) != ours["count"]:
        note("count", len(frames), ours["frames"].get(len(frames)), frames[-1] if frames else None,
             (ours["count"], len(frames), theirs["end"]))
    return compared, unequal


def sum_of_sizes(thread):
    """Who has the bytes between SP and the stack's high end, as the report says it; `listed` are those of the frames that
    it lists, where all of them are on this stack and have a size."""
    bounds, use = thread["bounds"], thread["use"]
    out = {"kind": bounds.get("kind"), "complete": thread["complete"], "used": bounds.get("used_bytes")}
    if "frames_bytes" in use:
        sizes = [frame["bytes"] for frame in thread["frames"].values()]
        whole = len(sizes) == thread["count"] and None not in sizes
        out.update(frames=use["frames_bytes"], parts={p["kind"]: p["bytes"] for p in use["parts"]},
                   unaccounted=use["unaccounted_bytes"], listed=sum(sizes) if whole else None)
    return out
