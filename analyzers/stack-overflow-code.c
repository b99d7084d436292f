/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What code says of the stack: the size that a function's prologue asks for (at a stack probe or the first touch it is
 * not all allocated, and the frame's CFA does not show it), and whether a function can call itself.
 */
#include "stack-overflow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Instructions of a prologue that are looked through for the size of the frame that it makes. */
#define PROLOGUE_INSTRUCTIONS 48
/* Smaller frames need no probe, and are no news. */
#define FRAME_LEAST 4096
#define FRAME_MOST (UINT64_C(1) << 40)
/* A search through code that calls itself over so many functions, or functions so long, is given up. */
#define FUNCTIONS_MAX 64
#define FUNCTION_BYTES_MAX 65536

/* mov eax, N; call __rust_probestack; sub rsp, rax: a size only in that company. */
static bool is_probe_call(const struct cw_core *core, uint64_t at) {
	const struct cw_instruction *call = cw_decode(core, at, NULL), *sub;

	if (!call || call->class_ != CW_INSN_CALL)
		return false;
	sub = cw_decode(core, at + call->length, NULL);
	return sub && (strcmp(sub->text, "sub rsp, rax") == 0 || strcmp(sub->text, "sub esp, eax") == 0);
}

static uint64_t x86_bytes(const struct cw_core *core, const struct cw_frame *f) {
	uint64_t at = f->symbol->start, most = 0;

	for (int i = 0; i < PROLOGUE_INSTRUCTIONS && at <= f->pc + 16; i++) {
		const struct cw_instruction *insn = cw_decode(core, at, NULL);
		unsigned long long n = 0;

		if (!insn || insn->length == 0)
			break;
		if (sscanf(insn->text, "sub rsp, 0x%llx", &n) != 1 && sscanf(insn->text, "sub esp, 0x%llx", &n) != 1 &&
		    sscanf(insn->text, "sub r11, 0x%llx", &n) != 1 && sscanf(insn->text, "lea %*[a-z0-9], [rsp - 0x%llx]", &n) != 1 &&
		    sscanf(insn->text, "lea %*[a-z0-9], [esp - 0x%llx]", &n) != 1 &&
		    (sscanf(insn->text, "mov eax, 0x%llx", &n) != 1 || !is_probe_call(core, at + insn->length)))
			n = 0;
		if (n > FRAME_LEAST && n < FRAME_MOST && n > most)
			most = n;
		at += insn->length;
	}
	return most;
}

/* aarch64: the sum of what is subtracted from SP before the first call: "sub sp, sp, #n[, lsl #12]", or a constant
 * built in a register. */
static uint64_t aarch64_bytes(const struct cw_core *core, const struct cw_frame *f) {
	uint64_t at = f->symbol->start, sum = 0, constant = 0;

	for (int i = 0; at <= f->pc && i < PROLOGUE_INSTRUCTIONS; i++) {
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
	return sum > FRAME_LEAST && sum < FRAME_MOST ? sum : 0;
}

uint64_t overflow_wanted_bytes(const struct cw_core *core, const struct cw_frame *f) {
	if (!f->symbol || f->symbol->start == 0 || f->pc < f->symbol->start)
		return 0;
	return core->arch == CW_ARCH_AARCH64 ? aarch64_bytes(core, f) : x86_bytes(core, f);
}

/* x86: sub rsp, REGISTER; aarch64: sub sp, sp, xN. */
bool overflow_has_variable_frame(const struct cw_core *core, uint64_t pc) {
	const struct cw_symbol *symbol = cw_symbolize(core, pc, true);

	for (uint64_t at = symbol ? symbol->start : 0; at != 0 && at < pc && pc - at <= FUNCTION_BYTES_MAX;) {
		const struct cw_instruction *i = cw_decode(core, at, NULL);
		char reg[8];

		if (!i || i->length == 0)
			return false;
		if (sscanf(i->text, "sub rsp, %7[a-z0-9]", reg) == 1 || sscanf(i->text, "sub esp, %7[a-z0-9]", reg) == 1 ||
		    sscanf(i->text, "sub sp, sp, %7[a-z0-9]", reg) == 1)
			if (reg[0] == 'r' || reg[0] == 'e' || reg[0] == 'x')
				return true;
		at += i->length;
	}
	return false;
}

struct reach {
	uint64_t start[FUNCTIONS_MAX];
	size_t n;
};

static bool is_new(const struct reach *r, uint64_t start) {
	for (size_t i = 0; i < r->n; i++)
		if (r->start[i] == start)
			return false;
	return true;
}

/* Functions that one calls directly; true: `wanted` is among them. */
static bool add_callees(const struct cw_core *core, const struct cw_symbol *from, uint64_t wanted, struct reach *r) {
	const struct cw_module *module = cw_find_module(core, from->start);

	for (uint64_t at = from->start; from->size <= FUNCTION_BYTES_MAX && at < from->start + from->size;) {
		const struct cw_instruction *i = cw_decode(core, at, NULL);
		uint64_t target;
		char *end;

		if (!i || i->length == 0)
			break;
		at += i->length;
		if (i->class_ != CW_INSN_CALL || i->n_operands == 0)
			continue;
		target = strtoull(i->operands[0].text[0] == '#' ? i->operands[0].text + 1 : i->operands[0].text, &end, 16);
		if (*end != 0 || target == 0)
			continue;
		if (target == wanted)
			return true;
		if (r->n < FUNCTIONS_MAX && cw_find_module(core, target) == module && is_new(r, target))
			r->start[r->n++] = target;
	}
	return false;
}

bool overflow_calls_itself(const struct cw_core *core, const struct cw_symbol *symbol) {
	struct reach r = { .start = { symbol->start }, .n = 1 };

	if (symbol->start == 0)
		return false;
	for (size_t i = 0; i < r.n; i++) {
		const struct cw_symbol *from = i == 0 ? symbol : cw_symbolize(core, r.start[i], true);

		if (from && from->start == r.start[i] && add_callees(core, from, symbol->start, &r))
			return true;
	}
	return false;
}
