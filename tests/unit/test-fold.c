/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/fold: whatever is folded expands to exactly what went in, and what repeats takes no memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/unwind.h"

#define FRAMES 6000

static uint32_t seed;

static uint32_t rnd(uint32_t n) {
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* A core without mappings is all that the fold asks for. */
static struct core *core_begin(void) {
	struct core *core = calloc(1, sizeof(*core));

	assert_non_null(core);
	assert_int_equal(arena_new(MIB(256), &core->arena), 0);
	core->arch = &arch_x86_64;
	return core;
}

static void core_end(struct core **core) {
	arena_free((*core)->arena);
	free(*core);
}
#define _cleanup_core_ _cleanup_(core_end)

static struct cw_thread fold_all(struct core *core, const struct raw_frame *frames, size_t n) {
	_cleanup_(fold_freep) struct fold *fold = NULL;
	struct cw_thread t = {};

	assert_int_equal(fold_new(core, &fold), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(fold_add(fold, &frames[i]), 0);
	assert_int_equal(fold_finish(fold, &t), 0);
	assert_int_equal(t.frame_count, n);
	return t;
}

static void check_one(const struct cw_frame *item, const struct raw_frame *raw) {
	assert_int_equal(item->pc, raw->pc);
	assert_int_equal(item->trust, raw->trust);
	assert_int_equal(item->signal_frame, raw->signal_frame);
	assert_int_equal(item->exact_pc, raw->exact_pc);
}

/* Every item stands for the frames that it says, in order, with nothing missing (where nothing was to be omitted). */
static void check_expansion(const struct cw_thread *t, const struct raw_frame *frames, size_t n) {
	size_t at = 0;

	assert_int_equal(t->frames_omitted, 0);
	for (size_t i = 0; i < t->n_frames; i++) {
		const struct cw_frame *f = &t->frames[i];
		size_t period = MAX(f->n_cycle, (size_t)1);
		int64_t bytes = 0;

		assert_int_equal(f->index, at);
		assert_true(f->count >= 1 && at + (uint64_t)f->count * period <= n);
		assert_true(f->n_cycle == 0 || (f->n_cycle > 1 && f->n_cycle <= UNWIND_CYCLE_MAX && f->cycle));
		assert_int_equal(f->cfa, frames[at].cfa);
		assert_int_equal(f->has_cfa, frames[at].has_cfa);
		for (size_t k = 0; k < period; k++)
			bytes = bytes < 0 || frames[at + k].bytes < 0 ? -1 : bytes + frames[at + k].bytes;
		assert_int_equal(f->bytes, bytes);
		for (size_t turn = 0; turn < f->count; turn++)
			for (size_t k = 0; k < period; k++, at++) {
				check_one(f->n_cycle ? &f->cycle[k] : f, &frames[at]);
				assert_int_equal(f->n_cycle ? f->cycle[k].bytes : f->bytes, frames[at].bytes);
			}
	}
	assert_int_equal(at, n);
}

static struct raw_frame make_frame(uint64_t pc, int64_t bytes) {
	return (struct raw_frame){ .pc = pc, .bytes = bytes, .trust = CW_TRUST_CFI, .has_cfa = true };
}

static void set_cfas(struct raw_frame *frames, size_t n) {
	uint64_t cfa = 0x7f0000000000;

	for (size_t i = 0; i < n; i++)
		frames[i].cfa = cfa += frames[i].bytes > 0 ? (uint64_t)frames[i].bytes : 16;
}

/* Stretches of cycles of random period and length, with noise between them, cut anywhere. */
static void test_random(void **state) {
	static struct raw_frame frames[FRAMES];

	(void)state;
	for (seed = 1; seed < 300;) {
		uint32_t round = seed;
		_cleanup_core_ struct core *core = core_begin();
		size_t n = 0, alphabet = 1 + rnd(8);
		struct cw_thread t;

		while (n < FRAMES) {
			size_t period = 1 + rnd(UNWIND_CYCLE_MAX), length = rnd(600), noise = rnd(12), start = n;

			for (size_t i = 0; i < length && n < FRAMES; i++, n++)
				frames[n] = i < period ? make_frame(0x1000 + rnd((uint32_t)alphabet) * 16, 16 * (1 + rnd(2))) : frames[start + i % period];
			for (size_t i = 0; i < noise && n < FRAMES; i++, n++) {
				frames[n] = make_frame(0x1000 + rnd((uint32_t)alphabet) * 16, rnd(4) ? 32 : -1);
				frames[n].trust = rnd(4) ? CW_TRUST_CFI : CW_TRUST_FRAME_POINTER;
				frames[n].signal_frame = rnd(8) == 0;
			}
		}
		set_cfas(frames, n);
		t = fold_all(core, frames, n);
		check_expansion(&t, frames, n);
		seed = round + 1;
	}
}

/* A cycle of every period folds to few items, wherever it begins, and whatever stands before and behind it. */
static void test_every_period(void **state) {
	static struct raw_frame frames[FRAMES];

	(void)state;
	for (size_t period = 1; period <= UNWIND_CYCLE_MAX; period++) {
		_cleanup_core_ struct core *core = core_begin();
		struct cw_thread t;

		for (size_t i = 0; i < FRAMES; i++)
			frames[i] = i < 10 || i >= FRAMES - 10 ? make_frame(0x900000 + i * 16, 64) : make_frame(0x1000 + i % period * 16, 48);
		set_cfas(frames, FRAMES);
		t = fold_all(core, frames, FRAMES);
		check_expansion(&t, frames, FRAMES);
		assert_true(t.n_frames <= 20 + 1 + period);
	}
}

static void test_longer_than_any_cycle(void **state) {
	static struct raw_frame frames[FRAMES];
	_cleanup_core_ struct core *core = core_begin();
	struct cw_thread t;

	(void)state;
	for (size_t i = 0; i < FRAMES; i++)
		frames[i] = make_frame(0x1000 + i % (UNWIND_CYCLE_MAX + 1) * 16, 48);
	set_cfas(frames, FRAMES);
	t = fold_all(core, frames, FRAMES);
	check_expansion(&t, frames, FRAMES);
	assert_int_equal(t.n_frames, FRAMES);
}

static void test_too_few_turns(void **state) {
	const struct raw_frame frames[] = { make_frame(1, 16), make_frame(2, 16), make_frame(1, 16), make_frame(2, 16), make_frame(2, 16) };
	_cleanup_core_ struct core *core = core_begin();
	struct cw_thread t = fold_all(core, frames, ELEMENTSOF(frames));

	(void)state;
	assert_int_equal(t.n_frames, 5);
	t = fold_all(core, frames, 0);
	assert_int_equal(t.n_frames, 0);
}

/* Recursion as deep as a 64 GiB stack takes no more memory than a shallow one. */
static void test_deep_recursion(void **state) {
	static const size_t periods[] = { 1, 2, 3, 7, 40, UNWIND_CYCLE_MAX };

	(void)state;
	for (size_t p = 0; p < ELEMENTSOF(periods); p++) {
		_cleanup_core_ struct core *core = core_begin();
		_cleanup_(fold_freep) struct fold *fold = NULL;
		struct cw_thread t = {};

		assert_int_equal(fold_new(core, &fold), 0);
		for (size_t i = 0; i < 1000000; i++) {
			struct raw_frame f = make_frame(0x1000 + i % periods[p] * 16, 48);
			assert_int_equal(fold_add(fold, &f), 0);
		}
		assert_int_equal(fold_finish(fold, &t), 0);
		assert_int_equal(t.frame_count, 1000000);
		assert_true(t.n_frames < 200);
		assert_true(arena_used(core->arena) < KIB(256));
	}
}

/* A parser by precedence climbing: several equal frames, then others, and so on. The whole is the cycle, not the equal ones within it. */
static void test_runs_within_a_cycle(void **state) {
	_cleanup_core_ struct core *core = core_begin();
	_cleanup_(fold_freep) struct fold *fold = NULL;
	struct cw_thread t = {};

	(void)state;
	assert_int_equal(fold_new(core, &fold), 0);
	for (size_t i = 0; i < 1000000; i++) {
		struct raw_frame f = make_frame(i % 12 < 10 ? 0x1000 : 0x2000 + i % 12 * 16, 48);
		assert_int_equal(fold_add(fold, &f), 0);
	}
	assert_int_equal(fold_finish(fold, &t), 0);
	assert_int_equal(t.frame_count, 1000000);
	assert_int_equal(t.frames_omitted, 0);
	assert_true(t.n_frames < 200);
}

/* What does not repeat is kept up to a bound, from both ends, and the rest is counted. */
static void test_never_the_same(void **state) {
	_cleanup_core_ struct core *core = core_begin();
	_cleanup_(fold_freep) struct fold *fold = NULL;
	struct cw_thread t = {};
	uint64_t kept = 0;

	(void)state;
	assert_int_equal(fold_new(core, &fold), 0);
	for (size_t i = 0; i < 100000; i++) {
		struct raw_frame f = make_frame(0x1000 + i * 16, 48);
		assert_int_equal(fold_add(fold, &f), 0);
	}
	assert_int_equal(fold_finish(fold, &t), 0);
	assert_int_equal(t.frame_count, 100000);
	assert_true(t.n_frames <= UNWIND_ITEMS_MAX + UNWIND_TAIL_ITEMS);
	for (size_t i = 0; i < t.n_frames; i++) {
		assert_int_equal(t.frames[i].pc, 0x1000 + (uint64_t)t.frames[i].index * 16);
		kept += (uint64_t)t.frames[i].count * MAX(t.frames[i].n_cycle, (size_t)1);
	}
	assert_int_equal(kept + t.frames_omitted, 100000);
	assert_int_equal(t.frames[0].index, 0);
	assert_int_equal(t.frames[t.n_frames - 1].index, 99999);
}

/* Sizes as only a hostile core has them: the sum over a turn must not overflow. */
static void test_huge_frames(void **state) {
	_cleanup_core_ struct core *core = core_begin();
	struct raw_frame frames[30];
	struct cw_thread t;

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(frames); i++)
		frames[i] = make_frame(0x1000 + i % 3 * 16, INT64_MAX);
	t = fold_all(core, frames, ELEMENTSOF(frames));
	assert_int_equal(t.n_frames, 1);
	assert_int_equal(t.frames[0].count, 10);
	assert_int_equal(t.frames[0].bytes, -1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),        cmocka_unit_test(test_every_period),   cmocka_unit_test(test_longer_than_any_cycle),
		cmocka_unit_test(test_too_few_turns), cmocka_unit_test(test_deep_recursion), cmocka_unit_test(test_runs_within_a_cycle),
		cmocka_unit_test(test_never_the_same), cmocka_unit_test(test_huge_frames),
	};

	return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
