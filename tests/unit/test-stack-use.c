/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/stack-use: every byte from SP to the stack's high end has an owner, or is said to have none; nothing is taken for what it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/auxv.h>

#include "core-writer.h"
#include "core/stack.h"

#define CODE UINT64_C(0x400000)
#define MAIN UINT64_C(0x7ffd00000000)
#define MAIN_BYTES UINT64_C(0x21000)
#define MAIN_END (MAIN + MAIN_BYTES)
#define RANDOM (MAIN_END - 0x200)
#define AUXV (RANDOM - 0x40)          /* AT_PAGESZ, AT_RANDOM, AT_NULL: 0x30 bytes */
#define GUARD UINT64_C(0x7f0000000000)
#define BLOCK (GUARD + 0x1000)
#define BLOCK_BYTES UINT64_C(0x7f000)
#define END (BLOCK + BLOCK_BYTES)
#define TLS (END - 0x900)
#define LIBRARY UINT64_C(0x7f1000000000)
#define ALT UINT64_C(0x7e0000000000)
#define FRAME UINT64_C(0x40)          /* of the two frames that every thread here has; of the outer one the size is not known */

/* Two frames, by the frame pointer. */
static struct writer *begin(uint64_t sp, int32_t id) {
	struct writer *w = writer_new(EM_X86_64);

	writer_map(w, CODE, 0x1000, "rx", 0x1000);
	writer_map(w, GUARD, 0x1000, "", 0);
	writer_map(w, BLOCK, BLOCK_BYTES, "rw", BLOCK_BYTES);
	writer_map(w, MAIN, MAIN_BYTES, "rw", MAIN_BYTES);
	writer_auxv(w, AT_PAGESZ, 4096);
	writer_auxv(w, AT_RANDOM, RANDOM);
	writer_thread(w, id, "rip", CODE + 0x10, "rsp", sp, "rbp", sp + FRAME - 16, "fs_base", id == 100 ? 0 : TLS, NULL);
	writer_process(w, 100, 1000, "test", "test");
	writer_signal(w, SIGSEGV, 1, 0x10);
	writer_bytes(w, CODE, "\xe8\x0b\x00\x00\x00", 5);
	writer_put(w, sp + FRAME - 16, 0, CODE + 5);
	return w;
}

static void put_auxv(struct writer *w, uint64_t at) {
	writer_put(w, at, AT_PAGESZ, 4096, AT_RANDOM, RANDOM, AT_NULL, 0);
}

/* argc 1, argv, two strings of the environment: 6 words and the zero behind each list. */
static void put_vectors(struct writer *w, uint64_t argc) {
	writer_put(w, AUXV - 6 * 8, argc, RANDOM + 0x20, 0, RANDOM + 0x30, RANDOM + 0x38, 0);
}

static struct core *load(struct writer *w) {
	struct core *core = writer_load(w, UNPACK_PLAIN, NULL);

	assert_int_equal(core_symbolize(core), 0);
	return core;
}

/* The figures add up, and the parts neither overlap nor leave the stack. */
static const struct cw_stack_use *use_of(const struct core *core) {
	const struct cw_thread *t = &core->threads[0];
	const struct cw_stack_use *u = &t->use;
	uint64_t sum = u->frames_bytes + u->unaccounted_bytes, at = t->stack.sp + u->frames_bytes;

	assert_true(u->known);
	for (size_t i = 0; i < u->n_parts; i++) {
		assert_true(u->parts[i].start >= at);
		at = u->parts[i].start + u->parts[i].bytes;
		sum += u->parts[i].bytes;
	}
	assert_true(at <= t->stack.high);
	assert_int_equal(sum, t->stack.used_bytes);
	return u;
}

static void test_main(void **state) {
	uint64_t sp = AUXV - 6 * 8 - FRAME - 0x18;
	_cleanup_(writer_freep) struct writer *w = begin(sp, 100);
	_cleanup_(core_freep) struct core *core = NULL;
	const struct cw_stack_use *u;

	(void)state;
	put_auxv(w, AUXV);
	put_vectors(w, 1);
	core = load(w);
	u = use_of(core);
	assert_int_equal(u->frames_bytes, FRAME);
	assert_int_equal(u->n_parts, 2);
	assert_int_equal(u->parts[0].kind, CW_PART_ARGUMENTS);
	assert_int_equal(u->parts[0].start, AUXV - 6 * 8);
	assert_int_equal(u->parts[0].bytes, 6 * 8 + 0x30);
	assert_int_equal(u->parts[1].kind, CW_PART_STRINGS);
	assert_int_equal(u->parts[1].start + u->parts[1].bytes, MAIN_END);
	assert_int_equal(u->unaccounted_bytes, 0x18);
}

/* What the program has overwritten is not believed: argc that does not fit its list, a vector that is not there. */
static void test_main_overwritten(void **state) {
	uint64_t sp = AUXV - 0x1000;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		_cleanup_(writer_freep) struct writer *w = begin(sp, 100);
		_cleanup_(core_freep) struct core *core = NULL;
		const struct cw_stack_use *u;

		if (i != 2)
			put_auxv(w, AUXV);
		put_vectors(w, i == 0 ? 1 : 2);
		core = load(w);
		u = use_of(core);
		assert_int_equal(u->n_parts, i == 2 ? 0 : 2);
		if (i < 2)
			assert_int_equal(u->parts[0].start, i == 0 ? AUXV - 6 * 8 : AUXV);
		else
			assert_int_equal(u->unaccounted_bytes, MAIN_END - sp - FRAME);
	}
}

/* Unwinding did not reach clone(), so only the record of the thread is known to be one; what lies below it is not. */
static void test_pthread(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(TLS - 0x800, 101);
	_cleanup_(core_freep) struct core *core = NULL;
	const struct cw_stack_use *u;

	(void)state;
	writer_put(w, TLS, TLS, 0, TLS);
	writer_put(w, TLS + 0x690, GUARD, BLOCK_BYTES + 0x1000, 0x1000, 0x1000);
	core = load(w);
	assert_int_equal(core->threads[0].stack.kind, CW_STACK_PTHREAD);
	u = use_of(core);
	assert_int_equal(u->n_parts, 1);
	assert_int_equal(u->parts[0].kind, CW_PART_THREAD_CONTROL);
	assert_int_equal(u->parts[0].start, TLS);
	assert_int_equal(u->parts[0].bytes, END - TLS);
	assert_int_equal(u->unaccounted_bytes, 0x800 - FRAME);
}

/* A TLS register that points elsewhere has no part on this stack. */
static void test_user_stack(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(BLOCK + 0x1000, 101);
	_cleanup_(core_freep) struct core *core = NULL;

	(void)state;
	core = load(w);
	assert_int_equal(core->threads[0].stack.kind, CW_STACK_CUSTOM);
	assert_int_equal(use_of(core)->n_parts, 0);
}

/* A library with thread-local variables, by its own pages. */
static void map_tls_library(struct writer *w, uint64_t bytes) {
	const Elf64_Ehdr e = { .e_ident = ELFMAG "\2\1\1", .e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = 1, .e_phoff = 64, .e_ehsize = 64,
		               .e_phentsize = 56, .e_phnum = 2 };
	const Elf64_Phdr p[] = { { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = 0x1000, .p_memsz = 0x1000 },
		                 { .p_type = PT_TLS, .p_filesz = 8, .p_memsz = bytes, .p_align = 64 } };

	writer_map(w, LIBRARY, 0x1000, "rx", 0x1000);
	writer_bytes(w, LIBRARY, &e, sizeof(e));
	writer_bytes(w, LIBRARY + 64, p, sizeof(p));
	writer_file(w, LIBRARY, LIBRARY + 0x1000, 0, "/nonexistent/libtls.so");
}

/* Below struct pthread lie the thread-local variables of all modules: as much of it as they can be, or all that no frame
 * can have, where unwinding reached the thread's first function. */
static void test_static_tls(void **state) {
	static const struct {
		uint64_t library, room; /* of its variables; between the frames and struct pthread */
		bool first;
		uint64_t part, unaccounted, of_module;
	} cases[] = {
		{ 0x300, 0x800, false, 0x300, 0x500, 0x300 },
		{ 0x301, 0x800, false, 0x340, 0x4c0, 0x340 }, /* rounded up to its alignment */
		{ 0x300, 0x800, true, 0x800, 0, 0x300 },
		{ 0x900, 0x800, false, 0x800, 0, 0 },         /* more than there is room for: not all of it is here */
		{ UINT64_C(1) << 40, 0x800, false, 0, 0x800, 0 }, /* no library's */
		{ 0x300, 0, false, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_(writer_freep) struct writer *w = begin(TLS - cases[i].room - FRAME, 101);
		_cleanup_(core_freep) struct core *core = NULL;
		const struct cw_stack_use *u;
		size_t n = cases[i].part > 0;

		map_tls_library(w, cases[i].library);
		if (cases[i].first)
			writer_bytes(w, CODE + 5, "\x48\x89\xc7\xb8\x3c\0\0\0\x0f\x05", 10); /* exit(), with what the thread returned */
		writer_put(w, TLS, TLS, 0, TLS);
		writer_put(w, TLS + 0x690, GUARD, BLOCK_BYTES + 0x1000, 0x1000, 0x1000);
		core = load(w);
		u = use_of(core);
		assert_int_equal(u->n_parts, n + 1);
		assert_int_equal(u->parts[n].kind, CW_PART_THREAD_CONTROL);
		assert_int_equal(u->parts[n].start, TLS);
		assert_int_equal(u->unaccounted_bytes, cases[i].unaccounted);
		if (n == 0)
			continue;
		assert_int_equal(u->parts[0].kind, CW_PART_STATIC_TLS);
		assert_int_equal(u->parts[0].bytes, cases[i].part);
		assert_int_equal(u->parts[0].module_bytes, cases[i].of_module);
		assert_true(cases[i].of_module ? streq(u->parts[0].module->path, "/nonexistent/libtls.so") : u->parts[0].module == NULL);
	}
}

/* A handler on an alternate stack: above its frames lies what the kernel put there. Without a signal frame nothing is known of it. */
static void test_signal_frame(void **state) {
	const uint64_t at = ALT + 0x3000, sp = at - 0x40;

	(void)state;
	for (int raised = 1; raised >= 0; raised--) {
		_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);
		_cleanup_(core_freep) struct core *core = NULL;
		const struct cw_thread *t;

		writer_map(w, CODE, 0x1000, "rx", 0x1000);
		writer_bytes(w, CODE, "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05", 9); /* rt_sigreturn */
		writer_map(w, ALT, 0x4000, "rw", 0x4000);
		writer_map(w, MAIN, MAIN_BYTES, "rw", MAIN_BYTES);
		writer_auxv(w, AT_RANDOM, RANDOM);
		writer_sigframe(w, at, &(struct writer_sigframe){ .pc = CODE + 0x10, .sp = MAIN + 0x1000, .fp = MAIN + 0x1010, .number = SIGUSR1,
		                                                .altstack = ALT, .altstack_bytes = 0x4000 });
		writer_put(w, at - 16, MAIN + 0x1010, raised ? CODE : 0);
		writer_thread(w, 100, "rip", CODE + 0x20, "rsp", sp, "rbp", at - 16, NULL);
		writer_signal_sent(w, SIGABRT, SI_TKILL, 100, 1000);
		core = load(w);
		t = &core->threads[0];
		if (!raised) {
			for (size_t i = 0; i < t->use.n_parts; i++)
				assert_int_not_equal(t->use.parts[i].kind, CW_PART_SIGNAL_FRAME);
			continue;
		}
		assert_int_equal(t->stack.kind, CW_STACK_ALTERNATE);
		assert_int_equal(use_of(core)->n_parts, 1);
		assert_int_equal(t->use.frames_bytes, at - sp);
		assert_int_equal(t->use.parts[0].kind, CW_PART_SIGNAL_FRAME);
		assert_int_equal(t->use.parts[0].start, at);
		assert_int_equal(t->use.parts[0].bytes, ALT + 0x4000 - at);
		assert_int_equal(t->use.unaccounted_bytes, 0);
	}
}

/* A handler runs on the stack of what it interrupted, or on another: its bytes belong to the functions of the first only. */
static void test_handler(void **state) {
	(void)state;
	for (int same = 1; same >= 0; same--) {
		const uint64_t at = MAIN + 0x4000, sp = at - 0x40, interrupted = same ? at + 0x800 : ALT + 0x1000;
		_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);
		_cleanup_(core_freep) struct core *core = NULL;
		const struct cw_thread *t;
		uint64_t sum = 0;

		writer_map(w, CODE, 0x1000, "rx", 0x1000);
		writer_bytes(w, CODE, "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05", 9); /* rt_sigreturn */
		writer_bytes(w, CODE + 0x100, "\xe8\0\0\0\0", 5);
		writer_map(w, ALT, 0x4000, "rw", 0x4000);
		writer_map(w, MAIN, MAIN_BYTES, "rw", MAIN_BYTES);
		writer_auxv(w, AT_RANDOM, RANDOM);
		writer_sigframe(w, at, &(struct writer_sigframe){ .pc = CODE + 0x10, .sp = interrupted, .fp = interrupted + 0x10, .number = SIGUSR1 });
		writer_put(w, interrupted + 0x10, 0, CODE + 0x105);
		writer_put(w, at - 16, interrupted + 0x10, CODE);
		writer_thread(w, 100, "rip", CODE + 0x20, "rsp", sp, "rbp", at - 16, NULL);
		writer_signal_sent(w, SIGABRT, SI_TKILL, 100, 1000);
		core = load(w);
		t = &core->threads[0];
		for (size_t i = 0; i < t->n_functions; i++)
			sum += t->functions[i].bytes;
		assert_int_equal(sum, use_of(core)->frames_bytes);
		assert_int_equal(sum, same ? 0x40 + 0x800 + 0x20 : 0x40);
	}
}

/* SP in no stack: nothing is claimed. */
static void test_unknown(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(BLOCK + 0x1000, 101);
	_cleanup_(core_freep) struct core *core = NULL;

	(void)state;
	writer_free(w);
	w = writer_new(EM_X86_64);
	writer_map(w, CODE, 0x1000, "rx", 0x1000);
	writer_thread(w, 101, "rip", CODE, "rsp", UINT64_C(0x1000), NULL);
	writer_signal(w, SIGSEGV, 1, 0x10);
	core = load(w);
	assert_false(core->threads[0].use.known);
}

int main(void) {
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_main),
		cmocka_unit_test(test_main_overwritten),
		cmocka_unit_test(test_pthread),
		cmocka_unit_test(test_user_stack),
		cmocka_unit_test(test_static_tls),
		cmocka_unit_test(test_signal_frame),
		cmocka_unit_test(test_handler),
		cmocka_unit_test(test_unknown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
