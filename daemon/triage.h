/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is to be done about a crash that was admitted: analyse it, or nothing because it has its report or was counted
 * among those without one, or nothing because it is our own.
 */
#pragma once

#include <systemd/sd-journal.h>

#include "daemon/crash.h"

enum triage {
	TRIAGE_ANALYSE,
	TRIAGE_DONE,       /* the journal has its report */
	TRIAGE_SUPPRESSED, /* a summary in the journal has counted it */
	TRIAGE_OWN,        /* our own daemon or worker: analysing it could crash the same way, for ever */
};

struct triage_context;

/* What is looked for in the journal. Strings are borrowed. */
struct triage_key {
	const char *id;
	const char *cursor; /* of the coredump entry, or NULL */
	uint32_t uid;
	bool owner_may_read;
};

/* Whose entries are believed. */
struct triage_self {
	uint32_t uid;     /* besides root's (tests without privileges) */
	const char *unit; /* ours, or NULL: we run in none */
};

/* directory: where reports are looked for; NULL: the local journal. All borrowed. */
int triage_new(const char *directory, const struct triage_self *self, struct triage_context **ret_context);
void triage_free(struct triage_context *context);
DEFINE_CLEANUP(struct triage_context *, triage_free);

/* A journal that cannot be searched costs at worst a second report: told in a line, and the answer is "analyse". */
enum triage triage_crash(struct triage_context *context, const struct crash *crash);
/* The same without a look at whose crash it is: TRIAGE_DONE, TRIAGE_SUPPRESSED, or TRIAGE_ANALYSE for neither. */
enum triage triage_search(struct triage_context *context, const struct triage_key *key);
struct triage_key triage_key_of(const struct crash *crash);

/* Whether an entry that says it is this crash's report is believed, by its sender. The one place that decides. */
bool triage_believes(uint32_t sender_uid, const char *sender_unit, const struct triage_self *self,
                     const struct triage_key *key);

/* The handle, for other reading; whoever uses it sets matches and place anew. 0 or -errno. */
int triage_journal(struct triage_context *context, sd_journal **ret_journal);
/* Lets go of the handle, and so of the mapped files, until it is needed again. */
void triage_close(struct triage_context *context);
