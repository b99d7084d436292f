/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* util/config.c: syntax, complaints with file and line, drop-ins and masks. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "util/config.h"

struct sample {
	bool flag;
	uint64_t time, size;
	unsigned number;
	char *text;
	char **list, **options;
};

static const struct config_range range = { 1, 9 };
static const struct config_item items[] = {
	{ "Main", "Flag", config_parse_bool, offsetof(struct sample, flag), NULL, "yes or no", 0 },
	{ "Main", "Time", config_parse_time, offsetof(struct sample, time), NULL, "a time span", 0 },
	{ "Main", "Size", config_parse_size, offsetof(struct sample, size), NULL, "a size", 0 },
	{ "Main", "Number", config_parse_unsigned, offsetof(struct sample, number), &range, "1 to 9", 0 },
	{ "Main", "Text", config_parse_string, offsetof(struct sample, text), NULL, NULL, 0 },
	{ "Main", "List", config_parse_strv, offsetof(struct sample, list), NULL, NULL, 0 },
	{ "Analyzer *", "*", config_parse_strv, offsetof(struct sample, options), NULL, NULL, 0 },
};

struct fixture {
	char root[64];
	struct sample sample;
	char told[4096];
};

static void complain(const char *file, unsigned line, const char *message, void *userdata) {
	struct fixture *f = userdata;
	size_t n = strlen(f->told);

	snprintf(f->told + n, sizeof(f->told) - n, "%s:%u: %s\n", file + strlen(f->root), line, message);
}

static void put_bytes(struct fixture *f, const char *path, const char *data, size_t length) {
	char full[256];
	FILE *out;

	snprintf(full, sizeof(full), "%s%s", f->root, path);
	for (char *slash = strchr(full + strlen(f->root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		(void)mkdir(full, 0755);
		*slash = '/';
	}
	out = fopen(full, "we");
	assert_non_null(out);
	assert_int_equal(fwrite(data, 1, length, out), length);
	fclose(out);
}

static void put(struct fixture *f, const char *path, const char *text) {
	put_bytes(f, path, text, strlen(text));
}

static int load(struct fixture *f) {
	return config_read(f->root, "corewatch.conf", items, ELEMENTSOF(items), &f->sample, complain, f);
}

static int set_up(void **state) {
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->root, sizeof(f->root), "test-config-XXXXXX");
	if (!mkdtemp(f->root))
		return -1;
	f->sample = (struct sample){ .flag = true, .time = 42, .size = 43, .number = 4 };
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st _unused_, int type _unused_, struct FTW *ftw _unused_) {
	return remove(path);
}

static void free_list(char **list) {
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}

static int tear_down(void **state) {
	struct fixture *f = *state;

	nftw(f->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f->sample.text);
	free_list(f->sample.list);
	free_list(f->sample.options);
	free(f);
	return 0;
}

static void test_values(void **state) {
	struct fixture *f = *state;

	put(f, "/etc/corewatch/corewatch.conf",
	    "# a comment\n; another\n\n[Main]\nFlag=no\n  Time = 1min 30s  \nSize=2G\r\nNumber=9\nText= hello world \nList=a  b\nList=c\n"
	    "[Analyzer frame-size]\nLimit=5\n");
	assert_int_equal(load(f), 0);
	assert_string_equal(f->told, "");
	assert_false(f->sample.flag);
	assert_int_equal(f->sample.time, 90 * USEC_PER_SEC);
	assert_int_equal(f->sample.size, GIB(2));
	assert_int_equal(f->sample.number, 9);
	assert_string_equal(f->sample.text, "hello world");
	assert_string_equal(f->sample.list[2], "c");
	assert_null(f->sample.list[3]);
	assert_string_equal(f->sample.options[0], "5");
}

/* inih would take an indented line as one more value of the key above. */
static void test_indented_lines_are_lines(void **state) {
	struct fixture *f = *state;

	put(f, "/etc/corewatch/corewatch.conf", "[Main]\nList=a\n   Number=7\n\tText=x\n");
	assert_int_equal(load(f), 0);
	assert_string_equal(f->told, "");
	assert_int_equal(f->sample.number, 7);
	assert_string_equal(f->sample.text, "x");
	assert_null(f->sample.list[1]);
}

static void test_empty_value_resets(void **state) {
	struct fixture *f = *state;

	put(f, "/etc/corewatch/corewatch.conf",
	    "[Main]\nNumber=8\nNumber=\nTime=3\nTime=\nFlag=no\nFlag=\nText=x\nText=\nList=a\nList=\nList=b\n");
	assert_int_equal(load(f), 0);
	assert_int_equal(f->sample.number, 4);
	assert_int_equal(f->sample.time, 42);
	assert_true(f->sample.flag);
	assert_null(f->sample.text);
	assert_string_equal(f->sample.list[0], "b");
	assert_null(f->sample.list[1]);
}

static void test_every_bad_line_is_told_and_the_rest_read(void **state) {
	struct fixture *f = *state;
	char text[1024];

	snprintf(text, sizeof(text),
	         "Number=1\n[Main]\njunk\nNumber=77\nNumber=x\nNope=1\n[Bad\nText=%0300d\nNumber=5\n[Other]\nA=1\n", 0);
	put(f, "/etc/corewatch/corewatch.conf", text);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->sample.number, 5);
	assert_null(f->sample.text);
	assert_non_null(
		strstr(f->told, "/etc/corewatch/corewatch.conf:1: \"Number=\" stands before the first [Section]"));
	assert_non_null(strstr(f->told, ":3: neither"));
	assert_non_null(strstr(f->told, ":4: bad value \"77\" for Number= (wanted: 1 to 9)"));
	assert_non_null(strstr(f->told, ":5: bad value \"x\" for Number="));
	assert_non_null(strstr(f->told, ":6: unknown key \"Nope\" in [Main]"));
	assert_non_null(strstr(f->told, ":7: section without \"]\""));
	assert_non_null(strstr(f->told, ":8: line of 305 bytes is too long"));
	assert_null(strstr(f->told, ":9:"));
	assert_non_null(strstr(f->told, ":11: unknown section [Other]"));
}

static void test_odd_bytes(void **state) {
	static const char text[] = "\xef\xbb\xbf[Main]\nNum\0ber=1\nNumber=6";
	struct fixture *f = *state;

	put_bytes(f, "/etc/corewatch/corewatch.conf", text, sizeof(text) - 1);
	assert_int_equal(load(f), 0);
	assert_non_null(strstr(f->told, ":2: line holds a NUL byte"));
	assert_int_equal(f->sample.number, 6);
}

static void test_first_main_file_wins(void **state) {
	struct fixture *f = *state;

	put(f, "/usr/lib/corewatch/corewatch.conf", "[Main]\nNumber=1\nText=vendor\n");
	put(f, "/etc/corewatch/corewatch.conf", "[Main]\nNumber=2\n");
	assert_int_equal(load(f), 0);
	assert_int_equal(f->sample.number, 2);
	assert_null(f->sample.text);
}

static void test_drop_ins_sorted_by_name_after_the_main_file(void **state) {
	struct fixture *f = *state;

	put(f, "/etc/corewatch/corewatch.conf", "[Main]\nNumber=1\nText=main\n");
	put(f, "/etc/corewatch/corewatch.conf.d/10-a.conf", "[Main]\nNumber=2\nText=ten\n");
	put(f, "/usr/lib/corewatch/corewatch.conf.d/20-b.conf", "[Main]\nNumber=3\n");
	put(f, "/etc/corewatch/corewatch.conf.d/99.conf~", "[Main]\nNumber=9\n");
	put(f, "/etc/corewatch/corewatch.conf.d/.99.conf", "[Main]\nNumber=9\n");
	assert_int_equal(load(f), 0);
	assert_int_equal(f->sample.number, 3);
	assert_string_equal(f->sample.text, "ten");
}

static void test_masks(void **state) {
	struct fixture *f = *state;
	char path[256];

	put(f, "/usr/lib/corewatch/corewatch.conf.d/10.conf", "[Main]\nNumber=1\n");
	put(f, "/run/corewatch/corewatch.conf.d/10.conf", "[Main]\nNumber=2\n");
	put(f, "/usr/lib/corewatch/corewatch.conf.d/20.conf", "[Main]\nText=x\n");
	put(f, "/etc/corewatch/corewatch.conf.d/20.conf", "");
	put(f, "/usr/lib/corewatch/corewatch.conf.d/30.conf", "[Main]\nFlag=no\n");
	snprintf(path, sizeof(path), "%s/etc/corewatch/corewatch.conf.d/30.conf", f->root);
	assert_return_code(symlink("/dev/null", path), errno);
	assert_int_equal(load(f), 0);
	assert_int_equal(f->sample.number, 2);
	assert_null(f->sample.text);
	assert_true(f->sample.flag);
	assert_string_equal(f->told, "");
}

static void test_unreadable_file_is_told_and_the_rest_read(void **state) {
	struct fixture *f = *state;
	char path[256];

	put(f, "/etc/corewatch/corewatch.conf.d/20.conf", "[Main]\nNumber=6\n");
	snprintf(path, sizeof(path), "%s/etc/corewatch/corewatch.conf.d/10.conf", f->root);
	assert_return_code(mkdir(path, 0755), errno);
	assert_int_equal(load(f), -EISDIR);
	assert_non_null(strstr(f->told, "/etc/corewatch/corewatch.conf.d/10.conf:0: cannot be read"));
	assert_int_equal(f->sample.number, 6);
}

static void test_nothing_there(void **state) {
	struct fixture *f = *state;

	assert_int_equal(load(f), 0);
	assert_int_equal(f->sample.number, 4);
	assert_int_equal(config_read_file("/nonexistent", items, ELEMENTSOF(items), &f->sample, complain, f), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(test_values),
		TEST(test_indented_lines_are_lines),
		TEST(test_empty_value_resets),
		TEST(test_every_bad_line_is_told_and_the_rest_read),
		TEST(test_odd_bytes),
		TEST(test_first_main_file_wins),
		TEST(test_drop_ins_sorted_by_name_after_the_main_file),
		TEST(test_masks),
		TEST(test_unreadable_file_is_told_and_the_rest_read),
		TEST(test_nothing_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
