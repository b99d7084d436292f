/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A little constant propagation: from the function's start to the call, `lea reg, [rip + n]`, `mov reg, n` and
 * `mov reg, reg` give a register a known value, every other write makes it unknown, and so does any jump (what lies
 * behind it may be reached otherwise; compilers set up the arguments of such calls in one piece).
 */
#include "abort-call.h"

#include <stdlib.h>
#include <string.h>

/* A function that is longer than this is not walked through. */
#define FUNCTION_BYTES_MAX 32768
/* call rel32 */
#define CALL_BYTES 5

enum { REGISTERS = 16 };

static const char *const names[REGISTERS][4] = {
	{ "rdi", "edi", "di", "dil" },
	{ "rsi", "esi", "si", "sil" },
	{ "rdx", "edx", "dx", "dl" },
	{ "rcx", "ecx", "cx", "cl" },
	{ "rax", "eax", "ax", "al" },
	{ "rbx", "ebx", "bx", "bl" },
	{ "rbp", "ebp", "bp", "bpl" },
	{ "rsp", "esp", "sp", "spl" },
	{ "r8", "r8d", "r8w", "r8b" },
	{ "r9", "r9d", "r9w", "r9b" },
	{ "r10", "r10d", "r10w", "r10b" },
	{ "r11", "r11d", "r11w", "r11b" },
	{ "r12", "r12d", "r12w", "r12b" },
	{ "r13", "r13d", "r13w", "r13b" },
	{ "r14", "r14d", "r14w", "r14b" },
	{ "r15", "r15d", "r15w", "r15b" },
};

struct state {
	bool known[REGISTERS];
	uint64_t value[REGISTERS];
};

static int find_register(const char *name) {
	for (int i = 0; i < REGISTERS; i++)
		for (int k = 0; k < 4; k++)
			if (strcmp(name, names[i][k]) == 0)
				return i;
	return -1;
}

static bool parse_number(const char *text, uint64_t *ret) {
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	*ret = strtoull(text, &end, 0);
	return *end == 0;
}

/* The value that an instruction puts into its first operand, if it is a constant. */
static bool evaluate(const struct state *s, const struct cw_instruction *i, uint64_t *ret) {
	const struct cw_operand *source = &i->operands[1];
	int from;

	if (i->n_operands < 2)
		return false;
	if (strncmp(i->text, "lea ", 4) == 0) {
		if (!source->base || strcmp(source->base, "rip") != 0 || strchr(source->text, '*'))
			return false;
		*ret = i->address + i->length + (uint64_t)source->displacement;
		return true;
	}
	if (strncmp(i->text, "xor ", 4) == 0 && strcmp(i->operands[0].text, source->text) == 0) {
		*ret = 0;
		return true;
	}
	if (strncmp(i->text, "mov ", 4) != 0 && strncmp(i->text, "movabs ", 7) != 0)
		return false;
	if (parse_number(source->text, ret))
		return true;
	from = source->is_memory ? -1 : find_register(source->text);
	if (from < 0 || !s->known[from])
		return false;
	*ret = s->value[from];
	return true;
}

static void step(struct state *s, const struct cw_instruction *i) {
	uint64_t value = 0;
	bool known;
	int to;

	if (i->class_ == CW_INSN_CALL || i->class_ == CW_INSN_JUMP || i->class_ == CW_INSN_RET ||
	    i->class_ == CW_INSN_DIVIDE || i->class_ == CW_INSN_SYSCALL || i->text[0] == 'j' ||
	    strncmp(i->text, "rep", 3) == 0 || strncmp(i->text, "mul", 3) == 0 || strncmp(i->text, "imul", 4) == 0 ||
	    strncmp(i->text, "xchg", 4) == 0) {
		memset(s->known, 0, sizeof(s->known));
		return;
	}
	to = i->n_operands > 0 && !i->operands[0].is_memory ? find_register(i->operands[0].text) : -1;
	if (to < 0 || strncmp(i->text, "cmp ", 4) == 0 || strncmp(i->text, "test ", 5) == 0 ||
	    strncmp(i->text, "push ", 5) == 0)
		return;
	known = evaluate(s, i, &value);
	s->known[to] = known;
	s->value[to] = value;
}

bool abort_call_arguments(const struct cw_core *core, uint64_t pc, struct abort_call *ret_call) {
	const struct cw_symbol *symbol = core->arch == CW_ARCH_X86_64 ? cw_symbolize(core, pc, false) : NULL;
	struct abort_call call = {};
	struct state s = {};
	uint64_t at;

	if (!symbol || symbol->start == 0 || pc <= symbol->start || pc - symbol->start > FUNCTION_BYTES_MAX)
		return false;
	for (at = symbol->start; at < pc;) {
		const struct cw_instruction *i = cw_decode(core, at, NULL);

		if (!i || i->length == 0)
			return false;
		if (at + i->length == pc) {
			if (i->class_ != CW_INSN_CALL)
				return false;
			break;
		}
		step(&s, i);
		at += i->length;
	}
	if (at >= pc)
		return false;
	for (int i = 0; i < ABORT_CALL_ARGUMENTS; i++) {
		call.known[i] = s.known[i];
		call.value[i] = s.value[i];
	}
	*ret_call = call;
	return true;
}

bool abort_call_target(const struct cw_core *core, uint64_t pc, uint64_t *ret_target) {
	const struct cw_instruction *i =
	    core->arch == CW_ARCH_X86_64 && pc > CALL_BYTES ? cw_decode(core, pc - CALL_BYTES, NULL) : NULL;

	return i && i->class_ == CW_INSN_CALL && i->length == CALL_BYTES && i->n_operands > 0 &&
	    parse_number(i->operands[0].text, ret_target);
}
