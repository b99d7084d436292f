/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/notes: threads, the process, the auxiliary vector and the mapped files, as the kernel writes them and as it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/mman.h>

#include "core-writer.h"
#include "core/notes.h"

struct parsed {
	struct core *core;
	struct file_mapping *files;
	size_t n_files;
	int fd;
};

static void parsed_done(struct parsed *p) {
	image_close(p->core->image);
	arena_free(p->core->arena);
	free(p->core);
	close(p->fd);
}
#define _cleanup_parsed_ _cleanup_(parsed_done)

static struct parsed parse_blob(struct blob b) {
	struct parsed p = { .core = calloc(1, sizeof(*p.core)), .fd = blob_file(b, UNPACK_PLAIN) };
	const char *reason;

	assert_int_equal(arena_new(MIB(256), &p.core->arena), 0);
	assert_int_equal(image_open(p.fd, p.core->arena, &p.core->image, &reason), 0);
	p.core->arch = image_arch(p.core->image);
	assert_int_equal(notes_parse(p.core, &p.files, &p.n_files), 0);
	return p;
}

static struct parsed parse(struct writer *w) {
	_cleanup_blob_ struct blob b = writer_build(w);

	return parse_blob(b);
}

static uint64_t reg(const struct core *core, size_t thread, const char *name) {
	for (size_t i = 0; i < core->arch->n_registers; i++)
		if (streq(core->arch->register_names[i], name))
			return core->threads[thread].registers[i];
	fail_msg("no register %s", name);
	return 0;
}

static bool has_problem(const struct core *core, const char *part) {
	for (size_t i = 0; i < core->n_problems; i++)
		if (strstr(core->problems[i].message, part))
			return true;
	return false;
}

static void test_threads(void **state) {
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);

	(void)state;
	writer_thread(w, 102, "rip", UINT64_C(0x401000), "rsp", UINT64_C(0x7f0000001000), "rax", UINT64_C(1), "r15", UINT64_C(15), "fs_base",
	              UINT64_C(0x7f0000002000), "orig_rax", UINT64_MAX, "eflags", UINT64_C(0x10246), "gs_base", UINT64_C(5), NULL);
	writer_thread(w, 100, "rip", UINT64_C(0x402000), NULL);
	writer_thread(w, 101, "rip", UINT64_C(0x403000), NULL);
	writer_process(w, 100, 4711, "some program", "some program --with an argument");
	writer_signal(w, SIGSEGV, 1, 0xdeadbeef);
	_cleanup_parsed_ struct parsed p = parse(w);
	const struct cw_core *core = &p.core->pub;

	assert_int_equal(core->n_threads, 3);
	assert_ptr_equal(core->crashed, &core->threads[0]);
	assert_int_equal(core->threads[0].id, 102);
	assert_true(core->threads[0].crashed);
	assert_false(core->threads[0].is_main);
	assert_true(core->threads[1].is_main);
	assert_false(core->threads[1].crashed);
	assert_false(core->threads[2].is_main);
	assert_int_equal(core->threads[2].pc, 0x403000);
	assert_int_equal(core->threads[0].pc, 0x401000);
	assert_int_equal(core->threads[0].sp, 0x7f0000001000);
	assert_int_equal(reg(p.core, 0, "rax"), 1);
	assert_int_equal(reg(p.core, 0, "r15"), 15);
	assert_int_equal(reg(p.core, 0, "fs_base"), 0x7f0000002000);
	assert_int_equal(reg(p.core, 0, "gs_base"), 5);
	assert_int_equal(reg(p.core, 0, "eflags"), 0x10246);
	assert_true(reg(p.core, 0, "orig_rax") == UINT64_MAX);
	assert_int_equal(core->pid, 100);
	assert_int_equal(core->uid, 4711);
	assert_string_equal(core->command, "some program");
	assert_string_equal(core->arguments, "some program --with an argument");
	assert_int_equal(core->signal.number, SIGSEGV);
	assert_true(core->signal.has_address);
	assert_int_equal(core->signal.address, 0xdeadbeef);
	assert_int_equal(p.core->n_problems, 0);
}

static void test_i386(void **state) {
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_386);

	(void)state;
	writer_thread(w, 100, "eip", UINT64_C(0x8048000), "esp", UINT64_C(0xffff0000), "gs", UINT64_C(0x63), "ebx", UINT64_C(3), NULL);
	writer_386_tls(w, 12, 0xf7d01234);
	writer_thread(w, 101, "gs", UINT64_C(0x6b), NULL);
	writer_386_tls(w, 12, 0x1111); /* gs selects entry 13 */
	writer_386_tls(w, 13, 0xf7d05678);
	writer_process(w, 100, 1000, "a", "b");
	writer_signal(w, SIGSEGV, 2, 0xfffffff0);
	_cleanup_parsed_ struct parsed p = parse(w);

	assert_int_equal(p.core->pub.n_threads, 2);
	assert_int_equal(p.core->threads[0].pc, 0x8048000);
	assert_int_equal(p.core->threads[0].sp, 0xffff0000);
	assert_int_equal(reg(p.core, 0, "ebx"), 3);
	assert_int_equal(p.core->threads[0].registers[p.core->arch->tls], 0xf7d01234);
	assert_int_equal(p.core->threads[1].registers[p.core->arch->tls], 0xf7d05678);
	assert_int_equal(p.core->pub.pid, 100);
	assert_int_equal(p.core->pub.uid, 1000);
	assert_int_equal(p.core->pub.signal.address, 0xfffffff0);
}

static void test_sent(void **state) {
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		_cleanup_(writer_freep) struct writer *w = writer_new(i ? EM_386 : EM_X86_64);

		writer_thread(w, 100, NULL);
		writer_signal_sent(w, SIGABRT, SI_TKILL, 4242, 1001);
		_cleanup_parsed_ struct parsed p = parse(w);
		assert_int_equal(p.core->pub.signal.number, SIGABRT);
		assert_false(p.core->pub.signal.has_address);
		assert_true(p.core->pub.signal.has_sender);
		assert_int_equal(p.core->pub.signal.sender_pid, 4242);
		assert_int_equal(p.core->pub.signal.sender_uid, 1001);
	}
}

/* A core without NT_SIGINFO still has pr_cursig; without NT_PRPSINFO one thread is the process. */
static void test_little(void **state) {
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);

	(void)state;
	*writer_options(w) = (struct writer_options){ .no_prpsinfo = true, .no_auxv = true };
	writer_thread(w, 100, "rip", UINT64_C(1), NULL);
	_cleanup_blob_ struct blob b = writer_build(w);
	blob_patch(&b, b.notes + 20 + 12, &(uint16_t){ SIGBUS }, 2);
	_cleanup_parsed_ struct parsed p = parse_blob(b);
	assert_int_equal(p.core->pub.signal.number, SIGBUS);
	assert_false(p.core->pub.signal.has_code);
	assert_true(has_problem(p.core, "NT_SIGINFO"));
	assert_int_equal(p.core->pub.pid, 100);
	assert_true(p.core->threads[0].is_main);
	assert_null(p.core->pub.command);
	assert_int_equal(p.core->pub.page_bytes, 4096);
}

static void test_nothing(void **state) {
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);

	(void)state;
	writer_options(w)->no_prpsinfo = true;
	_cleanup_parsed_ struct parsed p = parse(w);
	assert_int_equal(p.core->pub.n_threads, 1);
	assert_non_null(p.core->pub.crashed);
	assert_int_equal(p.core->pub.crashed->n_registers, 0);
	assert_non_null(p.core->pub.crashed->registers);
	assert_true(has_problem(p.core, "no thread"));
}

static void test_auxv(void **state) {
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		_cleanup_(writer_freep) struct writer *w = writer_new(i ? EM_386 : EM_X86_64);

		writer_thread(w, 100, NULL);
		writer_auxv(w, AT_RANDOM, 0xf0001234);
		writer_auxv(w, AT_PAGESZ, 65536);
		writer_auxv(w, AT_SECURE, 1);
		writer_auxv(w, 51, 3632);
		writer_auxv(w, AT_PHDR, 0x400040);
		_cleanup_parsed_ struct parsed p = parse(w);
		assert_int_equal(p.core->at_random, 0xf0001234);
		assert_int_equal(p.core->pub.page_bytes, 65536);
		assert_int_equal(p.core->at_secure, 1);
		assert_int_equal(p.core->at_minsigstksz, 3632);
		assert_int_equal(p.core->at_phdr, 0x400040);
	}
}

/* Page sizes as no machine has them are not believed. */
static void test_bad_page_size(void **state) {
	static const uint64_t sizes[] = { 0, 1, 4095, 4097, UINT64_MAX, UINT64_C(1) << 40 };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
		_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);

		writer_auxv(w, AT_PAGESZ, sizes[i]);
		_cleanup_parsed_ struct parsed p = parse(w);
		assert_int_equal(p.core->pub.page_bytes, 4096);
	}
}

static void test_hostile_names(void **state) {
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);
	char long_name[] = "\033[2Jevil\xff\x80name-of-sixteen-and-more", all[101];

	(void)state;
	memset(all, 'x', 100);
	all[100] = 0;
	writer_thread(w, 100, NULL);
	writer_process(w, 100, 0, long_name, all);
	_cleanup_parsed_ struct parsed p = parse(w);
	assert_null(strchr(p.core->pub.command, 033));
	assert_true(strlen(p.core->pub.command) <= 16 * 3);
	assert_int_equal(strlen(p.core->pub.arguments), 80);
}

static void test_files(void **state) {
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		_cleanup_(writer_freep) struct writer *w = writer_new(i ? EM_386 : EM_X86_64);

		writer_thread(w, 100, NULL);
		writer_file(w, 0x600000, 0x602000, 0x3000, "/bin/program");
		writer_file(w, 0x400000, 0x401000, 0, "/bin/program");
		writer_file(w, 0x700000, 0x701000, 0, "/lib/old.so (deleted)");
		writer_file(w, 0x800000, 0x801000, 0, " (deleted)");
		writer_file(w, 0x900000, 0x900000, 0, "/empty");
		writer_file(w, 0xa00000, 0x900000, 0, "/backwards");
		_cleanup_parsed_ struct parsed p = parse(w);
		/* By address; empty ones dropped; a file may be called " (deleted)". */
		assert_int_equal(p.n_files, 4);
		assert_int_equal(p.files[0].start, 0x400000);
		assert_int_equal(p.files[1].offset, 0x3000);
		assert_string_equal(p.files[1].path, "/bin/program");
		assert_false(p.files[1].deleted);
		assert_string_equal(p.files[2].path, "/lib/old.so");
		assert_true(p.files[2].deleted);
		assert_string_equal(p.files[3].path, " (deleted)");
		assert_false(p.files[3].deleted);
	}
}

/* NT_FILE with a count, a page size, an offset that lie, and cut at every length. */
static void test_damaged_files(void **state) {
	static const uint64_t good[] = { 2, 4096, 0x1000, 0x2000, 0, 0x2000, 0x3000, 1 };
	static const struct {
		size_t word;
		uint64_t value;
		size_t expected;
	} cases[] = {
		{ 0, 3, 0 },         { 0, UINT64_MAX, 0 }, { 0, UINT64_C(1) << 61, 0 }, { 0, 1, 1 },  { 0, 0, 0 },
		{ 1, 0, 0 },         { 1, UINT64_MAX, 0 }, { 7, UINT64_MAX, 1 },        { 2, UINT64_MAX, 1 }, { 3, 0, 1 },
	};
	char note[sizeof(good) + 10];

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases) + sizeof(note); i++) {
		_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);
		bool cut = i >= ELEMENTSOF(cases);

		memcpy(note, good, sizeof(good));
		memcpy(note + sizeof(good), "/one\0/two", 10);
		if (!cut)
			memcpy(note + cases[i].word * 8, &cases[i].value, 8);
		writer_note(w, "CORE", NT_FILE, note, cut ? i - ELEMENTSOF(cases) : sizeof(note));
		_cleanup_parsed_ struct parsed p = parse(w);
		if (!cut)
			assert_int_equal(p.n_files, cases[i].expected);
		else
			assert_true(p.n_files < 2);
		/* With a wrong count the paths begin elsewhere. */
		for (size_t k = 0; cut && k < p.n_files; k++)
			assert_true(streq(p.files[k].path, "/one") || streq(p.files[k].path, "/two"));
	}
}

/* Every note cut short, in every order of kinds, and names that are not the kernel's. */
static void test_short_notes(void **state) {
	static const uint32_t types[] = { NT_PRSTATUS, NT_PRPSINFO, NT_SIGINFO, NT_AUXV, NT_FILE, NT_386_TLS, 0x12345678 };
	static const char *const names[] = { "CORE", "LINUX", "", "a name that is longer than any" };
	uint8_t junk[400];

	(void)state;
	memset(junk, 0x41, sizeof(junk));
	for (size_t length = 0; length < sizeof(junk); length += 3) {
		_cleanup_(writer_freep) struct writer *w = writer_new(length & 1 ? EM_386 : EM_X86_64);

		for (size_t i = 0; i < ELEMENTSOF(types) * ELEMENTSOF(names); i++)
			writer_note(w, names[i % ELEMENTSOF(names)], types[i / ELEMENTSOF(names)], junk, length);
		_cleanup_parsed_ struct parsed p = parse(w);
		assert_int_equal(p.core->pub.n_threads, 1);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads), cmocka_unit_test(test_i386),          cmocka_unit_test(test_sent),
		cmocka_unit_test(test_little),  cmocka_unit_test(test_nothing),       cmocka_unit_test(test_auxv),
		cmocka_unit_test(test_bad_page_size), cmocka_unit_test(test_hostile_names), cmocka_unit_test(test_files),
		cmocka_unit_test(test_damaged_files), cmocka_unit_test(test_short_notes),
	};

	return cmocka_run_group_tests_name("notes", tests, NULL, NULL);
}
