/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/thread-name.c: what a thread is called that nobody tells the name of. (Names that are found on the stack: the corpus.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include "core-writer.h"
#include "core/thread-name.h"

#define CODE UINT64_C(0x400000)
#define STACK UINT64_C(0x7f0000000000)

/* Two threads, of which the second is the initial one, and one file. */
static struct core *load(struct writer *w, const char *path, const char *given) {
	const struct core_options options = { .thread_name = given, .cache_fd = -EBADF, .debug_dirs = "" };
	struct core *core;

	writer_map(w, CODE, 0x1000, "rx", 0x1000);
	writer_map(w, STACK, 0x2000, "rw", 0x2000);
	writer_file(w, CODE, CODE + 0x1000, 0, path);
	writer_thread(w, 101, "rip", CODE, "rsp", STACK + 0x800, NULL);
	writer_thread(w, 100, "rip", CODE, "rsp", STACK + 0x1800, NULL);
	writer_process(w, 100, 1000, "server", "server");
	writer_signal(w, SIGSEGV, 1, 0x10);
	core = writer_load(w, UNPACK_PLAIN, &options);
	assert_int_equal(core_symbolize(core), 0);
	assert_string_equal(core->threads[1].name, "main");
	return core;
}

/* A thread that nobody names has its process's name: where nobody can have named it. */
static void test_process_name(void **state) {
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64), *told = writer_new(EM_X86_64);
	_cleanup_(core_freep) struct core *core = load(w, "/nonexistent/program", NULL), *named = load(told, "/nonexistent/program", "worker");

	(void)state;
	assert_string_equal(core->threads[0].name, "server");
	assert_string_equal(named->threads[0].name, "worker");
}

static void test_jvm(void **state) {
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64), *other = writer_new(EM_X86_64);
	_cleanup_(core_freep) struct core *core = load(w, "/nonexistent/libjvm.so", NULL), *not = load(other, "/nonexistent/libjvm.so.d/x", NULL);

	(void)state;
	assert_null(core->threads[0].name);
	assert_string_equal(not->threads[0].name, "server");
}

/* This program names threads; a file that does not load the function, or the C library which defines it, does not. */
static void test_import(void **state) {
	static const struct { const char *path, *mapped; bool names; } cases[] = {
		{ "/proc/self/exe", "/nonexistent/program", true },
		{ "/proc/self/exe", "/nonexistent/libc.so.6", false },
		{ "/bin/true", "/nonexistent/program", false },
	};

	(void)state;
	assert_int_equal(pthread_setname_np(pthread_self(), "test"), 0);
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);
		_cleanup_(core_freep) struct core *core = load(w, cases[i].mapped, NULL);
		_cleanup_close_ int fd = open(cases[i].path, O_RDONLY | O_CLOEXEC);

		core->modules[0].elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
		assert_non_null(core->modules[0].elf);
		assert_int_equal(thread_names(core), 0);
		assert_true(cases[i].names ? core->threads[0].name == NULL : streq(core->threads[0].name, "server"));
		elf_end(core->modules[0].elf);
		core->modules[0].elf = NULL;
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process_name), cmocka_unit_test(test_jvm), cmocka_unit_test(test_import),
	};

	return cmocka_run_group_tests_name("thread-name", tests, NULL, NULL);
}
