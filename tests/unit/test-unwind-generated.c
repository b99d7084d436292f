/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/unwind-step.c: code that a virtual machine made, whose return addresses stand behind no call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>

#include "core-writer.h"

#define CODE UINT64_C(0x7e0000000000)
#define ENTRY(n) (CODE + 0x100 + (uint64_t)(n) * 16) /* nothing that calls is in front of it */
#define LIBRARY UINT64_C(0x7e0010000000)
#define CALLED (LIBRARY + 5)                         /* behind a call */
#define STACK UINT64_C(0x7f0000000000)
#define FP(n) (STACK + 0x100 + (uint64_t)(n) * 0x80)

struct scene {
	const char *file;      /* the code is mapped from one */
	uint64_t saved, above; /* the frame pointer that the first frame saved, and the return address above it; 0: as it should be */
	uint32_t frames;       /* found by the frame pointer */
};

static void check(const struct scene *s) {
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);
	_cleanup_(core_freep) struct core *core = NULL;
	const struct cw_thread *t;
	uint32_t n = 0;

	writer_map(w, CODE, 0x1000, "rx", 0x1000);
	if (s->file)
		writer_file(w, CODE, CODE + 0x1000, 0, s->file);
	writer_map(w, LIBRARY, 0x1000, "rx", 0x1000);
	writer_bytes(w, LIBRARY, "\xe8\0\0\0\0\x90", 6);
	writer_map(w, STACK, 0x4000, "rw", 0x4000);
	writer_put(w, FP(0), s->saved ?: FP(1), ENTRY(1));
	writer_put(w, FP(1), FP(2), s->above ?: ENTRY(2));
	writer_put(w, FP(2), FP(3), CALLED);
	writer_put(w, FP(3), 0, 0);
	writer_thread(w, 100, "rip", ENTRY(0), "rsp", STACK + 0x80, "rbp", FP(0), NULL);
	writer_signal(w, SIGSEGV, 1, 0x10);
	core = writer_load(w, UNPACK_PLAIN, NULL);
	t = &core->threads[0];
	for (size_t i = 0; i < t->n_frames; i++)
		n += t->frames[i].trust == CW_TRUST_FRAME_POINTER ? t->frames[i].count : 0;
	assert_int_equal(n, s->frames);
	if (n > 1)
		assert_int_equal(t->frames[1].cfa, FP(1) + 16);
}

static void test_chain(void **state) {
	const struct scene s = { .frames = 3 };

	(void)state;
	check(&s);
}

/* In a file's code a call stands in front of every return address; a pair that leads nowhere, or down, is none. */
static void test_no_chain(void **state) {
	static const struct scene scenes[] = {
		{ .file = "/nonexistent/program" },
		{ .above = STACK + 0x10 },
		{ .above = UINT64_C(0x41414141) },
		{ .saved = FP(0) },
		{ .saved = STACK + 0x40 },
		{ .saved = FP(1) + 4 },
		{ .saved = UINT64_C(0x600000000000) },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(scenes); i++)
		check(&scenes[i]);
}

int main(void) {
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_chain), cmocka_unit_test(test_no_chain) };

	return cmocka_run_group_tests_name("unwind-generated", tests, NULL, NULL);
}
