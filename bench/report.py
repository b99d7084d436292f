# SPDX-License-Identifier: LGPL-2.1-or-later
"""What bench/run measured, as a Markdown table and as a picture. Both are made of the JSON alone."""
import math

OURS = ["corewatch cold", "corewatch warm", "corewatch repeated"]
# What is promised, as how many times faster: case, ours, peer, factor.
TARGETS = [
    ("small-c", "corewatch cold", "eu-stack", 3), ("small-c", "corewatch cold", "gdb", 10), ("small-c", "corewatch warm", "eu-stack", 12),
    ("rust-go", "corewatch cold", "eu-stack", 3.5), ("rust-go", "corewatch cold", "gdb", 10), ("rust-go", "corewatch warm", "eu-stack", 6),
    ("threads-200", "corewatch cold", "eu-stack", 14), ("threads-200", "corewatch cold", "gdb", 18),
    ("threads-200", "corewatch warm", "eu-stack", 45),
    ("big-c++", "corewatch cold", "eu-stack", 4), ("big-c++", "corewatch cold", "gdb", 16), ("big-c++", "corewatch warm", "eu-stack", 40),
    ("recursion-65k", "corewatch cold", "eu-stack", 500), ("recursion-65k", "corewatch cold", "gdb", 1000),
    ("heap-2g", "corewatch cold", "zstd -dc", 1 / 0.9),
]
# Peak memory: case, at most that of this tool, or these bytes.
MEMORY = [("small-c", "eu-stack"), ("threads-200", "eu-stack"), ("recursion-65k", "eu-stack"), ("heap-2g", 32 << 20)]


def text_of(r):
    """One cell."""
    if r.get("cut_off"):
        return "> %d s (cut off)" % r["limit_seconds"]
    if r.get("failed"):
        return "failed: %s" % r["failed"]
    seconds = r["median_seconds"]
    text = "%.1f s" % seconds if seconds >= 10 else "%.2f s" % seconds if seconds >= 1 else "%.1f ms" % (seconds * 1e3)
    return text + (", %.0f MiB" % (r["peak_memory_bytes"] / 2**20) if "peak_memory_bytes" in r else "")


def ratio(case, ours, peer):
    """How many times faster than the peer: (number, text); None without both figures. A peer that was cut off gives a lower bound."""
    a, b = case["results"].get(ours, {}), case["results"].get(peer, {})
    if "median_seconds" not in a:
        return None
    if b.get("cut_off"):
        n = b["limit_seconds"] / a["median_seconds"]
        return n, "> %.0f" % n
    if "median_seconds" not in b:
        return None
    n = b["median_seconds"] / a["median_seconds"]
    return n, "%.0f" % n if n >= 100 else "%.1f" % n


def peers_of(result):
    names = []
    for c in result["cases"]:
        names += [n for n in c["results"] if n not in OURS and n not in names]
    return names


def time_table(result):
    peers = peers_of(result)
    ours = [o for o in OURS if any(o in c["results"] for c in result["cases"])]
    yield "| case | " + " | ".join(ours + peers) + " | load |"
    yield "|---" * (2 + len(ours) + len(peers)) + "|"
    for c in result["cases"]:
        cells = " | ".join(text_of(c["results"][t]) if t in c["results"] else "" for t in ours + peers)
        yield "| %s | %s | %.1f |" % (c["description"], cells, c["load"])


def ratio_table(result):
    columns = [(o, p) for p in ("eu-stack", "eu-stack names", "gdb", "lldb") for o in OURS]
    yield "| case | " + " | ".join("%s : %s" % (o.replace("corewatch ", ""), p) for o, p in columns) + " |"
    yield "|---" * (1 + len(columns)) + "|"
    for c in result["cases"]:
        cells = [ratio(c, o, p) for o, p in columns]
        yield "| %s | %s |" % (c["description"], " | ".join(x[1] if x else "" for x in cells))


def promises(result):
    """(text, held) of each promise that can be checked with what was measured."""
    cases = {c["name"]: c for c in result["cases"]}
    for name, ours, peer, least in TARGETS:
        r = ratio(cases[name], ours, peer) if name in cases else None
        if r:
            yield "%s, %s against %s: %s times faster, at least %.3g promised" % (cases[name]["description"], ours, peer, r[1], least), r[0] >= least
    for name, most in MEMORY:
        results = cases[name]["results"] if name in cases else {}
        limit = most if isinstance(most, int) else results.get(most, {}).get("peak_memory_bytes")
        own = results.get("corewatch cold", {}).get("peak_memory_bytes")
        if limit and own:
            yield "%s: peak memory %.1f MiB, at most %.1f MiB%s promised" % (
                cases[name]["description"], own / 2**20, limit / 2**20, "" if isinstance(most, int) else ", that of " + most), own <= limit


def write_markdown(path, result):
    m = result["machine"]
    lines = ["# Bench", "",
             "%s; %d CPUs, %.0f GiB; %s, Linux %s, load %.2f at the start. %s; %s; %s; %s. %s." % (
                 m["cpu"] or "unknown CPU", m["cpus"], m["memory_bytes"] / 2**30, m["system"], m["kernel"], m["load"], m["eu-stack"], m["gdb"],
                 m["lldb"] or "no lldb", m["hyperfine"], m["date"]), "",
             "Medians of whole processes by hyperfine on one machine, page cache warm, output thrown away; behind the comma the peak "
             "memory. load: of the machine when the case began. `bench/run --help` says what each column is.", ""]
    lines += list(time_table(result))
    lines += ["", "## How many times faster", ""]
    lines += list(ratio_table(result))
    lines += ["", "## What is promised", ""]
    lines += ["- %s: %s" % ("held" if held else "**not held**", text) for text, held in promises(result)]
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")


def write_svg(path, result):
    """Bars on a logarithmic scale from 1 ms on."""
    tools = [("corewatch warm", "#26a269"), ("corewatch cold", "#1a5fb4"), ("eu-stack", "#c64600"), ("gdb", "#813d9c"), ("lldb", "#77767b"),
             ("zstd -dc", "#986a44")]
    width, left, bar = 900, 260, 14
    rows, y = [], 40
    for c in result["cases"]:
        rows.append('<text x="10" y="%d" font-weight="bold">%s</text>' % (y + 12, c["description"]))
        for tool, colour in tools:
            r = c["results"].get(tool)
            if not r or r.get("failed"):
                continue
            seconds = r["limit_seconds"] if r.get("cut_off") else r["median_seconds"]
            length = max(2, (width - left - 120) * math.log10(max(seconds * 1e3, 1.01)) / math.log10(200e3))
            y += bar + 2
            rows.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (left - 8, y + 11, tool))
            rows.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (left, y, length, bar, colour))
            rows.append('<text x="%.1f" y="%d">%s</text>' % (left + length + 6, y + 11, text_of(r).replace(">", "&gt;").split(",")[0]))
        y += bar + 16
    with open(path, "w") as f:
        f.write('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">'
                '<rect width="100%%" height="100%%" fill="white"/><text x="10" y="20" font-size="14">Time to analyse one core '
                '(logarithmic, shorter is better)</text>%s</svg>\n' % (width, y + 10, "".join(rows)))
