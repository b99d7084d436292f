/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running the analyzers over one core, and keeping what they claim. */
#pragma once

#include <json-c/json.h>

#include "core/core.h"
#include "worker/plugins.h"

#define FINDINGS_MAX 64u
#define EVIDENCE_MAX 32u
#define SUGGESTIONS_MAX 16u
#define SUMMARY_MAX 300u

struct suggestion {
	const char *id, *command, *text;
};

struct cw_finding {
	struct core *core;
	const struct cw_analyzer *analyzer;
	const char *id;
	enum cw_confidence confidence;
	bool supports;
	const char *summary, *detail;
	const char *evidence[EVIDENCE_MAX];
	size_t n_evidence;
	struct suggestion suggestions[SUGGESTIONS_MAX];
	size_t n_suggestions;
	json_object *facts;
};

struct cw_run {
	struct core *core;
	const struct cw_analyzer *analyzer; /* whose turn it is */
	struct cw_finding *findings;
	size_t n_findings;
	struct cw_finding dummy;    /* handed out when there is no room */
	bool failed;
};

/* Runs every enabled analyzer. One that fails is a problem of the core. 0 or -ENOMEM. Free with run_done(). */
int run_analyzers(struct core *core, const struct plugins *plugins, struct cw_run *ret_run);
void run_done(struct cw_run *run);

/* The finding that will be the verdict, by confidence, then priority; NULL: none. */
const struct cw_finding *run_verdict(const struct cw_run *run);
