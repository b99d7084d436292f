/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole reports, as info, stack and export show them: those of the journal that the command line names, without a match
 * the last one; or those in a file (--input). */
#pragma once

#include <json-c/json.h>

#include "cli/options.h"

/* `each` borrows the report and returns 0 or -errno, which ends it. The number of reports, or -errno; all is told, but
 * not that there was none. */
int64_t reports_each(const struct options *options, char **matches, size_t n,
                     int (*each)(json_object *report, void *userdata), void *userdata);
