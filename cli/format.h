/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What reports can be written as: one table, for export and analyze. */
#pragma once

#include <json-c/json.h>

#include "cli/options.h"
#include "report/report.h"

#define FORMATS_HELP "text, json, html, speedscope, folded, sarif or github"

struct format {
	const char *name;
	bool whole; /* one document for all reports, not one after the other */
	int (*write)(json_object *reports, const struct options *options, const struct report_style *style, FILE *out);
};

const struct format *format_find(const char *name);
/* As --format and --json have it; otherwise fallback. */
const struct format *format_of(const struct options *options, const char *fallback);

/* Standard output, or the file of --output, replaced. Tells its errors. */
int format_open(const struct options *options, FILE **ret);
/* Tells if not all could be written. 0 or -EIO. */
int format_close(const struct options *options, FILE *out);
