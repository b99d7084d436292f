/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fetcher without a network: names in the folder, requests as the daemon sends them, and what may get a name there. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "fetch/request.h"
#include "fetch/store.h"
#include "util/io.h"

#define ID "0123456789abcdef0123456789abcdef01234567"
#define LIMITS "urls https://a http://b/x\ntime-max 60\nfile-max 1000\ncache-max 2000\nabsent-for 86400\n"

struct place {
	char path[64];
	int folder;
};

static int set_up(void **state) {
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->path, sizeof(p->path), "/tmp/test-fetch-XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->folder = open(p->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->folder >= 0);
	*state = p;
	return 0;
}

static int tear_down(void **state) {
	struct place *p = *state;
	char command[128];

	close(p->folder);
	snprintf(command, sizeof(command), "rm -rf '%s'", p->path);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

static void put(struct place *p, const char *name, const char *text, int seconds_ago) {
	_cleanup_close_ int fd = openat(p->folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	const struct timespec then = { .tv_sec = time(NULL) - seconds_ago };

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, text, strlen(text)), 0);
	assert_int_equal(futimens(fd, (struct timespec[]){ then, then }), 0);
}

static bool is_there(struct place *p, const char *name) {
	return faccessat(p->folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ── names ── */

static void test_build_ids(void **state _unused_) {
	char longest[FETCHED_ID_MAX + 3];

	memset(longest, 'a', sizeof(longest));
	longest[FETCHED_ID_MAX] = 0;
	assert_true(fetched_is_id(ID) && fetched_is_id("abcd") && fetched_is_id(longest));
	longest[FETCHED_ID_MAX] = 'a';
	longest[FETCHED_ID_MAX + 2] = 0;
	for (const char *const *p = (const char *const[]){ "", "ab", "abc", "abcde", "ABCD", "abcg", "../x", "ab/cd", "ab.d",
							    longest, NULL };
	     *p; p++)
		assert_false(fetched_is_id(*p));
}

static void test_what_is_absent_is_so_for_a_time(void **state) {
	struct place *p = *state;

	assert_false(fetched_is_absent(p->folder, FETCHED_DEBUGINFO, ID, 100));
	put(p, ID ".debuginfo.none", "", 50);
	assert_true(fetched_is_absent(p->folder, FETCHED_DEBUGINFO, ID, 100));
	assert_false(fetched_is_absent(p->folder, FETCHED_DEBUGINFO, ID, 50));
	assert_false(fetched_is_absent(p->folder, FETCHED_EXECUTABLE, ID, 100));
	put(p, ID ".debuginfo.none", "", -50); /* the clock was wrong */
	assert_false(fetched_is_absent(p->folder, FETCHED_DEBUGINFO, ID, 100));
	assert_false(fetched_is_there(p->folder, FETCHED_DEBUGINFO, ID, 0));
	assert_int_equal(symlinkat("/etc/passwd", p->folder, ID ".debuginfo"), 0);
	assert_false(fetched_is_there(p->folder, FETCHED_DEBUGINFO, ID, 0));
}

/* ── requests ── */

static int parse(const char *text, struct request *ret) {
	_cleanup_free_ char *copy = strdup(text);

	return request_parse(copy, ret);
}

static void test_request(void **state _unused_) {
	_cleanup_(request_done) struct request r = { .folder = -EBADF };

	assert_int_equal(parse(REQUEST_MAGIC "\n" LIMITS "want debuginfo " ID "\nwant executable abcd\nwant debuginfo " ID "\n", &r), 0);
	assert_string_equal(r.urls, "https://a http://b/x");
	assert_int_equal(r.time_max, 60);
	assert_int_equal(r.file_max, 1000);
	assert_int_equal(r.cache_max, 2000);
	assert_int_equal(r.absent_for, 86400);
	assert_int_equal(r.n_wants, 2);
	assert_int_equal(r.wants[1].kind, FETCHED_EXECUTABLE);
	assert_string_equal(r.wants[1].id, "abcd");
}

static void test_requests_that_make_no_sense(void **state _unused_) {
	static const char *const bad[] = {
		"", "corewatch-fetch/2\n" LIMITS, REQUEST_MAGIC "\n", REQUEST_MAGIC "\n" LIMITS "want debuginfo ../../etc/passwd\n",
		REQUEST_MAGIC "\n" LIMITS "want source abcd\n", REQUEST_MAGIC "\n" LIMITS "want debuginfo\n",
		REQUEST_MAGIC "\n" LIMITS "more 1\n", REQUEST_MAGIC "\n" LIMITS "time-max 601\n",
		REQUEST_MAGIC "\n" LIMITS "time-max 0\n", REQUEST_MAGIC "\n" LIMITS "time-max -1\n",
		REQUEST_MAGIC "\n" LIMITS "urls https://c\n",
		REQUEST_MAGIC "\nurls file:///etc\ntime-max 60\nfile-max 1\ncache-max 1\nabsent-for 1\n",
	};
	struct request r;

	for (size_t i = 0; i < ELEMENTSOF(bad); i++)
		if (parse(bad[i], &r) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
}

static void send_text(int fd, const char *text, int folder) {
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = "" };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (folder >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &folder, sizeof(folder));
	}
	assert_int_equal(sendmsg(fd, &m, 0), strlen(text));
}

static void test_request_by_socket(void **state) {
	_cleanup_(request_done) struct request r = { .folder = -EBADF };
	struct place *p = *state;
	struct stat a, b;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	send_text(fds[0], REQUEST_MAGIC "\n" LIMITS "want debuginfo abcd\n", p->folder);
	assert_int_equal(request_receive(fds[1], &r), 0);
	assert_int_equal(r.n_wants, 1);
	assert_true(fstat(r.folder, &a) == 0 && fstat(p->folder, &b) == 0 && a.st_ino == b.st_ino);
	request_done(&r);
	/* A folder is a part of it. */
	send_text(fds[0], REQUEST_MAGIC "\n" LIMITS, -1);
	assert_int_equal(request_receive(fds[1], &r), -EBADMSG);
	close(fds[0]);
	assert_int_equal(request_receive(fds[1], &r), -ENODATA);
	close(fds[1]);
}

/* ── files ── */

/* This program has a build-id; its text. */
static int own_file(char ret_id[static FETCHED_ID_MAX + 1]) {
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	FILE *notes = popen("readelf -n /proc/$PPID/exe | sed -n 's/.*Build ID: //p'", "r");

	assert_true(fd >= 0);
	assert_non_null(notes);
	assert_int_equal(fscanf(notes, "%128s", ret_id), 1);
	pclose(notes);
	return fd;
}

static void test_only_the_right_build_is_verified(void **state) {
	char id[FETCHED_ID_MAX + 1], other[FETCHED_ID_MAX + 1];
	_cleanup_close_ int own = own_file(id), text = -EBADF, folder = -EBADF;
	struct place *p = *state;
	const char *reason;

	assert_int_equal(store_verify(own, id, GIB(1), &reason), 0);
	assert_int_equal(store_verify(own, id, 100, &reason), -EBADMSG);
	assert_string_equal(reason, "it is too large");
	memcpy(other, id, sizeof(other));
	other[0] = other[0] == 'a' ? 'b' : 'a';
	assert_int_equal(store_verify(own, other, GIB(1), &reason), -EBADMSG);
	assert_string_equal(reason, "it has another build-id");
	/* A longer or a shorter one that begins the same is another one. */
	id[strlen(id) - 2] = 0;
	assert_int_equal(store_verify(own, id, GIB(1), &reason), -EBADMSG);
	put(p, "text", "<html>404</html>", 0);
	text = openat(p->folder, "text", O_RDONLY | O_CLOEXEC);
	assert_int_equal(store_verify(text, ID, GIB(1), &reason), -EBADMSG);
	assert_string_equal(reason, "it is not an ELF file");
	folder = open(p->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(store_verify(folder, ID, GIB(1), &reason), -EBADMSG);
}

/* A reference to a dwz file, as the section that objcopy is told to add. */
static int with_altlink(struct place *p, const char *bytes, size_t n) {
	_cleanup_close_ int fd = openat(p->folder, "link", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char command[512];

	assert_int_equal(write_full(fd, bytes, n), 0);
	snprintf(command, sizeof(command), "objcopy --add-section .gnu_debugaltlink=%s/link /proc/%d/exe %s/linked", p->path, (int)getpid(), p->path);
	assert_int_equal(system(command), 0);
	return openat(p->folder, "linked", O_RDONLY | O_CLOEXEC);
}

static void test_reference_to_a_dwz_file(void **state) {
	static const char good[] = "/usr/lib/debug/.dwz/x.debug\0\x01\xfe\x10\x20", no_id[] = "/usr/lib/debug/.dwz/x.debug", no_end[] = "abc";
	char id[FETCHED_ID_MAX + 1];
	struct place *p = *state;
	int fd = with_altlink(p, good, sizeof(good) - 1);

	assert_int_equal(store_alternate(fd, id), 0);
	assert_string_equal(id, "01fe1020");
	close(fd);
	fd = with_altlink(p, no_id, sizeof(no_id));
	assert_int_equal(store_alternate(fd, id), -ENOENT);
	close(fd);
	fd = with_altlink(p, no_end, sizeof(no_end) - 1);
	assert_int_equal(store_alternate(fd, id), -ENOENT);
	close(fd);
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(store_alternate(fd, id), -ENOENT);
	close(fd);
}

static void test_publishing(void **state) {
	_cleanup_close_ int store = -EBADF;
	struct place *p = *state;
	char path[128];
	struct stat st;

	/* What a killed fetcher left is removed, whatever its rights. */
	assert_int_equal(mkdirat(p->folder, ".work", 0700), 0);
	assert_int_equal(mkdirat(p->folder, ".work/x", 0700), 0);
	put(p, ".work/x/half", "half", 0);
	store = store_open(p->folder, ".work");
	assert_true(store >= 0);
	assert_false(is_there(p, ".work/x"));
	assert_int_equal(store_mark_absent(store, FETCHED_DEBUGINFO, ID), 0);
	assert_int_equal(store_mark_absent(store, FETCHED_DEBUGINFO, ID), 0);
	assert_true(fetched_is_absent(store, FETCHED_DEBUGINFO, ID, 100));
	put(p, ".work/new", "contents", 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/.work/new", store);
	assert_int_equal(store_publish(store, path, FETCHED_DEBUGINFO, ID), 0);
	assert_true(fetched_is_there(store, FETCHED_DEBUGINFO, ID, 0));
	assert_true(fetched_is_there(store, FETCHED_DEBUGINFO, ID, time(NULL) - 60));
	assert_false(fetched_is_there(store, FETCHED_DEBUGINFO, ID, time(NULL) + 60));
	assert_false(fetched_is_absent(store, FETCHED_DEBUGINFO, ID, 100));
	assert_int_equal(fstatat(store, ID ".debuginfo", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0444);
	store_remove(store, ".work");
	assert_false(is_there(p, ".work"));
}

static void test_the_longest_unused_files_go(void **state) {
	_cleanup_close_ int store = -EBADF;
	struct place *p = *state;

	put(p, "aaaa.debuginfo", "x", 300);
	put(p, "bbbb.debuginfo", "x", 100);
	put(p, "cccc.executable", "x", 200);
	put(p, "dddd.debuginfo.none", "", 500);
	put(p, "eeee.debuginfo.none", "", 10);
	store = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	store_trim(store, MIB(1), 400);
	assert_true(is_there(p, "aaaa.debuginfo") && is_there(p, "bbbb.debuginfo") && is_there(p, "cccc.executable"));
	assert_false(is_there(p, "dddd.debuginfo.none"));
	assert_true(is_there(p, "eeee.debuginfo.none"));
	/* Files take whole blocks of 4 KiB. */
	store_trim(store, KIB(9), 400);
	assert_false(is_there(p, "aaaa.debuginfo"));
	assert_true(is_there(p, "bbbb.debuginfo") && is_there(p, "cccc.executable"));
	store_trim(store, KIB(4), 400);
	assert_false(is_there(p, "cccc.executable"));
	assert_true(is_there(p, "bbbb.debuginfo"));
	store_trim(store, 1, 400);
	assert_false(is_there(p, "bbbb.debuginfo"));
}

static void test_marks_are_limited(void **state) {
	struct place *p = *state;
	_cleanup_close_ int store = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned left = 0;

	for (unsigned i = 0; i < 5000; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%08x", i);
		assert_int_equal(store_mark_absent(store, FETCHED_DEBUGINFO, id), 0);
	}
	store_trim(store, MIB(1), 86400);
	for (unsigned i = 0; i < 5000; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%08x", i);
		left += fetched_is_absent(store, FETCHED_DEBUGINFO, id, 86400);
	}
	assert_int_equal(left, 4096);
}

static void test_room(void **state) {
	struct place *p = *state;
	_cleanup_close_ int store = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(store_room(store, 1000, 2000), 1000);
	assert_int_equal(store_room(store, 1000, 500), 500);
	assert_true(store_room(store, UINT64_MAX, UINT64_MAX) < (UINT64_C(1) << 60));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build_ids),
		cmocka_unit_test_setup_teardown(test_what_is_absent_is_so_for_a_time, set_up, tear_down),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_requests_that_make_no_sense),
		cmocka_unit_test_setup_teardown(test_request_by_socket, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_only_the_right_build_is_verified, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reference_to_a_dwz_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_publishing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_longest_unused_files_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_marks_are_limited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_room, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
