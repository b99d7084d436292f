/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What was sent is not stored yet: journald may be killed with it in its socket, or find the disk full. The ticket of
 * a crash stays open, and so the crash in the queue, until its entry is found in the journal.
 */
#pragma once

#include "daemon/state.h"
#include "daemon/triage.h"

struct confirm;

/* tries: how often the entry of this crash was sent, this time included. */
struct confirm_callbacks {
	/* It is there: the ticket is the callee's to end. */
	void (*stored)(struct ticket *ticket, void *userdata);
	/* It is not, after CONFIRM_PATIENCE_USEC. The callee has the ticket and may begin anew. */
	void (*missing)(struct ticket *ticket, const struct triage_key *key, unsigned tries, void *userdata);
	void *userdata;
};

#define CONFIRM_PATIENCE_USEC (15 * USEC_PER_SEC)

int confirm_new(struct triage_context *triage, const struct confirm_callbacks *callbacks,
                struct confirm **ret_confirm); /* 0 or -ENOMEM */
void confirm_free(struct confirm *confirm);
DEFINE_CLEANUP(struct confirm *, confirm_free);

/* Sent now (CLOCK_MONOTONIC). Strings of the key are copied. 0 or -ENOMEM. */
int confirm_add(struct confirm *confirm, const struct triage_key *key, struct ticket *ticket, unsigned tries,
                uint64_t now_usec);
/* Looks for all. The number that are still waited for. */
size_t confirm_check(struct confirm *confirm, uint64_t now_usec);
/* Whether the crash is among those waited for. */
bool confirm_has(const struct confirm *confirm, const char *id);
