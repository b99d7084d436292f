/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A report as `corewatchctl` reads it back from a journal, to which anybody may write; and a point in time as people
 * type it. Promises: what report_parse() lets pass can be rendered, shortened and told in one line, without a control
 * character for the terminal.
 */
#include "fuzz.h"

#include "cli/timespec.h"
#include "report/json.h"
#include "report/report.h"

static void show(json_object *report) {
	static const struct report_style styles[] = { { .width = 80 }, { .color = true, .utf8 = true, .whole = true } };

	for (size_t i = 0; i < ELEMENTSOF(styles); i++) {
		_cleanup_free_ char *text = NULL;
		size_t length;
		FILE *out = open_memstream(&text, &length);

		fuzz_check(out && report_render_text(report, &styles[i], out) == 0 && fclose(out) == 0);
		fuzz_check_text(text, length, styles[i].color);
	}
}

static void check_report(json_object *report) {
	_cleanup_free_ char *message = NULL, *json = NULL;
	_cleanup_json_ json_object *again = NULL;
	struct report_fields fields;
	bool truncated;
	size_t length;

	fuzz_check(report_is_valid(report));
	show(report);
	fuzz_check(report_to_json(report, true, &length) && report_to_json(report, false, &length));
	fuzz_check(report_message(report, &message) == 0 && strlen(message) <= REPORT_MESSAGE_MAX);
	fuzz_check_text(message, strlen(message), false);
	fuzz_check(report_shorten(report, REPORT_FIELD_MAX, &json, &truncated) == 0);
	fuzz_check(strlen(json) <= REPORT_FIELD_MAX);
	fuzz_check(report_parse(json, strlen(json), &again) == 0);
	fuzz_check(report_fields(report, &fields) == 0);
	report_fields_done(&fields);
	(void)report_completeness(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	_cleanup_json_ json_object *report = NULL;
	char word[64] = "";
	uint64_t when;

	if (report_parse((const char *)data, size, &report) >= 0)
		check_report(report);
	memcpy(word, data, MIN(size, sizeof(word) - 1));
	(void)timespec_parse(word, UINT64_C(1795348698000000), &when);
	return 0;
}
