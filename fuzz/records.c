/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a worker wrote, on the daemon's side. Promises of report/report.h: any bytes make a document that can be shown;
 * it fits the journal's fields, which are clean and each there once; what was shortened can be read back.
 */
#include "fuzz.h"

#include "report/json.h"
#include "report/report.h"
#include "util/protocol.h"

static void check_fields(json_object *report) {
	struct report_fields fields;

	fuzz_check(report_fields(report, &fields) == 0 && fields.n > 0);
	for (size_t i = 0; i < fields.n; i++) {
		const char *field = fields.fields[i];
		size_t name = strcspn(field, "=");

		fuzz_check(name > 0 && name <= 64 && field[name] == '=' &&
			   strspn(field, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == name);
		fuzz_check_text(field, strlen(field), false);
		fuzz_check(!strchr(field, '\n'));
		if (str_has_prefix(field, "COREWATCH_REPORT="))
			fuzz_check(strlen(field + strlen("COREWATCH_REPORT=")) <= REPORT_FIELD_MAX);
		for (size_t j = 0; j < i; j++)
			fuzz_check(strncasecmp(fields.fields[j], field, name + 1) != 0);
	}
	report_fields_done(&fields);
}

static void check_short(json_object *report) {
	_cleanup_json_ json_object *again = NULL;
	_cleanup_free_ char *json = NULL;
	bool truncated;

	fuzz_check(report_shorten(report, REPORT_FIELD_MAX, &json, &truncated) == 0);
	fuzz_check(strlen(json) <= REPORT_FIELD_MAX);
	fuzz_check(report_parse(json, strlen(json), &again) == 0);
}

static void check_text(json_object *report) {
	static const struct report_style styles[] = { { .width = 40 }, { .color = true, .utf8 = true }, { .utf8 = true, .width = 1000, .whole = true } };

	for (size_t i = 0; i < ELEMENTSOF(styles); i++) {
		_cleanup_free_ char *text = NULL;
		size_t length;
		FILE *out = open_memstream(&text, &length);

		fuzz_check(out && report_render_text(report, &styles[i], out) == 0 && fclose(out) == 0);
		fuzz_check(length > 0);
		fuzz_check_text(text, length, styles[i].color);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	const struct report_input input = {
		.core_state = "present", .worker = REPORT_WORKER_EXITED, .command = "a.out", .pid = 7, .signal = 11
	};
	_cleanup_json_ json_object *report = NULL, *analyzers = NULL, *missing = NULL;
	_cleanup_free_ char *message = NULL;

	fuzz_check(report_build(&input, (const char *)data, size, &report) == 0);
	fuzz_check(report_is_valid(report));
	fuzz_check(report_message(report, &message) == 0 && *message && strlen(message) <= REPORT_MESSAGE_MAX);
	fuzz_check_text(message, strlen(message), false);
	check_fields(report);
	check_short(report);
	check_text(report);
	fuzz_check(report_completeness(report) <= REPORT_NOTHING);
	if (report_read_analyzers((const char *)data, size, &analyzers) >= 0)
		fuzz_check(json_object_is_type(analyzers, json_type_array));
	if (report_read_missing((const char *)data, size, &missing) >= 0 && missing)
		fuzz_check(json_object_is_type(missing, json_type_array) && json_object_array_length(missing) <= RECORD_MAX_MISSING);
	return 0;
}
