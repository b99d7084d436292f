/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report_shorten(): the limit always holds, the result is always a valid report, what must stay stays, and things go in
 * the format's order. */
#include "report-help.h"

static uint64_t seed = 88172645463325252u;

static uint64_t roll(uint64_t below) {
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

/* A text of up to max bytes, with characters of more than one byte and some that JSON has to escape (six bytes for one
 * at the worst is not reached: such are cleaned; '"' and '\' take two). */
static void put_text(FILE *f, size_t max) {
	static const char *const pieces[] = { "a", "é", "漢", "😀", "\\\"", "\\\\", " ", "/", "::", "<T>" };

	fputc('"', f);
	for (size_t n = roll(max + 1), used = 0; used < n; used++)
		fputs(pieces[roll(ELEMENTSOF(pieces))], f);
	fputs("x\"", f);
}

static void put_texts(FILE *f, const char *name, size_t items, size_t max) {
	fprintf(f, ",\"%s\":[", name);
	for (size_t i = 0; i < items; i++) {
		if (i > 0)
			fputc(',', f);
		put_text(f, max);
	}
	fputc(']', f);
}

static void put_finding(FILE *f, size_t scale, const char *id, bool supports) {
	fprintf(f,
	        "{\"record\":\"finding\",\"analyzer\":\"a\",\"id\":\"%s\",\"confidence\":\"certain\",\"summary\":", id);
	put_text(f, scale);
	fputs(",\"detail\":", f);
	put_text(f, scale * 4);
	put_texts(f, "evidence", 1 + roll(scale / 4 + 1), scale);
	fputs(",\"facts\":{\"culprit\":\"f\"", f);
	for (size_t i = 0; i < roll(scale); i++) {
		fprintf(f, ",\"fact%zu\":", i);
		put_text(f, scale);
	}
	fputs("},\"suggestions\":[", f);
	for (size_t i = 0, n = 1 + roll(scale / 8 + 1); i < n; i++) {
		fprintf(f, "%s{\"id\":\"s%zu\",\"text\":", i > 0 ? "," : "", i);
		put_text(f, scale);
		fputs(",\"command\":", f);
		put_text(f, scale);
		fputc('}', f);
	}
	fprintf(f, "]%s}\n", supports ? ",\"supports\":true" : "");
}

static void put_frames(FILE *f, size_t n, size_t scale) {
	for (size_t i = 0; i < n; i++) {
		fprintf(f,
		        "{\"record\":\"frame\",\"index\":%zu,\"pc\":\"0x%zx\",\"cfa\":\"0x7fff%zx\",\"bytes\":%zu,"
		        "\"count\":%zu,\"function\":",
		        i, i + 1, i, i * 16, 1 + (size_t)roll(3));
		put_text(f, scale);
		fputs(",\"file\":\"/src/", f);
		for (size_t k = 0; k < roll(scale + 1); k++)
			fputs("dir/", f);
		fputs("f.c\",\"line\":3,\"module\":\"/usr/lib/m.so\",\"inlined\":[{\"function\":", f);
		put_text(f, scale);
		fputs("}]}\n", f);
	}
}

/* Grows with scale in every direction, each direction by chance. */
static json_object *random_report(size_t scale) {
	_cleanup_free_ char *text = NULL;
	size_t length;
	FILE *f = open_memstream(&text, &length);

	fputs("{\"record\":\"process\",\"pid\":7,\"command\":\"rec\",\"executable\":{\"path\":", f);
	put_text(f, scale * 8);
	fputs("}}\n{\"record\":\"crash\",\"signal\":{\"number\":11,\"name\":\"SIGSEGV\",\"description\":", f);
	put_text(f, scale);
	fputs("},\"fault\":{\"source\":\"siginfo\",\"pc\":\"0x1\",\"address\":\"0x2\",\"region\":{\"kind\":\"heap\","
	      "\"name\":",
	      f);
	put_text(f, scale * 4);
	fputs(",\"before\":{\"start\":\"0x1\",\"end\":\"0x2\",\"distance\":3}},\"instruction\":{\"address\":\"0x1\","
	      "\"text\":",
	      f);
	put_text(f, scale);
	fputs("}},\"thread\":{\"id\":7,\"name\":\"main\"},\"registers\":{", f);
	for (int i = 0; i < 24; i++)
		fprintf(f, "%s\"r%d\":\"0x%016d\"", i > 0 ? "," : "", i, i + 1);
	fputs("}}\n{\"record\":\"stack\",\"bounds\":{\"kind\":\"main\",\"low\":\"0x1000\",\"high\":\"0x2000\","
	      "\"source\":",
	      f);
	put_text(f, scale);
	fputs("},\"frame_count\":1,\"by_function\":[{\"function\":\"f\",\"count\":1,\"bytes\":2}", f);
	for (size_t i = 0; i < roll(scale); i++) {
		fputs(",{\"function\":", f);
		put_text(f, scale);
		fputs(",\"count\":1,\"bytes\":1}", f);
	}
	fputs("],\"cycle\":{\"functions\":[\"f\"],\"count\":3,\"bytes\":9}}\n", f);
	put_frames(f, roll(scale * 4 + 1), scale);
	for (size_t i = 0; i < roll(scale); i++) {
		fprintf(f,
		        "{\"record\":\"thread\",\"id\":%zu,\"name\":\"t\",\"stack\":{\"frame_count\":2,\"frames\":[{"
		        "\"pc\":\"0x1\",\"function\":",
		        i + 8);
		put_text(f, scale);
		fputs("}]}}\n", f);
	}
	for (size_t i = 0; i < roll(scale); i++) {
		fputs("{\"record\":\"module\",\"path\":", f);
		put_text(f, scale);
		fputs("}\n{\"record\":\"warning\",\"stage\":\"s\",\"message\":", f);
		put_text(f, scale);
		fputs("}\n{\"record\":\"memory\",\"start\":\"0x1\",\"end\":\"0x2\",\"kind\":\"heap\"}\n", f);
	}
	put_finding(f, scale, "stack-overflow", false);
	for (size_t i = 0; i < roll(scale / 8 + 1); i++)
		put_finding(f, scale, "other", roll(2) == 0);
	fclose(f);
	return build_from(&whole_input, text, length);
}

static json_object *parse_valid(const char *json) {
	json_object *report;

	assert_int_equal(report_parse(json, strlen(json), &report), 0);
	dump_report(report);
	return report;
}

static void test_always_fits_and_keeps(void **state _unused_) {
	static const size_t limits[] = { REPORT_FIELD_MAX, REPORT_FIELD_MAX, REPORT_FIELD_MAX, 8192, 3584 };

	for (size_t round = 0; round < 600; round++) {
		size_t max = limits[round % ELEMENTSOF(limits)];
		_cleanup_json_ json_object *report = random_report(1 + round / 5), *shortened = NULL;
		_cleanup_free_ char *json = NULL;
		bool truncated;

		assert_int_equal(report_shorten(report, max, &json, &truncated), 0);
		assert_in_range(strlen(json), 1, max);
		shortened = parse_valid(json);
		assert_int_equal(json_get_true(shortened, "truncated"), truncated);
		assert_member(shortened, "verdict.id", "stack-overflow");
		assert_member(shortened, "verdict.confidence", "certain");
		assert_true(json_get_count(shortened, "verdict.evidence") >= 1);
		assert_true(json_get_count(shortened, "verdict.suggestions") >= 1);
		assert_member(shortened, "crash.fault.source", "siginfo");
		assert_member(shortened, "crash.fault.address", "0x2");
		assert_member(shortened, "stack.bounds.low", "0x1000");
		assert_member(json_object_array_get_idx(json_get(shortened, "stack.by_function"), 0), "function", "f");
		assert_true(json_get_count(shortened, "findings") >= 1);
		/* The original is as it was. */
		assert_false(json_get_true(report, "truncated"));
	}
}

static void test_short_ones_stay(void **state _unused_) {
	_cleanup_json_ json_object *report = build_text("");
	_cleanup_free_ char *json = NULL;
	bool truncated = true;

	assert_int_equal(report_shorten(report, REPORT_FIELD_MAX, &json, &truncated), 0);
	assert_false(truncated);
	assert_string_equal(json, report_to_json(report, false, NULL));
}

/* Down from the whole size, each step's victim must not go before the one that the format names before it. */
static void test_order(void **state _unused_) {
	_cleanup_free_ char *handler = read_source("tests/unit/data/report-handler.records"), *text = NULL;
	_cleanup_json_ json_object *report = NULL;
	size_t length, whole;
	FILE *f = open_memstream(&text, &length);

	/* More records, before the last one. */
	*strstr(handler, "{\"record\":\"end\"") = 0;
	fputs(handler, f);
	fputs("{\"record\":\"module\",\"path\":\"/usr/lib/unused.so\"}\n{\"record\":\"module\",\"path\":\"/srv/gateway/"
	      "bin/gateway\"}\n",
	      f);
	fputs("{\"record\":\"memory\",\"start\":\"0x1\",\"end\":\"0x2\",\"kind\":\"heap\"}\n", f);
	put_frames(f, 30, 4);
	fclose(f);
	report = build_from(&whole_input, text, length);
	whole = strlen(report_to_json(report, false, NULL));
	for (size_t max = whole; max > 3500; max -= 16) {
		_cleanup_free_ char *json = NULL;
		_cleanup_json_ json_object *s = NULL;
		bool truncated, threads, modules, memory, inlined, frames, paths;

		assert_int_equal(report_shorten(report, max, &json, &truncated), 0);
		assert_in_range(strlen(json), 1, max);
		s = parse_valid(json);
		threads = strstr(json, "epoll_wait") != NULL;
		modules = strstr(json, "unused.so") != NULL;
		memory = json_get(s, "memory") != NULL;
		inlined = strstr(json, "\"inlined\"") != NULL;
		frames = !json_get(s, "stack.frames_omitted");
		paths = strstr(json, "\"/src/") != NULL || strstr(json, "src/session.rs") != NULL;
		assert_true(!threads || modules);
		assert_true(!modules || memory);
		assert_true(!memory || inlined);
		assert_true(!inlined || frames);
		assert_true(!frames || paths);
	}
}

static void test_omitted_frames_add_up(void **state _unused_) {
	_cleanup_free_ char *text = NULL, *json = NULL;
	_cleanup_json_ json_object *report = NULL, *s = NULL;
	size_t length, kept = 0;
	int64_t omitted, count;
	bool truncated;
	FILE *f = open_memstream(&text, &length);

	for (int i = 0; i < 200; i++)
		fprintf(f,
		        "{\"record\":\"frame\",\"index\":%d,\"pc\":\"0x%x\",\"count\":5,\"function\":\"function_%d\"}"
		        "\n",
		        i * 5, i + 1, i);
	fclose(f);
	report = build_from(&whole_input, text, length);
	assert_int_equal(report_shorten(report, REPORT_FIELD_MAX, &json, &truncated), 0);
	s = parse_valid(json);
	for (size_t i = 0; i < json_get_count(s, "stack.frames"); i++) {
		assert_true(
			json_get_integer(json_object_array_get_idx(json_get(s, "stack.frames"), i), "count", &count));
		kept += (size_t)count;
	}
	assert_true(json_get_integer(s, "stack.frames_omitted", &omitted));
	assert_int_equal(kept + (size_t)omitted, 1000);
	/* Innermost and outermost are there. */
	assert_non_null(strstr(json, "\"function_0\""));
	assert_non_null(strstr(json, "\"function_199\""));
}

/* Where a handler ran, its frames are not what is kept. */
static void test_fault_survives_a_handler(void **state _unused_) {
	_cleanup_free_ char *text = NULL, *json = NULL;
	_cleanup_json_ json_object *report = NULL, *s = NULL;
	size_t length, kept;
	int64_t omitted;
	bool truncated;
	FILE *f = open_memstream(&text, &length);

	fputs("{\"record\":\"crash\",\"signal\":{\"number\":6,\"name\":\"SIGABRT\"},\"fault\":{\"source\":\"signal-"
	      "frame\",\"pc\":\"0x3c\"}}\n",
	      f);
	for (int i = 0; i < 120; i++)
		fprintf(f, "{\"record\":\"frame\",\"index\":%d,\"pc\":\"0x%x\",\"function\":\"%s_%d\"%s}\n", i, i + 1,
		        i < 58 ? "handler" : "function", i, i == 58 ? ",\"signal_frame\":true" : "");
	fclose(f);
	report = build_from(&whole_input, text, length);
	assert_int_equal(report_shorten(report, REPORT_FIELD_MAX, &json, &truncated), 0);
	s = parse_valid(json);
	kept = json_get_count(s, "stack.frames");
	assert_in_range(kept, 2, 119);
	assert_true(json_get_integer(s, "stack.frames_omitted", &omitted));
	assert_int_equal(kept + (size_t)omitted, 120);
	assert_non_null(strstr(json, "\"function_59\""));
	assert_non_null(strstr(json, "\"function_119\""));
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_always_fits_and_keeps),
		cmocka_unit_test(test_short_ones_stay),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_omitted_frames_add_up),
		cmocka_unit_test(test_fault_survives_a_handler),
	};

	return cmocka_run_group_tests_name("report-shorten", tests, NULL, NULL);
}
