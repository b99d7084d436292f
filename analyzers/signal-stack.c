/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stack misused, though not exhausted: a stack pointer (or the frame pointer that it is restored from) that was
 * overwritten, and accesses that run over the top end of a stack. Overflows at the low end are another analyzer's, and
 * it is asked first.
 */
#include <string.h>

#include "signal-decode.h"

/* How far above the top of a stack an access still counts as running over it. */
#define OVERRUN_MAX 4096
/* Instructions that a frame pointer is set up with: endbr64, push, mov. */
#define PROLOGUE_INSTRUCTIONS 3

static bool is_any(const char *s, const char *const *names) {
	for (; s && *names; names++)
		if (strcmp(s, *names) == 0)
			return true;
	return false;
}

static bool is_writable(const struct cw_core *core, uint64_t address) {
	const struct cw_mapping *m = cw_find_mapping(core, address);

	return m && (m->perm & CW_PERM_WRITE);
}

/* SP itself points to nothing that could be a stack. */
static bool is_wild_sp(const struct decode *d) {
	const struct cw_stack *stack = &d->core->crashed->stack;
	uint64_t sp = d->fault->sp, word = d->core->word_bytes;

	if (is_writable(d->core, sp) || (sp >= word && is_writable(d->core, sp - word)))
		return false;
	return !stack->has_bounds || sp < stack->low || sp > stack->high;
}

static bool accesses_by_sp(const struct decode *d) {
	static const char *const names[] = { "rsp", "esp", "sp", NULL };
	const struct cw_instruction *i = d->fault->instruction;

	if (i && (i->class_ == CW_INSN_PUSH || i->class_ == CW_INSN_POP || i->class_ == CW_INSN_CALL || i->class_ == CW_INSN_RET) &&
	    (!d->operand || d->operand->implicit))
		return strcmp(i->text, "leave") != 0;
	return d->operand && is_any(d->operand->base, names);
}

static bool claim_stack_pointer(struct decode *d) {
	const struct cw_stack *stack = &d->core->crashed->stack;
	struct cw_finding *finding;

	if (!is_wild_sp(d) || !accesses_by_sp(d))
		return false;
	finding = decode_claim(d, "stack-pointer-corruption", stack->has_bounds ? CW_LIKELY : CW_CERTAIN,
	    "the stack pointer was 0x%" PRIx64 ", which is no stack, when %s used it", d->fault->sp, d->place);
	cw_finding_evidence(finding, "SP = 0x%" PRIx64 " lies in no writable memory and in no thread's stack", d->fault->sp);
	cw_fact_string(finding, "kind", "stack-pointer");
	decode_add_access(d, finding);
	cw_finding_suggest(finding, "stack-protector", "-fstack-protector-strong",
	    "look for what sets the stack pointer near %s (longjmp() with a stale buffer, a context switch, assembly) and for a local array that was overrun before; the stack protector stops at the overrun",
	    decode_who(d));
	return true;
}

/* Whether the function keeps the frame pointer that compilers keep: then nothing else is ever in that register. */
static bool has_frame_pointer(const struct decode *d) {
	const struct cw_symbol *symbol = d->frame ? d->frame->symbol : NULL;
	uint64_t at = symbol ? symbol->start : 0;

	for (int n = 0; at != 0 && n < PROLOGUE_INSTRUCTIONS; n++) {
		const struct cw_instruction *i = cw_decode(d->core, at, NULL);

		if (!i || i->length == 0)
			return false;
		if (strcmp(i->text, "mov rbp, rsp") == 0 || strcmp(i->text, "mov ebp, esp") == 0)
			return true;
		at += i->length;
	}
	return false;
}

/* SP is sound, but the frame pointer that locals and the caller's frame are found by was overwritten: the callee that
 * returned last restored it from its frame. */
static bool claim_frame_pointer(struct decode *d) {
	static const char *const names[] = { "rbp", "ebp", NULL };
	const struct cw_stack *stack = &d->core->crashed->stack;
	struct cw_finding *finding;
	uint64_t fp;

	if (!d->operand || !is_any(d->operand->base, names) || decode_register(d, d->operand->base, &fp) < 0 || !stack->has_bounds)
		return false;
	if (d->fault->sp < stack->low || d->fault->sp > stack->high || (fp >= stack->low && fp <= stack->high) ||
	    is_writable(d->core, fp) || !has_frame_pointer(d))
		return false;
	finding = decode_claim(d, "stack-pointer-corruption", CW_LIKELY, "the frame pointer of %s was overwritten with 0x%" PRIx64, d->place, fp);
	cw_finding_evidence(finding,
	    "the function sets up %s as its frame pointer, yet it does not point into the stack (0x%" PRIx64 "-0x%" PRIx64 "), where SP is",
	    d->operand->base, stack->low, stack->high);
	cw_fact_string(finding, "kind", "frame-pointer");
	decode_add_access(d, finding);
	cw_finding_suggest(finding, "stack-protector", "-fstack-protector-strong",
	    "a function that %s called overran a local array and with it the saved frame pointer: check the lengths there, and build with the stack protector",
	    decode_who(d));
	return true;
}

/* Up to the first page above a stack: what is more than one beyond its end is anybody's wild pointer. */
static bool claim_overrun(struct decode *d) {
	const struct cw_stack *stack = &d->core->crashed->stack;
	struct cw_finding *finding;
	uint64_t over;

	if (!stack->has_bounds || d->fault->address < stack->high || d->fault->address - stack->high >= OVERRUN_MAX)
		return false;
	if (d->fault->sp < stack->low || d->fault->sp >= stack->high)
		return false;
	over = d->fault->address - stack->high;
	finding = decode_claim(d, "stack-overrun", CW_LIKELY,
	    "%s ran past the high end of the stack: it %s 0x%" PRIx64 ", %s", d->place, decode_verb(d->fault->access), d->fault->address,
	    over > 0 ? cw_format(d->core, "%" PRIu64 " bytes above it", over) : "the first byte above it");
	cw_finding_evidence(finding, "the stack of the thread ends at 0x%" PRIx64 ", and SP is 0x%" PRIx64 " (%s)", stack->high, d->fault->sp,
	    stack->source ? stack->source : "bounds known");
	decode_add_access(d, finding);
	cw_finding_suggest(finding, "check-bounds", "-fsanitize=address",
	    "a loop or copy in %s ran over a local array towards higher addresses: check its length and the condition that ends it", decode_who(d));
	return true;
}

bool claim_stack(struct decode *d) {
	return claim_stack_pointer(d) || claim_frame_pointer(d) || claim_overrun(d);
}
