/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Updates: what a worker says is missing, and how the second report of a crash is told from the first. */
#include "report-help.h"

#define ID "0123456789abcdef0123456789abcdef01234567"

static void test_missing_records(void **state _unused_) {
	static const char text[] =
		"{\"record\":\"start\",\"protocol\":1}\n"
		"{\"record\":\"missing\",\"kind\":\"debuginfo\",\"build_id\":\"" ID "\"}\n"
		"{\"record\":\"missing\",\"kind\":\"debuginfo\"}\n"
		"{\"record\":\"missing\",\"kind\":7,\"build_id\":\"" ID "\"}\n"
		"{\"record\":\"missing\",\"kind\":\"debuginfo\",\"build_id\":\"../../x\"}\n"
		"{\"record\":\"missing\",\"kind\":\"executable\",\"build_id\":\"abcd\",\"path\":\"/x\"}\n"
		"{\"record\":\"end\",\"complete\":true}\n"
		"{\"record\":\"missing\",\"kind\":\"debuginfo\",\"build_id\":\"1234\"}\n";
	_cleanup_json_ json_object *missing = NULL;

	assert_int_equal(report_read_missing(text, strlen(text), &missing), 0);
	assert_int_equal(json_object_array_length(missing), 2);
	assert_string_equal(json_get_string(json_object_array_get_idx(missing, 0), "build_id"), ID);
	assert_string_equal(json_get_string(json_object_array_get_idx(missing, 1), "kind"), "executable");
	assert_false(json_object_object_get_ex(json_object_array_get_idx(missing, 1), "path", NULL));
}

static void test_missing_records_are_limited(void **state _unused_) {
	_cleanup_json_ json_object *missing = NULL;
	_cleanup_free_ char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	for (unsigned i = 0; i < 1000; i++)
		fprintf(out, "{\"record\":\"missing\",\"kind\":\"debuginfo\",\"build_id\":\"%08x\"}\n", i);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(report_read_missing(text, length, &missing), 0);
	assert_int_equal(json_object_array_length(missing), 64);
}

static bool has_field(const struct report_fields *fields, const char *field) {
	for (size_t i = 0; i < fields->n; i++)
		if (streq(fields->fields[i], field))
			return true;
	return false;
}

static struct report_fields fields_of(unsigned revision, const char *records, json_object **ret_report) {
	struct report_input input = whole_input;
	struct report_fields fields;

	input.revision = revision;
	assert_int_equal(report_build(&input, records, strlen(records), ret_report), 0);
	assert_true(report_is_valid(*ret_report));
	dump_report(*ret_report);
	assert_int_equal(report_fields(*ret_report, &fields), 0);
	return fields;
}

static void test_revision(void **state _unused_) {
	_cleanup_free_ char *text = read_source("tests/unit/data/report-recursion.records"), *records = NULL;
	_cleanup_json_ json_object *first = NULL, *second = NULL;
	struct report_fields a, b;
	int64_t revision;

	/* It is not the worker's to say. */
	assert_true(asprintf(&records, "{\"record\":\"core\",\"revision\":9}\n%s", text) > 0);
	a = fields_of(0, records, &first);
	b = fields_of(2, records, &second);

	assert_null(json_get(first, "revision"));
	assert_true(has_field(&a, "MESSAGE_ID=" COREWATCH_MESSAGE_ID_REPORT));
	assert_false(has_field(&a, "COREWATCH_REVISION=2"));
	assert_true(json_get_integer(second, "revision", &revision) && revision == 2);
	assert_true(has_field(&b, "MESSAGE_ID=" COREWATCH_MESSAGE_ID_UPDATED));
	assert_true(has_field(&b, "COREWATCH_REVISION=2"));
	report_fields_done(&a);
	report_fields_done(&b);
}

/* However much a report is shortened, it still says that it is an update. */
static void test_revision_stays_in_a_short_report(void **state _unused_) {
	_cleanup_json_ json_object *report = NULL, *again = NULL;
	struct report_input input = whole_input;
	_cleanup_free_ char *text = read_source("tests/unit/data/report-recursion.records"), *json = NULL;
	bool truncated;

	input.revision = 2;
	assert_int_equal(report_build(&input, text, strlen(text), &report), 0);
	assert_int_equal(report_shorten(report, REPORT_FIELD_MAX, &json, &truncated), 0);
	assert_true(truncated);
	assert_int_equal(report_parse(json, strlen(json), &again), 0);
	assert_non_null(json_get(again, "revision"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing_records),
		cmocka_unit_test(test_missing_records_are_limited),
		cmocka_unit_test(test_revision),
		cmocka_unit_test(test_revision_stays_in_a_short_report),
	};

	return cmocka_run_group_tests_name("report-update", tests, NULL, NULL);
}
