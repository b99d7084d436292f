/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many crashes are analysed within a sliding window: of one kind, of one program, and of all. Time is the crash's
 * own (the caller gives it), not that of the reading: old crashes that are caught up with at a start are no storm, and
 * a daemon that is restarted in one comes to the same decisions.
 */
#pragma once

#include "util/macro.h"

/* What a limit may be at most; the memory of the windows is made for it. */
#define RATE_LIMIT_MAX 1000

/* 0: no limit. */
struct rate_limits {
	uint64_t window_usec;
	unsigned alike, program, total;
};

struct rate_crash {
	uint32_t uid;
	const char *program;     /* path or name; programs of different users are different programs */
	const char *fingerprint; /* the early one, see alike.h; has program and uid in it */
	uint64_t time_usec;
};

enum rate_verdict { RATE_OK, RATE_ALIKE, RATE_PROGRAM, RATE_TOTAL };

struct rate;

int rate_new(struct rate **ret_rate); /* 0 or -ENOMEM */
void rate_free(struct rate *rate);
DEFINE_CLEANUP(struct rate *, rate_free);

/*
 * Whether one more may be analysed; if so it is counted. The limit of all is shared: when it is reached, a user who
 * has had less than an equal part of the window still gets his.
 */
enum rate_verdict rate_check(struct rate *rate, const struct rate_limits *limits, const struct rate_crash *crash);
/* Counts one that was analysed before, by a daemon that was ended. */
void rate_note(struct rate *rate, const struct rate_crash *crash);
