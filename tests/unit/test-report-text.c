/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What people and journals get of a report, and read back: the message, the fields, the text. Texts are compared with golden files;
 * after a wanted change of the layout, run with REPORT_GOLDEN_UPDATE=1 and read the difference.
 */
#include "report-help.h"

#include "report/names.h"

static void assert_message(json_object *report, const char *expected) {
	_cleanup_free_ char *message = NULL;

	assert_int_equal(report_message(report, &message), 0);
	assert_string_equal(message, expected);
}

static void test_message(void **state _unused_) {
	_cleanup_json_ json_object *recursion = build_fixture("report-recursion.records"),
				   *handler = build_fixture("report-handler.records"), *bare = build_text("");

	assert_message(recursion,
	               "rec[2860] SIGSEGV: stack overflow in thread main: f() recursed 2036 times (rec.c:7)");
	assert_message(handler, "gateway[4711] SIGSEGV: null pointer dereference: read of 8 bytes at 0x10 in thread "
	                        "tokio-runtime-w in gateway::buffer::Ring::peek (buffer.rs:42)");
	_cleanup_json_ json_object *generic = build_text(
		"{\"record\":\"frame\",\"pc\":\"0x1\",\"function\":\"raise\",\"file\":\"raise.c\",\"line\":1}\n"
		"{\"record\":\"frame\",\"pc\":\"0x2\",\"function\":\"ws::Machine<S<T>>::round\",\"file\":\"/w/"
	        "m.rs\",\"line\":9}\n"
		"{\"record\":\"finding\",\"analyzer\":\"a\",\"id\":\"x\",\"confidence\":\"likely\",\"summary\":\"too "
	        "deep\",\"facts\":{\"culprit\":\"ws::Machine::round\"}}\n");

	assert_message(generic, "process SIGUNKNOWN: too deep in ws::Machine::round (m.rs:9)");
	assert_message(bare, "process SIGUNKNOWN: the process crashed, and nothing could be shown about why");
}

/* Every part as long as it can be, of characters that take up to four bytes. */
static void test_message_is_short(void **state _unused_) {
	static const char *const fill[] = { "x", "é", "漢", "😀", "\x1b", "\xff" };

	for (size_t i = 0; i < ELEMENTSOF(fill); i++)
		for (size_t n = 0; n < 400; n += 13) {
			_cleanup_free_ char *s = calloc(n + 1, 4), *text = NULL, *message = NULL;
			_cleanup_json_ json_object *report = NULL;

			for (size_t k = 0; k < n; k++)
				strcat(s, fill[i][0] == 0x1b ? "?" : fill[i]);
			assert_true(asprintf(&text,
			                     "{\"record\":\"process\",\"command\":\"a%s\"}\n{\"record\":\"crash\","
			                     "\"signal\":{\"number\":11,\"name\":\"SIGSEGV\"},\"thread\":{\"name\":\"t%"
			                     "s\"}}\n"
			                     "{\"record\":\"thread\",\"id\":1}\n{\"record\":\"thread\",\"id\":2}\n"
			                     "{\"record\":\"frame\",\"pc\":\"0x1\",\"function\":\"f%s\",\"file\":\"/s/"
			                     "%s.c\",\"line\":2147483647}\n"
			                     "{\"record\":\"finding\",\"analyzer\":\"a\",\"id\":\"x\",\"confidence\":"
			                     "\"certain\",\"summary\":\"s%s\"}\n",
			                     s, s, s, s, s) > 0);
			report = build_text(text);
			assert_int_equal(report_message(report, &message), 0);
			assert_in_range(strlen(message), 1, REPORT_MESSAGE_MAX);
			/* Clean and whole characters: what is cleaned again stays the same. */
			json_object *again = json_new_clean_string(message, strlen(message), 4096);
			assert_string_equal(json_object_get_string(again), message);
			json_object_put(again);
		}
}

static const char *field(const struct report_fields *fields, const char *name) {
	size_t n = strlen(name);

	for (size_t i = 0; i < fields->n; i++)
		if (strncmp(fields->fields[i], name, n) == 0 && fields->fields[i][n] == '=')
			return fields->fields[i] + n + 1;
	return NULL;
}

static void assert_well_formed(const struct report_fields *fields) {
	assert_null(fields->fields[fields->n]);
	for (size_t i = 0; i < fields->n; i++) {
		const char *f = fields->fields[i], *value = strchr(f, '=');
		size_t n = (size_t)(value - f);

		assert_non_null(value);
		assert_int_equal(strspn(f, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), n);
		assert_true(f[0] != '_' && value[1] != 0);
		for (const char *p = value + 1; *p; p++)
			assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
		if (strncmp(f, "COREWATCH_REPORT_FULL=", 22) != 0)
			assert_true(strlen(f) < 4096);
		for (size_t k = 0; k < i; k++)
			assert_true(strncasecmp(fields->fields[k], f, n + 1) != 0);
	}
}

static void test_fields(void **state _unused_) {
	static const struct {
		const char *name, *value;
	} expected[] = {
		{ "MESSAGE", "rec[2860] SIGSEGV: stack overflow in thread main: f() recursed 2036 times (rec.c:7)" },
		{ "MESSAGE_ID", COREWATCH_MESSAGE_ID_REPORT },
		{ "PRIORITY", "2" },
		{ "SYSLOG_IDENTIFIER", "corewatch" },
		{ "COREWATCH_SCHEMA", "1" },
		{ "COREWATCH_VERDICT", "stack-overflow" },
		{ "COREWATCH_CONFIDENCE", "certain" },
		{ "COREWATCH_SEEN", "12" },
		{ "COREWATCH_EXE", "/home/ada/rec" },
		{ "COREWATCH_COMM", "rec" },
		{ "COREWATCH_PID", "2860" },
		{ "COREWATCH_UID", "1000" },
		{ "COREWATCH_SIGNAL_NAME", "SIGSEGV" },
		{ "COREWATCH_FUNCTION", "f" },
		{ "COREWATCH_FILE", "/home/ada/rec.c" },
		{ "COREWATCH_LINE", "7" },
		{ "COREWATCH_BUILD_ID", "5f1c2d3e4b5a69788796a5b4c3d2e1f001122334" },
		{ "COREWATCH_THREAD", "main" },
	};
	_cleanup_json_ json_object *report = build_fixture("report-recursion.records"), *full = NULL;
	struct report_fields fields;

	assert_int_equal(report_set_seen(report, 12, 0), 0);
	assert_int_equal(report_fields(report, &fields), 0);
	assert_well_formed(&fields);
	for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
		const char *value = field(&fields, expected[i].name);

		if (!value)
			fail_msg("no field %s", expected[i].name);
		assert_string_equal(value, expected[i].value);
	}
	assert_in_range(strlen(field(&fields, "COREWATCH_REPORT")), 1, REPORT_FIELD_MAX);
	assert_int_equal(report_parse(field(&fields, "COREWATCH_REPORT_FULL"),
	                              strlen(field(&fields, "COREWATCH_REPORT_FULL")), &full),
	                 0);
	assert_true(json_object_equal(full, report));
	report_fields_done(&fields);
}

static void test_fields_of_nothing(void **state _unused_) {
	_cleanup_json_ json_object *report = build_text("");
	struct report_fields fields;

	assert_int_equal(report_fields(report, &fields), 0);
	assert_well_formed(&fields);
	assert_string_equal(field(&fields, "MESSAGE_ID"), COREWATCH_MESSAGE_ID_FAILED);
	assert_null(field(&fields, "COREWATCH_EXE"));
	assert_null(field(&fields, "COREWATCH_REPORT_FULL"));
	report_fields_done(&fields);
}

static void test_fields_of_hostile_names(void **state _unused_) {
	static const char text[] = "{\"record\":\"process\",\"command\":\"\\u001b[2J\\nMESSAGE=x\",\"executable\":{"
	                           "\"path\":\"/\\r\\n\\u0000=\"}}\n";
	_cleanup_json_ json_object *report = build_text(text);
	struct report_fields fields;

	assert_int_equal(report_fields(report, &fields), 0);
	assert_well_formed(&fields);
	report_fields_done(&fields);
}

static void test_read_back(void **state _unused_) {
	static const char *const bad[] = {
		"",         "{}", "[]", "{\"schema\":\"corewatch.report/2\"}", "{\"schema\":\"corewatch.report/1\"}",
		"nonsense",
	};
	_cleanup_json_ json_object *report = build_fixture("report-handler.records"), *again = NULL;
	size_t length;
	const char *json = report_to_json(report, false, &length);
	_cleanup_free_ char *spoilt = strdup(json), *escape = NULL;

	assert_int_equal(report_parse(json, length, &again), 0);
	assert_true(json_object_equal(report, again));
	for (size_t i = 0; i < ELEMENTSOF(bad); i++)
		assert_int_equal(report_parse(bad[i], strlen(bad[i]), &again), -EBADMSG);
	/* Half a report, and one with an escape sequence in a member that nobody knows. */
	assert_int_equal(report_parse(json, length / 2, &again), -EBADMSG);
	spoilt[length - 1] = 0;
	assert_true(asprintf(&escape, "%s,\"new\":{\"a\":\"\\u009b31m\"}}", spoilt) > 0);
	json_object_put(again);
	again = NULL;
	assert_int_equal(report_parse(escape, strlen(escape), &again), -EBADMSG);
}

static void test_seen(void **state _unused_) {
	_cleanup_json_ json_object *report = build_fixture("report-handler.records");

	assert_int_equal(report_set_seen(report, 3, UINT64_C(1795348698123456)), 0);
	assert_number(report, "fingerprint.seen", 3);
	assert_member(report, "fingerprint.first_seen", "2026-11-22T11:58:18.123456Z");
	assert_true(report_is_valid(report));
	dump_report(report);
}

/* ── the text ── */

static char *render(json_object *report, bool color, bool utf8, unsigned width) {
	const struct report_style style = { .color = color, .utf8 = utf8, .width = width };
	char *text;
	size_t length;
	FILE *f = open_memstream(&text, &length);

	assert_int_equal(report_render_text(report, &style, f), 0);
	fclose(f);
	return text;
}

static void assert_golden(const char *name, const char *text) {
	_cleanup_free_ char *path = NULL, *expected = NULL;

	assert_true(asprintf(&path, "tests/unit/data/%s", name) > 0);
	if (getenv("REPORT_GOLDEN_UPDATE")) {
		_cleanup_free_ char *whole = source_path(path);
		_cleanup_fclose_ FILE *f = fopen(whole, "we");

		assert_non_null(f);
		fputs(text, f);
		return;
	}
	expected = read_source(path);
	assert_string_equal(text, expected);
}

static void test_golden(void **state _unused_) {
	static const struct {
		const char *records, *golden;
		bool color, utf8;
		unsigned width;
	} cases[] = {
		{ "report-recursion.records", "report-recursion.txt", false, true, 100 },
		{ "report-recursion.records", "report-recursion-color.txt", true, true, 80 },
		{ "report-handler.records", "report-handler.txt", false, true, 120 },
		{ "report-handler.records", "report-handler-ascii.txt", false, false, 80 },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_json_ json_object *report = build_fixture(cases[i].records);
		_cleanup_free_ char *text = render(report, cases[i].color, cases[i].utf8, cases[i].width);

		assert_golden(cases[i].golden, text);
	}
}

static void test_ascii_is_ascii(void **state _unused_) {
	_cleanup_json_ json_object *report = build_text("{\"record\":\"process\",\"command\":\"naïve漢😀\"}\n");
	_cleanup_free_ char *text = render(report, false, false, 0);

	for (const char *p = text; *p; p++)
		assert_true((*p >= 0x20 && *p < 0x7f) || *p == '\n');
	assert_non_null(strstr(text, "na?ve??"));
}

static void test_names(void **state _unused_) {
	static const char *const names[][2] = {
		{ "f", "f" },
		{ "main", "main" },
		{ "runtime.(*mcache).refill", "runtime.(*mcache).refill" },
		{ "main.(*server).handle.func1", "main.(*server).handle.func1" },
		{ "f(int, char const*)", "f" },
		{ "f(int, char const*) [clone .isra.0]", "f" },
		{ "ns::C::g() const", "ns::C::g" },
		{ "ns::operator()(int)", "ns::operator()(int)" },
		{ "bool std::operator<< <char>(int)", "std::operator<< <char>" },
		{ "bool std::regex_match<__gnu_cxx::__normal_iterator<char const*> >(int)", "std::regex_match<…>" },
		{ "std::vector<int, std::allocator<int> >::push_back(int const&)", "std::vector<…>::push_back" },
		{ "wsmini::Machine<S>::round", "wsmini::Machine<S>::round" },
		{ "<alloc::boxed::Box<dyn core::ops::FnOnce<()>> as core::ops::FnOnce<()>>::call_once",
		  "<alloc::boxed::Box<…> as core::ops::FnOnce<()>>::call_once" },
		{ "f::{lambda(int)#1}::operator()(int) const", "f::{lambda(int)#1}::operator()(int) const" },
		{ "<<<", "<<<" },
		{ "(((", "(((" },
		{ "a)))", "a)))" },
		{ "a<b", "a<b" },
		{ "", "" },
		{ "void (*f(int))(char)", "(*f(int))" },
	};

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		_cleanup_free_ char *name = name_for_people(names[i][0]);

		assert_string_equal(name, names[i][1]);
	}
}

static size_t count_lines(const char *text, const char *needle) {
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, needle)); p++)
		n++;
	return n;
}

static void test_long_stacks_are_folded(void **state _unused_) {
	_cleanup_free_ char *records = NULL, *text = NULL;
	_cleanup_json_ json_object *report = NULL;
	size_t length;
	FILE *f = open_memstream(&records, &length);

	for (int i = 0; i < 4000; i++)
		fprintf(f, "{\"record\":\"frame\",\"index\":%d,\"pc\":\"0x%x\",\"function\":\"function_%d\"}\n", i,
		        i + 1, i);
	fclose(f);
	report = build_from(&whole_input, records, length);
	text = render(report, false, true, 100);
	assert_int_equal(count_lines(text, "function_"), 30);
	assert_non_null(strstr(text, "… 3 970 more frames"));
	assert_non_null(strstr(text, "function_0\n"));
	assert_non_null(strstr(text, "function_3999"));
}

/* Reports that were valid once and are torn apart: rendering reads what is there and never more. */
static void test_render_of_torn_reports(void **state _unused_) {
	static const char *const paths[] = {
		"verdict",  "crash", "process", "stack", "findings",  "fingerprint",
		"warnings", "core",  "threads", "time",  "generator", "modules",
	};
	static const char *const values[] = { "null",
		                              "[]",
		                              "{}",
		                              "7",
		                              "\"x\"",
		                              "[null,1,\"x\",{},[]]",
		                              "{\"frames\":[null,{},3],\"bounds\":[],\"by_function\":[1,{},{}]}" };

	for (size_t i = 0; i < ELEMENTSOF(paths); i++)
		for (size_t k = 0; k < ELEMENTSOF(values); k++) {
			_cleanup_json_ json_object *report = build_fixture("report-handler.records");
			_cleanup_free_ char *text = NULL, *message = NULL, *json = NULL;
			struct report_fields fields;
			bool truncated;

			json_object_object_add(report, paths[i], json_tokener_parse(values[k]));
			text = render(report, true, true, 60);
			assert_non_null(strchr(text, '\n'));
			assert_int_equal(report_message(report, &message), 0);
			assert_int_equal(report_shorten(report, 1, &json, &truncated), 0);
			assert_int_equal(report_fields(report, &fields), 0);
			report_fields_done(&fields);
		}
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_message_is_short),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_fields_of_nothing),
		cmocka_unit_test(test_fields_of_hostile_names),
		cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_seen),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_ascii_is_ascii),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_long_stacks_are_folded),
		cmocka_unit_test(test_render_of_torn_reports),
	};

	return cmocka_run_group_tests_name("report-text", tests, NULL, NULL);
}
