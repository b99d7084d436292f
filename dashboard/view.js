/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A report as a page: corewatchView.draw(report) makes an <article>. The same for `corewatchctl export --format=html`
 * and for the Cockpit page; knows nothing of where reports come from. Every string of a report is hostile, so it gets
 * into the page as text only, never as markup, as an address or as a style.
 */
"use strict";

const corewatchView = (() => {
	const { svg, address, bytesOf, nameOf, stackBar, around, memoryStrip } = corewatchPicture;
	const CONFIDENCE = { certain: "certain", likely: "likely", possible: "possible, not proven" };
	const MEMORY_SHOWN = 11, FUNCTIONS_SHOWN = 12;
	let articles = 0;

	/* el("p", "class other", "text", node, …); null children are left out. */
	function el(tag, className, ...children) {
		const node = document.createElement(tag);
		if (className)
			node.className = className;
		node.append(...children.filter((c) => c !== null && c !== undefined && c !== false).map((c) => typeof c === "number" ? String(c) : c));
		return node;
	}

	function attributes(node, values) {
		for (const [name, value] of Object.entries(values))
			node.setAttribute(name, value);
		return node;
	}

	const group = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
	const plural = (n, word) => `${group(n)} ${word}${n === 1 ? "" : "s"}`;

	function size(n) {
		const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
		let v = Number(n), i = 0;
		while (v >= 1024 && i + 1 < units.length) {
			v /= 1024;
			i++;
		}
		return `${i === 0 || v >= 100 || Number.isInteger(v) ? Math.round(v) : v.toFixed(1)} ${n === 1 ? "byte" : units[i]}`;
	}

	function when(text) {
		const date = new Date(text);
		const node = el("time", "", Number.isNaN(date.getTime()) ? String(text) : date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" }));
		node.setAttribute("datetime", text);
		return node;
	}

	/* Reports group digits by blanks: no line may end inside of a number. */
	const prose = (text) => String(text).replace(/(\d) (?=\d{3}(?!\d))/g, "$1\u00a0");
	/* A sentence begins with a capital, unless it begins with the name of something. */
	const sentence = (text) => /^[a-z]{2,}[ ,]/.test(text) ? text[0].toUpperCase() + text.slice(1) : text;
	/* What stands in `backticks` is to be typed. */
	const typed = (text) => prose(text).split("`").map((part, i, all) => i % 2 === 0 || i + 1 === all.length ? (i % 2 ? "`" : "") + part : el("code", "", part));
	const base = (path) => path.slice(path.lastIndexOf("/") + 1) || path;

	function place(frame) {
		if (frame.file)
			return attributes(el("span", "cw-place", base(frame.file) + (frame.line ? ":" + frame.line : "")), { title: frame.file });
		if (frame.module)
			return attributes(el("span", "cw-place", base(frame.module) + (frame.offset ? "+" + frame.offset : "")), { title: frame.module });
		return el("span", "cw-place", frame.function || frame.signal_frame ? "" : "in no file");
	}

	/* ── parts ── */

	function section(id, title, ...children) {
		const found = children.filter(Boolean);
		if (found.length === 0)
			return null;
		const heading = attributes(el("h2", "", title), { id });
		return attributes(el("section", "cw-section", heading, ...found), { "aria-labelledby": id });
	}

	/* A table that scrolls by itself on narrow screens, also by keyboard. columns: [title, class]. */
	function table(caption, columns, rows) {
		const head = el("tr", "", ...columns.map(([title, className]) => attributes(el("th", className, title), { scope: "col" })));
		const node = el("table", "", el("caption", "cw-hidden", caption), el("thead", "", head), el("tbody", "", ...rows));
		return attributes(el("div", "cw-scroll", node), { tabindex: "0", role: "region", "aria-label": caption });
	}

	function share(part, whole) {
		const width = whole > 0 ? Math.max(0, Math.min(100, 100 * part / whole)) : 0;
		return svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", class: "cw-share", "aria-hidden": "true", focusable: "false" },
			svg("rect", { width: 100, height: 10, class: "cw-free" }), svg("rect", { width, height: 10, class: "cw-full" }));
	}

	function header(report, ids) {
		const process = report.process ?? {}, signal = report.crash?.signal, verdict = report.verdict ?? {};
		const facts = [
			["Program", process.executable?.path || process.command], ["Process", process.pid ? `${process.command ?? ""}[${process.pid}]` : process.command],
			["Signal", signal?.name && (signal.description ? `${signal.name}: ${signal.description}` : signal.name)],
			["Time", report.time && when(report.time)], ["Host", report.host?.name], ["User", process.user?.name ?? process.user?.id],
			["Unit", process.unit ?? process.user_unit], ["Package", process.executable?.package && [process.executable.package, process.executable.package_version].filter(Boolean).join(" ")],
			["Command line", process.command_line], ["Seen", report.fingerprint?.seen > 1 && plural(report.fingerprint.seen, "time")],
		].filter(([, value]) => value !== undefined && value !== null && value !== false && value !== "");
		const list = el("dl", "cw-facts", ...facts.map(([name, value]) => el("div", "", el("dt", "", name), el("dd", "", value))));
		const summary = verdict.summary ?? "the process crashed", name = report.crash?.fault?.function ?? report.stack?.frames?.[0]?.function;
		const begin = name && (summary.startsWith(name + " ") || summary.startsWith(name + ",")) ? summary : sentence(summary);
		const degree = Object.hasOwn(CONFIDENCE, verdict.confidence) ? verdict.confidence : "possible";
		return el("header", "cw-header",
			el("p", "cw-badges", el("span", "cw-badge cw-" + degree, CONFIDENCE[degree]), " ", el("span", "cw-verdict", verdict.id ?? "unknown")),
			attributes(el("h1", "", prose(begin)), { id: ids + "title" }),
			verdict.detail && el("p", "cw-detail", prose(verdict.detail)), list);
	}

	function suggestions(report, ids) {
		const list = report.verdict?.suggestions ?? [];
		return section(ids + "do", "What to do", list.length > 0 && el("ol", "cw-suggestions", ...list.map((s) =>
			el("li", "", ...typed(s.text ?? ""), s.command && el("pre", "", attributes(el("code", "", s.command), { tabindex: "0" }))))));
	}

	function barNames(bar) {
		return el("ol", "cw-legend", ...bar.large.map((block, i) => el("li", "cw-k" + i, el("code", "", nameOf(block.frame)), " ",
			el("span", "cw-amount", size(block.bytes) + ((block.frame.count ?? 1) > 1 ? ` in ${group(block.frame.count)} ${block.frame.cycle?.length > 1 ? "turns" : "frames"}` : "")))));
	}

	function barCaption(stack, bar) {
		const bounds = stack.bounds, used = bounds.used_bytes ?? Number(bar.high - bar.sp), limit = bounds.limit_bytes;
		const below = bar.low - bar.sp;
		const text = limit ? `${group(used)} of ${group(limit)} bytes (${size(limit)}) are in use (${(100 * used / limit).toFixed(used / limit < 0.1 ? 1 : 0)}\u00a0%).` : `${size(used)} are in use.`;
		const sp = below === 0n ? `SP ${bounds.sp} is at the end of the stack.` : below > 0n ? `SP ${bounds.sp} is ${plural(Number(below), "byte")} below the end of the stack${bounds.guard_bytes ? bar.low <= bar.sp + BigInt(bounds.guard_bytes) ? ", in its guard" : ", past its guard" : ""}.`
			: `SP ${bounds.sp} is ${size(Number(bar.sp - bar.low))} above the end of the stack.`;
		const guard = bounds.guard_bytes ? `The guard of ${size(bounds.guard_bytes)} is drawn wider than it is.` : "The size of its guard is not known.";
		return el("figcaption", "", text, " ", sp, " ", guard);
	}

	function overview(report, ids) {
		const bar = stackBar(report.stack);
		const thread = report.crash?.thread, title = "Stack of " + (thread?.name ? `thread ${thread.name}` : thread?.id ? `thread ${thread.id}` : "the crashed thread");
		return section(ids + "stack", title, bar && el("figure", "cw-figure", bar.picture, bar.zoom && el("p", "cw-note", "The used part alone:"), bar.zoom, barCaption(report.stack, bar), barNames(bar)));
	}

	/* What the stack holds besides frames; smaller parts say nothing. */
	const PARTS = { "signal-frame": "the kernel's signal frame", "static-tls": "thread-local variables", "thread-control": "the C library's record of the thread",
		arguments: "argc, argv, envp, auxiliary vector", strings: "strings of arguments and environment" };
	const PART_SHOWN = 4096;

	function partRows(report, used) {
		const list = (report.stack?.use?.parts ?? []).filter((p) => Object.hasOwn(PARTS, p.kind) && (p.bytes >= PART_SHOWN || p.bytes > used / 20));
		return list.map((p) => el("tr", "cw-part", attributes(el("th", "cw-name", `(${PARTS[p.kind]})`), { scope: "row" }), el("td", "cw-n", group(p.bytes)),
			el("td", "cw-n", used > 0 ? (100 * p.bytes / used).toFixed(1) + " %" : "", share(p.bytes, used)), el("td", "cw-minor", ""), el("td", "cw-minor", "")));
	}

	function functions(report, ids) {
		const list = report.stack?.by_function ?? [], used = report.stack?.bounds?.used_bytes ?? 0;
		const rows = list.slice(0, FUNCTIONS_SHOWN).map((f) => el("tr", "",
			attributes(el("th", "cw-name", el("code", "", f.function ?? "?")), { scope: "row" }), el("td", "cw-n", group(f.bytes ?? 0)),
			el("td", "cw-n", used > 0 ? (100 * (f.bytes ?? 0) / used).toFixed(1) + " %" : "", share(f.bytes ?? 0, used)),
			el("td", "cw-n cw-minor", group(f.count ?? 1)), el("td", "cw-n cw-minor", group(f.largest_frame_bytes ?? 0))));
		return section(ids + "functions", "Bytes by function", rows.length > 0 && table("Bytes of stack by function",
			[["Function", ""], ["Bytes", "cw-n"], ["Share", "cw-n"], ["Frames", "cw-n cw-minor"], ["Largest frame", "cw-n cw-minor"]], [...rows, ...partRows(report, used)]),
		list.length > FUNCTIONS_SHOWN && el("p", "cw-note", `and ${plural(list.length - FUNCTIONS_SHOWN, "smaller one")}`));
	}

	const TRUST = { "frame-pointer": "found by the frame pointer", scan: "found by scanning: may be left over from an earlier call" };

	function frameName(frame, before) {
		const doubt = Object.hasOwn(TRUST, frame.trust ?? "") ? TRUST[frame.trust] : null;
		return el("td", "cw-name", before && attributes(el("span", "cw-bracket", before), { "aria-hidden": "true" }), el("code", "", frame.function ?? nameOf({ ...frame, cycle: null })),
			doubt && el("span", "cw-doubt", ` (${doubt})`));
	}

	function frameRows(frame) {
		const rows = (frame.inlined ?? []).map((f) => el("tr", "cw-inlined", el("td", "", ""), el("td", "cw-n", "inlined"), el("td", "", ""),
			el("td", "cw-name", el("code", "", f.function ?? "?")), el("td", "", place(f))));
		const cycle = frame.cycle?.length > 1, count = frame.count ?? 1, first = cycle ? frame.turn?.[0] ?? frame : frame;
		const times = count > 1 || cycle ? `× ${group(count)}${cycle ? " turns" : ""}, ${size(bytesOf(frame))}` : "";
		rows.push(el("tr", (frame.signal_frame ? "cw-signal " : "") + (times ? "cw-folded" : ""), attributes(el("th", "cw-n", "#" + (frame.index ?? "?")), { scope: "row" }),
			el("td", "cw-n", first.bytes === null || first.bytes === undefined ? "" : group(first.bytes)), el("td", "cw-times", times),
			frameName({ ...frame, function: frame.signal_frame ? "(signal delivered here)" : cycle ? frame.cycle[0] : frame.function }, cycle && "┌ "), el("td", "", place(frame))));
		for (let i = 1; cycle && i < frame.cycle.length; i++) {
			const one = frame.turn?.[i] ?? {};
			rows.push(el("tr", "cw-folded", el("td", "", ""), el("td", "cw-n", one.bytes ? group(one.bytes) : ""), el("td", "", ""),
				frameName({ ...one, function: frame.cycle[i] }, i + 1 < frame.cycle.length ? "│ " : "└ "), el("td", "", place(one))));
		}
		return rows;
	}

	function frameTable(stack, caption) {
		const rows = (stack?.frames ?? []).flatMap(frameRows), times = stack?.frames?.some((f) => f.count > 1 || f.cycle?.length > 1);
		if (!times)
			rows.forEach((row) => row.children[2].remove());
		return rows.length > 0 && table(caption, [["Frame", "cw-n"], ["Bytes", "cw-n"], ...(times ? [["Times", ""]] : []), ["Function", ""], ["Where", ""]], rows);
	}

	function frames(report, ids) {
		const stack = report.stack, omitted = stack?.frames_omitted;
		return section(ids + "frames", stack?.frame_count ? `Frames (${group(stack.frame_count)})` : "Frames", frameTable(stack, "Frames, innermost first"),
			omitted > 0 && el("p", "cw-note", `${plural(omitted, "frame")} left out of this shortened report`),
			stack?.stop_reason && el("p", "cw-note", "The stack may go on: " + stack.stop_reason));
	}

	/* ── memory and registers ── */

	const KINDS = { "null-page": "a null pointer's page", "stack-guard": "a stack's guard", "below-stack": "below the main stack", unmapped: "not mapped", module: "program file", "non-canonical": "no valid address on this CPU" };
	const kindOf = (kind) => Object.hasOwn(KINDS, kind ?? "") ? KINDS[kind] : kind ?? "";

	function fault(report, ids) {
		const f = report.crash?.fault;
		if (!f)
			return null;
		const rows = [
			["Instruction", f.instruction?.text && el("code", "", f.instruction.text)], ["At", f.pc && el("code", "", f.pc)],
			["Access", f.address ? el("span", "", (f.access && f.access !== "unknown" ? f.access + " " : ""), el("code", "", f.address)) : "address not known"],
			["Region", f.region?.kind && kindOf(f.region.kind) + (f.region.name ? ` (${f.region.name})` : "")], ["Cause", f.cause_text && prose(f.cause_text)],
		].filter(([, value]) => value);
		return section(ids + "fault", "Fault", el("dl", "cw-facts", ...rows.map(([name, value]) => el("div", name === "Cause" ? "cw-row" : "", el("dt", "", name), el("dd", "", value)))));
	}

	/* What a mapping is to this crash, where that says more than its own kind. */
	function roleOf(report, region) {
		const bounds = report.stack?.bounds, low = address(bounds?.low), high = address(bounds?.high);
		if (low !== null && high !== null && region.low < high && low < region.high)
			return "this thread's stack";
		if (low !== null && region.high === low && region.perm === "---")
			return "the guard of this stack";
		if (region.marks.some((m) => m.name === "fault") && report.crash?.fault?.region?.kind)
			return [kindOf(report.crash.fault.region.kind), region.name && base(region.name)].filter(Boolean).join(": ");
		return region.gap ? "not mapped" : [kindOf(region.kind), region.name && base(region.name)].filter(Boolean).join(": ");
	}

	function memory(report, ids) {
		const list = around(report, MEMORY_SHOWN);
		if (list.length === 0)
			return null;
		const rows = [...list].reverse().map((r) => el("tr", (r.gap ? "cw-gap" : "") + (r.marks.some((m) => m.name === "fault") ? " cw-here" : ""),
			attributes(el("th", "cw-address", r.outside ? "" : `0x${r.low.toString(16)}–0x${r.high.toString(16)}`), { scope: "row" }),
			el("td", "cw-n", r.outside ? "" : size(Number(r.high - r.low))), el("td", "", r.gap ? "" : el("code", "", r.perm ?? "")),
			el("td", "", roleOf(report, r)),
			el("td", "cw-marks", r.marks.map((m) => `◀ ${m.name} ${m.text}`).join(", "))));
		return section(ids + "memory", "Memory around the fault",
			el("figure", "cw-figure", memoryStrip(list), el("figcaption", "", "Low addresses on the left; widths are logarithms of sizes. The table has high addresses first.")),
			table("Mappings around the fault", [["Addresses", ""], ["Size", "cw-n"], ["Access", ""], ["What", ""], ["Points here", ""]], rows));
	}

	function pointsTo(report, value) {
		const at = address(value), bounds = report.stack?.bounds;
		if (at === null || at < 4096n)
			return "";
		const high = address(bounds?.high), low = address(bounds?.low);
		if (high !== null && low !== null && at >= low && at < high)
			return "this stack";
		const region = (report.memory ?? []).find((m) => address(m.start) <= at && at < address(m.end));
		return region ? region.name ? base(region.name) : kindOf(region.kind) : "";
	}

	function registers(report, ids) {
		const list = Object.entries(report.crash?.registers ?? {});
		return section(ids + "registers", "Registers", list.length > 0 && el("dl", "cw-registers", ...list.map(([name, value]) =>
			el("div", "", el("dt", "", name), el("dd", "", el("code", "", String(value)), el("span", "cw-note", " " + pointsTo(report, value)))))));
	}

	/* ── the rest ── */

	function evidence(report, ids) {
		const list = report.verdict?.evidence ?? [];
		return section(ids + "evidence", "Evidence", list.length > 0 && el("ul", "", ...list.map((line) => el("li", "", prose(line)))));
	}

	function others(report, ids) {
		const list = (report.findings ?? []).slice(1).filter((f) => f.summary);
		return section(ids + "findings", "Also found", list.length > 0 && el("ul", "", ...list.map((f) =>
			el("li", "", prose(f.summary), " ", el("span", "cw-note", `${f.analyzer ?? ""}, ${f.supports ? "supports the verdict" : f.confidence ?? ""}`)))));
	}

	function threads(report, ids) {
		const list = (report.threads ?? []).filter((t) => !t.crashed);
		return section(ids + "threads", `Other threads (${group(Math.max((report.thread_count ?? 1) - 1, list.length))})`, list.length > 0 && el("div", "", ...list.map((t) => {
			const bounds = t.stack?.bounds ?? {}, name = `${t.name ?? "thread"} [${t.id ?? "?"}]`;
			return el("details", "", el("summary", "", name, " ", el("span", "cw-note",
				bounds.limit_bytes && bounds.used_bytes >= 0 ? `${size(bounds.used_bytes)} of ${size(bounds.limit_bytes)}` : "", ", in ", t.stack?.frames?.[0] ? nameOf(t.stack.frames[0]) : "?")),
			frameTable(t.stack, "Frames of " + name));
		})));
	}

	function warnings(report, ids) {
		const list = report.warnings ?? [];
		return section(ids + "warnings", "Not known", list.length > 0 && el("ul", "cw-warnings", ...list.map((w) => el("li", "", w.message ?? ""))));
	}

	function modules(report, ids) {
		const list = report.modules ?? [];
		return section(ids + "modules", `Program files (${list.length})`, list.length > 0 && el("details", "", el("summary", "", "Paths, build ids, debug information"),
			table("Program files", [["Path", ""], ["Build id", ""], ["On disk", ""], ["Debug information", ""], ["Package", ""]], list.map((m) => el("tr", "",
				attributes(el("th", "cw-name", m.path ?? "?"), { scope: "row" }), el("td", "cw-address", m.build_id ?? ""), el("td", "", m.state ?? ""), el("td", "", m.debuginfo ?? ""), el("td", "", m.package ?? ""))))));
	}

	function footer(report) {
		return el("footer", "cw-footer", el("p", "", "report ", el("code", "", report.report_id ?? "?"), report.fingerprint?.id && el("span", "", " · fingerprint ", el("code", "", report.fingerprint.id)),
			report.core?.path && el("span", "", " · core ", el("code", "", report.core.path)), report.generator?.version && ` · corewatch ${report.generator.version}`),
		el("details", "", el("summary", "", "The report as JSON"), attributes(el("pre", "cw-json", JSON.stringify(report, null, 1)), { tabindex: "0" })));
	}

	/* The report as an <article>. */
	function draw(report) {
		const ids = `cw${++articles}-`;
		const parts = [suggestions, overview, functions, frames, fault, memory, evidence, others, registers, threads, warnings, modules].map((part) => part(report, ids)).filter(Boolean);
		const links = el("nav", "cw-nav", el("ul", "", ...parts.map((p) => {
			const heading = p.querySelector("h2");
			return el("li", "", attributes(el("a", "", heading.textContent), { href: "#" + heading.id }));
		})));
		links.setAttribute("aria-label", "Parts of the report");
		const article = el("article", "cw-report", header(report, ids), links, ...parts, footer(report));
		return attributes(article, { "aria-labelledby": ids + "title" });
	}

	/* All reports of a file into a container, with a list of them where there are several. */
	function drawAll(container, reports) {
		const drawn = reports.map(draw);
		if (drawn.length > 1)
			container.append(attributes(el("nav", "cw-list", el("h1", "", `${drawn.length} crash reports`), el("ol", "", ...drawn.map((article, i) =>
				el("li", "", attributes(el("a", "", `${reports[i].process?.command ?? "process"}: ${reports[i].verdict?.summary ?? ""}`), { href: "#" + article.getAttribute("aria-labelledby") }))))),
			{ "aria-label": "Reports" }));
		container.append(...drawn);
	}

	return { draw, drawAll, el, attributes, group, size, when, base };
})();
