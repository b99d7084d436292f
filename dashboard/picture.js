/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pictures of a report: the stack as one bar against its limit, and the memory around the fault. Draws, and asks nobody
 * for anything; view.js puts the pictures on the page. No framework, no inline style: Cockpit's content security policy
 * allows neither, so what has a place or a width is SVG, and colours are classes of view.css.
 *
 * Addresses have 64 bits: BigInt until they are shares of something.
 */
"use strict";

const corewatchPicture = (() => {
	const SVG = "http://www.w3.org/2000/svg";
	/* Of the bar, in its own units. */
	const WIDTH = 1000, HEIGHT = 64, GUARD = 36, NAMED = 6;
	/* A share of the stack that is drawn a second time, alone. */
	const LITTLE = 0.15, SEEN = 0.002;
	/* A block thinner than this cannot be seen, nor its border. */
	const LEAST = 1;

	function svg(tag, attributes, ...children) {
		const node = document.createElementNS(SVG, tag);
		for (const [name, value] of Object.entries(attributes || {}))
			node.setAttribute(name, String(value));
		node.append(...children);
		return node;
	}

	function address(text) {
		return typeof text === "string" && /^0x[0-9a-f]+$/.test(text) ? BigInt(text) : null;
	}

	function bytesOf(frame) {
		return frame.total_bytes ?? (frame.bytes ?? 0) * (frame.count ?? 1);
	}

	function nameOf(frame) {
		if (frame.signal_frame)
			return "(signal delivered here)";
		if (frame.cycle && frame.cycle.length > 1)
			return frame.cycle.join(" ← ");
		return frame.function ?? frame.module ?? frame.pc ?? "?";
	}

	/* Where the stack begins and ends, and where in it SP was. null: not known. */
	function extent(stack) {
		const bounds = stack?.bounds;
		const sp = address(bounds?.sp), high = address(bounds?.high);
		let low = address(bounds?.low);
		if (high === null || sp === null)
			return null;
		/* The main stack may grow to its limit, whatever is mapped. */
		if (bounds.kind === "main" && bounds.limit_bytes)
			low = high - BigInt(bounds.limit_bytes);
		if (low === null || low >= high)
			low = sp;
		return low < high ? { low, high, sp, guard: bounds.guard_bytes } : null;
	}

	/* Blocks of the bar, from the guard up: {frame, from, to} in shares of the stack, neighbours that are too thin to be
	 * seen as one. */
	function blocks(stack, at) {
		const size = Number(at.high - at.low), found = [];
		for (const frame of stack.frames ?? []) {
			const cfa = address(frame.cfa), bytes = bytesOf(frame);
			if (cfa === null || bytes <= 0)
				continue;
			/* A run's CFA is that of its innermost frame. */
			const low = cfa - BigInt(Math.round(frame.cycle ? (frame.turn?.[0]?.bytes ?? frame.bytes ?? 0) : (frame.bytes ?? 0)));
			const from = Number(low - at.low) / size, to = from + bytes / size;
			if (to <= 0 || from >= 1)
				continue;
			found.push({ frame, bytes, from: Math.max(from, 0), to: Math.min(to, 1) });
		}
		return found;
	}

	/* The largest blocks, by their size: they get a number and a colour. One that cannot be seen gets none. */
	function named(all) {
		const sorted = [...all].sort((a, b) => b.bytes - a.bytes);
		return sorted.filter((b, i) => i < NAMED && (i === 0 || b.to - b.from >= SEEN)).sort((a, b) => a.from - b.from);
	}

	function pattern(id, className) {
		return svg("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
			svg("rect", { width: 8, height: 8, class: className + "-ground" }),
			svg("rect", { width: 3, height: 8, class: className + "-stripe" }));
	}

	let pictures = 0;

	/* A bar from `low` to `high`; `guarded`: with the guard on its left and SP in its place. */
	function bar(stack, at, large, guarded) {
		const id = "guard-" + ++pictures, left = guarded ? GUARD : 0, span = WIDTH - left, top = guarded ? 22 : 2;
		const x = (share) => left + share * span;
		const picture = svg("svg", {
			viewBox: `0 0 ${WIDTH} ${top + HEIGHT + 32}`, class: "cw-bar", role: "img", "aria-hidden": "true", focusable: "false",
		}, svg("rect", { x: left, y: top, width: span, height: HEIGHT, class: "cw-free" }));
		const used = Math.max(0, Math.min(1, Number(at.high - at.sp) / Number(at.high - at.low)));
		picture.append(svg("rect", { x: x(1 - used), y: top, width: used * span, height: HEIGHT, class: "cw-used" }));
		for (const block of blocks(stack, at)) {
			const number = large.findIndex((b) => b.frame === block.frame), width = (block.to - block.from) * span;
			if (width < LEAST && number < 0)
				continue;
			picture.append(svg("rect", {
				x: x(block.from), y: top, width: Math.max(width, LEAST), height: HEIGHT,
				class: "cw-block " + (number < 0 ? "cw-other" : "cw-c" + number),
			}, svg("title", {}, nameOf(block.frame))));
			if (number >= 0 && width > 26)
				picture.append(svg("text", { x: x((block.from + block.to) / 2), y: top + HEIGHT / 2 + 8, class: "cw-number" }, String(number + 1)));
		}
		picture.append(svg("text", { x: WIDTH, y: top + HEIGHT + 6, class: "cw-small cw-end" }, "outermost frame"));
		if (!guarded) {
			picture.append(svg("text", { x: 0, y: top + HEIGHT + 6, class: "cw-small" }, "SP"));
			return picture;
		}
		/* Below the stack's end SP is in the guard, or beyond it. */
		const below = at.low - at.sp;
		const mark = below > 0n ? left - Math.max(4, Math.min(left - 3, left * Number(below) / Math.max(at.guard ?? 4096, 1)))
			: x(Number(at.sp - at.low) / Number(at.high - at.low));
		const end = mark > WIDTH - 60;
		picture.append(svg("defs", {}, pattern(id, "cw-guard")), svg("rect", { x: 0, y: top, width: left, height: HEIGHT, fill: `url(#${id})` }),
			svg("line", { x1: mark, x2: mark, y1: 14, y2: top + HEIGHT + 8, class: "cw-sp" }),
			svg("text", { x: end ? mark - 6 : mark + 6, y: 14, class: "cw-mark" + (end ? " cw-end" : "") }, "SP"),
			svg("text", { x: 0, y: top + HEIGHT + 6, class: "cw-small" }, "guard"));
		return picture;
	}

	/* {picture, zoom, large, low, high, sp}: the bar, where little is used also that part of it alone, and the blocks that
	 * have numbers. null: the stack's bounds are not known. */
	function stackBar(stack) {
		const at = extent(stack);
		if (!at)
			return null;
		const part = { ...at, low: at.sp }, little = at.sp < at.high && Number(at.high - at.sp) < LITTLE * Number(at.high - at.low);
		const large = named(blocks(stack, little ? part : at));
		return { picture: bar(stack, at, little ? [] : large, true), zoom: little ? bar(stack, part, large, false) : null, large, ...at };
	}

	/* ── memory ── */

	/* Regions in the order of their addresses, the unmapped gaps between them included. */
	function regions(report) {
		const list = (report.memory ?? []).map((m) => ({ ...m, low: address(m.start), high: address(m.end) }))
			.filter((m) => m.low !== null && m.high !== null && m.low < m.high)
			.sort((a, b) => (a.low < b.low ? -1 : 1));
		const all = [];
		for (const region of list) {
			const before = all[all.length - 1];
			if (before && before.high < region.low)
				all.push({ gap: true, low: before.high, high: region.low });
			all.push(region);
		}
		return all;
	}

	/* What the report points at: the fault, SP, PC. */
	function marks(report) {
		const fault = report.crash?.fault;
		return [["fault", fault?.address ?? report.crash?.signal?.address], ["SP", fault?.sp ?? report.stack?.bounds?.sp], ["PC", fault?.pc]]
			.map(([name, text]) => ({ name, text, at: address(text) })).filter((m) => m.at !== null);
	}

	/* The regions next to the fault (else to SP), and whether there are more on either side. */
	function around(report, most) {
		const all = regions(report), points = marks(report), focus = points[0]?.at ?? null;
		let middle = all.findIndex((r) => focus !== null && focus < r.high);
		if (middle < 0)
			middle = all.length - 1;
		const from = Math.max(0, Math.min(middle - Math.floor(most / 2), all.length - most));
		const shown = all.slice(from, from + most);
		/* A fault outside of everything that is mapped has its own place. */
		for (const point of points)
			if (!all.some((r) => point.at >= r.low && point.at < r.high) && point.name === "fault")
				shown.push({ gap: true, low: point.at, high: point.at + 1n, outside: true });
		return shown.sort((a, b) => (a.low < b.low ? -1 : 1))
			.map((r) => ({ ...r, marks: points.filter((p) => p.at >= r.low && p.at < r.high) }));
	}

	/* Widths by the logarithm of the size: 4 KiB and 2 GiB side by side. */
	function memoryStrip(list) {
		const id = "gap-" + ++pictures;
		const weight = (r) => r.outside ? 10 : Math.max(6, Math.log2(Number(r.high - r.low)) - (r.gap ? 6 : 2));
		const sum = list.reduce((total, r) => total + weight(r), 0) || 1;
		const picture = svg("svg", { viewBox: `0 0 ${WIDTH} 74`, class: "cw-strip", role: "img", "aria-hidden": "true", focusable: "false" },
			svg("defs", {}, pattern(id, "cw-gap")));
		let x = 0;
		for (const region of list) {
			const width = weight(region) / sum * WIDTH;
			const kind = region.gap ? null : region.perm?.includes("x") ? "cw-exec" : region.perm?.includes("w") ? "cw-write" : region.perm?.includes("r") ? "cw-read" : "cw-none";
			picture.append(svg("rect", { x, y: 22, width, height: 36, class: "cw-region " + (kind ?? ""), ...(region.gap ? { fill: `url(#${id})` } : {}) }));
			region.marks.forEach((mark, i) => {
				const share = region.outside ? 0.5 : Number(mark.at - region.low) / Number(region.high - region.low);
				const at = x + Math.max(0.06, Math.min(0.94, share)) * width, end = at > WIDTH - 70;
				picture.append(svg("line", { x1: at, x2: at, y1: 16, y2: 62, class: mark.name === "fault" ? "cw-fault" : "cw-sp" }),
					svg("text", { x: end ? at - 5 : at + 5, y: i % 2 ? 73 : 16, class: "cw-mark" + (end ? " cw-end" : "") + (mark.name === "fault" ? " cw-bad" : "") }, mark.name));
			});
			x += width;
		}
		return picture;
	}

	return { svg, address, bytesOf, nameOf, stackBar, around, memoryStrip };
})();
