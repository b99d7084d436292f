/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon/config.c against conf/corewatch.conf: every key that the file shows exists, and what it calls the default is
 * the default.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "daemon/config.h"
#include "util/io.h"
#include "util/log.h"

static char root[] = "test-daemon-config-XXXXXX", file[128], told[128];

static void put(const char *text) {
	FILE *out = fopen(file, "we");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

/* Loads with standard error in a file, and gives that back. */
static char *load(struct config **ret_config) {
	_cleanup_close_ int saved = dup(STDERR_FILENO), fd = open(told, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char *text;
	size_t length;
	int r;

	assert_true(saved >= 0 && fd >= 0);
	dup2(fd, STDERR_FILENO);
	r = config_load(root, ret_config);
	dup2(saved, STDERR_FILENO);
	assert_int_equal(r, 0);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(read_whole(fd, 65536, &text, &length), 0);
	return text;
}

static int set_up(void **state _unused_) {
	char path[128];

	if (!mkdtemp(root))
		return -1;
	snprintf(path, sizeof(path), "%s/etc", root);
	(void)mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/etc/corewatch", root);
	(void)mkdir(path, 0755);
	snprintf(file, sizeof(file), "%s/etc/corewatch/corewatch.conf", root);
	snprintf(told, sizeof(told), "%s/told", root);
	return 0;
}

static int tear_down(void **state _unused_) {
	char path[128];

	unlink(file);
	unlink(told);
	for (const char *const *p = (const char *const[]){ "/etc/corewatch", "/etc", "", NULL }; *p; p++) {
		snprintf(path, sizeof(path), "%s%s", root, *p);
		rmdir(path);
	}
	return 0;
}

/* The shipped file with "#Key=value" made "Key=value"; keys without a value keep their default anyway. */
static char *uncommented(void) {
	const char *srcdir = getenv("srcdir");
	_cleanup_close_ int fd = -EBADF;
	char path[4096], *text, *out, *to;
	size_t length;
	unsigned keys = 0;

	snprintf(path, sizeof(path), "%s/conf/corewatch.conf", srcdir ? srcdir : ".");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	assert_int_equal(read_whole(fd, 65536, &text, &length), 0);
	out = to = calloc(1, length + 2);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		bool key = *line == '#' && line[1] >= 'A' && line[1] <= 'Z' && strchr(line, '=');
		bool section = str_has_prefix(line, "#[");

		keys += key;
		to += sprintf(to, "%s\n", line + (key || section));
	}
	assert_int_equal(
		keys,
		23); /* as many as the table has, and one of an analyzer's: whoever adds a key adds it to the file */
	free(text);
	return out;
}

static void test_shipped_file_is_the_defaults(void **state _unused_) {
	_cleanup_(config_freep) struct config *defaults = NULL, *shipped = NULL;
	_cleanup_free_ char *none = NULL, *some = NULL, *text = uncommented();

	none = load(&defaults);
	assert_string_equal(none, "");
	put(text);
	some = load(&shipped);
	assert_string_equal(some, "");
	assert_int_equal(shipped->max_workers, defaults->max_workers);
	assert_int_equal(shipped->catch_up, defaults->catch_up);
	assert_int_equal(shipped->stop_timeout_usec, defaults->stop_timeout_usec);
	assert_int_equal(shipped->log_level, defaults->log_level);
	assert_string_equal(shipped->core_directory, defaults->core_directory);
	assert_string_equal(shipped->worker_path, defaults->worker_path);
	assert_int_equal(shipped->timeout_usec, defaults->timeout_usec);
	assert_int_equal(shipped->cpu_max_usec, defaults->cpu_max_usec);
	assert_int_equal(shipped->memory_max, defaults->memory_max);
	assert_int_equal(shipped->core_max, defaults->core_max);
	assert_int_equal(shipped->journal_core_max, defaults->journal_core_max);
	assert_int_equal(shipped->symbol_cache, defaults->symbol_cache);
	assert_false(shipped->debuginfod || defaults->debuginfod);
	assert_string_equal(shipped->debuginfod_urls[0], CONFIG_DEBUGINFOD_URL);
	assert_null(shipped->debuginfod_urls[1]);
	assert_int_equal(shipped->debuginfod_time_usec, defaults->debuginfod_time_usec);
	assert_int_equal(shipped->debuginfod_file_max, defaults->debuginfod_file_max);
	assert_int_equal(shipped->debuginfod_cache_max, defaults->debuginfod_cache_max);
	assert_int_equal(shipped->debuginfod_retry_usec, defaults->debuginfod_retry_usec);
	assert_string_equal(shipped->debuginfod_path, defaults->debuginfod_path);
	assert_null(shipped->enable);
	assert_string_equal(shipped->analyzers_directory, defaults->analyzers_directory);
}

static void test_bad_values_are_told_and_change_nothing(void **state _unused_) {
	_cleanup_(config_freep) struct config *config = NULL;
	_cleanup_free_ char *text = NULL;

	put("[Daemon]\nMaxWorkers=0\nMaxWorkers=65\nCatchUp=never\nStopTimeoutSec=0\nLogLevel=loud\nCoreDirectory=relative\n"
	    "[Worker]\nPath=worker\nTimeoutSec=99999999999999d\nMemoryMax=1K\nCoreMax=x\n");
	text = load(&config);
	for (unsigned line = 2; line <= 12; line++) {
		char where[64];

		if (line == 8)
			continue;
		snprintf(where, sizeof(where), "corewatch.conf:%u: bad value", line);
		if (!strstr(text, where))
			fail_msg("nothing told about line %u: %s", line, text);
	}
	assert_int_equal(config->max_workers, 2);
	assert_int_equal(config->timeout_usec, 120 * USEC_PER_SEC);
	assert_int_equal(config->memory_max, GIB(4));
}

static void test_analyzers(void **state _unused_) {
	_cleanup_(config_freep) struct config *config = NULL;
	_cleanup_free_ char *text = NULL;

	put("[Analyzers]\nEnable=a b*\nDisable=c\n[Analyzer frame-size]\nLimit=4K\nOther=x y\n[Analyzer x]\nA=\n");
	text = load(&config);
	assert_string_equal(text, "");
	assert_string_equal(config->enable[1], "b*");
	assert_string_equal(config->disable[0], "c");
	assert_string_equal(config->analyzer_options[0], "frame-size.Limit=4K");
	assert_string_equal(config->analyzer_options[1], "frame-size.Other=x y");
	assert_string_equal(config->analyzer_options[2], "x.A=");
	assert_null(config->analyzer_options[3]);
}

static void test_empty_paths_are_defaults(void **state _unused_) {
	_cleanup_(config_freep) struct config *config = NULL, *defaults = NULL;
	_cleanup_free_ char *text = NULL, *none = NULL;

	put("");
	none = load(&defaults);
	put("[Worker]\nPath=/x\nPath=\n[Daemon]\nMaxWorkers=9\nMaxWorkers=\nStopTimeoutSec=\nCatchUp=all\nCatchUp=\n[Analyzers]\nDirectory=/y\nDirectory=\n");
	text = load(&config);
	assert_string_equal(text, "");
	assert_string_equal(config->worker_path, defaults->worker_path);
	assert_int_equal(config->max_workers, defaults->max_workers);
	assert_int_equal(config->catch_up, defaults->catch_up);
	assert_string_equal(config->analyzers_directory, defaults->analyzers_directory);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shipped_file_is_the_defaults),
		cmocka_unit_test(test_bad_values_are_told_and_change_nothing),
		cmocka_unit_test(test_analyzers),
		cmocka_unit_test(test_empty_paths_are_defaults),
	};

	log_setup("test", LOG_LEVEL_INFO);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
