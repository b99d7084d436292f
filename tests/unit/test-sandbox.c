/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker/sandbox*.c: each forbidden thing is tried by a process of its own inside the sandbox that a worker has, and
 * each test says how it ended. Run it as root to see the change of the user, too.
 */
#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <seccomp.h>

#include "sandbox-attempts.h"
#include "util/macro.h"
#include "util/protocol.h"
#include "worker/sandbox-private.h"

/* A uid that nobody has. */
#define SOMEBODY 4242u
#define MEMORY GIB(1)

static int core_fd, records_fd, cache_fd, fetched_fd;

static struct sandbox make_sandbox(void) {
	bool root = geteuid() == 0;

	return (struct sandbox){ .change_user = root, .uid = root ? SOMEBODY : getuid(), .gid = root ? SOMEBODY : getgid(),
		                 .memory_max = MEMORY, .cpu_max = 1, .has_cache = true, .has_fetched = true };
}

/* As util/spawn.c leaves them. */
static void place_descriptors(void) {
	if (dup2(core_fd, WORKER_FD_CORE) < 0 || dup2(records_fd, WORKER_FD_RECORDS) < 0 || dup2(cache_fd, WORKER_FD_CACHE) < 0 ||
	    dup2(fetched_fd, WORKER_FD_FETCHED) < 0)
		_exit(200);
}

/* The status of a child that is in the sandbox and does this; what it returns is its exit code. */
static int run_inside(int (*act)(void)) {
	const struct sandbox sandbox = make_sandbox();
	struct sandbox_outcome outcome;
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		place_descriptors();
		if (sandbox_enter(&sandbox, &outcome) < 0)
			_exit(201);
		if (outcome.n_warnings > 0)
			_exit(202);
		_exit(-act());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 202)
		fail_msg("this kernel lacks Landlock or seccomp: what the sandbox keeps out cannot be shown here");
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) >= 200);
	return status;
}

static const char *describe(int status, char *buffer, size_t size) {
	if (WIFSIGNALED(status))
		snprintf(buffer, size, "killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
	else
		snprintf(buffer, size, "%s", WEXITSTATUS(status) == 0 ? "done" : strerrorname_np(WEXITSTATUS(status)));
	return buffer;
}

static bool ended_as(int status, enum ending ending) {
	switch (ending) {
	case KILLED: return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS && !WCOREDUMP(status);
	case FORBIDDEN: return WIFEXITED(status) && (WEXITSTATUS(status) == EPERM || WEXITSTATUS(status) == EACCES);
	case ALLOWED: return WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	return false;
}

#if !SANITIZED
static void test_attempts(void **state _unused_) {
	size_t wrong = 0;

	for (size_t i = 0; i < ELEMENTSOF(attempts); i++) {
		int status = run_inside(attempts[i].act);
		bool right = ended_as(status, attempts[i].ending);
		char text[64];

		print_message("# %s%s: %s\n", right ? "" : "WRONG ", attempts[i].name, describe(status, text, sizeof(text)));
		wrong += !right;
	}
	assert_int_equal(wrong, 0);
}
#endif

/* ── what it is in there ── */

static bool has_line(const char *text, const char *line) {
	const char *at = strstr(text, line);

	return at && (at[strlen(line)] == '\n' || at[strlen(line)] == ' ');
}

static int look_at_status(void) {
	char text[8192];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	text[n] = 0;
	for (const char *const *line = (const char *const[]){ "\nCapInh:\t0000000000000000", "\nCapPrm:\t0000000000000000",
	             "\nCapEff:\t0000000000000000", "\nCapAmb:\t0000000000000000", "\nNoNewPrivs:\t1", "\nSeccomp:\t2", NULL }; *line; line++)
		if (!has_line(text, *line))
			return -ENOTUNIQ;
	if (make_sandbox().change_user && (!has_line(text, "\nUid:\t4242\t4242\t4242\t4242") ||
	                                   !has_line(text, "\nGid:\t4242\t4242\t4242\t4242") || !has_line(text, "\nGroups:\t")))
		return -EUSERS;
	return 0;
}

static int look_at_session(void) {
	char text[512];
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC), session;
	ssize_t n = read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	text[n] = 0;
	if (sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %d", &session) != 1 || session != getpid())
		return -ESRCH;
	return environ && *environ ? -ENOTEMPTY : 0;
}

/* The protocol's four, the standard ones, which lead nowhere, and the folder that is being read. */
static int look_at_descriptors(void) {
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *d;
	struct stat null, st;

	while (folder && (d = readdir(folder)))
		if (d->d_name[0] != '.' && atoi(d->d_name) > WORKER_FD_FETCHED && atoi(d->d_name) != dirfd(folder))
			return -EMFILE;
	if (!folder || stat("/dev/null", &null) < 0)
		return -EIO;
	for (int fd = 0; fd < WORKER_FD_CORE && !SANITIZED; fd++)
		if (fstat(fd, &st) < 0 || st.st_rdev != null.st_rdev)
			return -ENOTTY;
	return 0;
}

_Noreturn static int abort_inside(void) {
	abort();
}

static void test_who_it_is(void **state _unused_) {
	int status, left_open = open("/dev/null", O_RDONLY);

	assert_return_code(left_open, errno);
	assert_int_equal(run_inside(look_at_session), 0);
	assert_int_equal(run_inside(look_at_descriptors), 0);
	close(left_open);
#if !SANITIZED
	assert_int_equal(run_inside(look_at_status), 0);
	/* Its crash is its own, with no core and so no crash to analyse. */
	status = run_inside(abort_inside);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && !WCOREDUMP(status));
#else
	(void)status, (void)abort_inside, (void)look_at_status, (void)ended_as, (void)describe, (void)attempts;
#endif
}

/* What was not meant for the worker is not left open to it. */
static void test_folders_that_are_not_meant(void **state _unused_) {
	for (unsigned i = 0; i < 4; i++) {
		struct sandbox sandbox = make_sandbox();
		int status;
		pid_t pid;

		sandbox.has_cache = i & 1;
		sandbox.has_fetched = i & 2;
		fflush(NULL);
		pid = fork();
		assert_return_code(pid, errno);
		if (pid == 0) {
			struct sandbox_outcome outcome;

			place_descriptors();
			_exit(sandbox_enter(&sandbox, &outcome) < 0                                ? 1
			      : (fcntl(WORKER_FD_CACHE, F_GETFD) >= 0) != sandbox.has_cache       ? 2
			      : (fcntl(WORKER_FD_FETCHED, F_GETFD) >= 0) != sandbox.has_fetched   ? 3
			      : sandbox.has_fetched && read_fetched() < 0                         ? 4
			                                                                          : 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

/* ── limits ── */

#if !SANITIZED
static int take_too_much_memory(void) {
	void *volatile memory = malloc(MEMORY + 1); /* or clang leaves it out */

	return memory ? 0 : -errno;
}

static int open_too_many(void) {
	for (;;)
		if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
			return -errno;
}

static int write_too_much(void) {
	static const char block[1 << 20];
	int fd = openat(WORKER_FD_CACHE, "large", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	while (write(fd, block, sizeof(block)) > 0)
		;
	return -errno;
}

_Noreturn static int compute_too_long(void) {
	for (volatile unsigned long i = 0;; i++)
		;
}

static void test_limits(void **state _unused_) {
	int status;

	status = run_inside(take_too_much_memory);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == ENOMEM);
	status = run_inside(open_too_many);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EMFILE);
	status = run_inside(write_too_much);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
	status = run_inside(compute_too_long);
	assert_true(WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU));
}
#endif

/* ── kernels that lack something ── */

static void pretend_to_lack(const int *calls, size_t n) {
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	for (size_t i = 0; i < n; i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), calls[i], 0) < 0)
			_exit(200);
	if (seccomp_load(filter) < 0)
		_exit(200);
	seccomp_release(filter);
}

/* It goes on, and says so. */
static void test_lacking_kernel(void **state _unused_) {
	static const int landlock[] = { SCMP_SYS(landlock_create_ruleset) }, all[] = { SCMP_SYS(landlock_create_ruleset), SCMP_SYS(seccomp), SCMP_SYS(close_range) };
	static const struct { const int *calls; size_t n, warnings; const char *word; } cases[] = {
		{ landlock, 1, 1, "Landlock" }, { all, 3, 2, "seccomp" },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		int status;
		pid_t pid;

		fflush(NULL);
		pid = fork();
		assert_return_code(pid, errno);
		if (pid == 0) {
			struct sandbox sandbox = make_sandbox();
			struct sandbox_outcome outcome;

			place_descriptors();
			pretend_to_lack(cases[i].calls, cases[i].n);
			_exit(sandbox_enter(&sandbox, &outcome) < 0              ? 1
			      : outcome.n_warnings != cases[i].warnings          ? 2
			      : !strstr(outcome.warnings[outcome.n_warnings - 1], cases[i].word) ? 3
			                                                         : 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

static int set_up(void **state _unused_) {
	char folder[] = "/tmp/test-sandbox-XXXXXX", cache[64], fetched[64];
	int fd;

	umask(0);
	if (!mkdtemp(folder) || chmod(folder, 0777) < 0)
		return -1;
	set_attempt_folder(folder);
	fd = open(attempt_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 || close(fd) < 0)
		return -1;
	snprintf(cache, sizeof(cache), "%s/cache", folder);
	if (mkdir(cache, 0777) < 0)
		return -1;
	cache_fd = fcntl(open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC), F_DUPFD_CLOEXEC, 20);
	snprintf(fetched, sizeof(fetched), "%s/fetched", folder);
	if (mkdir(fetched, 0777) < 0)
		return -1;
	fetched_fd = fcntl(open(fetched, O_PATH | O_DIRECTORY | O_CLOEXEC), F_DUPFD_CLOEXEC, 20);
	if (close(openat(fetched_fd, "theirs", O_WRONLY | O_CREAT | O_CLOEXEC, 0666)) < 0)
		return -1;
	fd = openat(cache_fd, "mine", O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	core_fd = fcntl(fd, F_DUPFD_CLOEXEC, 20);
	records_fd = fcntl(fd, F_DUPFD_CLOEXEC, 20);
	return fd < 0 || core_fd < 0 || records_fd < 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st _unused_, int type _unused_, struct FTW *ftw _unused_) {
	return remove(path);
}

static int tear_down(void **state _unused_) {
	struct stat st;
	/* Nothing got out. */
	int r = stat(attempt_new, &st) == 0;

	return nftw(attempt_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0 || r;
}

int main(void) {
	const struct CMUnitTest tests[] = {
#if !SANITIZED
		cmocka_unit_test(test_attempts),
		cmocka_unit_test(test_limits),
#endif
		cmocka_unit_test(test_who_it_is),
		cmocka_unit_test(test_folders_that_are_not_meant),
		cmocka_unit_test(test_lacking_kernel),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
