/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* util/spawn.c: what a worker gets, seen from inside. The test program runs itself as the worker. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "util/io.h"
#include "util/protocol.h"
#include "util/spawn.h"

extern char **environ;

/* ── the worker: writes what it sees to fd 4 ── */

static void list_descriptors(void) {
	DIR *dir = opendir("/proc/self/fd");

	dprintf(WORKER_FD_RECORDS, "fds:");
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		int fd = atoi(entry->d_name);
		if (*entry->d_name != '.' && fd != dirfd(dir))
			dprintf(WORKER_FD_RECORDS, " %d", fd);
	}
	dprintf(WORKER_FD_RECORDS, "\n");
	closedir(dir);
}

static int worker(int argc, char *argv[]) {
	struct sigaction action;
	unsigned blocked = 0, ignored = 0;
	char core[16] = "";
	sigset_t mask;
	struct stat st, null;

	list_descriptors();
	if (streq(argv[1], "flood")) {
		static const char block[65536];
		for (uint64_t n = 0; n <= RECORDS_MAX; n += sizeof(block))
			if (write_full(WORKER_FD_RECORDS, block, sizeof(block)) < 0)
				return 1;
		return 0;
	}
	sigprocmask(SIG_BLOCK, NULL, &mask);
	for (int i = 1; i < NSIG; i++) {
		blocked += sigismember(&mask, i) == 1;
		ignored += sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
	}
	(void)read_full(WORKER_FD_CORE, core, sizeof(core) - 1);
	dprintf(WORKER_FD_RECORDS, "argc: %d\nenvironment: %s\nsignals: %u %u\ncore: %s\nleader: %d\n", argc,
	        *environ ? *environ : "-", blocked, ignored, core, getsid(0) == getpid());
	stat("/dev/null", &null);
	for (int fd = 0; fd < 2; fd++)
		dprintf(WORKER_FD_RECORDS, "null: %d\n",
		        fstat(fd, &st) == 0 && st.st_rdev == null.st_rdev && S_ISCHR(st.st_mode));
	return 7;
}

/* ── the tests ── */

static int text_fd(const char *text) {
	int fd = spawn_records_fd();

	assert_true(fd >= 0);
	assert_return_code(write_full(fd, text, strlen(text)), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static char *run(const char *mode, int core, int records, int cache, bool *ret_cut) {
	char *const argv[] = { (char *)"worker", (char *)mode, NULL };
	size_t length;
	char *data;
	pid_t pid;
	int status;

	assert_int_equal(spawn_worker("/proc/self/exe", argv, core, records, cache, &pid), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), streq(mode, "flood") ? 0 : 7);
	assert_int_equal(spawn_read_records(records, &data, &length, ret_cut), 0);
	return data;
}

static void test_worker_gets_its_descriptors_and_nothing_else(void **state _unused_) {
	_cleanup_close_ int core = text_fd("the core"), records = spawn_records_fd(),
			    other = open("/dev/null", O_RDONLY);
	_cleanup_free_ char *seen = NULL;
	sigset_t set;
	bool cut;

	assert_true(other >= 0); /* not close-on-exec */
	setenv("SECRET", "1", 1);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	seen = run("look", core, records, -EBADF, &cut);
	assert_string_equal(
		seen,
		"fds: 0 1 2 3 4\nargc: 2\nenvironment: -\nsignals: 0 0\ncore: the core\nleader: 1\nnull: 1\nnull: 1\n");
	assert_false(cut);
	/* They are still ours. */
	assert_true(fcntl(core, F_GETFD) >= 0 && fcntl(records, F_GETFD) >= 0);
}

static void test_cache_becomes_fd_5(void **state _unused_) {
	_cleanup_close_ int core = text_fd("x"), records = spawn_records_fd(),
			    cache = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *seen = NULL;
	bool cut;

	seen = run("look", core, records, cache, &cut);
	assert_true(str_has_prefix(seen, "fds: 0 1 2 3 4 5\n"));
}

static void test_a_number_can_stay_closed(void **state _unused_) {
	_cleanup_close_ int core = text_fd("x"), records = spawn_records_fd(),
			    folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), at_5 = fcntl(core, F_DUPFD, 5);
	char *const argv[] = { (char *)"worker", (char *)"look", NULL };
	_cleanup_free_ char *seen = NULL;
	size_t length;
	pid_t pid;
	bool cut, good;

	/* Even if something of ours, not close-on-exec, has that number. */
	assert_true(at_5 >= 5);
	assert_int_equal(spawn_program("/proc/self/exe", argv, (const int[]){ core, records, -EBADF, folder }, 4, &pid), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(spawn_read_records(records, &seen, &length, &cut), 0);
	good = str_has_prefix(seen, "fds: 0 1 2 3 4 6\n");
	free(take_ptr(seen)); /* before a failure leaves: /proc/self/exe is another program under valgrind */
	assert_true(good);
}

/* The numbers that we hold may be the very numbers that the worker is to get, in another order. */
static void test_descriptors_that_overlap(void **state _unused_) {
	_cleanup_close_ int core = text_fd("swapped"), records = spawn_records_fd();
	_cleanup_free_ char *seen = NULL;
	int high_core = fcntl(core, F_DUPFD_CLOEXEC, 20), high_records = fcntl(records, F_DUPFD_CLOEXEC, 20), core_at_4,
	    records_at_3;
	bool cut;

	core_at_4 = dup2(high_core, 4);
	records_at_3 = dup2(high_records, 3);
	assert_true(core_at_4 == 4 && records_at_3 == 3);
	seen = run("look", core_at_4, records_at_3, -EBADF, &cut);
	assert_non_null(strstr(seen, "core: swapped\n"));
}

static void test_flood_is_cut(void **state _unused_) {
	_cleanup_close_ int core = text_fd("x"), records = spawn_records_fd();
	_cleanup_free_ char *seen = NULL;
	bool cut;

	seen = run("flood", core, records, -EBADF, &cut);
	assert_true(cut);
}

static void test_records_that_are_a_hole(void **state _unused_) {
	_cleanup_close_ int records = spawn_records_fd();
	_cleanup_free_ char *data = NULL;
	size_t length;
	bool cut;

	assert_return_code(ftruncate(records, INT64_C(1) << 50), errno);
	assert_int_equal(spawn_read_records(records, &data, &length, &cut), 0);
	assert_int_equal(length, RECORDS_MAX);
	assert_true(cut);
}

static void test_missing_program(void **state _unused_) {
	_cleanup_close_ int core = text_fd("x"), records = spawn_records_fd();
	char *const argv[] = { (char *)"x", NULL };
	pid_t pid = -1;

	assert_int_equal(spawn_worker("/nonexistent/worker", argv, core, records, -EBADF, &pid), -ENOENT);
	assert_int_equal(spawn_worker("/dev/null", argv, core, records, -EBADF, &pid), -EACCES);
	assert_int_equal(spawn_worker("/proc/self/exe", argv, -EBADF, records, -EBADF, &pid), -EBADF);
	assert_int_equal(pid, -1);
}

int main(int argc, char *argv[]) {
	const struct CMUnitTest tests[] = {
		/* First, before others have changed descriptors 3 and 4. */
		cmocka_unit_test(test_worker_gets_its_descriptors_and_nothing_else),
		cmocka_unit_test(test_cache_becomes_fd_5),
		cmocka_unit_test(test_a_number_can_stay_closed),
		cmocka_unit_test(test_flood_is_cut),
		cmocka_unit_test(test_records_that_are_a_hole),
		cmocka_unit_test(test_missing_program),
		cmocka_unit_test(test_descriptors_that_overlap),
	};

	if (argc == 2)
		return worker(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
