# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a report claims of itself, held against itself: stacks that add up, and evidence that can be looked up. Each check
is given a result of `check` and says what is wrong, or None."""
import collections
import json
import re

UNACCOUNTED_MAX = 4096          # a page
FUNCTIONS_MOST = 64             # in a report of one stack
# An address; a frame or a function on the stack; a figure of siginfo; a text that is in memory; the rule, which names no place.
CHECKABLE = re.compile(r"0x[0-9a-f]+|\bframe \d|\w\(\)|\bsi_code\b|\bpid \d|\"|\b\d+ (turns|bytes)\b|^rule: | is (-?\d|zero)")


def dig(value, *keys):
    """A member of nested objects, or None: a report is input, not a promise."""
    for k in keys:
        value = value.get(k) if isinstance(value, dict) else None
    return value


def items(value):
    return [x for x in value if isinstance(x, dict)] if isinstance(value, list) else []


def stacks_of(report):
    """(thread's id, its stack): the crashed one's first."""
    crashed = dig(report, "crash", "thread", "id")
    yield crashed, report.get("stack") or {}
    for t in items(report.get("threads")):
        if t.get("id") != crashed and isinstance(t.get("stack"), dict):
            yield t.get("id"), t["stack"]


def listed_bytes(stack):
    """Of all frames that the report lists, as far as they lie on the stack, or None: some are left out, or have no size."""
    frames = items(stack.get("frames"))
    sizes = [(f.get("bytes"), f.get("count", 1)) for f in frames]
    known = frames and not stack.get("frames_omitted") and all(isinstance(b, int) for b, _ in sizes)
    # The word for the caller of a thread's first function, whom there is none, may lie past the end.
    past = int(frames[-1].get("cfa") or "0", 16) - int(dig(stack, "bounds", "high") or "0", 16) if known else 0
    return sum(b * n for b, n in sizes) - (past if 0 < past <= 8 else 0) if known else None


def check_stacks(result):
    """What is wrong with the first stack that does not add up; result.stacks counts those that do."""
    result.stacks = collections.Counter()
    for thread, stack in stacks_of(result.report):
        bounds, use = dig(stack, "bounds") or {}, dig(stack, "use") or {}
        if not stack.get("complete") or not isinstance(bounds.get("used_bytes"), int):
            result.stacks["not known"] += 1
            continue
        where, listed = "thread %s: " % thread, listed_bytes(stack)
        sizes = [use.get("frames_bytes"), use.get("unaccounted_bytes")] + [p.get("bytes") for p in items(use.get("parts"))]
        if None in sizes or sum(sizes) != bounds["used_bytes"]:
            return where + "%s are not %d bytes" % (json.dumps(use), bounds["used_bytes"])
        if sizes[1] > UNACCOUNTED_MAX:
            return where + "%d bytes are unaccounted for" % sizes[1]
        if listed is not None and listed != sizes[0] and dig(result.report, "crash", "fault", "source") == "siginfo":
            return where + "the frames have %d bytes, not %d" % (listed, sizes[0])
        functions = items(stack.get("by_function"))
        summed = sum(f.get("bytes") or 0 for f in functions)
        # Nobody called the outermost function of a stack that began empty: one word of its frame lies past the end.
        if 0 < len(functions) < FUNCTIONS_MOST and summed - sizes[0] not in (0, 8, 4):
            return where + "the functions have %d bytes, the frames %d" % (summed, sizes[0])
        result.stacks["add up"] += 1
        result.stacks["most"] = max(result.stacks["most"], sizes[1])
    return None


def check_evidence(result):
    verdict = dig(result.report, "verdict") or {}
    evidence = verdict.get("evidence") or []
    bad = [e for e in evidence if not CHECKABLE.search(e)]
    if not any(re.search(r"0x[0-9a-f]+|\bframe \d|\bsi_code\b", e) for e in evidence):
        return "the evidence for %s names no place in the core: %s" % (verdict.get("id"), json.dumps(evidence))
    if bad:
        return "nothing can be looked up for: " + bad[0]
    return None if verdict.get("suggestions") else "%s comes without a suggestion" % verdict.get("id")
