/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request of corewatchd's (util/fetched.h describes it), received and read.
 */
#pragma once

#include "util/fetched.h"
#include "util/protocol.h"

/* A wanted debug info file may refer to one more (dwz). */
#define REQUEST_WANTS_MAX (2 * RECORD_MAX_MISSING)

struct want {
	enum fetched_kind kind;
	char id[FETCHED_ID_MAX + 1];
};

struct request {
	char *urls;
	uint64_t time_max, file_max, cache_max, absent_for;
	struct want wants[REQUEST_WANTS_MAX];
	size_t n_wants;
	int folder; /* or -EBADF */
};

/* The text, which is cut up. 0, -EBADMSG, -ENOMEM. folder is left as it is. */
int request_parse(char *text, struct request *ret_request);
/* From a socket. 0, -EBADMSG, -ENODATA (closed without a word), -errno. */
int request_receive(int fd, struct request *ret_request);
void request_done(struct request *request);
/* Adds a file that turned out to be wanted too; once, and not beyond the limit. */
void request_add(struct request *request, enum fetched_kind kind, const char *id);
