/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A report's way into the journal. journald files an entry by its sender's uid: the report of a user's crash is sent
 * by a child with that uid, and lands where that user (and the administrator) can read it; all others are sent as
 * ourselves, for the administrator alone.
 */
#pragma once

#include <json-c/json.h>
#include <systemd/sd-event.h>

#include "daemon/crash.h"

struct submit;

struct submit_options {
	bool privileged;         /* we may change our uid */
	const char *submit_file; /* tests: append export format to this file; NULL: journald */
};

/* result: 0 sent; -errno given up. The submit is the callback's to free. Never called from within submit_start(). */
typedef void (*submit_done)(int result, void *userdata);

/*
 * Sends, and tries again with growing pauses while journald is not there: until then the crash stays in the queue. 0
 * or -errno.
 */
int submit_start(sd_event *event, const struct submit_options *options, const struct crash *crash, json_object *report,
                 submit_done done, void *userdata, struct submit **ret_submit);
void submit_free(struct submit *submit);
DEFINE_CLEANUP(struct submit *, submit_free);

/* A try failed, and the next one is some time away. */
bool submit_is_waiting(const struct submit *submit);

/* Whose uid the report is sent under; false: our own. */
bool submit_as_owner(const struct crash *crash);
