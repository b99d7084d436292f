/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a worker wrote, read without trust: lines to objects by the tables of shape.h. Knows nothing of the journal's
 * side of a crash. */
#pragma once

#include <json-c/json.h>

#include "util/macro.h"

struct records {
	json_object *crash, *process, *core, *host, *stack, *fingerprint, *end; /* NULL: no such record */
	json_object *frames, *threads, *modules, *memory, *findings, *warnings,
		*missing, *analyzers; /* arrays, never NULL after records_read() */
	json_object *failure;    /* a warning that says why nothing could be analysed, or NULL */
	uint64_t frames_omitted; /* physical frames that were beyond the limit */
	uint64_t threads_seen;
	uint64_t ignored; /* lines that were no record, and parts of records that had the wrong type or were too many */
};

/* 0 or -ENOMEM. Owns its objects until records_done(); report_build() moves them out. */
int records_read(const char *data, size_t length, struct records *ret);
void records_done(struct records *records);
