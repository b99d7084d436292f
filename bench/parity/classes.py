# SPDX-License-Identifier: LGPL-2.1-or-later
"""The known classes of difference between gdb and corewatch: how each is recognised, and who is right in it.

A class is recognised by what can be checked, never by the name of a core. Lines and inlined functions have a third
opinion, binutils' addr2line, which shares no code with either: a difference in which it is not with corewatch stays
unexplained. classes.json has the words.
"""
import functools
import json
import os
import re
import subprocess

import compare

UNEXPLAINED = "unexplained"
with open(os.path.join(os.path.dirname(os.path.realpath(__file__)), "classes.json"), encoding="utf-8") as words:
    WORDS = json.load(words)
# The same function, called otherwise; and frames that only gdb makes up.
SPELLING = {"assembler-label", "signature", "rust-linkage", "scope", "clone-suffix", "elf-alias", "guessed-language",
            "tail-call"}
CODE = (".text", ".plt", ".init", ".fini")
CLONE = re.compile(r"\[clone |\.(part|isra|constprop|cold|localalias|lto_priv)\b")
LABEL = re.compile(r"^__GI_|^__libc_|^__new_|_impl$")


@functools.lru_cache(maxsize=None)
def third_opinion(module, address):
    """[(file's name, line or None)] of the functions at an address, innermost first."""
    done = subprocess.run(["addr2line", "-i", "-e", module, "%#x" % address], capture_output=True, text=True,
                          check=False)
    out = []
    for line in done.stdout.splitlines():
        path, _, number = line.split(" (discriminator")[0].rpartition(":")
        out.append((os.path.basename(path), int(number) if number.isdigit() and number != "0" else None))
    return out


def skeleton(name):
    """The path of a name of C++ without arguments of any kind, and without a return type."""
    while (less := re.sub(r"<[^<>]*>|\([^()]*\)|\{[^{}]*\}|(?<=[\w>)])\s*const$", "", name)) != name:
        name = less
    return name.split()[-1] if name.split() else ""


def is_code(level):
    """Whether gdb itself knows a place as one in code."""
    return bool(level["section"] and level["section"].startswith(CODE) or level["linkage"])


class Judge:
    """Names the class of each difference of one thread."""

    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours["frames"], theirs["frames"]

    def name(self, kind, index, mine, other, values):
        which = getattr(self, "judge_" + kind)(index, mine, other, values)
        assert which in WORDS or which == UNEXPLAINED, which
        return which

    # ── names ──────────────────────────────────────────────────────────────────────────────────────────────

    def judge_spelled(self, _index, _mine, _other, values):
        ours, gdb, linkage = (*values, None)[:3]
        if "(" not in ours and "::" not in ours and "." not in ours:
            return "assembler-label"
        if CLONE.search(gdb or ""):
            return "clone-suffix"
        rust = re.search(r"::h[0-9a-f]{16}$|\[[0-9a-f]{8,16}\]", linkage or "")
        return "rust-linkage" if rust or "{impl#" in (gdb or "") or not ours.endswith((")", "const")) else "signature"

    def judge_name(self, index, mine, other, values):
        ours, gdb, linkage = values
        if gdb is None:
            if other["bytes"] == 8 and mine["signal"]:
                return "go-signal-return"
            return "past-the-end" if index + 1 not in self.ours else UNEXPLAINED
        if self._name(index - 1) == "runtime.sigpanic":
            return "go-signal-return"
        if ours is None:
            return "not-code" if not is_code(other["levels"][-1]) else UNEXPLAINED
        if linkage is None and not CLONE.search(gdb):
            same = ours.split("(")[0].replace(".", "") == gdb.replace("[", "").replace("]", "")
            alias = LABEL.search(ours) or LABEL.search(gdb)
            return "guessed-language" if same else "elf-alias" if alias else UNEXPLAINED
        if gdb == "__GI_" + ours:
            return "assembler-label"
        plain, short = compare.squeeze(ours), compare.squeeze(CLONE.split(gdb)[0])
        if CLONE.search(gdb) and plain == short:
            return "clone-suffix"
        short = short.split("(struct{")[0]
        if plain.endswith("::" + short):
            return "scope"
        return "signature" if short in plain or skeleton(ours).endswith(skeleton(gdb)) else UNEXPLAINED

    # ── places ─────────────────────────────────────────────────────────────────────────────────────────────

    def _opinion(self, index, mine):
        if not mine["module"] or not mine["offset"]:
            return []
        below = self.ours.get(index - 1)
        exact = index == 0 or bool(below and below["signal"])
        return third_opinion(mine["module"], int(mine["offset"], 16) - (not exact))

    def judge_line(self, index, mine, other, values):
        level = mine["levels"][values[3]]
        opinion = self._opinion(index, mine)
        if other["levels"][-1]["file"] is None and mine["signal"]:
            return "go-signal-return"
        if other["levels"][-1]["file"] is None and index + 1 not in self.ours:
            return "past-the-end"
        if self._name(index - 1) == "runtime.sigpanic":
            return "go-signal-return"
        if level["file"] is None and level["line"] is None and len(mine["levels"]) > 1:
            return "no-call-site"
        if len(opinion) > values[3] and opinion[values[3]] == (compare.base(level["file"]), level["line"]):
            return "line-0" if level["line"] is None else "is-stmt"
        return UNEXPLAINED

    def judge_inlines(self, _index, mine, other, _values):
        unknown = any(level["line"] is None for level in mine["levels"][1:])
        return "no-call-site" if unknown and len(other["levels"]) < len(mine["levels"]) else UNEXPLAINED

    def judge_tailcall(self, *_):
        return "tail-call"

    def _name(self, index):
        frame = self.ours.get(index)
        return frame["levels"][-1]["name"] if frame else None

    def _switched(self, index):
        """Whether Go's or the program's change of stacks lies at this frame or inside of it, and we went along."""
        frames = [self.ours[i] for i in range(max(index - 1, 0), index + 1) if i in self.ours and i + 1 in self.ours]
        return any(f["bytes"] is None and not f["signal"] for f in frames)

    # ── sizes and the way up ───────────────────────────────────────────────────────────────────────────────

    def _lost(self, index):
        """gdb took the word at SP for a return address, at or below this frame."""
        frame = self.theirs[index] if index < len(self.theirs) else None
        return frame is not None and frame["bytes"] == 8

    def judge_bytes(self, index, mine, other, _values):
        if mine["signal"]:
            return "go-signal-return" if other["levels"][-1]["name"] is None else "stack-switch"
        last = mine["bytes"] is None and index + 1 not in self.ours
        caller = self.ours.get(index + 1)
        if last and self._lost(index):
            return "past-the-end"
        if caller and caller["trust"] in ("scan", "frame-pointer"):
            return "no-unwind-information"
        return "stack-switch" if self._switched(index) else UNEXPLAINED

    def judge_cfa(self, index, mine, other, values):
        return self.judge_bytes(index, mine, other, values)

    def judge_pc(self, index, mine, other, _values):
        if index and self.ours[index - 1]["signal"]:
            return "go-signal-return"
        if mine["trust"] in ("scan", "frame-pointer"):
            return "no-unwind-information"
        return "stack-switch" if self._switched(index) else UNEXPLAINED

    def judge_count(self, index, mine, _other, values):
        ours, gdb, _end = values
        first = self.theirs[ours] if ours < gdb else None
        if first is not None and (first["levels"][-1]["name"] is None or not is_code(first["levels"][-1])):
            return "past-the-end"
        # The scheduler's stack begins in these, with what is left of other calls behind them.
        if ours < gdb and self._name(ours - 1) in ("runtime.mcall", "runtime.systemstack", "runtime.mstart"):
            return "past-the-end"
        return "stack-switch" if any(self._switched(i) for i in range(ours)) else UNEXPLAINED
