/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* analyzers/stack-overflow on cores made by hand: every way of running out of stack, and what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>

#include "core-writer.h"
#include "worker/run.h"

extern const struct cw_analyzer cw_builtin_stack_overflow;

#define CODE UINT64_C(0x400000)
#define RETURN (CODE + 0x100)          /* behind a call, in the middle of a function */
#define PUSH (CODE + 0x200)            /* push rbp */
#define LOAD (CODE + 0x210)            /* mov rax, [rax] */
#define STORE (CODE + 0x220)           /* mov [rdi], rax */
#define PROBE (CODE + 0x230)           /* or qword [rsp - 0x1000], 0 */
#define MAIN_HIGH UINT64_C(0x7ffd00000000)
#define GUARD UINT64_C(0x7f0000000000)
#define LOW (GUARD + 0x1000)           /* of a thread's stack of 252 KiB */
#define HIGH (LOW + 0x3f000)
#define TLS (HIGH - 0x900)
#define MAPERR 1
#define ACCERR 2
#define KERNEL 128

struct scene {
	int32_t id;                    /* 100: the main thread, 101: a pthread */
	uint64_t main_bytes;           /* mapped of the main stack */
	uint64_t pc, sp, fp, rax, rdi;
	int code;
	uint64_t address;
	uint64_t limit;                /* RLIMIT_STACK; 0: unknown */
	uint64_t neighbour;            /* a mapping that ends here, below the main stack; 0: none */
	bool hidden_guard;             /* the guard is within the stack's writable mapping (MADV_GUARD_INSTALL) */
	bool recursion;                /* the thread's stack is full of equal frames */
};

static struct writer *build(const struct scene *s) {
	uint64_t main_bytes = s->main_bytes ?: 0x21000, main_low = MAIN_HIGH - main_bytes;
	struct writer *w = writer_new(EM_X86_64);

	writer_map(w, CODE, 0x1000, "rx", 0x1000);
	writer_bytes(w, RETURN - 5, "\xe8\0\0\0\0\x90", 6);
	writer_bytes(w, PUSH, "\x55", 1);
	writer_bytes(w, LOAD, "\x48\x8b\x00", 3);
	writer_bytes(w, STORE, "\x48\x89\x07", 3);
	writer_bytes(w, PROBE, "\x48\x83\x8c\x24\x00\xf0\xff\xff\x00", 9);
	writer_map(w, GUARD, 0x1000, s->hidden_guard ? "rw" : "", 0);
	writer_map(w, LOW, HIGH - LOW, "rw", HIGH - LOW);
	if (s->neighbour)
		writer_map(w, s->neighbour - 0x1000, 0x1000, "rw", 0);
	writer_map(w, main_low, main_bytes, "rw", main_bytes);
	writer_auxv(w, AT_RANDOM, MAIN_HIGH - 0x200);
	writer_put(w, TLS, TLS, 0, TLS);
	writer_put(w, TLS + 0x690, GUARD, HIGH - GUARD, 0x1000);
	if (s->recursion) {
		uint64_t at = s->id == 100 ? main_low + 0x100 : LOW + 0x100, end = s->id == 100 ? MAIN_HIGH - 0x1000 : TLS - 0x1000;

		for (; at < end; at += 64)
			writer_put(w, at, at + 64, RETURN);
	}
	writer_thread(w, s->id, "rip", s->pc, "rsp", s->sp, "rbp", s->fp, "rax", s->rax, "rdi", s->rdi, "fs_base", s->id == 100 ? 0 : TLS, NULL);
	writer_process(w, 100, 1000, "test", "test");
	writer_signal(w, SIGSEGV, s->code, s->address);
	return w;
}

struct result {
	bool found;
	enum cw_confidence confidence;
	char kind[32], evidence[8192];
	int64_t stack_bytes, used_bytes;
};

static struct result analyze(const struct scene *s) {
	const struct core_options options = { .has_stack_limit = s->limit != 0, .stack_limit = s->limit, .cache_fd = -EBADF, .debug_dirs = "" };
	struct plugins plugins = { .n = 1, .list = { { .analyzer = &cw_builtin_stack_overflow, .origin = "test", .enabled = true } } };
	_cleanup_(writer_freep) struct writer *w = build(s);
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, &options);
	_cleanup_(run_done) struct cw_run run = {};
	struct result r = {};
	json_object *o;

	assert_int_equal(core_symbolize(core), 0);
	assert_int_equal(run_analyzers(core, &plugins, &run), 0);
	for (size_t i = 0; i < core->n_problems; i++)
		assert_string_not_equal(core->problems[i].stage, "analyzers");
	if (run.n_findings == 0)
		return r;
	assert_int_equal(run.n_findings, 1);
	assert_string_equal(run.findings[0].id, "stack-overflow");
	r.found = true;
	r.confidence = run.findings[0].confidence;
	for (size_t i = 0; i < run.findings[0].n_evidence; i++)
		snprintf(r.evidence + strlen(r.evidence), sizeof(r.evidence) - strlen(r.evidence), "%s\n", run.findings[0].evidence[i]);
	assert_true(json_object_object_get_ex(run.findings[0].facts, "kind", &o));
	snprintf(r.kind, sizeof(r.kind), "%s", json_object_get_string(o));
	if (json_object_object_get_ex(run.findings[0].facts, "stack_bytes", &o))
		r.stack_bytes = json_object_get_int64(o);
	if (json_object_object_get_ex(run.findings[0].facts, "used_bytes", &o))
		r.used_bytes = json_object_get_int64(o);
	return r;
}

static void check_not(const struct scene *s) {
	struct result r = analyze(s);

	if (r.found)
		fail_msg("a stack overflow was claimed:\n%s", r.evidence);
}

static struct result check(const struct scene *s, enum cw_confidence least) {
	struct result r = analyze(s);

	assert_true(r.found);
	if (r.confidence < least)
		fail_msg("not confident enough (%d):\n%s", r.confidence, r.evidence);
	/* Earned by evidence: the bounds, SP and the rule. */
	assert_non_null(strstr(r.evidence, "rule: "));
	assert_non_null(strstr(r.evidence, "SP = 0x"));
	return r;
}

/* ── it is one ── */

static void test_guard(void **state) {
	const struct scene s = { .id = 101, .pc = PUSH, .sp = LOW, .fp = LOW + 0x100, .code = ACCERR, .address = LOW - 8, .recursion = true };
	struct result r = check(&s, CW_CERTAIN);

	(void)state;
	assert_string_equal(r.kind, "recursion");
	assert_int_equal(r.stack_bytes, HIGH - LOW);
	assert_int_equal(r.used_bytes, HIGH - LOW);
}

static void test_guard_by_probe(void **state) {
	const struct scene s = { .id = 101, .pc = PROBE, .sp = LOW + 0x800, .fp = LOW + 0x900, .code = ACCERR, .address = LOW + 0x800 - 0x1000 };

	(void)state;
	(void)check(&s, CW_LIKELY);
}

static void test_undeliverable(void **state) {
	const struct scene s = { .id = 101, .pc = PUSH, .sp = LOW, .fp = LOW + 0x100, .code = KERNEL, .recursion = true };

	(void)state;
	(void)check(&s, CW_CERTAIN);
}

static void test_main_beyond_limit(void **state) {
	const struct scene s = { .id = 100, .main_bytes = MIB(8), .pc = PUSH, .sp = MAIN_HIGH - MIB(8), .fp = MAIN_HIGH - MIB(8) + 0x100,
		                 .code = MAPERR, .address = MAIN_HIGH - MIB(8) - 8, .limit = MIB(8), .recursion = true };
	struct scene unknown = s;
	struct result r = check(&s, CW_CERTAIN);

	(void)state;
	assert_string_equal(r.kind, "recursion");
	assert_int_equal(r.stack_bytes, MIB(8));
	unknown.limit = 0;
	(void)check(&unknown, CW_LIKELY);
}

/* The stack is far from its limit, but another mapping is in the way. */
static void test_main_squeezed(void **state) {
	const struct scene s = { .id = 100, .main_bytes = 0x40000, .pc = PUSH, .sp = MAIN_HIGH - 0x40000, .fp = MAIN_HIGH - 0x40000 + 0x100, .code = MAPERR,
		                 .address = MAIN_HIGH - 0x40000 - 8, .limit = UINT64_MAX, .neighbour = MAIN_HIGH - 0x40000 - 0x80000 };

	(void)state;
	(void)check(&s, CW_CERTAIN);
}

/* One frame larger than the guard: SP has jumped far below. */
static void test_large_frame(void **state) {
	const struct scene s = { .id = 100, .pc = PUSH, .sp = MAIN_HIGH - MIB(100), .fp = MAIN_HIGH - 0x1000, .code = MAPERR,
		                 .address = MAIN_HIGH - MIB(100) - 8, .limit = MIB(8) };

	(void)state;
	(void)check(&s, CW_LIKELY);
}

/* glibc 2.42: the guard does not show in the map. The stack's bounds still come from struct pthread. */
static void test_hidden_guard(void **state) {
	const struct scene s = { .id = 101, .pc = PUSH, .sp = LOW, .fp = LOW + 0x100, .code = MAPERR, .address = LOW - 8, .hidden_guard = true };

	(void)state;
	(void)check(&s, CW_CERTAIN);
}

/* ── it is none ── */

/* SP was overwritten: the fault is at SP, but SP is nowhere near a stack. */
static void test_corrupted_sp(void **state) {
	static const uint64_t sps[] = { 0x10, 0x10000000, UINT64_C(0x41414140), UINT64_C(0x414141414140), UINT64_C(0x600000000000), CODE + 0x800, MAIN_HIGH + MIB(64) };

	(void)state;
	for (size_t i = 0; i < 2 * ELEMENTSOF(sps); i++) {
		const struct scene s = { .id = i & 1 ? 100 : 101, .pc = PUSH, .sp = sps[i / 2], .fp = LOW + 0x100, .code = i / 2 == 5 ? ACCERR : MAPERR,
			                 .address = sps[i / 2] - 8, .limit = MIB(8) };
		check_not(&s);
	}
}

static void test_corrupted_sp_without_address(void **state) {
	const struct scene s = { .id = 101, .pc = PUSH, .sp = UINT64_C(0x4141414141414141), .fp = LOW + 0x100, .code = KERNEL };

	(void)state;
	check_not(&s);
}

/* A stray write hits a guard while the stack is healthy. */
static void test_guard_with_healthy_sp(void **state) {
	const struct scene s = { .id = 101, .pc = STORE, .sp = HIGH - 0x4000, .fp = HIGH - 0x3000, .rdi = GUARD + 0x800, .code = ACCERR, .address = GUARD + 0x800 };
	struct scene main_thread = s;

	(void)state;
	check_not(&s);
	/* Another thread's guard. */
	main_thread.id = 100;
	main_thread.sp = MAIN_HIGH - 0x4000;
	check_not(&main_thread);
}

/* Deep, but with room left, and the fault is elsewhere. */
static void test_deep_but_healthy(void **state) {
	struct scene s = { .id = 101, .pc = LOAD, .sp = LOW + 0xf0, .fp = LOW + 0x100, .rax = 0x10, .code = MAPERR, .address = 0x10, .recursion = true };

	(void)state;
	check_not(&s);
	s.id = 100;
	s.main_bytes = MIB(8) - 0x2000;
	s.sp = MAIN_HIGH - s.main_bytes + 0xf0;
	s.fp = s.sp + 0x10;
	s.limit = MIB(8);
	check_not(&s);
}

/* Below the stack, but SP is not there. */
static void test_write_below_healthy_sp(void **state) {
	static const uint64_t distances[] = { MIB(20), MIB(1), 0x30000 };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(distances); i++) {
		const struct scene s = { .id = 100, .pc = STORE, .sp = MAIN_HIGH - 0x4000, .fp = MAIN_HIGH - 0x3000, .rdi = MAIN_HIGH - 0x4000 - distances[i],
			                 .code = MAPERR, .address = MAIN_HIGH - 0x4000 - distances[i], .limit = MIB(8) };
		check_not(&s);
	}
}

/* A buffer on the stack written past the stack's other end. */
static void test_write_past_the_top(void **state) {
	const struct scene s = { .id = 100, .pc = STORE, .sp = MAIN_HIGH - 0x4000, .fp = MAIN_HIGH - 0x3000, .rdi = MAIN_HIGH, .code = MAPERR,
		                 .address = MAIN_HIGH, .limit = MIB(8) };
	struct scene thread = s;

	(void)state;
	check_not(&s);
	thread.id = 101;
	thread.sp = HIGH - 0x4000;
	thread.fp = HIGH - 0x3000;
	thread.rdi = thread.address = HIGH;
	check_not(&thread);
}

/* Another signal than those of a fault, with SP at the very end. */
static void test_sent(void **state) {
	/* There is room for the push; where there is none, a handler raised the signal of the overflow again. */
	const struct scene s = { .id = 101, .pc = PUSH, .sp = LOW + 0x100, .fp = LOW + 0x200, .code = SI_TKILL, .address = 100, .recursion = true };
	const struct scene again = { .id = 101, .pc = PUSH, .sp = LOW, .fp = LOW + 0x100, .code = SI_TKILL, .address = 100, .recursion = true };

	(void)state;
	check_not(&s);
	(void)check(&again, CW_LIKELY);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_guard_by_probe),
		cmocka_unit_test(test_undeliverable),
		cmocka_unit_test(test_main_beyond_limit),
		cmocka_unit_test(test_main_squeezed),
		cmocka_unit_test(test_large_frame),
		cmocka_unit_test(test_hidden_guard),
		cmocka_unit_test(test_corrupted_sp),
		cmocka_unit_test(test_corrupted_sp_without_address),
		cmocka_unit_test(test_guard_with_healthy_sp),
		cmocka_unit_test(test_deep_but_healthy),
		cmocka_unit_test(test_write_below_healthy_sp),
		cmocka_unit_test(test_write_past_the_top),
		cmocka_unit_test(test_sent),
	};

	return cmocka_run_group_tests_name("analyzers-overflow", tests, NULL, NULL);
}
