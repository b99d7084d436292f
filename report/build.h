/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between build.c and verdict.c; not for users of report/. */
#pragma once

#include "report/records.h"
#include "report/report.h"

/* "SIGSEGV", "SIGRTMIN+3", "SIGUNKNOWN". */
const char *signal_name(int number, char buffer[static 24]);

/* The words of generator.outcome, by enum report_completeness. */
extern const char *const outcome_names[];

/* What the worker's end and its records amount to. */
enum report_completeness verdict_outcome(const struct report_input *input, const struct records *records);
/* Sorts the findings and adds them, after "verdict". report.crash.signal must be there. 0 or -ENOMEM. */
int verdict_add(json_object *report, struct records *records);
int verdict_add_fingerprint(json_object *report, struct records *records);
/* Adds to the records' warnings how the worker ended, where that was not well. */
int verdict_add_warnings(const struct report_input *input, struct records *records);
