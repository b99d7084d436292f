/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the Cockpit page gets its reports: corewatchctl, run on the machine by cockpit.spawn() with the user's own
 * rights, or root's where the session has them. Which entries of the journal are reports is corewatchctl's to say.
 */
"use strict";

const corewatchSource = (() => {
	const PROGRAM = "corewatchctl", LISTED = 1000;

	function run(...words) {
		return cockpit.spawn([PROGRAM, ...words], { superuser: "try", err: "message" });
	}

	/* The last reports, newest first, as `corewatchctl list --json` has them. Having none is no error. */
	async function list() {
		try {
			return JSON.parse(await run("list", "--json=short", "--quiet", "-r", "-n", String(LISTED)));
		} catch (error) {
			if (error.exit_status === 1 && !error.message.startsWith("corewatchctl:"))
				return [];
			throw error;
		}
	}

	async function report(id) {
		return JSON.parse((await run("info", "--json=short", "-1", id)).trim().split("\n").pop());
	}

	/* The line of list() for a whole report. */
	function lineOf(whole) {
		return {
			time: Date.parse(whole.time) * 1000, host: whole.host?.name, pid: whole.process?.pid, uid: whole.process?.user?.id,
			sig: whole.crash?.signal?.number, verdict: whole.verdict?.id, exe: whole.process?.executable?.path, summary: whole.verdict?.summary,
			confidence: whole.verdict?.confidence, fingerprint: whole.fingerprint?.id, id: whole.report_id,
		};
	}

	/* Calls each(line) for reports as they come, and ended(message) when that is over. */
	function watch(each, ended) {
		let rest = "";
		const process = run("watch", "--json=short");
		process.stream((data) => {
			const lines = (rest + data).split("\n");
			rest = lines.pop();
			for (const line of lines.filter(Boolean)) {
				try {
					each(lineOf(JSON.parse(line)));
				} catch (error) {
					console.warn("corewatch: a line that is no report: " + error.message);
				}
			}
		});
		process.then(() => ended(""), (error) => ended(error.message));
		return process;
	}

	/* what: a fingerprint, or a program's path. */
	function mute(what) {
		return run("mute", "--", what);
	}

	return { list, report, watch, mute };
})();
