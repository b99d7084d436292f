/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From one frame to its caller where nothing but the frame pointer leads there, and how it is seen that it leads elsewhere. */
#include <stdlib.h>

#include "core/insn.h"
#include "core/unwind-private.h"

/* x86's call of a fixed address; others have a link register. */
#define DIRECT_CALL_BYTES 5u

/*
 * With x86's frame pointer the caller's SP lies above the pair that it points to. With a link register the pair may be anywhere in the frame; GCC
 * has it at the bottom, so that the caller's own frame pointer is its SP. (Clang has it at the top, and there the CFA is never counted from SP.)
 * A handler's caller is the signal frame, above which the kernel puts a pair of its own.
 */
static uint64_t caller_sp(const struct walk *w, uint64_t fp, uint64_t saved, bool from_handler) {
	const struct arch *arch = w->core->arch;
	uint64_t least = fp + 2 * arch->word_bytes, sp = least;

	if (arch->lr >= 0 && saved != 0)
		sp = from_handler ? saved - (arch->sigframe_min_bytes - 2 * arch->word_bytes) : saved;
	return sp >= least && sp <= saved ? sp : least;
}

/* The function that the call before a return address names, if it has call frame information; without that the code that runs is not in it. */
static bool calls_described_function(struct walk *w, uint64_t ra) {
	const struct cw_instruction *call = ra > DIRECT_CALL_BYTES ? insn_decode(w->core, ra - DIRECT_CALL_BYTES, NULL) : NULL;
	uint64_t target;
	char *end;

	if (!call || call->class_ != CW_INSN_CALL || call->length != DIRECT_CALL_BYTES || call->n_operands == 0)
		return false;
	target = strtoull(call->operands[0].text, &end, 16);
	return *end == 0 && cfi_find_row(w->core, core_find_module(w->core, target), target);
}

/*
 * Code that keeps no frame pointer leaves its caller's in the register, and stepping by that skips the caller (compiled at run time, or written by
 * hand: musl's and other libraries' assembly). It shows when the frame pointer leads to a call of another function, which has call frame
 * information. That function's return address is somewhere between: the one whose own information leads to that same call.
 */
static int step_skipped(struct walk *w, uint64_t fp, uint64_t ra, struct step *s) {
	const struct arch *arch = w->core->arch;
	uint64_t sp = w->registers[arch->sp], word = arch->word_bytes, between;

	if (arch->lr >= 0 || !calls_described_function(w, ra))
		return -ENODATA;
	for (uint64_t at = sp, i = 0; at < fp && i < SCAN_WORDS && core_read_word(w->core, at, &between) >= 0; at += word, i++) {
		uint64_t registers[ARCH_MAX_REGISTERS], valid = UINT64_C(1) << arch->pc | UINT64_C(1) << arch->sp | UINT64_C(1) << arch->fp;
		const struct cfi_row *row = NULL;
		struct cfi_step next;

		if (unwind_is_code(w->core, between) && unwind_follows_call(w->core, between))
			row = cfi_find_row(w->core, core_find_module(w->core, between), between - 1);
		if (!row || row->signal_frame)
			continue;
		memcpy(registers, w->registers, sizeof(registers));
		registers[arch->pc] = between;
		registers[arch->sp] = at + word;
		if (cfi_apply(w->core, row, registers, valid, &next) < 0 || next.registers[arch->pc] != ra || next.cfa != fp + 2 * word)
			continue;
		memcpy(s->next.registers, registers, sizeof(registers));
		s->next.valid = valid;
		s->cfa = at + word;
		s->has_cfa = true;
		s->trust = CW_TRUST_FRAME_POINTER;
		return 0;
	}
	return -ENODATA;
}

static bool is_generated(struct walk *w, uint64_t pc) {
	const struct cw_mapping *m = core_find_mapping(w->core, pc);
	return m && (m->perm & CW_PERM_EXEC) && !m->module;
}

/* Code that a virtual machine made may push a return address and jump (HotSpot's interpreter does). The pair above must be one as well. */
static bool is_generated_return(struct walk *w, uint64_t ra, uint64_t saved) {
	uint64_t word = w->core->arch->word_bytes, saved_above, ra_above;
	return is_generated(w, w->registers[w->core->arch->pc]) && is_generated(w, ra) && saved % word == 0 &&
	       core_read_word(w->core, saved, &saved_above) >= 0 && core_read_word(w->core, saved + word, &ra_above) >= 0 &&
	       saved_above > saved && unwind_is_code(w->core, unwind_strip_code(w->core, ra_above));
}

int unwind_step_frame_pointer(struct walk *w, struct step *s) {
	const struct arch *arch = w->core->arch;
	uint64_t sp = w->registers[arch->sp], fp = w->registers[arch->fp], word = arch->word_bytes, saved, ra;
	bool from_handler;

	if (!(w->valid >> arch->fp & 1) || fp < sp || fp % word != 0 || fp - sp > MIB(64))
		return -ENODATA;
	if (core_read_word(w->core, fp, &saved) < 0 || core_read_word(w->core, fp + word, &ra) < 0)
		return -ENODATA;
	ra = unwind_strip_code(w->core, ra);
	/* A handler returns to the trampoline, which nobody called. */
	from_handler = unwind_has_trampoline_code(w, ra);
	if (!unwind_is_code(w->core, ra) || !(unwind_follows_call(w->core, ra) || from_handler || is_generated_return(w, ra, saved)) || (saved != 0 && saved <= fp && !from_handler))
		return -ENODATA;
	if (step_skipped(w, fp, ra, s) >= 0)
		return 0;
	memcpy(s->next.registers, w->registers, sizeof(s->next.registers));
	s->next.valid = UINT64_C(1) << arch->pc | UINT64_C(1) << arch->sp | UINT64_C(1) << arch->fp;
	s->next.registers[arch->fp] = saved;
	s->next.registers[arch->pc] = ra;
	s->next.registers[arch->sp] = caller_sp(w, fp, saved, from_handler);
	s->cfa = s->next.registers[arch->sp];
	s->has_cfa = true;
	s->trust = CW_TRUST_FRAME_POINTER;
	return 0;
}
