/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which entries are reports of corewatchd, and which only look like them: anybody can write to the journal. */
#pragma once

#include <json-c/json.h>
#include <systemd/sd-journal.h>

#include "cli/options.h"

/* Whether journald says of the current entry that corewatch.service sent it, or root. */
bool entry_is_trusted(sd_journal *j, const struct options *options);
/* Lets the report of an entry that is not trusted say so, in its summary and its warnings. 0 or -ENOMEM. */
int entry_mark_untrusted(sd_journal *j, json_object *report);
