/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A crash and its worker's records as a report document. */
#pragma once

#include "daemon/crash.h"
#include "report/report.h"

struct worker_end {
	enum report_worker_status status;
	int code; /* exit code or signal */
	const char *message;
};

/* 0 or -ENOMEM. */
int document_build(const struct crash *crash, const char *os_name, const struct worker_end *end, const char *records,
                   size_t length, json_object **ret_report);
/* fingerprint.id or NULL; borrowed. */
const char *document_fingerprint(json_object *report);
/* Whether the verdict is that another process sent the signal, and the uid that it had. */
bool document_sender(json_object *report, int64_t *ret_uid);
/* PRETTY_NAME of os-release(5), or NULL; caller frees. */
char *os_pretty_name(const char *path);
