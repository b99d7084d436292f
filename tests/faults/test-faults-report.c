/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report/ when memory ends at any moment: building, shortening, telling, rendering and reading back a report. Either
 * the result is the one that it would have been, to the letter, or it is -ENOMEM; never half a report, and nothing is
 * left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../unit/report-help.h"
#include "inject.h"

/* Bytes that the fixtures do not fit into as they are. */
#define SHORT 2500

struct data {
	const char *records;
	char *expected[8]; /* of the undisturbed run, by step */
};

/* The same text as undisturbed; kept when it is the first. */
static void same(struct data *d, size_t step, const char *text) {
	inject_pause();
	assert_non_null(text);
	if (!d->expected[step])
		d->expected[step] = strdup(text);
	else if (!streq(text, d->expected[step])) {
		size_t n = 0;
		while (text[n] == d->expected[step][n])
			n++;
		fail_msg("\"%.80s\" instead of \"%.80s\"", text + n, d->expected[step] + n);
	}
	inject_resume();
}

static int clean_error(bool fault, int r) {
	inject_pause();
	if (r != -ENOMEM || !fault || !inject_happened())
		fail_msg("%s (fault %d, happened %d)", strerror(-r), fault, inject_happened());
	inject_resume();
	return r;
}

static int build(struct data *d, json_object **ret) {
	return report_build(&whole_input, d->records, strlen(d->records), ret);
}

static int check_build(bool fault, void *userdata) {
	_cleanup_json_ json_object *report = NULL;
	struct data *d = userdata;
	int r = build(d, &report);

	if (r < 0) {
		assert_null(report);
		return clean_error(fault, r);
	}
	inject_pause();
	same(d, 0, report_to_json(report, false, NULL));
	inject_pause();
	return 0;
}

/* The other steps start from a report that is whole. */
static json_object *whole(struct data *d) {
	json_object *report;

	inject_pause();
	assert_int_equal(build(d, &report), 0);
	inject_resume();
	return report;
}

static int check_json(bool fault, void *userdata) {
	struct data *d = userdata;
	_cleanup_json_ json_object *report = whole(d);
	const char *json = report_to_json(report, true, NULL);

	if (!json)
		return clean_error(fault, -ENOMEM);
	same(d, 1, json);
	return 0;
}

static int check_shorten(bool fault, void *userdata) {
	struct data *d = userdata;
	_cleanup_json_ json_object *report = whole(d);
	_cleanup_free_ char *json = NULL;
	json_object *again;
	bool truncated;
	int r = report_shorten(report, SHORT, &json, &truncated);

	if (r < 0)
		return clean_error(fault, r);
	if (!fault) {
		same(d, 2, json);
		assert_true(truncated && strlen(json) <= SHORT);
		return 0;
	}
	/* What could not be measured counts as too long: more may be missing, but it is a report. */
	inject_pause();
	assert_true(strlen(json) <= SHORT);
	assert_int_equal(report_parse(json, strlen(json), &again), 0);
	json_object_put(again);
	inject_resume();
	return 0;
}

static int check_message(bool fault, void *userdata) {
	struct data *d = userdata;
	_cleanup_json_ json_object *report = whole(d);
	_cleanup_free_ char *message = NULL;
	int r = report_message(report, &message);

	if (r < 0)
		return clean_error(fault, r);
	same(d, 3, message);
	return 0;
}

static int check_fields(bool fault, void *userdata) {
	struct data *d = userdata;
	_cleanup_json_ json_object *report = whole(d);
	_cleanup_free_ char *all = NULL;
	struct report_fields fields;
	int r = report_fields(report, &fields);

	if (r < 0)
		return clean_error(fault, r);
	inject_pause();
	for (size_t i = 0; i < fields.n; i++) {
		char *longer;
		assert_true(asprintf(&longer, "%s%s\n", all ? all : "", fields.fields[i]) > 0);
		free(all);
		all = longer;
	}
	assert_null(fields.fields[fields.n]);
	report_fields_done(&fields);
	same(d, 4, all);
	return 0;
}

static int check_text(bool fault, void *userdata) {
	struct data *d = userdata;
	_cleanup_json_ json_object *report = whole(d);
	char text[16384] = "";
	FILE *out;
	int r;

	inject_pause();
	out = fmemopen(text, sizeof(text), "w");
	assert_non_null(out);
	inject_resume();
	r = report_render_text(report, &(struct report_style){ .utf8 = true }, out);
	inject_pause();
	fclose(out);
	inject_resume();
	if (r < 0)
		return clean_error(fault, r);
	same(d, 5, text);
	return 0;
}

static int check_parse(bool fault, void *userdata) {
	_cleanup_json_ json_object *report = NULL;
	struct data *d = userdata;
	int r;

	inject_pause();
	if (!d->expected[0])
		(void)check_build(false, d);
	inject_resume();
	r = report_parse(d->expected[0], strlen(d->expected[0]), &report);
	if (r < 0)
		return clean_error(fault, r);
	inject_pause();
	same(d, 0, report_to_json(report, false, NULL));
	return 0;
}

static void each_step(const char *name) {
	static const struct { const char *name; inject_scenario scenario;
	} steps[] = {
		{ "build", check_build },
		{ "json", check_json },
		{ "shorten", check_shorten },
		{ "message", check_message },
		{ "fields", check_fields },
		{ "text", check_text },
		{ "parse", check_parse },
	};
	_cleanup_free_ char *path = NULL, *records = NULL;
	struct data d = {};

	assert_true(asprintf(&path, "tests/unit/data/%s", name) > 0);
	records = read_source(path);
	d.records = records;
	for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
		unsigned n = inject_each(INJECT_MEMORY, 0, steps[i].scenario, &d);

		print_message("# %s of %s: %u allocations failed\n", steps[i].name, name, n);
		assert_true(n > 0);
	}
	for (size_t i = 0; i < ELEMENTSOF(d.expected); i++)
		free(d.expected[i]);
}

static void test_recursion(void **unused) {
	(void)unused;
	each_step("report-recursion.records");
}

static void test_handler(void **unused) {
	(void)unused;
	each_step("report-handler.records");
}

int main(void) {
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_recursion), cmocka_unit_test(test_handler) };

	return cmocka_run_group_tests_name("faults-report", tests, NULL, NULL);
}
