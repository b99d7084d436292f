/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the targets that analyse whole cores: the way of worker/main.c, without its sandbox. */
#pragma once

#include "fuzz.h"

#include "core/core.h"
#include "core/plan.h"
#include "core/symbols.h"
#include "util/protocol.h"
#include "util/text.h"
#include "worker/record.h"
#include "worker/run.h"

static inline void analyze_record(struct recorder *recorder, struct core *core, const struct cw_run *run) {
	record_findings(recorder, run);
	record_fingerprint(recorder, run);
	for (size_t i = 0; i < core->n_problems; i++)
		record_warning(recorder, core->problems[i].stage, core->problems[i].message);
	record_end(recorder, core->n_problems == 0, 0);
	symbols_save(core);
}

/* Each line is text that a terminal, a journal field and a JSON reader take as it is. */
static inline void check_records(int fd, uint64_t size) {
	char *text = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL, *clean = malloc(size + 1);

	fuzz_check(text != MAP_FAILED && clean);
	for (size_t at = 0, n; at < size; at += n + 1) {
		const char *end = memchr(text + at, '\n', size - at);

		fuzz_check(end);
		n = (size_t)(end - (text + at));
		fuzz_check(text_clean(text + at, n, clean, size + 1) == n && memcmp(clean, text + at, n) == 0);
	}
	free(clean);
	if (text)
		munmap(text, size);
}

/* Promises: any bytes give records (or a reason), which are text, and not more than a reader takes. */
static inline void analyze_file(int fd, const struct core_options *options) {
	static struct plugins plugins;
	static int records = -EBADF;
	_cleanup_(core_freep) struct core *core = NULL;
	struct recorder recorder = { .fd = -EBADF };
	const char *reason = NULL;
	struct cw_run run = {};
	bool again = true;
	int r;

	if (plugins.n == 0)
		plugins_init(&plugins);
	r = core_load(fd, options, &core, &reason);
	if (r < 0) {
		fuzz_check(reason && *reason);
		return;
	}
	fuzz_file(&records, NULL, 0);
	recorder.fd = records;
	r = core_symbolize(core);
	fuzz_check(r == 0 || r == -ENOMEM);
	record_core(&recorder, core);
	r = run_analyzers(core, &plugins, &run);
	for (unsigned passes = 0; r >= 0 && again; passes++) {
		fuzz_check(passes < 64);
		r = plan_refetch(core, &again);
		if (r >= 0 && again) {
			run_done(&run);
			r = run_analyzers(core, &plugins, &run);
		}
	}
	analyze_record(&recorder, core, &run);
	fuzz_check(recorder.error == 0 && recorder.written <= RECORDS_MAX);
	check_records(records, recorder.written);
	run_done(&run);
}
