/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* worker/record-frames: what is copied from one thread to the next must be what writing it anew would give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <json-c/json.h>

#include "worker/record-frames.h"

#define N 3

struct stack {
	struct cw_frame frames[N];
	struct cw_thread thread;
};

/* Three frames at the same places, with CFAs of the caller's choice. */
static void stack_make(struct stack *s, uint64_t cfa) {
	static const struct cw_symbol symbol = { .at = { .function = "wait \"here\"", .file = "a.c", .line = 7 } };

	*s = (struct stack){ .thread = { .frames = s->frames, .n_frames = N } };
	for (uint32_t i = 0; i < N; i++)
		s->frames[i] = (struct cw_frame){ .index = i, .count = 1, .pc = 0x401000 + i, .symbol = &symbol, .cfa = cfa + 16 * i, .has_cfa = true,
						  .bytes = 16, .trust = CW_TRUST_CFI };
}

/* The text of one thread by a writer, within an object as records have it. */
static char *text_of(struct frame_writer *w, const struct cw_thread *t, size_t head, size_t tail) {
	struct line l = { .bytes = NULL };
	char *text;

	line_open(&l, NULL, '{');
	line_integer(&l, "frame_count", (int64_t)t->n_frames);
	record_put_frames(w, &l, t, head, tail);
	line_close(&l, '}');
	assert_false(l.failed);
	text = strndup(l.bytes, l.n);
	assert_non_null(text);
	line_free(&l);
	return text;
}

/* Second after first, as by a writer that has seen none. */
static void check_after(const struct stack *first, const struct stack *second) {
	struct frame_writer *seen = calloc(1, sizeof(*seen)), *fresh = calloc(1, sizeof(*fresh));
	struct json_object *o;
	char *a, *b;

	assert_true(seen && fresh);
	for (int i = 0; i < 3; i++) {
		const struct cw_thread *t = i == 1 ? &second->thread : &first->thread;

		a = text_of(seen, t, t->n_frames, 0);
		b = text_of(fresh, t, t->n_frames, 0);
		assert_string_equal(a, b);
		o = json_tokener_parse(a);
		assert_int_equal(json_object_array_length(json_object_object_get(o, "frames")), t->n_frames);
		json_object_put(o);
		free(a);
		free(b);
		record_frames_done(fresh);
		*fresh = (struct frame_writer){ .list_of = NULL };
	}
	record_frames_done(seen);
	free(seen);
	free(fresh);
}

static void test_same(void **state) {
	struct stack a, b;

	(void)state;
	stack_make(&a, UINT64_C(0x7f0000001000));
	stack_make(&b, UINT64_C(0x7fffdeadb000));
	check_after(&a, &b);
}

/* Fewer digits, or as many as there are. */
static void test_digits(void **state) {
	static const uint64_t cfas[] = { 0, 1, 0xff8, 0xffffffffffffff00, 0xf, 0x1000 };
	struct stack a, b;

	(void)state;
	stack_make(&a, UINT64_C(0x7f0000001000));
	for (size_t i = 0; i < ELEMENTSOF(cfas); i++) {
		stack_make(&b, cfas[i]);
		check_after(&a, &b);
		check_after(&b, &a);
	}
}

static void other_bytes(struct cw_frame *f) { f->bytes = 32; }
static void other_count(struct cw_frame *f) { f->count = 5; }
static void other_trust(struct cw_frame *f) { f->trust = CW_TRUST_SCAN; }
static void other_pc(struct cw_frame *f) { f->pc++; }
static void other_index(struct cw_frame *f) { f->index += 4; }
static void no_symbol(struct cw_frame *f) { f->symbol = NULL; }
static void no_cfa(struct cw_frame *f) { f->has_cfa = false; f->bytes = -1; }
static void a_signal(struct cw_frame *f) { f->signal_frame = true; }

static void test_different(void **state) {
	static void (*const changes[])(struct cw_frame *) = { other_bytes, other_count, other_trust, other_pc, other_index, no_symbol, no_cfa, a_signal };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(changes); i++)
		for (size_t k = 0; k < N; k++) {
			struct stack a, b;

			stack_make(&a, UINT64_C(0x7f0000001000));
			stack_make(&b, UINT64_C(0x7f0000002000));
			changes[i](&b.frames[k]);
			check_after(&a, &b);
		}
}

/* A list that was cut is no pattern for one that was not. */
static void test_cut(void **state) {
	struct frame_writer *w = calloc(1, sizeof(*w));
	struct json_object *o;
	struct stack a, b;
	char *text;

	(void)state;
	assert_non_null(w);
	stack_make(&a, UINT64_C(0x7f0000001000));
	stack_make(&b, UINT64_C(0x7f0000002000));
	text = text_of(w, &a.thread, 1, 1);
	o = json_tokener_parse(text);
	assert_int_equal(json_object_array_length(json_object_object_get(o, "frames")), 2);
	json_object_put(o);
	free(text);
	text = text_of(w, &b.thread, N, 0);
	assert_non_null(strstr(text, "0x7f0000002010"));
	free(text);
	record_frames_done(w);
	free(w);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_different),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("record-frames", tests, NULL, NULL);
}
