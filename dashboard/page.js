/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Cockpit page: a list of crashes that filters, groups by cause and grows by itself, and one report at a time, whose
 * id is in the address (#/ID). Reports come from source.js and are drawn by view.js.
 */
"use strict";

(() => {
	const { el, attributes, group, base, draw } = corewatchView;
	const byId = (id) => document.getElementById(id);
	const COLUMNS = ["Time", "Program", "Verdict", "What happened"], CAUSES = ["Crashes", "Last", "Program", "Verdict", "What happened"];

	const state = { lines: [], known: new Set(), shown: null };

	const time = (usec) => {
		const date = new Date(usec / 1000);
		return attributes(el("time", "", date.toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" })), { datetime: date.toISOString() });
	};

	/* ── the list ── */

	function matches(line, text, verdict) {
		if (verdict && line.verdict !== verdict)
			return false;
		const all = [line.exe, line.verdict, line.summary, line.pid, line.host, line.id, line.fingerprint].join(" ").toLowerCase();
		return text.toLowerCase().split(/\s+/).every((word) => all.includes(word));
	}

	/* The newest line of each cause, and how many it stands for. */
	function causes(lines) {
		const found = new Map();
		for (const line of lines) {
			const key = line.fingerprint ?? line.id, known = found.get(key);
			if (known)
				known.count++;
			else
				found.set(key, { ...line, count: 1 });
		}
		return [...found.values()].sort((a, b) => b.count - a.count);
	}

	function row(line) {
		const link = attributes(el("a", "", line.summary ?? "crash"), { href: "#/" + encodeURIComponent(line.id ?? "") });
		return attributes(el("tr", "", line.count && el("td", "cw-n", group(line.count)), el("td", "page-time", time(line.time)),
			attributes(el("td", "", base(line.exe ?? "") + (line.count || !line.pid ? "" : ` [${line.pid}]`)), { title: line.exe ?? "" }),
			el("td", "", el("span", "cw-" + (line.confidence ?? ""), line.verdict ?? "")), el("td", "cw-name", link)), { "data-id": line.id ?? "" });
	}

	function fillVerdicts() {
		const select = byId("filter-verdict"), value = select.value;
		const words = [...new Set(state.lines.map((l) => l.verdict).filter(Boolean))].sort();
		select.replaceChildren(attributes(el("option", "", "all"), { value: "" }), ...words.map((w) => attributes(el("option", "", w), { value: w })));
		select.value = words.includes(value) ? value : "";
	}

	function showList() {
		const grouped = byId("filter-group").checked;
		const lines = state.lines.filter((l) => matches(l, byId("filter-text").value.trim(), byId("filter-verdict").value));
		const rows = grouped ? causes(lines) : lines;
		byId("list-head").replaceChildren(el("tr", "", ...(grouped ? CAUSES : COLUMNS).map((c) => attributes(el("th", "", c), { scope: "col" }))));
		byId("list").replaceChildren(...rows.map(row));
		byId("status").textContent = state.lines.length === 0 ? "No crash was reported yet."
			: `${group(lines.length)} of ${group(state.lines.length)} report${state.lines.length === 1 ? "" : "s"}${grouped ? `, ${group(rows.length)} cause${rows.length === 1 ? "" : "s"}` : ""}`;
	}

	function add(lines) {
		const fresh = lines.filter((l) => l.id && !state.known.has(l.id));
		fresh.forEach((l) => state.known.add(l.id));
		state.lines = [...state.lines, ...fresh].sort((a, b) => b.time - a.time);
		fillVerdicts();
		showList();
		return fresh;
	}

	/* ── one report ── */

	async function mute(what, words) {
		try {
			await corewatchSource.mute(what);
			byId("detail-status").textContent = `${words} muted: further crashes are not analysed. “corewatchctl unmute ${what}” undoes it.`;
		} catch (error) {
			byId("detail-status").textContent = "It could not be muted: " + error.message;
		}
	}

	function button(text, action) {
		const node = attributes(el("button", "", text), { type: "button" });
		node.addEventListener("click", action);
		return node;
	}

	function actions(report) {
		const list = [], fingerprint = report.fingerprint?.id, path = report.process?.executable?.path;
		if (fingerprint)
			list.push(button("Mute this cause", () => mute(fingerprint, "This cause is")));
		if (path)
			list.push(button("Mute this program", () => mute(path, "This program is")));
		list.push(button("Save as JSON", () => save(report)));
		return list;
	}

	function save(report) {
		const url = URL.createObjectURL(new Blob([JSON.stringify(report, null, 1)], { type: "application/json" }));
		attributes(el("a", ""), { href: url, download: `corewatch-${report.report_id}.json` }).click();
		URL.revokeObjectURL(url);
	}

	async function showReport(id) {
		state.shown = id;
		byId("detail-status").textContent = "Loading…";
		byId("report").replaceChildren();
		byId("actions").replaceChildren();
		try {
			const report = await corewatchSource.report(id);
			if (state.shown !== id)
				return;
			byId("detail-status").textContent = "";
			byId("actions").replaceChildren(...actions(report));
			const article = draw(report);
			byId("report").replaceChildren(article);
			/* For a screen reader, and for the keyboard. */
			const title = attributes(article.querySelector("h1"), { tabindex: "-1" });
			title.focus();
		} catch (error) {
			byId("detail-status").textContent = "The report cannot be shown: " + error.message;
		}
	}

	/* "#/ID" is a report; "#cw1-frames" and the like are parts of the one that is shown. */
	function route() {
		const match = /^#\/(.*)$/.exec(location.hash || "#/");
		if (!match)
			return;
		const id = decodeURIComponent(match[1]);
		if (id === state.shown)
			return;
		byId("overview").hidden = id !== "";
		byId("detail").hidden = id === "";
		if (/^[0-9a-f]{32}$/.test(id))
			showReport(id);
		else {
			state.shown = null;
			document.title = "Crashes";
		}
	}

	/* Cockpit's own choice of light and dark, which its pages share. */
	function theme() {
		const style = localStorage.getItem("shell:style");
		document.documentElement.setAttribute("data-theme", style === "light" || style === "dark" ? style : "auto");
	}

	/* Parts of a report are not places of the page: Cockpit's shell reads every address as one. */
	function jump(event) {
		const link = event.target.closest('a[href^="#cw"]'), target = link && byId(link.getAttribute("href").slice(1));
		if (!target)
			return;
		event.preventDefault();
		attributes(target, { tabindex: "-1" }).focus({ preventScroll: true });
		target.scrollIntoView();
	}

	function start() {
		theme();
		byId("report").addEventListener("click", jump);
		window.addEventListener("storage", theme);
		window.addEventListener("cockpit-style", theme);
		window.addEventListener("hashchange", route);
		byId("filter").addEventListener("submit", (event) => event.preventDefault());
		byId("filter").addEventListener("input", showList);
		/* Following begins first: what comes meanwhile is known twice, and shown once. */
		corewatchSource.watch((line) => {
			if (add([line]).length > 0)
				byId("status").textContent = `New: ${base(line.exe ?? "")}: ${line.summary ?? ""}. ` + byId("status").textContent;
		}, (message) => {
			byId("status").textContent = "Not following new crashes any more" + (message ? ": " + message : "");
		});
		corewatchSource.list().then(add, (error) => {
			byId("status").textContent = "Reports cannot be read: " + error.message;
		});
		route();
		cockpit.transport?.wait(() => {});
	}

	document.addEventListener("DOMContentLoaded", start);
})();
