/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is to be done about a crash that was admitted: analyse it, or nothing because it has its report, or nothing
 * because it is our own.
 */
#pragma once

#include <systemd/sd-journal.h>

#include "daemon/crash.h"

enum triage {
	TRIAGE_ANALYSE,
	TRIAGE_DONE, /* the journal has its report */
	TRIAGE_OWN,  /* our own daemon or worker: analysing it could crash the same way, for ever */
};

struct triage_context;

/*
 * directory: where reports are looked for; NULL: the local journal. self_uid: whose reports are believed besides
 * root's (tests without privileges).
 */
int triage_new(const char *directory, uint32_t self_uid, struct triage_context **ret_context);
void triage_free(struct triage_context *context);
DEFINE_CLEANUP(struct triage_context *, triage_free);

/* A journal that cannot be searched costs at worst a second report: told in a line, and the answer is "analyse". */
enum triage triage_crash(struct triage_context *context, const struct crash *crash);
/* Whether the journal has the crash's report, by id or by the coredump entry's cursor. */
bool triage_is_reported(struct triage_context *context, const struct crash *crash);
/* Whether an entry that says it is this crash's report is believed, by its sender. The one place that decides. */
bool triage_believes(uint32_t sender_uid, uint32_t self_uid, const struct crash *crash);
