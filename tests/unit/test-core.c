/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/core: a whole core, read plain and packed with the same result; cut, damaged and mutated, and never a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "core-writer.h"

#define CODE UINT64_C(0x400000)
#define RETURN(n) (CODE + 0x100 + (uint64_t)(n) * 16)
#define TRAMPOLINE (CODE + 0x800)
#define STACK UINT64_C(0x7f0000000000)
#define MUTANTS 3000

static const struct core_options options = { .cache_fd = -EBADF, .debug_dirs = "" };

/* A little of everything: a module without a file, recursion, a handler's signal frame, two threads, names, a vdso that is none. */
static struct writer *sample(void) {
	struct writer *w = writer_new(EM_X86_64);
	static const char vdso_head[] = ELFMAG "\x02\x01\x01";

	writer_map(w, CODE, 0x1000, "rx", 0x1000);
	for (unsigned i = 0; i < 8; i++)
		writer_bytes(w, RETURN(i) - 5, "\xe8\0\0\0\0\x48\x8b\x04\x25\x10\0\0\0", 13);
	writer_bytes(w, TRAMPOLINE - 5, "\xe8\0\0\0\0\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05", 14);
	writer_map(w, CODE + 0x1000, 0x1000, "rw", 0x1000);
	writer_map(w, STACK, 0x2000, "rw", 0x2000);
	writer_map(w, STACK + 0x10000, 0x1000, "rx", 0x1000);
	writer_bytes(w, STACK + 0x10000, vdso_head, sizeof(vdso_head));
	writer_file(w, CODE, CODE + 0x1000, 0, "/nonexistent/\033program");
	writer_file(w, CODE + 0x1000, CODE + 0x2000, 0x1000, "/nonexistent/\033program");
	for (unsigned i = 0; i < 20; i++)
		writer_put(w, STACK + 0x400 + i * 32, STACK + 0x400 + (i + 1) * 32, RETURN(1));
	writer_put(w, STACK + 0x400 + 20 * 32, 0, RETURN(2));
	writer_put(w, STACK + 0x100, STACK + 0x400, TRAMPOLINE);
	writer_sigframe(w, STACK + 0x110, &(struct writer_sigframe){ .pc = RETURN(3), .sp = STACK + 0x3f0, .fp = STACK + 0x400, .number = SIGSEGV,
	                                                             .code = 1, .address = 0x10, .trap = 14, .error = 4 });
	writer_thread(w, 100, "rip", RETURN(4), "rsp", STACK + 0xf0, "rbp", STACK + 0x100, NULL);
	writer_signal_sent(w, SIGABRT, SI_TKILL, 100, 1000);
	writer_thread(w, 101, "rip", RETURN(5), "rsp", STACK + 0x400, "rbp", STACK + 0x400, "fs_base", STACK + 0x1800, NULL);
	writer_process(w, 100, 1000, "sample", "sample --of everything");
	writer_auxv(w, AT_RANDOM, STACK + 0x1f00);
	writer_auxv(w, AT_PHDR, CODE + 0x40);
	writer_auxv(w, AT_SYSINFO_EHDR, STACK + 0x10000);
	return w;
}

static void check_sample(struct core *core) {
	const struct cw_core *pub = &core->pub;

	assert_int_equal(core_symbolize(core), 0);
	assert_int_equal(pub->n_threads, 2);
	assert_int_equal(pub->signal.number, SIGABRT);
	assert_int_equal(pub->fault->signal.number, SIGSEGV);
	assert_int_equal(pub->fault->source, CW_FAULT_SIGNAL_FRAME);
	assert_int_equal(pub->fault->address, 0x10);
	assert_int_equal(pub->fault->pc, RETURN(3));
	assert_non_null(pub->fault->instruction);
	assert_int_equal(pub->crashed->frame_count, 3 + 21);
	assert_non_null(pub->crashed->cycle);
	assert_int_equal(pub->crashed->stack.kind, CW_STACK_MAIN);
	assert_non_null(pub->program);
	assert_int_equal(pub->program->state, CW_MODULE_DELETED);
	assert_string_equal(pub->executable, "/nonexistent/?program");
	assert_string_equal(pub->threads[0].name, "main");
	assert_false(pub->truncated);
	assert_int_equal(pub->mappings[1].kind, CW_REGION_MODULE);
	assert_int_equal(pub->mappings[2].kind, CW_REGION_STACK);
	assert_int_equal(pub->mappings[3].kind, CW_REGION_VDSO);
}

static void test_whole(void **state) {
	static const enum unpack_format formats[] = { UNPACK_PLAIN, UNPACK_ZSTD, UNPACK_LZ4, UNPACK_XZ };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
		_cleanup_(writer_freep) struct writer *w = sample();
		_cleanup_(core_freep) struct core *core = writer_load(w, formats[i], NULL);

		check_sample(core);
	}
}

static void test_pipe(void **state) {
	_cleanup_(writer_freep) struct writer *w = sample();
	_cleanup_blob_ struct blob b = writer_build(w);
	_cleanup_close_ int fd = blob_pipe(b, UNPACK_ZSTD);
	_cleanup_(core_freep) struct core *core = NULL;
	const char *reason;

	(void)state;
	assert_int_equal(core_load(fd, &options, &core, &reason), 0);
	check_sample(core);
}

/* Whatever it is, it is read to the end or refused with a reason. */
static void read_all(const struct blob *b, enum unpack_format format) {
	_cleanup_close_ int fd = blob_file(*b, format);
	_cleanup_(core_freep) struct core *core = NULL;
	const char *reason = NULL;
	int r;

	r = core_load(fd, &options, &core, &reason);
	if (r < 0) {
		assert_non_null(reason);
		assert_null(core);
		assert_true(r == -ENOEXEC || r == -EOPNOTSUPP || r == -ENODATA);
		return;
	}
	assert_int_equal(core_symbolize(core), 0);
	assert_true(core->pub.n_threads > 0);
	assert_non_null(core->pub.fault);
	assert_non_null(core->pub.crashed);
	/* Forged stacks and call frame information lead nowhere for ever: there are not many more frames than bytes. */
	for (size_t i = 0; i < core->pub.n_threads; i++)
		assert_true(core->pub.threads[i].frame_count < b->length + 10000);
	for (size_t i = 0; i < core->n_problems; i++)
		for (const char *p = core->problems[i].message; *p; p++)
			assert_true((unsigned char)*p >= 0x20);
}

/* gdb's gcore writes no program header for a mapped file's unchanged code: NT_FILE alone tells of it, whole or in part. */
static void test_files_without_headers(void **state) {
	struct writer *w = writer_new(EM_X86_64);
	const struct cw_mapping *m;
	struct core *core;

	(void)state;
	writer_map(w, CODE + 0x1000, 0x1000, "rw", 0x1000);
	writer_map(w, STACK, 0x2000, "rw", 0x2000);
	writer_file(w, CODE, CODE + 0x4000, 0, "/nonexistent/program");
	writer_file(w, CODE + 0x8000, CODE + 0x9000, 0x8000, "/nonexistent/program");
	writer_thread(w, 100, "rip", CODE + 0x10, "rsp", STACK + 0x100, NULL);
	writer_signal(w, SIGSEGV, 1, 0x10);
	core = writer_load(w, UNPACK_PLAIN, &options);
	assert_int_equal(core->pub.n_mappings, 5);
	m = core_find_mapping(core, CODE + 0x10);
	assert_non_null(m);
	assert_int_equal(m->end, CODE + 0x1000);
	assert_int_equal(m->stored, 0);
	assert_true(m->perm & CW_PERM_EXEC);
	m = core_find_mapping(core, CODE + 0x1000);
	assert_int_equal(m->perm, CW_PERM_READ | CW_PERM_WRITE);
	m = core_find_mapping(core, CODE + 0x3000);
	assert_non_null(m);
	assert_int_equal(m->start, CODE + 0x2000);
	assert_int_equal(m->file_offset, 0x2000);
	assert_non_null(core_find_mapping(core, CODE + 0x8fff));
	assert_null(core_find_mapping(core, CODE + 0x9000));
	core_free(core);
	writer_free(w);
}

static void test_cut(void **state) {
	_cleanup_(writer_freep) struct writer *w = sample();
	_cleanup_blob_ struct blob b = writer_build(w);
	struct blob cut = b;

	(void)state;
	for (cut.length = 0; cut.length < b.length; cut.length += cut.length < 4096 ? 13 : 401)
		read_all(&cut, UNPACK_PLAIN);
}

static void test_mutants(void **state) {
	_cleanup_(writer_freep) struct writer *w = sample();
	static const uint64_t values[] = { 0, 1, 0x7f, 0xff, 0x7fffffff, 0xffffffff, INT64_MAX, UINT64_MAX, CODE, STACK, TRAMPOLINE, UINT64_C(1) << 47 };
	_cleanup_blob_ struct blob b = writer_build(w);
	uint32_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < MUTANTS; i++) {
		_cleanup_blob_ struct blob m = blob_pack(b, UNPACK_PLAIN);

		for (unsigned k = 0; k < 1 + i % 6; k++) {
			size_t at, size = (size_t)1 << (seed >> 5 & 3);

			seed = seed * 1664525u + 1013904223u;
			/* Mostly headers and notes: the rest is data. */
			at = (seed >> 4) % (seed >> 30 ? b.notes + b.notes_length : m.length - 8);
			seed = seed * 1664525u + 1013904223u;
			if (seed >> 31)
				m.data[at] = (uint8_t)(seed >> 8);
			else
				memcpy(m.data + at, &values[(seed >> 8) % ELEMENTSOF(values)], MIN(size, m.length - at));
		}
		read_all(&m, i % 16 ? UNPACK_PLAIN : UNPACK_LZ4);
	}
}

#ifdef __x86_64__
/* The vdso is the one ELF file whose bytes are the core's own: its headers, symbols and call frame information are as hostile as all the rest. */
static void test_mutant_vdso(void **state) {
	const uint8_t *vdso = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	uint32_t seed = 5;

	(void)state;
	assert_non_null(vdso);
	for (unsigned i = 0; i < 1000; i++) {
		_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);
		uint8_t bytes[0x1000];

		memcpy(bytes, vdso, sizeof(bytes));
		for (unsigned k = 0; k < i % 12; k++) {
			seed = seed * 1664525u + 1013904223u;
			bytes[(seed >> 8) % (seed & 128 ? 0x400 : sizeof(bytes))] = seed >> 31 ? (uint8_t)(seed >> 20) : 0xff;
		}
		writer_map(w, STACK, 0x1000, "rw", 0x1000);
		writer_map(w, CODE, sizeof(bytes), "rx", sizeof(bytes));
		writer_bytes(w, CODE, bytes, sizeof(bytes));
		writer_auxv(w, AT_SYSINFO_EHDR, CODE);
		for (unsigned k = 0; k < 64; k++)
			writer_put(w, STACK + k * 8, CODE + 0x600 + (seed >> 4) % 0x800 + k * 7);
		for (int32_t k = 0; k < 4; k++)
			writer_thread(w, 100 + k, "rip", CODE + 0x600 + (uint64_t)k * 0x1f0, "rsp", STACK + 8 * (uint64_t)k, "rbp", STACK + 64, NULL);
		_cleanup_blob_ struct blob b = writer_build(w);
		read_all(&b, UNPACK_PLAIN);
	}
}
#endif

/* What a core names is opened only if it is a regular file: a FIFO would block for ever, a device would do who knows what. */
static void test_evil_paths(void **state) {
	char folder[] = "/tmp/test-core-XXXXXX", fifo[64], elf[64];
	const char *paths[] = { fifo, elf, "/dev/zero", "/dev/tty", "/proc/self/mem", "/", "", "relative", "/dev/fd/3" };

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	snprintf(elf, sizeof(elf), "%s/elf", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	_cleanup_close_ int fd = open(elf, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, ELFMAG "\x02\x01\x01", 7), 7);
	for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
		_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);

		writer_map(w, CODE, 0x1000, "rx", 0x1000);
		writer_bytes(w, CODE, ELFMAG "\x02\x01\x01", 7);
		writer_file(w, CODE, CODE + 0x1000, 0, paths[i]);
		writer_thread(w, 100, "rip", CODE + 8, "rsp", STACK, NULL);
		writer_signal(w, SIGSEGV, 1, 0);
		_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, NULL);
		assert_int_equal(core_symbolize(core), 0);
		assert_int_equal(core->pub.n_modules, 1);
		assert_int_not_equal(core->pub.modules[0].state, CW_MODULE_PRESENT);
		assert_null(core->modules[0].elf);
	}
	unlink(fifo);
	unlink(elf);
	rmdir(folder);
}

/* A thousand threads, a thousand modules, mappings that touch each other: the sizes of real servers. */
static void test_large(void **state) {
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);
	char path[64];

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/nonexistent/lib%u.so", (unsigned)i);
		writer_map(w, CODE + i * 0x3000, 0x1000, "rx", i % 10 ? 0 : 0x1000);
		writer_map(w, CODE + i * 0x3000 + 0x1000, 0x1000, "rw", 0);
		writer_file(w, CODE + i * 0x3000, CODE + i * 0x3000 + 0x1000, 0, path);
		writer_file(w, CODE + i * 0x3000 + 0x1000, CODE + i * 0x3000 + 0x2000, 0x1000, path);
		writer_thread(w, 100 + (int32_t)i, "rip", CODE + i * 0x3000, "rsp", STACK + i * 64, NULL);
	}
	writer_map(w, STACK, 0x20000, "rw", 0x20000);
	writer_signal(w, SIGSEGV, 1, 0);
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_ZSTD, NULL);
	assert_int_equal(core_symbolize(core), 0);
	assert_int_equal(core->pub.n_threads, 1000);
	assert_int_equal(core->pub.n_modules, 1000);
	assert_int_equal(core->pub.n_mappings, 2001);
	assert_true(arena_used(core->arena) < MIB(64));
}

static void test_read(void **state) {
	_cleanup_(writer_freep) struct writer *w = sample();
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, NULL);
	uint64_t word = 1;
	uint32_t half;

	(void)state;
	assert_int_equal(core_read_word(core, STACK + 0x100, &word), 0);
	assert_int_equal(word, STACK + 0x400);
	assert_int_equal(core_read_u32(core, STACK + 0x104, &half), 0);
	assert_int_equal(half, STACK >> 32);
	assert_int_equal(core_read_word(core, STACK + 0x1ffd, &word), -EFAULT);
	assert_int_equal(core_read_word(core, UINT64_MAX - 2, &word), -EFAULT);
	assert_int_equal(core_read(core, STACK, &word, SIZE_MAX), -EFAULT);
	assert_int_equal(word, STACK + 0x400);
	assert_ptr_equal(core_find_mapping(core, STACK + 0x1fff), &core->mappings[2]);
	assert_null(core_find_mapping(core, STACK + 0x2000));
	assert_null(core_find_mapping(core, STACK - 1));
	assert_ptr_equal(core_find_module(core, CODE + 0x1800), &core->modules[0]);
	assert_null(core_find_module(core, STACK));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_files_without_headers),   cmocka_unit_test(test_pipe),       cmocka_unit_test(test_cut),  cmocka_unit_test(test_mutants),
		cmocka_unit_test(test_evil_paths), cmocka_unit_test(test_large), cmocka_unit_test(test_read),
#ifdef __x86_64__
		cmocka_unit_test(test_mutant_vdso),
#endif
	};

	return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}
