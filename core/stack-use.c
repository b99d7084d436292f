/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every byte between SP and the stack's high end has an owner: frames, and above the outermost of them what was there
 * before the first function ran. On a main stack that is what exec() left (fs/binfmt_elf.c, create_elf_tables(): argc,
 * argv, envp, the auxiliary vector, then the strings); on a pthread's of glibc its struct pthread, which the TLS
 * register points to, and the static TLS beside it (nptl/allocatestack.c; musl has both above the stack); on an alternate
 * stack the kernel's signal frame. Each part is found in the core by its own place, not taken for what is left over:
 * what no part explains is said to be unaccounted for.
 */
#include <sys/auxv.h>

#include "core/stack.h"
#include "core/unwind.h"

/* The auxiliary vector lies this close below the random bytes: between them is only alignment. */
#define AUXV_SEARCH_BYTES KIB(4)
/* Pointers to arguments and environment: ARG_MAX is a quarter of the stack's limit, real ones have some hundred. */
#define VECTOR_WORDS_MAX 65536u
/* Smaller words in front of the auxiliary vector are no pointers: the first of them is argc. */
#define NO_POINTER 65536u
#define PARTS_MAX 2u

static const char *function_of(const struct cw_frame *f) {
	const struct cw_symbol *s = f->n_cycle > 0 ? f->cycle[f->n_cycle - 1].symbol : f->symbol;

	return s ? s->at.function : NULL;
}

/* Whether unwinding reached the very first frame of a thread, in a function of such a name: then nothing above it is a
 * frame. (Go's end at its own first function, which C called.) */
static bool began_in(const struct cw_thread *t, const char *name) {
	const char *function = t->complete && t->n_frames > 0 ? function_of(&t->frames[t->n_frames - 1]) : NULL;

	return t->complete && t->n_frames > 0 && (!function || strstr(function, name));
}

/* The frames of this stack from SP up: their bytes, and where the outermost ends. */
static bool add_frames(const struct core *core, size_t i, struct cw_stack_use *use, uint64_t *ret_end) {
	const struct cw_stack *stack = &core->threads[i].stack;
	const struct unwind_thread *u = &core->unwound[i];
	uint64_t at = stack->sp;
	bool found = false;

	for (size_t k = 0; k < u->n_segments; k++) {
		const struct stack_segment *s = &u->segments[k];
		/* Nobody called a thread's first function: the word for it lies past the end of a stack that began empty. */
		uint64_t past = s->high > stack->high ? s->high - stack->high : 0;

		if (!s->sized || past > core->arch->word_bytes || past > s->bytes || s->high <= at || s->high <= stack->low || s->bytes > s->high - s->low)
			continue;
		/* SP may stand within the frames where the program raised the signal itself. */
		if (s->low < at && (found || s->bytes != s->high - s->low))
			continue;
		use->frames_bytes += (s->low < at ? s->high - at : s->bytes) - past;
		at = s->high - past;
		found = true;
	}
	*ret_end = at;
	return found;
}

/* Adds [start, end), as far as it lies within [*at, high), and moves *at behind it. */
static void add_part(const struct cw_stack *stack, enum cw_stack_part_kind kind, uint64_t start, uint64_t end, uint64_t *at,
                     struct cw_stack_part *parts, size_t *n) {
	start = MAX(start, *at);
	end = MIN(end, stack->high);
	if (start >= end || *n == PARTS_MAX)
		return;
	parts[(*n)++] = (struct cw_stack_part){ .kind = kind, .start = start, .bytes = end - start };
	*at = end;
}

/* The auxiliary vector on the stack is the one in the notes: by its AT_RANDOM, which has no second copy there. */
static bool find_auxv(struct core *core, uint64_t low, uint64_t *ret_start) {
	size_t word = core->arch->word_bytes;
	uint64_t at = core->at_random & ~(uint64_t)(word - 1), type, value;

	for (size_t n = 0; n < AUXV_SEARCH_BYTES / word && at >= low + 2 * word; n++) {
		at -= word;
		if (core_read_word(core, at, &type) >= 0 && type == AT_RANDOM && core_read_word(core, at + word, &value) >= 0 &&
		    value == core->at_random && at - low >= core->auxv_random) {
			*ret_start = at - core->auxv_random;
			return true;
		}
	}
	return false;
}

/* Where argc is: in front of the auxiliary vector lie envp and argv, each with a NULL behind it. */
static bool find_argc(struct core *core, uint64_t low, uint64_t auxv, uint64_t *ret_start) {
	size_t word = core->arch->word_bytes;
	uint64_t value;

	for (size_t n = 1; n < VECTOR_WORDS_MAX && auxv - low >= n * word; n++) {
		uint64_t at = auxv - n * word;

		if (core_read_word(core, at, &value) < 0 || (n == 1 && value != 0))
			return false;
		if (value == 0 || value >= NO_POINTER)
			continue;
		*ret_start = at;
		return value + 2 <= n && core_read_word(core, at + (value + 1) * word, &value) >= 0 && value == 0;
	}
	return false;
}

static void add_main(struct core *core, const struct cw_thread *t, uint64_t *at, struct cw_stack_part *parts, size_t *n) {
	const struct cw_stack *stack = &t->stack;
	uint64_t auxv, argc;

	if (core->at_random == 0 || core->at_random < stack->low || core->at_random >= stack->high || core->auxv_bytes == 0)
		return;
	if (!find_auxv(core, stack->low, &auxv)) {
		/* Overwritten, it may be. The kernel jumped to _start with SP at argc, whatever has become of that. */
		if (began_in(t, "_start"))
			add_part(stack, CW_PART_ARGUMENTS, *at, stack->high, at, parts, n);
		return;
	}
	if (!find_argc(core, stack->low, auxv, &argc))
		argc = auxv;
	add_part(stack, CW_PART_ARGUMENTS, argc, auxv + core->auxv_bytes, at, parts, n);
	add_part(stack, CW_PART_STRINGS, auxv + core->auxv_bytes, stack->high, at, parts, n);
}

/* Static TLS of all modules; the largest of them. A library that was loaded later has its variables elsewhere, so this is
 * the most that it can be. */
static uint64_t tls_of_modules(const struct core *core, const struct module **ret_most) {
	uint64_t sum = 0;

	*ret_most = NULL;
	for (size_t i = 0; i < core->pub.n_modules; i++) {
		const struct module *m = &core->modules[i];

		if (!add_u64(sum, m->tls_bytes, &sum))
			return 0;
		if (m->tls_bytes > (*ret_most ? (*ret_most)->tls_bytes : 0))
			*ret_most = m;
	}
	return sum;
}

static void add_pthread(const struct core *core, const struct cw_thread *t, uint64_t *at, struct cw_stack_part *parts, size_t *n) {
	const struct cw_stack *stack = &t->stack;
	const struct module *most;
	uint64_t tls = core->arch->tls >= 0 && t->n_registers > 0 ? t->registers[core->arch->tls] : 0;
	uint64_t of_modules = tls_of_modules(core, &most), end = *at;
	bool first = began_in(t, "clone"); /* clone(), clone3(), __clone3() */
	struct cw_stack_part *part = NULL;

	if (tls < end || tls >= stack->high)
		return;
	if (core->arch->pthread_below_tls) {
		if (first)
			add_part(stack, CW_PART_THREAD_CONTROL, end, tls, at, parts, n);
		add_part(stack, CW_PART_STATIC_TLS, tls, stack->high, at, parts, n);
		part = *n > 0 ? &parts[*n - 1] : NULL;
	} else {
		add_part(stack, CW_PART_STATIC_TLS, first ? end : tls - MIN(of_modules, tls - end), tls, at, parts, n);
		part = *n > 0 ? &parts[*n - 1] : NULL;
		add_part(stack, CW_PART_THREAD_CONTROL, tls, stack->high, at, parts, n);
	}
	if (part && most && most->tls_bytes <= part->bytes) {
		part->module = most->info;
		part->module_bytes = most->tls_bytes;
	}
}

int stack_account(struct core *core, size_t i) {
	struct cw_thread *t = &core->threads[i];
	struct cw_stack_use use = {};
	struct cw_stack_part parts[PARTS_MAX];
	uint64_t at, sum;

	if (!t->stack.has_used || !add_frames(core, i, &use, &at))
		return 0;
	if (t->stack.kind == CW_STACK_MAIN)
		add_main(core, t, &at, parts, &use.n_parts);
	else if (t->stack.kind == CW_STACK_PTHREAD)
		add_pthread(core, t, &at, parts, &use.n_parts);
	else if (t->stack.kind == CW_STACK_ALTERNATE && core->unwound[i].n_signals > 0)
		add_part(&t->stack, CW_PART_SIGNAL_FRAME, at, t->stack.high, &at, parts, &use.n_parts);
	sum = use.frames_bytes;
	for (size_t k = 0; k < use.n_parts; k++)
		sum += parts[k].bytes;
	if (sum > t->stack.used_bytes)
		return 0;
	use.unaccounted_bytes = t->stack.used_bytes - sum;
	use.parts = arena_memdup(core->arena, parts, use.n_parts * sizeof(*parts));
	if (!use.parts)
		return -ENOMEM;
	use.known = true;
	t->use = use;
	return 0;
}
