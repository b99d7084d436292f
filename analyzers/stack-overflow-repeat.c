/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recursion on a stack that nobody can unwind: code without unwind information, frame pointers and symbols. Each turn
 * still leaves its return address, and turns of one path are of one size: so one return address stands on the stack
 * again and again, always as far from the last. Nothing else fills half a stack like that: old contents do not repeat
 * in step over its whole length, and data are no addresses behind a call.
 */
#include "stack-overflow.h"

/* From SP, or the stack's low end, up: here the first return address must be. A frame larger than that is no recursion's. */
#define FIRST_BYTES 65536u
/* Turns that make a recursion. */
#define TURNS_LEAST 32u
#define CALL_BYTES_MAX 8u
#define WORDS_MAX (FIRST_BYTES / 4)

static bool is_return_address(const struct cw_core *core, uint64_t address) {
	const struct cw_mapping *m = cw_find_mapping(core, address);

	if (!m || !(m->perm & CW_PERM_EXEC) || !m->module || address - m->start < CALL_BYTES_MAX)
		return false;
	for (unsigned n = core->arch == CW_ARCH_AARCH64 ? 4 : 2; n < CALL_BYTES_MAX; n++) {
		const struct cw_instruction *i = cw_decode(core, address - n, NULL);

		if (i && i->length == n && i->class_ == CW_INSN_CALL)
			return true;
	}
	return false;
}

static uint64_t count_turns(const struct cw_core *core, uint64_t at, uint64_t step, uint64_t high, uint64_t value) {
	uint64_t n = 1, word;

	for (at += step; at < high && cw_read_word(core, at, &word) >= 0 && word == value; at += step)
		n++;
	return n;
}

bool overflow_find_repeat(const struct cw_core *core, uint64_t used_bytes, struct overflow_repeat *ret) {
	const struct cw_stack *s = &core->crashed->stack;
	unsigned word = core->word_bytes;
	uint64_t from = core->fault->sp > s->low ? core->fault->sp : s->low, w[WORDS_MAX];
	size_t n = 0;

	if (!s->has_bounds)
		return false;
	from = (from + word - 1) / word * word;
	while (n < FIRST_BYTES / word && n < WORDS_MAX && from + n * word < s->high && cw_read_word(core, from + n * word, &w[n]) >= 0)
		n++;
	for (size_t i = 0; i < n; i++) {
		size_t k = i + 1;
		uint64_t turns, step;

		while (k < n && w[k] != w[i])
			k++;
		step = (k - i) * word;
		/* Three in step before code is looked at. */
		if (k == n || w[i] < 65536 || (i + 2 * (k - i) < n && w[i + 2 * (k - i)] != w[i]) || !is_return_address(core, w[i]))
			continue;
		turns = count_turns(core, from + i * word, step, s->high, w[i]);
		if (turns < TURNS_LEAST || turns * step < used_bytes / 2)
			continue;
		*ret = (struct overflow_repeat){ .address = w[i], .at = from + i * word, .step = step, .turns = turns };
		return true;
	}
	return false;
}
