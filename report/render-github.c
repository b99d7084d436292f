/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Workflow commands of GitHub Actions: a line for each report, shown at the source line that a person would look at
 * first. Format: "Workflow commands for GitHub Actions", setting an error message; values are percent-encoded, so no
 * text of a report can begin a command of its own.
 */
#include "report/export.h"

#include <inttypes.h>

#include "report/export-private.h"
#include "report/json.h"
#include "report/location.h"
#include "util/macro.h"

/* Of all that is said of a report. */
#define SUGGESTIONS_MAX 8

static void put(FILE *out, const char *s, bool property) {
	for (; *s; s++)
		if (strchr(property ? "%\r\n:," : "%\r\n", *s))
			fprintf(out, "%%%02X", (unsigned)(unsigned char)*s);
		else
			fputc(*s, out);
}

static void put_suggestions(FILE *out, json_object *report) {
	json_object *suggestions = json_get_array(report, "verdict.suggestions");
	size_t n = suggestions ? json_object_array_length(suggestions) : 0;

	for (size_t i = 0; i < MIN(n, (size_t)SUGGESTIONS_MAX); i++) {
		json_object *item = json_object_array_get_idx(suggestions, i);
		const char *command = json_get_string(item, "command");

		put(out, "\n- ", false);
		put(out, json_get_string(item, "text") ?: "", false);
		if (command) {
			put(out, "\n    ", false);
			put(out, command, false);
		}
	}
}

static void render(FILE *out, json_object *report, const char *folder) {
	struct location at = location_of_crash(report);
	const char *word = json_get_string(report, "verdict.confidence"),
		   *detail = json_get_string(report, "verdict.detail");

	fputs("::error ", out);
	if (at.file) {
		fputs("file=", out);
		put(out, export_relative(at.file, folder), true);
		if (at.line > 0)
			fprintf(out, ",line=%" PRIi64, at.line);
		fputc(',', out);
	}
	fputs("title=", out);
	put(out, export_command(report), true);
	put(out, ": ", true);
	put(out, json_get_string(report, "verdict.id") ?: "crash", true);
	fputs("::", out);
	put(out, json_get_string(report, "verdict.summary") ?: "the process crashed", false);
	if (word) {
		put(out, " (", false);
		put(out, word, false);
		put(out, ")", false);
	}
	if (detail) {
		put(out, "\n", false);
		put(out, detail, false);
	}
	put_suggestions(out, report);
	fputc('\n', out);
}

int report_render_github(json_object *reports, const char *folder, FILE *out) {
	for (size_t i = 0; i < json_object_array_length(reports); i++)
		render(out, json_object_array_get_idx(reports, i), folder);
	return ferror(out) ? -EIO : 0;
}
