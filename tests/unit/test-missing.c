/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/missing.c against this very program: what it lacks without its debug info, and that a fetched file helps if, and
 * only if, it is of the same build. Must be built with -g and a build-id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "core/missing.h"
#include "self-core.h"

static __attribute__((noinline)) uint64_t here(void) {
	__asm__ volatile("" ::: "memory");
	return (uint64_t)(uintptr_t)__builtin_return_address(0);
}

uint64_t test_missing_known(void);
__attribute__((noinline)) uint64_t test_missing_known(void) {
	uint64_t pc = here();
	__asm__ volatile("" ::: "memory");
	return pc;
}

struct fetched_place {
	char folder[64], path[256], id[FETCHED_ID_MAX + 1];
};

/* A program without debug info, and a folder that may have it. */
static void without_debug_info(struct fixture *f, struct fetched_place *p) {
	const uint8_t *id;
	size_t n;

	use_copy(f);
	n = elf_build_id(f->modules[0].elf, &id);
	assert_true(n >= 4);
	missing_id(id, n, p->id);
	f->infos[0].build_id = p->id;
	snprintf(p->folder, sizeof(p->folder), P_tmpdir "/test-missing-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->path, sizeof(p->path), "%s/%s.debuginfo", p->folder, p->id);
	f->core.options.has_fetched = true;
	f->core.options.fetched_fd = open(p->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->core.options.fetched_fd >= 0);
}

static void put_file(const struct fixture *f, const struct fetched_place *p) {
	_cleanup_close_ int fd = open(p->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0444);

	assert_int_equal(write_full(fd, f->image, f->image_bytes), 0);
}

/* hide_section() makes the module one of memory; the list is of modules with files. */
static void give_file(struct fixture *f) {
	f->modules[0].fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
}

static void done(struct fixture *f, struct fetched_place *p) {
	close(f->core.options.fetched_fd);
	unlink(p->path);
	rmdir(p->folder);
}

static size_t list(struct fixture *f, struct missing *ret, size_t max) {
	const struct cw_frame frames[] = { { .count = 1, .module = &f->infos[0] }, { .count = 1 }, { .count = 1, .module = &f->infos[0] } };
	struct cw_thread thread = { .frames = frames, .n_frames = ELEMENTSOF(frames) };

	f->core.pub.threads = &thread;
	f->core.pub.n_threads = 1;
	f->core.pub.crashed = &thread;
	return missing_list(&f->core, ret, max);
}

static void test_missing_debug_info(void **state) {
	struct fixture *f = *state;
	struct fetched_place p;
	struct missing missing[4];

	without_debug_info(f, &p);
	hide_section(f, ".debug_info");
	give_file(f);
	assert_null(resolve(f, test_missing_known(), false)->at.file);
	assert_int_equal(list(f, missing, 4), 1);
	assert_int_equal(missing[0].kind, FETCHED_DEBUGINFO);
	assert_string_equal(missing[0].build_id, p.id);
	assert_int_equal(list(f, missing, 0), 0);
	done(f, &p);
}

static void test_fetched_debug_info(void **state) {
	struct fixture *f = *state;
	struct fetched_place p;
	struct missing missing[4];
	const struct cw_symbol *s;

	without_debug_info(f, &p);
	put_file(f, &p);
	hide_section(f, ".debug_info");
	give_file(f);
	s = resolve(f, test_missing_known(), false);
	assert_non_null(s);
	assert_string_equal(s->at.function, "test_missing_known");
	assert_non_null(s->at.file);
	assert_int_equal(f->infos[0].debuginfo, CW_DEBUGINFO_DWARF);
	assert_int_equal(list(f, missing, 4), 0);
	done(f, &p);
}

static void test_fetched_file_of_another_build(void **state) {
	struct fixture *f = *state;
	struct fetched_place p;
	struct missing missing[4];
	struct debug_file file;
	const uint8_t *id;
	uint8_t right[64];
	size_t n;

	without_debug_info(f, &p);
	n = elf_build_id(f->modules[0].elf, &id);
	memcpy(right, id, n);
	*(uint8_t *)(uintptr_t)id ^= 1;
	put_file(f, &p);
	*(uint8_t *)(uintptr_t)id ^= 1;
	hide_section(f, ".debug_info");
	give_file(f);
	assert_null(resolve(f, test_missing_known(), false)->at.file);
	assert_int_equal(list(f, missing, 4), 1);
	assert_int_equal(missing_open(&f->core.options, FETCHED_DEBUGINFO, right, n, &file), -ESTALE);
	/* A link is none of the fetcher's files. */
	unlink(p.path);
	assert_int_equal(symlink("/proc/self/exe", p.path), 0);
	assert_int_equal(missing_open(&f->core.options, FETCHED_DEBUGINFO, right, n, &file), -ELOOP);
	f->core.options.has_fetched = false;
	assert_int_equal(missing_open(&f->core.options, FETCHED_DEBUGINFO, right, n, &file), -ENOENT);
	done(f, &p);
}

static void test_missing_program(void **state) {
	struct fixture *f = *state;
	struct fetched_place p;
	struct missing missing[4];

	without_debug_info(f, &p);
	elf_end(f->modules[0].elf);
	f->modules[0].elf = NULL;
	assert_int_equal(list(f, missing, 4), 2);
	assert_int_equal(missing[0].kind, FETCHED_EXECUTABLE);
	assert_int_equal(missing[1].kind, FETCHED_DEBUGINFO);
	/* Without an id there is nothing to ask for. */
	f->infos[0].build_id = NULL;
	assert_int_equal(list(f, missing, 4), 0);
	done(f, &p);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_missing_debug_info, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fetched_debug_info, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fetched_file_of_another_build, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_program, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("missing", tests, NULL, NULL);
}
