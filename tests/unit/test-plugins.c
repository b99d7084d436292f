/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker/plugins: which analyzers are there, in which order, which are on; and plug-ins that are refused. Plug-ins are compiled here by the compiler that built this
 * program (CC, else TEST_CC, else cc).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "worker/plugins.h"

#ifndef TEST_CC
#define TEST_CC "cc"
#endif

static char folder[] = "/tmp/test-plugins-XXXXXX";

static char *in_folder(const char *name) {
	char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	return path;
}

/* NAME.so with one analyzer (or none: name NULL). */
static void build(const char *file, const char *name, unsigned abi, const char *more) {
	_cleanup_free_ char *path = in_folder(file), *command = NULL, *source = NULL;
	const char *cc = getenv("CC") && *getenv("CC") ? getenv("CC") : TEST_CC;
	FILE *f;

	assert_true(asprintf(&source, "%s.c", path) > 0);
	f = fopen(source, "we");
	assert_non_null(f);
	fprintf(f, "#include <corewatch/analyzer.h>\n"
	           "static int run(const struct cw_core *c, struct cw_run *r) { (void)c, (void)r; return 0; }\n"
	           "static int configure(const char *k, const char *v) { return k[0] != 'K' ? -2 : v[0] == '1' ? 0 : -22; }\n");
	if (name)
		fprintf(f, "CW_ANALYZER(x) = { .abi = %u, .name = \"%s\", .summary = \"test\", .run = run, .configure = configure %s };\n", abi, name, more);
	else
		fprintf(f, "extern int (*nobody)(const char *, const char *); int (*nobody)(const char *, const char *) = configure; int (*x)(const struct cw_core *, struct cw_run *) = run;\n");
	fclose(f);
	assert_true(asprintf(&command, "%s -shared -fPIC -I%s/../../../include -o %s %s", cc, TEST_DATA_DIR, path, source) > 0);
	if (system(command) != 0)
		fail_msg("this test needs a C compiler: '%s' failed", command);
	unlink(source);
}

static void drop(const char *file) {
	_cleanup_free_ char *path = in_folder(file);

	assert_int_equal(unlink(path), 0);
}

static bool warned(const struct plugins *p, const char *file, const char *reason) {
	for (size_t i = 0; i < p->n_warnings; i++)
		if (strstr(p->warnings[i], file) && strstr(p->warnings[i], reason))
			return true;
	return false;
}

static const struct plugin *find(const struct plugins *p, const char *name) {
	for (size_t i = 0; i < p->n; i++)
		if (streq(p->list[i].analyzer->name, name))
			return &p->list[i];
	return NULL;
}

static void check_order(const struct plugins *p) {
	for (size_t i = 1; i < p->n; i++) {
		const struct cw_analyzer *a = p->list[i - 1].analyzer, *b = p->list[i].analyzer;
		assert_true(a->priority > b->priority || (a->priority == b->priority && strcmp(a->name, b->name) < 0));
	}
}

static void test_builtin(void **state) {
	struct plugins p;

	(void)state;
	plugins_init(&p);
	assert_true(p.n >= 3);
	check_order(&p);
	assert_non_null(find(&p, "stack-overflow"));
	assert_non_null(find(&p, "signal"));
	assert_non_null(find(&p, "frame-size"));
	for (size_t i = 0; i < p.n; i++) {
		assert_true(p.list[i].enabled);
		assert_int_equal(p.list[i].analyzer->abi, CW_ANALYZER_ABI);
		assert_non_null(p.list[i].analyzer->run);
		assert_true(strspn(p.list[i].analyzer->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(p.list[i].analyzer->name));
	}
	plugins_done(&p);
}

static void test_select(void **state) {
	static char any[] = "*", stacks[] = "stack-*", one[] = "signal", other[] = "frame-?ize", nothing[] = "nothing-of-that-name";
	char *all[] = { any }, *stack[] = { stacks }, *two[] = { one, other }, *none[] = { nothing };
	static const struct {
		size_t n_enable, n_disable;
		bool stack, signal, frame;
	} expected[] = { { 0, 0, true, true, true }, { 1, 0, true, false, false }, { 0, 1, false, true, true }, { 1, 1, false, false, false } };
	struct plugins p;

	(void)state;
	plugins_init(&p);
	for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
		plugins_select(&p, stack, expected[i].n_enable, stack, expected[i].n_disable);
		assert_int_equal(find(&p, "stack-overflow")->enabled, expected[i].stack);
		assert_int_equal(find(&p, "signal")->enabled, expected[i].signal);
		assert_int_equal(find(&p, "frame-size")->enabled, expected[i].frame);
	}
	plugins_select(&p, two, 2, none, 1);
	assert_true(find(&p, "signal")->enabled && find(&p, "frame-size")->enabled);
	assert_false(find(&p, "stack-overflow")->enabled);
	plugins_select(&p, all, 1, all, 1);
	for (size_t i = 0; i < p.n; i++)
		assert_false(p.list[i].enabled);
	plugins_done(&p);
}

static void test_load(void **state) {
	struct plugins p;
	size_t before;

	(void)state;
	build("a.so", "test-a", CW_ANALYZER_ABI, ", .priority = 1000");
	build("b.so", "test-b", CW_ANALYZER_ABI, ", .priority = -1000");
	build("c.so", "test-c", CW_ANALYZER_ABI, "");
	plugins_init(&p);
	before = p.n;
	plugins_load(&p, folder);
	for (size_t i = 0; i < p.n_warnings; i++)
		print_message("# %s\n", p.warnings[i]);
	assert_int_equal(p.n_warnings, 0);
	assert_int_equal(p.n, before + 3);
	check_order(&p);
	assert_string_equal(p.list[0].analyzer->name, "test-a");
	assert_string_equal(p.list[p.n - 1].analyzer->name, "test-b");
	assert_non_null(strstr(find(&p, "test-c")->origin, "/c.so"));
	plugins_done(&p);
	drop("a.so");
	drop("b.so");
	drop("c.so");
}

static void test_refused(void **state) {
	_cleanup_free_ char *writable = in_folder("writable.so"), *link = in_folder("link.so"), *fifo = in_folder("fifo.so");
	_cleanup_free_ char *text = in_folder("text.so"), *sub = in_folder("folder.so");
	struct plugins p;
	size_t before;
	FILE *f;

	(void)state;
	build("abi.so", "test-abi", CW_ANALYZER_ABI + 1, "");
	build("none.so", NULL, 0, "");
	build("duplicate.so", "signal", CW_ANALYZER_ABI, "");
	build("name.so", "Bad Name", CW_ANALYZER_ABI, "");
	build("run.so", "test-run", CW_ANALYZER_ABI, ", .run = 0");
	build("writable.so", "test-writable", CW_ANALYZER_ABI, "");
	build("ignored.txt", "test-ignored", CW_ANALYZER_ABI, "");
	assert_int_equal(chmod(writable, 0664), 0);
	assert_int_equal(symlink("abi.so", link), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(mkdir(sub, 0700), 0);
	f = fopen(text, "we");
	fputs("this is no shared object", f);
	fclose(f);
	plugins_init(&p);
	before = p.n;
	plugins_load(&p, folder);
	assert_int_equal(p.n, before);
	assert_true(warned(&p, "abi.so", "ABI"));
	assert_true(warned(&p, "none.so", "cw_plugin"));
	assert_true(warned(&p, "duplicate.so", "already"));
	assert_true(warned(&p, "name.so", "name"));
	assert_true(warned(&p, "run.so", "run"));
	assert_true(warned(&p, "writable.so", "writable"));
	assert_true(warned(&p, "link.so", "regular file"));
	assert_true(warned(&p, "fifo.so", "regular file"));
	assert_true(warned(&p, "folder.so", "regular file"));
	assert_true(warned(&p, "text.so", "not loaded"));
	assert_int_equal(p.n_warnings, 10);
	plugins_done(&p);
	for (size_t i = 0; i < 7; i++)
		drop((const char *const[]){ "abi.so", "none.so", "duplicate.so", "name.so", "run.so", "writable.so", "ignored.txt" }[i]);
	drop("link.so");
	drop("fifo.so");
	drop("text.so");
	rmdir(sub);
}

/* The folder itself must not be writable by others; one that is not there is nothing to speak of. */
static void test_folder(void **state) {
	struct plugins p;
	size_t before;

	(void)state;
	build("good.so", "test-good", CW_ANALYZER_ABI, "");
	plugins_init(&p);
	before = p.n;
	assert_int_equal(chmod(folder, 0777), 0);
	plugins_load(&p, folder);
	assert_int_equal(p.n, before);
	assert_true(warned(&p, folder, "writable"));
	assert_int_equal(chmod(folder, 0700), 0);
	plugins_load(&p, "/nonexistent/analyzers");
	plugins_load(&p, "/dev/null");
	assert_int_equal(p.n_warnings, 2);
	assert_true(warned(&p, "/dev/null", "not loaded"));
	plugins_done(&p);
	drop("good.so");
}

static void test_configure(void **state) {
	struct plugins p;

	(void)state;
	build("conf.so", "test-conf", CW_ANALYZER_ABI, "");
	plugins_init(&p);
	plugins_load(&p, folder);
	assert_non_null(find(&p, "test-conf"));
	plugins_configure(&p, "test-conf.Key=1");
	assert_int_equal(p.n_warnings, 0);
	plugins_configure(&p, "test-conf.Key=2");
	assert_true(warned(&p, "test-conf", "bad value"));
	plugins_configure(&p, "test-conf.Other=1");
	assert_true(warned(&p, "Other", "no such setting"));
	plugins_configure(&p, "nobody.Key=1");
	assert_true(warned(&p, "nobody", "no such analyzer"));
	plugins_configure(&p, "garbage");
	plugins_configure(&p, "");
	plugins_configure(&p, "=.");
	assert_int_equal(p.n_warnings, 6);
	for (unsigned i = 0; i < 100; i++)
		plugins_configure(&p, "garbage");
	assert_true(p.n_warnings <= ELEMENTSOF(p.warnings));
	plugins_done(&p);
	drop("conf.so");
}

static int set_up(void **state) {
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state) {
	(void)state;
	return rmdir(folder);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin), cmocka_unit_test(test_select), cmocka_unit_test(test_load),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_folder), cmocka_unit_test(test_configure),
	};

	return cmocka_run_group_tests_name("plugins", tests, set_up, tear_down);
}
