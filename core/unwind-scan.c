/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last resort of unwind-step.c: words of the stack that could be return addresses. What it finds may be left over from an earlier call, and is marked so. */
#include "core/unwind-private.h"

/* Guess upon guess is no stack any more. */
#define SCANS_MAX 16u
/* From an SP that has left its stack up to the stack: as large as frames are. */
#define SCAN_JUMP_MAX MIB(1)

/* At an overflow SP is in the guard, or in nothing: what is known of the stack begins above. */
static uint64_t scan_start(const struct walk *w, uint64_t sp) {
	const struct core *core = w->core;
	const struct cw_mapping *m = core_find_mapping(core, sp);

	if (m && m->stored > 0)
		return sp;
	for (size_t i = 0; i < core->pub.n_mappings; i++) {
		m = &core->mappings[i];
		if (m->start > sp && m->stored > 0)
			return m->start - sp <= SCAN_JUMP_MAX && (m->perm & CW_PERM_WRITE) ? m->start : sp;
	}
	return sp;
}

int unwind_step_scan(struct walk *w, struct step *s) {
	const struct arch *arch = w->core->arch;
	uint64_t sp = w->registers[arch->sp], word = arch->word_bytes;

	if (w->scans >= SCANS_MAX)
		return -ENODATA;
	sp = scan_start(w, (sp + word - 1) & ~(word - 1));
	for (uint64_t i = 0; i < SCAN_WORDS; i++) {
		uint64_t at = sp + i * word, ra;

		if (core_read_word(w->core, at, &ra) < 0)
			return -ENODATA;
		ra = unwind_strip_code(w->core, ra);
		if (!core_find_module(w->core, ra) || !unwind_is_return_address(w->core, ra))
			continue;
		memcpy(s->next.registers, w->registers, sizeof(s->next.registers));
		s->next.valid = UINT64_C(1) << arch->pc | UINT64_C(1) << arch->sp | (w->valid & UINT64_C(1) << arch->fp);
		s->next.registers[arch->pc] = ra;
		s->next.registers[arch->sp] = at + word;
		s->cfa = at + word;
		s->has_cfa = true;
		s->trust = CW_TRUST_SCAN;
		w->scans++;
		return 0;
	}
	return -ENODATA;
}
