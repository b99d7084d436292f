/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The runtime's view of a thread: its m, the m's g0 and the goroutine that it ran (curg). Offsets are those of 64-bit
 * builds from Go 1.10 to 1.25 (src/runtime/runtime2.go); where releases differ, the field is looked for by what it must
 * be, and everything is checked: a g knows its m, the m knows its g0, g0 knows the m, and a saved context its g.
 *
 *   g: stack.lo 0, stack.hi 8, _panic 32, m 48, sched 56 (sp, pc, g, …, bp)     m: g0 0, …, curg
 */
#include "go.h"

#include <string.h>

enum { G_STACK_LO = 0, G_STACK_HI = 8, G_PANIC = 32, G_M = 48, G_SCHED = 56 };
enum { SCHED_SP = 0, SCHED_PC = 8, SCHED_G = 16 };

/* Words of an m in which curg lies, and of a g in which the signal's data do. */
#define M_WORDS 96
#define G_WORDS 96
/* Frames of a goroutine's that are walked. */
#define FRAMES_MAX 200
#define TEXT_MAX 2000
/* A frame of runtime.throw()'s that is larger is none. */
#define FRAME_BYTES_MAX 4096
/* abi.Type: the kind's byte, and the kind of strings. */
#define TYPE_KIND 23
#define KIND_MASK 31
#define KIND_STRING 24

static uint64_t word(const struct cw_core *core, uint64_t address) {
	uint64_t value;

	return cw_read_word(core, address, &value) < 0 ? 0 : value;
}

static bool has_stack(const struct cw_core *core, uint64_t g) {
	uint64_t low = word(core, g + G_STACK_LO), high = word(core, g + G_STACK_HI);

	return low > 0 && low < high && high - low <= UINT64_C(1) << 31;
}

/* The m of a g, if both agree with the m's g0. */
static uint64_t machine_of(const struct cw_core *core, uint64_t g) {
	uint64_t m = g > 65536 ? word(core, g + G_M) : 0, g0 = m > 65536 ? word(core, m) : 0;

	return g0 > 65536 && word(core, g0 + G_M) == m ? m : 0;
}

/* Where a thread's g is: in its TLS, just below the thread pointer; the first thread's m is a variable too. */
static uint64_t find_machine(const struct cw_core *core, const struct cw_thread *thread) {
	uint64_t base, m = 0, address;

	if (cw_register_by_name(core, thread->registers, "fs_base", &base) >= 0 && base > 65536)
		m = machine_of(core, word(core, base - 8));
	if (m == 0 && thread->is_main && cw_find_symbol(core, NULL, "runtime.m0", &address) >= 0 &&
	    machine_of(core, word(core, address)) == address)
		m = address;
	return m;
}

/* The one goroutine besides g0 that the m refers to, that refers to the m, and whose saved context is its own. */
static uint64_t find_current(const struct cw_core *core, uint64_t m, uint64_t g0) {
	uint64_t found = 0;

	for (unsigned i = 1; i < M_WORDS; i++) {
		uint64_t g = word(core, m + i * 8);

		if (g <= 65536 || g == g0 || g == found || word(core, g + G_M) != m ||
		    word(core, g + G_SCHED + SCHED_G) != g || !has_stack(core, g))
			continue;
		if (found)
			return 0;
		found = g;
	}
	return found;
}

/* A string by its header (pointer, length). */
static const char *read_string(const struct cw_core *core, uint64_t header) {
	uint64_t length = word(core, header + 8);

	return length > 0 && length <= TEXT_MAX ? words_read_text(core, word(core, header), length) : NULL;
}

/* The innermost panic's argument. Before it dies of a panic the runtime replaces errors and Stringers by their text. */
static const char *read_panic(const struct cw_core *core, uint64_t g) {
	uint64_t panic = word(core, g + G_PANIC), type = panic > 65536 ? word(core, panic + 8) : 0;
	uint8_t kind;

	if (type == 0 || !cw_find_module(core, type) || cw_read(core, type + TYPE_KIND, &kind, sizeof(kind)) < 0 ||
	    (kind & KIND_MASK) != KIND_STRING)
		return NULL;
	return read_string(core, word(core, panic + 16));
}

/* sig uint32, writebuf []byte, sigcode0, sigcode1, sigpc follow each other. */
bool go_find_signal(const struct cw_core *core, const struct go_state *state, uint64_t pc, struct go_signal *ret) {
	const uint64_t gs[] = { state->g0, state->curg };

	for (size_t k = 0; k < sizeof(gs) / sizeof(gs[0]); k++)
		for (unsigned i = 6; gs[k] && i < G_WORDS; i++) {
			uint64_t at = gs[k] + i * 8;
			struct go_signal s = { .pc = pc, .address = word(core, at - 8), .code = word(core, at - 16) };

			if (word(core, at) != pc || cw_read(core, at - 48, &s.number, sizeof(s.number)) < 0)
				continue;
			if ((s.number != 11 && s.number != 7 && s.number != 8) || s.code > 128)
				continue;
			*ret = s;
			return true;
		}
	return false;
}

const char *go_find_throw_text(const struct cw_core *core, uint64_t low, uint64_t high) {
	if (high < low || high - low > FRAME_BYTES_MAX)
		return NULL;
	/* Its own frame, and its caller's room to spill the argument. */
	for (uint64_t at = low; at + 16 <= high + 16; at += 8) {
		uint64_t text = word(core, at), length = word(core, at + 8);
		const char *found = length >= 4 && length <= TEXT_MAX && words_is_constant(core, text)
		    ? words_read_text(core, text, length)
		    : NULL;

		if (found)
			return found;
	}
	return NULL;
}

/* The goroutine's own stack, by frame pointers, from the context that was saved when the thread left it. */
static void walk(const struct cw_core *core, struct go_state *state) {
	static const char *const throw_names[] = { "runtime.throw", "runtime.fatal", NULL };
	uint64_t sched = state->curg + G_SCHED, high = word(core, state->curg + G_STACK_HI),
		 sp = word(core, sched + SCHED_SP), pc = word(core, sched + SCHED_PC), bp;

	/* gobuf lost a field in Go 1.25. */
	bp = word(core, sched + 48);
	if (bp < sp || bp >= high)
		bp = word(core, sched + 40);
	for (unsigned i = 0; i < FRAMES_MAX && pc > 65536; i++) {
		const struct cw_symbol *symbol = cw_symbolize(core, pc, i == 0);
		bool inner = bp >= sp && bp < high - 16;

		if (symbol && words_is_own(&symbol->at) && strncmp(symbol->at.function, "internal/", 9) != 0) {
			state->function = symbol;
			return;
		}
		if (!inner)
			return;
		if (symbol && words_match(symbol->at.function, throw_names) && !state->thrown)
			state->thrown = go_find_throw_text(core, sp, bp + 16);
		sp = bp + 16;
		pc = word(core, bp + 8);
		bp = word(core, bp);
	}
}

bool go_find_state(const struct cw_core *core, const struct cw_thread *thread, struct go_state *ret) {
	struct go_state state = {};
	uint64_t m = core->word_bytes == 8 ? find_machine(core, thread) : 0;

	if (m == 0)
		return false;
	state.g0 = word(core, m);
	state.curg = find_current(core, m, state.g0);
	if (state.curg) {
		state.stack_bytes = word(core, state.curg + G_STACK_HI) - word(core, state.curg + G_STACK_LO);
		state.panic = read_panic(core, state.curg);
		walk(core, &state);
	}
	*ret = state;
	return true;
}
