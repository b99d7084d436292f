/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stacks that a program made itself (coroutines, fibers) are known to nobody but the program. It keeps their address
 * and size somewhere: in a ucontext_t (uc_stack: address, flags, size), in its own struct, or as size and top
 * (Boost.Context's stack_context). So the memory that programs write to is searched for two numbers that describe a
 * block whose end is where the outermost frame begins; few other pairs do that by chance.
 */
#include "core/stack.h"

/* Memory that is searched: static data and heaps of ordinary programs. */
#define SEARCH_MAX MIB(8)
#define CHUNK_BYTES KIB(32)
/* Between the outermost frame and the end of the stack lie arguments, alignment, a control block. */
#define TOP_SLACK 4096u
/* No coroutine runs on less; none has more. */
#define RECORD_MIN KIB(2)
#define RECORD_MAX GIB(1)

uint64_t stack_top_frame(const struct cw_thread *t, uint64_t low, uint64_t high) {
	uint64_t top = 0;

	for (size_t i = 0; i < t->n_frames; i++)
		if (t->frames[i].has_cfa && t->frames[i].cfa > low && t->frames[i].cfa <= high)
			top = MAX(top, t->frames[i].cfa);
	return top;
}

static bool is_block(uint64_t low, uint64_t size, uint64_t top) {
	uint64_t end;

	return size >= RECORD_MIN && size <= RECORD_MAX && low != 0 && add_u64(low, size, &end) && low < top && end >= top &&
	       end - top <= TOP_SLACK;
}

/* Three words at most: address, (flags,) size; or size, top. */
static bool match(const uint64_t *w, size_t n, uint64_t top, struct stack_alt *ret) {
	for (size_t k = 1; k < 3 && k < n; k++)
		if (is_block(w[0], w[k], top)) {
			*ret = (struct stack_alt){ w[0], w[k] };
			return true;
		}
	if (n > 1 && w[0] % 16 == 0 && w[1] % 16 == 0 && w[1] > w[0] && is_block(w[1] - w[0], w[0], top)) {
		*ret = (struct stack_alt){ w[1] - w[0], w[0] };
		return true;
	}
	return false;
}

static bool search(struct core *core, const struct cw_mapping *m, uint64_t top, uint64_t *left, struct stack_alt *ret) {
	size_t word = core->arch->word_bytes, n;
	uint64_t stored = m->start + MIN(m->stored, m->end - m->start), w[3];
	uint8_t chunk[CHUNK_BYTES];

	for (uint64_t at = m->start; at < stored && *left > 0; at += sizeof(chunk) - 2 * word) {
		n = sizeof(chunk);
		if (n > stored - at)
			n = (size_t)(stored - at);
		if (n > *left)
			n = (size_t)*left;
		*left -= n;
		if (core_read(core, at, chunk, n) < 0)
			continue;
		for (size_t i = 0; i + 2 * word <= n; i += word) {
			size_t have = MIN((n - i) / word, ELEMENTSOF(w));

			memset(w, 0, sizeof(w));
			for (size_t k = 0; k < have; k++)
				memcpy(&w[k], chunk + i + k * word, word);
			if (match(w, have, top, ret))
				return true;
		}
		if (n < sizeof(chunk))
			break;
	}
	return false;
}

bool stack_find_record(struct core *core, uint64_t top, struct stack_alt *ret_record) {
	static const enum cw_region_kind order[] = { CW_REGION_MODULE, CW_REGION_STACK, CW_REGION_HEAP, CW_REGION_ANONYMOUS };
	uint64_t left = SEARCH_MAX;

	for (size_t k = 0; k < ELEMENTSOF(order); k++)
		for (size_t i = 0; i < core->pub.n_mappings; i++) {
			const struct cw_mapping *m = &core->mappings[i];

			if (m->kind == order[k] && (m->perm & CW_PERM_WRITE) && search(core, m, top, &left, ret_record))
				return true;
		}
	return false;
}
