# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs inside gdb (`gdb -x frames.py`): writes what gdb knows of every frame of every thread as JSON lines.

PARITY_OUT names the file. Each line is one of
  {"thread": TID}                  a thread's frames follow, innermost first
  {"place": N, "kind": …}          what gdb shows of a place; said once, before the first frame that is there
  {"frame": [PC, SP, CFA, N]}      a frame at place N; CFA is null where it was not asked for
  {"end": "outermost"}             the thread's last frame was read, or what stopped gdb
and written as it is read, so that a gdb that is cut off leaves what it had. `info frame` takes seconds per frame at
depth 40 000, so CFA is asked for at the first PARITY_CFAS frames only; the caller's SP is the same figure.
"""
import json
import os
import re

import gdb

KINDS = {gdb.NORMAL_FRAME: "normal", gdb.INLINE_FRAME: "inline", gdb.TAILCALL_FRAME: "tailcall",
         gdb.SIGTRAMP_FRAME: "signal"}
SYMBOL_AT = re.compile(r"(.*?)(?: \+ \d+)? in section (\S+)")
FRAME_AT = re.compile(r"frame at (0x[0-9a-f]+)")
names, places = {}, {}


def demangled(name):
    """What gdb's own demangler makes of a linkage name."""
    if name not in names:
        style = "rust" if name.startswith("_R") else "c++"
        try:
            names[name] = gdb.execute("demangle -l %s -- %s" % (style, name), to_string=True).strip()
        except gdb.error:
            names[name] = name
    return names[name]


def symbol_at(pc):
    """The symbol table's name for a place, demangled, without the distance; the section."""
    found = SYMBOL_AT.match(gdb.execute("info symbol %d" % pc, to_string=True))
    return {"symbol": found.group(1), "section": found.group(2)} if found else {"symbol": None, "section": None}


def place_of(frame, write):
    """What `bt` shows of a frame but its arguments; the number of that."""
    sal, function = frame.find_sal(), frame.function()
    known = sal.symtab is not None and sal.line > 0
    place = {"kind": KINDS.get(frame.type(), "other"), "name": frame.name(),
             "linkage": demangled(function.linkage_name) if function is not None else None,
             "file": sal.symtab.filename if known else None, "line": sal.line if known else None}
    key = (frame.pc(), *place.values())
    if key not in places:
        places[key] = len(places)
        at = frame.pc() - (frame.newer() is not None and frame.newer().type() == gdb.NORMAL_FRAME)
        write({"place": places[key], **symbol_at(at), **place})
    return places[key]


def read_sp(frame):
    """The frame's stack pointer, if gdb knows it."""
    try:
        return int(frame.read_register("sp"))
    except (gdb.error, ValueError):
        return None


def read_cfa(frame):
    """The canonical frame address as `info frame` says it."""
    frame.select()
    found = FRAME_AT.search(gdb.execute("info frame", to_string=True))
    return int(found.group(1), 16) if found else None


def walk(write, cfas):
    """All frames of the selected thread."""
    frame, level = gdb.newest_frame(), 0
    while frame is not None:
        place = place_of(frame, write)
        write({"frame": [frame.pc(), read_sp(frame), read_cfa(frame) if level < cfas else None, place]})
        level += 1
        try:
            reason, older = frame.unwind_stop_reason(), frame.older()
        except gdb.error as error:
            return str(error)
        if older is None and reason not in (gdb.FRAME_UNWIND_NO_REASON, gdb.FRAME_UNWIND_OUTERMOST):
            return gdb.frame_stop_reason_string(reason)
        frame = older
    return "outermost"


def main():
    with open(os.environ["PARITY_OUT"], "w", encoding="utf-8") as out:
        def write(item):
            out.write(json.dumps(item) + "\n")

        for thread in sorted(gdb.selected_inferior().threads(), key=lambda t: t.num):
            thread.switch()
            write({"thread": thread.ptid[1] or thread.ptid[0]})
            write({"end": walk(write, int(os.environ["PARITY_CFAS"]))})


main()
