/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An entry's way into the journal. journald files an entry by its sender's uid: the report of a user's crash is sent
 * under that uid, and lands where that user (and the administrator) can read it; all others are sent as ourselves,
 * for the administrator alone.
 */
#pragma once

#include <systemd/sd-event.h>

#include "daemon/submit-fields.h"

struct submit;

struct submit_options {
	bool privileged;         /* we may speak for other uids */
	const char *submit_file; /* tests: append export format to this file; NULL: journald */
};

/* Whose entry it is. */
struct submit_sender {
	bool as_owner; /* under these ids; false: as ourselves */
	uint32_t uid, gid;
};

/* result: 0 sent; -errno given up. The submit is the callback's to free. Never called from within submit_start(). */
typedef void (*submit_done)(int result, void *userdata);

/*
 * Sends, and tries again with growing pauses while journald is not there: until then the crash stays in the queue.
 * Takes fields over, whatever comes of it; what is for the log, and copied. 0 or -errno.
 */
int submit_start(sd_event *event, const struct submit_options *options, const struct submit_sender *sender,
                 const char *what, struct submit_fields *fields, submit_done done, void *userdata,
                 struct submit **ret_submit);
void submit_free(struct submit *submit);
DEFINE_CLEANUP(struct submit *, submit_free);

/* A try failed, and the next one is some time away. */
bool submit_is_waiting(const struct submit *submit);

/* Whose uid the report is sent under; false: our own. */
bool submit_as_owner(const struct crash *crash);
