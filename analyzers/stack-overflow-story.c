/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What took the stack: recursion, one large frame, a long chain, or only a signal frame; and which function of the program's own to change. */
#include "stack-overflow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Instructions of a prologue that are looked through for the size of the frame that it makes. */
#define PROLOGUE_INSTRUCTIONS 48
/* So many calls of one function on one stack are recursion even where they do not repeat in a fixed pattern. */
#define IRREGULAR_CALLS 16

static bool starts_with_any(const char *s, const char *const *prefixes) {
	for (; s && *prefixes; prefixes++)
		if (strncmp(s, *prefixes, strlen(*prefixes)) == 0)
			return true;
	return false;
}

bool is_runtime_frame(const struct cw_frame *f) {
	static const char *const paths[] = { "/lib/", "/lib64/", "/lib32/", "/usr/lib/", "/usr/lib64/", "/usr/lib32/", "/usr/libx32/", "[vdso]", NULL };
	static const char *const files[] = { "/usr/include/", "/usr/lib/", "/rustc/", "/usr/src/rustc", "/usr/local/go/src/", "/usr/lib/go", "library/std/", "library/core/", "library/alloc/", NULL };
	static const char *const names[] = { "std::", "core::", "alloc::", "<core::", "<alloc::", "<std::", "__gnu_cxx::", "_start", "__libc_", "start_thread", "clone", "__clone", "runtime.",
		                             "void std::", "bool std::", "int std::", "decltype", "__rust", NULL };
	const struct cw_symbol *s = f->symbol;

	if (f->module && !f->module->is_executable && starts_with_any(f->module->path, paths))
		return true;
	if (!s || !s->at.function)
		return !f->module;
	return starts_with_any(s->at.file, files) || starts_with_any(s->at.function, names);
}

const char *bare_name(const struct cw_core *core, const char *function) {
	char out[512];
	size_t n = 0, angle = 0;

	/* <…> goes, but for Rust's leading <X as Y>; the first '(' ends the name, but for "(anonymous namespace)" and "operator()". */
	for (const char *p = function; *p && n + 1 < sizeof(out); p++) {
		bool after_operator = n >= 8 && strncmp(out + n - 8, "operator", 8) == 0;

		if (*p == '<' && function[0] != '<' && !after_operator) {
			angle++;
			continue;
		}
		if (*p == '>' && angle > 0) {
			angle--;
			continue;
		}
		if (angle > 0)
			continue;
		if (strncmp(p, "(anonymous namespace)", 21) == 0) {
			memcpy(out + n, p, sizeof(out) - n > 22 ? 21 : 0);
			n += sizeof(out) - n > 22 ? 21 : 0;
			p += 20;
			continue;
		}
		if (*p == '(' && function[0] != '<' && !after_operator)
			break;
		out[n++] = *p;
	}
	/* Rust's Vec<T>::push demangles as Vec::<T>::push in the newer mangling. */
	out[n] = 0;
	for (char *twice; (twice = strstr(out, "::::")) != NULL;)
		memmove(twice, twice + 2, strlen(twice + 2) + 1);
	return cw_format(core, "%s", out);
}

static const char *function_of(const struct cw_frame *f) {
	return f->symbol ? f->symbol->at.function : NULL;
}

/* The size that the prologue of the innermost frame's function asks for: at a stack probe or the first touch it is not all allocated, or nobody knows it by the frame's CFA. */
static uint64_t wanted_bytes(const struct cw_core *core, const struct cw_frame *f) {
	uint64_t at = f->symbol ? f->symbol->start : 0, most = 0;

	if (at == 0 || f->pc < at)
		return 0;
	for (int i = 0; i < PROLOGUE_INSTRUCTIONS; i++) {
		const struct cw_instruction *insn = cw_decode(core, at, NULL);
		unsigned long long n = 0;

		if (!insn || insn->length == 0)
			break;
		if ((sscanf(insn->text, "sub rsp, 0x%llx", &n) == 1 || sscanf(insn->text, "sub r11, 0x%llx", &n) == 1 || sscanf(insn->text, "sub esp, 0x%llx", &n) == 1 ||
		     sscanf(insn->text, "lea r11, [rsp - 0x%llx]", &n) == 1 || sscanf(insn->text, "mov eax, 0x%llx", &n) == 1) && n > 4096 && n < UINT64_C(1) << 40) {
			/* mov eax, N is a size only in front of a call of __rust_probestack or __chkstk. */
			const struct cw_instruction *next = insn->text[0] == 'm' ? cw_decode(core, at + insn->length, NULL) : NULL;
			if ((insn->text[0] != 'm' || (next && next->class_ == CW_INSN_CALL)) && n > most)
				most = n;
		}
		at += insn->length;
		if (at > f->pc + 16)
			break;
	}
	return most;
}

/* aarch64: the sum of what is subtracted from SP before the first call: "sub sp, sp, #n[, lsl #12]", or a constant built in a register. */
static uint64_t subtracted_bytes(const struct cw_core *core, const struct cw_frame *f) {
	uint64_t at = f->symbol ? f->symbol->start : 0, sum = 0, constant = 0;

	for (int i = 0; at != 0 && at <= f->pc && i < PROLOGUE_INSTRUCTIONS; i++) {
		const struct cw_instruction *insn = cw_decode(core, at, NULL);
		unsigned long long n = 0;
		unsigned reg = 0, used = 0, shift = 0;

		if (!insn || insn->length == 0 || insn->class_ == CW_INSN_CALL)
			break;
		if (sscanf(insn->text, "sub sp, sp, #%lli, lsl #%u", (long long *)&n, &shift) >= 1)
			sum += shift < 32 ? n << shift : 0;
		else if (sscanf(insn->text, "sub sp, sp, x%u", &used) == 1)
			sum += constant;
		else if (sscanf(insn->text, "movz x%u, #%lli, lsl #%u", &reg, (long long *)&n, &shift) >= 2 ||
		         sscanf(insn->text, "mov x%u, #%lli", &reg, (long long *)&n) == 2)
			constant = shift < 64 ? n << shift : 0;
		else if (sscanf(insn->text, "movk x%u, #%lli, lsl #%u", &reg, (long long *)&n, &shift) >= 2)
			constant |= shift < 64 ? n << shift : 0;
		at += insn->length;
	}
	return sum > 4096 && sum < UINT64_C(1) << 40 ? sum : 0;
}

/* The nearest frame outwards from item i (i included) that is the program's own. */
static const struct cw_frame *own_frame_from(const struct cw_thread *t, size_t i) {
	for (; i < t->n_frames; i++) {
		const struct cw_frame *f = &t->frames[i];

		if (f->n_cycle > 0) {
			for (size_t k = 0; k < f->n_cycle; k++)
				if (!is_runtime_frame(&f->cycle[k]))
					return &f->cycle[k];
		} else if (!f->signal_frame && !is_runtime_frame(f)) {
			return f;
		}
	}
	return NULL;
}

static void set_culprit(const struct cw_core *core, struct overflow_story *s, const struct cw_frame *f) {
	s->culprit_frame = f;
	if (!f)
		return;
	s->culprit = function_of(f) ? bare_name(core, function_of(f)) : NULL;
	if (f->module) {
		s->language = f->module->language;
		s->optimized = f->module->optimized;
	}
}

/* Of a cycle, the program's own function that was called first: the frame just inside whatever called into the cycle. */
static const struct cw_frame *cycle_entry(const struct cw_thread *t, const struct cw_frame *c) {
	size_t n = c->n_cycle > 0 ? c->n_cycle : 1, index = (size_t)(c - t->frames), outer = index + 1;
	const struct cw_frame *members = c->n_cycle > 0 ? c->cycle : c, *best = NULL;

	/* Frames of an unfinished first turn lie outside of the folded item. */
	while (outer < t->n_frames && t->frames[outer].n_cycle == 0) {
		bool member = false;

		for (size_t k = 0; k < n && !member; k++)
			member = t->frames[outer].symbol && t->frames[outer].symbol->start != 0 && members[k].symbol &&
				 members[k].symbol->start == t->frames[outer].symbol->start;
		if (!member)
			break;
		if (!is_runtime_frame(&t->frames[outer]))
			best = &t->frames[outer];
		outer++;
	}
	if (best)
		return best;
	for (size_t k = n; k-- > 0;)
		if (!is_runtime_frame(&members[k]))
			return &members[k];
	return own_frame_from(t, index + 1);
}

/* Recursion that follows no fixed pattern (two call sites, a parser): functions that are on the stack again and again. */
static const struct cw_function_use *irregular(const struct cw_thread *t, uint64_t used) {
	const struct cw_function_use *best = NULL;
	uint64_t sum = 0;

	for (size_t i = 0; i < t->n_functions; i++) {
		if (t->functions[i].count < IRREGULAR_CALLS)
			continue;
		sum += t->functions[i].bytes;
		if (!best || t->functions[i].count > best->count)
			best = &t->functions[i];
	}
	return best && sum >= used / 2 ? best : NULL;
}

static bool explain_recursion(const struct cw_core *core, const struct overflow *o, struct overflow_story *s) {
	const struct cw_thread *t = core->crashed;
	const struct cw_frame *c = t->cycle;
	const struct cw_function_use *u;

	if (c && c->bytes > 0 && (uint64_t)c->bytes * c->count >= o->used_bytes / 2) {
		set_culprit(core, s, cycle_entry(t, c));
		s->kind = OVERFLOW_RECURSION;
		s->turns = c->count;
		s->culprit_bytes = (uint64_t)c->bytes;
		return true;
	}
	u = irregular(t, o->used_bytes);
	if (!u)
		return false;
	s->kind = OVERFLOW_RECURSION;
	s->turns = u->count;
	s->culprit_bytes = u->bytes / u->count;
	for (size_t i = t->n_frames; i-- > 0;) {
		const struct cw_frame *f = &t->frames[i];

		/* The outermost of the functions that repeat is the way in. */
		if (!f->symbol || !f->symbol->at.function || is_runtime_frame(f))
			continue;
		for (size_t k = 0; k < t->n_functions; k++)
			if (t->functions[k].count >= IRREGULAR_CALLS && strcmp(t->functions[k].function, f->symbol->at.function) == 0) {
				set_culprit(core, s, f);
				return true;
			}
	}
	for (size_t i = 0; i < t->n_frames; i++)
		if (t->frames[i].index >= core->fault->frame_index) {
			set_culprit(core, s, own_frame_from(t, i));
			break;
		}
	return true;
}

/* The item that begins with, or holds, the frame that faulted. */
static const struct cw_frame *faulting_frame(const struct cw_core *core) {
	for (size_t i = 0; i < core->crashed->n_frames; i++)
		if (core->crashed->frames[i].index == core->fault->frame_index)
			return &core->crashed->frames[i];
	return NULL;
}

/* The largest frame of the stack, and the largest of the program's own; what the innermost one still wanted counts. */
static const struct cw_frame *find_largest(const struct cw_core *core, struct overflow_story *s, uint64_t *ret_own_bytes) {
	const struct cw_thread *t = core->crashed;
	const struct cw_frame *inner = faulting_frame(core), *own = NULL;
	uint64_t wanted = !inner ? 0 : core->arch == CW_ARCH_AARCH64 ? subtracted_bytes(core, inner) : wanted_bytes(core, inner), own_bytes = 0;

	for (size_t i = 0; i < t->n_frames; i++) {
		const struct cw_frame *f = &t->frames[i];
		size_t n = f->n_cycle > 0 ? f->n_cycle : 1;

		for (size_t k = 0; k < n; k++) {
			const struct cw_frame *g = f->n_cycle > 0 ? &f->cycle[k] : f;
			uint64_t bytes = g->bytes > 0 ? (uint64_t)g->bytes : 0;

			if (f->index < core->fault->frame_index || f->signal_frame)
				continue;
			if (f == inner && wanted > bytes) {
				bytes = wanted;
				s->wanted = true;
				s->wanted_bytes = wanted;
			}
			if (bytes > s->largest_bytes) {
				s->largest_bytes = bytes;
				s->largest = function_of(g) ? bare_name(core, function_of(g)) : NULL;
			}
			if (bytes > own_bytes && !is_runtime_frame(g)) {
				own_bytes = bytes;
				own = g;
			}
		}
	}
	*ret_own_bytes = own_bytes;
	return own;
}

/* Frames as a debugger lists them, with what was inlined, from the fault on. */
static uint64_t count_frames(const struct cw_core *core) {
	const struct cw_thread *t = core->crashed;
	uint64_t n = 0;

	for (size_t i = 0; i < t->n_frames; i++) {
		const struct cw_frame *f = &t->frames[i];
		uint64_t turn = 0;

		if (f->index < core->fault->frame_index)
			continue;
		for (size_t k = 0; k < (f->n_cycle > 0 ? f->n_cycle : 1); k++) {
			const struct cw_symbol *s = f->n_cycle > 0 ? f->cycle[k].symbol : f->symbol;
			turn += 1 + (s ? s->n_inlined : 0);
		}
		n += turn * f->count;
	}
	return n + t->frames_omitted;
}

void overflow_explain(const struct cw_core *core, const struct overflow *o, struct overflow_story *ret) {
	struct overflow_story s = { .kind = OVERFLOW_DEEP_CHAIN, .optimized = -1 };
	const struct cw_fault *f = core->fault;
	const struct cw_stack *stack = &core->crashed->stack;
	uint64_t own_bytes = 0;
	const struct cw_frame *own = find_largest(core, &s, &own_bytes), *inner = faulting_frame(core);

	s.frames = count_frames(core);
	for (size_t i = 0; i < core->crashed->n_functions; i++)
		s.accounted += core->crashed->functions[i].bytes;
	if (own_bytes < o->stack_bytes / 2 && explain_recursion(core, o, &s)) {
		*ret = s;
		return;
	}
	/* A large frame that did not fit is the one to change, even if one that did is a little larger. */
	if (s.wanted && inner && !is_runtime_frame(inner) && s.wanted_bytes >= own_bytes / 2) {
		own = inner;
		own_bytes = s.wanted_bytes;
	}
	set_culprit(core, &s, own);
	s.culprit_bytes = own_bytes;
	if (o->stack_bytes > 0 && own_bytes >= o->stack_bytes / 2) {
		s.kind = OVERFLOW_LARGE_FRAME;
	} else if (f->cause == CW_CAUSE_SIGNAL_UNDELIVERABLE && f->instruction && stack->has_bounds && f->sp >= stack->low) {
		bool beyond = false;

		for (size_t i = 0; i < f->instruction->n_operands; i++) {
			const struct cw_operand *p = &f->instruction->operands[i];
			beyond |= p->has_address && p->address < stack->low && stack->low - p->address < UINT64_C(1) << 30;
		}
		if (!beyond)
			s.kind = OVERFLOW_SIGNAL_DELIVERY;
	}
	*ret = s;
}
