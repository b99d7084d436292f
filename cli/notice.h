/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a notification about a report says: the program, the verdict's summary, the first thing to do. */
#pragma once

#include <json-c/json.h>

#include "util/macro.h"

/* markup: the server takes the body for markup, so it is escaped. count: how many there were of this kind. Callers free.
 * 0 or -ENOMEM. */
int notice_of_report(json_object *report, bool markup, uint64_t count, char **ret_title, char **ret_body);
/* For those that are too many to be shown one by one. */
int notice_of_rest(uint64_t count, char **ret_title, char **ret_body);
/* For what was muted. */
int notice_of_mute(const char *fingerprint, char **ret_title, char **ret_body);
