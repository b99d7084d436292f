/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing what was found as records (util/protocol.h). */
#pragma once

#include "worker/run.h"

/* Lines of frames and threads are short and many: they are written together. */
#define RECORD_BUFFER (32u << 10)

/* Where records go. Lines are written whole; after the first failure nothing more is written. */
struct recorder {
	int fd;
	size_t n_buffered;
	char buffer[RECORD_BUFFER];
	int error;             /* 0 or -errno of the first failed write */
	uint64_t written;
};

/* Writes what is buffered: before anything that may not come back. record_core() and record_end() do it themselves. */
void record_flush(struct recorder *recorder);
void record_start(struct recorder *recorder);
void record_warning(struct recorder *recorder, const char *stage, const char *message);
void record_failure(struct recorder *recorder, const char *stage, const char *message);
/* Everything about the core but the findings. Early enough that a worker that dies over an analyzer has still told the rest. */
void record_core(struct recorder *recorder, const struct core *core);
void record_findings(struct recorder *recorder, const struct cw_run *run);
/* Files by build-id that would have told more (protocol.h). */
void record_missing(struct recorder *recorder, const struct core *core);
void record_fingerprint(struct recorder *recorder, const struct cw_run *run);
void record_analyzer(struct recorder *recorder, const struct plugin *plugin);
void record_end(struct recorder *recorder, bool complete, double seconds);
