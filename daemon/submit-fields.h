/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fields of a report's journal entry, and an entry as text in the journal's export format. */
#pragma once

#include <json-c/json.h>
#include <sys/uio.h>

#include "daemon/crash.h"

struct submit_fields {
	struct iovec *iov; /* "NAME=value" */
	size_t n;
};

/* All fields: those of the report, and those that the daemon alone knows. 0 or -ENOMEM. */
int submit_fields_make(const struct crash *crash, json_object *report, struct submit_fields *ret_fields);
void submit_fields_done(struct submit_fields *fields);

/* Appends one entry to a file, as if journald had got it from this uid. 0 or -errno. */
int submit_fields_export(const struct submit_fields *fields, uint32_t uid, const char *path);

/*
 * One more field, its value cleaned; left out if it is empty or there already. The array has room for it: the
 * caller's business. 0 or -ENOMEM.
 */
int submit_fields_add(struct submit_fields *fields, const char *name, const char *value);
