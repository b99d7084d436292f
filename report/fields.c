/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A report as the fields of one journal entry, by a table: name, and where its value stands. Rules for names and
 * values: README, "The journal entry". */
#include "report/json.h"
#include "report/location.h"
#include "report/report.h"
#include "util/text.h"

#include <inttypes.h>

/* Flat fields are for matches and labels. Far below the 4 KiB where JSON readers see null, and a path still fits. */
#define VALUE_MAX 1024
/* For the catalog (`journalctl -x`), which puts the name in the place of a value when both are longer than 256 bytes. */
#define EXPLANATION_MAX 220
/* In its place where an analyzer knows nothing to do; without a value the catalog would show the field's name. */
#define NO_SUGGESTION "look at the evidence of the report, and at the source where it points"

/* Scalars of the document. */
static const struct {
	const char *field, *path;
} flat[] = {
	{ "COREWATCH_ID", "report_id" },
	{ "COREWATCH_REVISION", "revision" },
	{ "COREWATCH_VERDICT", "verdict.id" },
	{ "COREWATCH_CONFIDENCE", "verdict.confidence" },
	{ "COREWATCH_FINGERPRINT", "fingerprint.id" },
	{ "COREWATCH_SEEN", "fingerprint.seen" },
	{ "COREWATCH_EXE", "process.executable.path" },
	{ "COREWATCH_COMM", "process.command" },
	{ "COREWATCH_PID", "process.pid" },
	{ "COREWATCH_UID", "process.user.id" },
	{ "COREWATCH_SIGNAL_NAME", "crash.signal.name" },
	{ "COREWATCH_BUILD_ID", "process.executable.build_id.gnu" },
	{ "COREWATCH_THREAD", "crash.thread.name" },
	{ "COREWATCH_COREDUMP_CURSOR", "core.journal_cursor" },
};

/* The fixed ones, the table's, summary and suggestion, function, file and line, message, message id, two reports, NULL. */
#define FIELDS_MAX (3 + ELEMENTSOF(flat) + 2 + 3 + 2 + 2 + 1)

static int append(struct report_fields *fields, const char *name, const char *value, size_t max) {
	_cleanup_free_ char *clean = text_clean_dup(value, strlen(value));
	char *field;

	if (!clean)
		return -ENOMEM;
	if (!*clean)
		return 0;
	text_ellipsize(clean, max);
	if (asprintf(&field, "%s=%s", name, clean) < 0)
		return -ENOMEM;
	fields->fields[fields->n++] = field;
	return 0;
}

static int append_flat(struct report_fields *fields, json_object *report) {
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(flat) && r >= 0; i++) {
		json_object *value = json_get(report, flat[i].path);
		const char *text;

		if (!json_object_is_type(value, json_type_string) && !json_object_is_type(value, json_type_int))
			continue;
		r = json_get_text(report, flat[i].path, &text);
		if (r >= 0)
			r = append(fields, flat[i].field, text, VALUE_MAX);
	}
	return r;
}

/* What happened and what to do, for readers that take no JSON. */
static int append_explanation(struct report_fields *fields, json_object *report) {
	json_object *suggestions = json_get_array(report, "verdict.suggestions");
	const char *summary = json_get_string(report, "verdict.summary"),
		   *text = suggestions ? json_get_string(json_object_array_get_idx(suggestions, 0), "text") : NULL;
	int r = 0;

	if (summary)
		r = append(fields, "COREWATCH_SUMMARY", summary, EXPLANATION_MAX);
	return r >= 0 ? append(fields, "COREWATCH_SUGGESTION", text ?: NO_SUGGESTION, EXPLANATION_MAX) : r;
}

static int append_location(struct report_fields *fields, json_object *report) {
	struct location at = location_of_crash(report);
	char line[32];
	int r = 0;

	if (at.function)
		r = append(fields, "COREWATCH_FUNCTION", at.function, VALUE_MAX);
	if (r >= 0 && at.file)
		r = append(fields, "COREWATCH_FILE", at.file, VALUE_MAX);
	if (r >= 0 && at.line > 0) {
		snprintf(line, sizeof(line), "%" PRIi64, at.line);
		r = append(fields, "COREWATCH_LINE", line, VALUE_MAX);
	}
	return r;
}

static int append_documents(struct report_fields *fields, json_object *report) {
	_cleanup_free_ char *json = NULL;
	bool truncated = false;
	const char *whole;
	int r;

	r = report_shorten(report, REPORT_FIELD_MAX, &json, &truncated);
	if (r >= 0)
		r = append(fields, "COREWATCH_REPORT", json, REPORT_FIELD_MAX);
	if (r < 0 || !truncated)
		return r;
	whole = report_to_json(report, false, NULL);
	return whole ? append(fields, "COREWATCH_REPORT_FULL", whole, SIZE_MAX) : -ENOMEM;
}

/* Whoever counts crashes by message id counts each once: an update has its own. */
static const char *message_id(json_object *report) {
	if (json_get(report, "revision"))
		return COREWATCH_MESSAGE_ID_UPDATED;
	return report_completeness(report) == REPORT_NOTHING ? COREWATCH_MESSAGE_ID_FAILED : COREWATCH_MESSAGE_ID_REPORT;
}

static int collect(struct report_fields *fields, json_object *report) {
	_cleanup_free_ char *message = NULL;
	int r = report_message(report, &message);

	if (r >= 0)
		r = append(fields, "MESSAGE", message, REPORT_MESSAGE_MAX);
	if (r >= 0)
		r = append(fields, "MESSAGE_ID", message_id(report), VALUE_MAX);
	if (r >= 0)
		r = append(fields, "PRIORITY", "2", VALUE_MAX);
	if (r >= 0)
		r = append(fields, "SYSLOG_IDENTIFIER", "corewatch", VALUE_MAX);
	if (r >= 0)
		r = append(fields, "COREWATCH_SCHEMA", "1", VALUE_MAX);
	if (r >= 0)
		r = append_flat(fields, report);
	if (r >= 0)
		r = append_explanation(fields, report);
	if (r >= 0)
		r = append_location(fields, report);
	return r >= 0 ? append_documents(fields, report) : r;
}

int report_fields(json_object *report, struct report_fields *ret_fields) {
	struct report_fields fields = { .fields = calloc(FIELDS_MAX, sizeof(char *)) };
	int r;

	if (!fields.fields)
		return -ENOMEM;
	r = collect(&fields, report);
	if (r < 0) {
		report_fields_done(&fields);
		return r;
	}
	*ret_fields = fields;
	return 0;
}

void report_fields_done(struct report_fields *fields) {
	for (size_t i = 0; i < fields->n; i++)
		free(fields->fields[i]);
	free(fields->fields);
	*fields = (struct report_fields){};
}
