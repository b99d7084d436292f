/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From one frame to its caller, by the best means there is. */
#include "core/go-unwind.h"

/* How far back from the pc the prologue is looked for. */
#define PROLOGUE_BYTES 2048u
/* From the program's first instruction to its call of the C library: 33 bytes with glibc on x86-64, 72 on aarch64. */
#define ENTRY_BYTES 96u

bool unwind_is_code(const struct core *core, uint64_t address) {
	const struct cw_mapping *m = core_find_mapping(core, address);

	return m && (m->perm & CW_PERM_EXEC);
}

bool unwind_follows_call(struct core *core, uint64_t address) {
	size_t n = core->arch->call_max_bytes;
	uint8_t b[16];

	if (n > sizeof(b) || address < n || core_read(core, address - n, b, n) < 0)
		return true;
	return core->arch->is_call(b);
}

bool unwind_is_return_address(struct core *core, uint64_t address) {
	return unwind_is_code(core, address) && unwind_follows_call(core, address);
}

/* A code pointer without its authentication code: only where that makes it one that could be right. */
uint64_t unwind_strip_code(const struct core *core, uint64_t pc) {
	uint64_t stripped = pc & ~core->code_mask;

	return stripped != pc && !unwind_is_code(core, pc) && unwind_is_code(core, stripped) ? stripped : pc;
}

bool unwind_has_trampoline_code(struct walk *w, uint64_t pc) {
	const struct arch *arch = w->core->arch;

	for (size_t i = 0; i < arch->n_trampolines; i++) {
		const struct arch_bytes *t = &arch->trampolines[i];
		char code[16];

		if (t->length <= sizeof(code) && core_read(w->core, pc, code, t->length) >= 0 && memcmp(code, t->data, t->length) == 0)
			return true;
	}
	return false;
}

static int step_signal(struct walk *w, struct step *s) {
	const struct arch *arch = w->core->arch;
	uint64_t sp = w->registers[arch->sp], uc = sp + arch->sigframe_ucontext_offset, word = arch->word_bytes, value;

	for (size_t i = 0; i < arch->n_ucontext_slots; i++) {
		const struct arch_slot *slot = &arch->ucontext_slots[i];

		value = 0;
		if (core_read(w->core, uc + slot->offset, &value, slot->bytes) < 0)
			return -ENODATA;
		s->next.registers[slot->reg] = value;
		s->next.valid |= UINT64_C(1) << slot->reg;
	}
	s->ucontext = uc;
	s->siginfo = sp + arch->sigframe_siginfo_offset;
	if (core_read_word(w->core, uc + arch->ucontext_stack_offset, &s->alt_low) < 0 ||
	    core_read_word(w->core, uc + arch->ucontext_stack_offset + 2 * word, &s->alt_size) < 0)
		s->alt_size = 0;
	/* The interrupted SP is this frame's upper end if it is on the same stack; the caller decides. */
	s->cfa = s->next.registers[arch->sp];
	s->has_cfa = true;
	s->signal_frame = true;
	s->trust = CW_TRUST_CFI;
	return 0;
}

/* A return address of 0 is where a stack begins that a program or a C library made. The kernel made the main one: there it
 * was overwritten. */
static bool is_main_stack(const struct walk *w) {
	const struct cw_mapping *m = w->core->at_random ? core_find_mapping(w->core, w->core->at_random) : NULL;
	uint64_t sp = w->registers[w->core->arch->sp];

	return m && w->thread->is_main && sp >= m->start && sp < m->end;
}

static int step_cfi(struct walk *w, const struct cfi_row *row, struct step *s) {
	const struct arch *arch = w->core->arch;
	int r = cfi_apply(w->core, row, w->registers, w->valid, &s->next);

	if (r < 0) {
		s->reason = s->next.failed ? arena_printf(w->core->arena, "the caller's registers lie at 0x%llx, which is not in the core",
		                                          (unsigned long long)s->next.failed) :
					     "the call frame information does not fit the registers";
		if (s->next.cfa) {
			s->cfa = s->next.cfa;
			s->has_cfa = true;
		}
		return r == -ENOMEM ? r : -ENODATA;
	}
	s->cfa = s->next.cfa;
	s->has_cfa = true;
	s->next.registers[arch->pc] = unwind_strip_code(w->core, s->next.registers[arch->pc]);
	if (!s->next.outermost && s->next.registers[arch->pc] == 0 && is_main_stack(w)) {
		s->reason = "the return address of this frame is 0: it was overwritten, or the program made a stack of its own here";
		return -ENODATA;
	}
	s->outermost = s->next.outermost || s->next.registers[arch->pc] == 0;
	s->trust = CW_TRUST_CFI;
	return 0;
}

/* A call through a bad pointer left its return address, at SP or in the link register, and went nowhere: the caller is exactly known. */
static int step_restart(struct walk *w, struct step *s) {
	const struct arch *arch = w->core->arch;
	uint64_t sp = w->registers[arch->sp], ra;

	if (arch->lr >= 0)
		ra = unwind_strip_code(w->core, w->registers[arch->lr]);
	else if (core_read_word(w->core, sp, &ra) < 0)
		return -ENODATA;
	if (!unwind_is_code(w->core, ra) || !unwind_follows_call(w->core, ra) || ra == w->registers[arch->pc])
		return -ENODATA;
	memcpy(s->next.registers, w->registers, sizeof(s->next.registers));
	s->next.valid = w->valid;
	s->next.registers[arch->pc] = ra;
	s->next.registers[arch->sp] = arch->lr >= 0 ? sp : sp + arch->word_bytes;
	s->cfa = s->next.registers[arch->sp];
	s->has_cfa = true;
	s->trust = CW_TRUST_CFI;
	return 0;
}

/* Where there is no unwind information, the code tells where the return address is. Without a link register: where the frame pointer points. */
static enum arch_prologue read_prologue(struct walk *w, uint64_t pc) {
	const struct arch *arch = w->core->arch;
	uint8_t code[PROLOGUE_BYTES];
	size_t n = 0;

	if (arch->lr < 0 || pc % 4 != 0)
		return ARCH_PROLOGUE_FRAME;
	/* In pieces, from the pc down: the core may hold the beginning of a mapping only, and the file the rest. */
	while (n < sizeof(code) && pc > n + 4 && core_read(w->core, pc - n - 4, code + sizeof(code) - n - 4, 4) >= 0)
		n += 4;
	return n > 0 ? arch->prologue(code + sizeof(code) - n, n, !w->exact) : ARCH_PROLOGUE_FRAME;
}

static enum arch_prologue find_prologue(struct walk *w, struct unwind_place *p) {
	if (!p->has_prologue) {
		p->prologue = (uint8_t)read_prologue(w, p->pc);
		p->has_prologue = true;
	}
	return (enum arch_prologue)p->prologue;
}

static const struct cfi_row *find_row(struct walk *w, struct unwind_place *p) {
	const struct cfi_row *at;

	if (p->has_row || !p->module)
		return p->row;
	p->has_row = true;
	p->row = cfi_find_row(w->core, p->module, p->exact ? p->pc : p->pc - 1);
	if (!p->row || p->row->signal_frame || p->exact)
		return p->row;
	/* The row of a signal trampoline begins exactly at the pc: pc - 1 would be another function's. */
	at = cfi_find_row(w->core, p->module, p->pc);
	if (at && at->signal_frame)
		p->row = at;
	return p->row;
}

/* Where the program, or a thread of it, begins: by AT_ENTRY, which needs neither a file nor a name. Its first function is a few instructions long. */
static bool is_entry(const struct walk *w, uint64_t pc) {
	return w->core->at_entry != 0 && !w->exact && pc > w->core->at_entry && pc - w->core->at_entry <= ENTRY_BYTES;
}

/* Code that ends the thread with what its function returned: nobody called clone() in the new thread. */
static bool is_thread_exit(struct walk *w, uint64_t pc) {
	const struct arch *arch = w->core->arch;
	char code[16];

	for (size_t i = 0; i < arch->n_thread_exits && !w->exact; i++) {
		const struct arch_bytes *t = &arch->thread_exits[i];

		if (t->length <= sizeof(code) && core_read(w->core, pc, code, t->length) >= 0 && memcmp(code, t->data, t->length) == 0)
			return true;
	}
	return false;
}

/* A return address that was put there to begin a stack (makecontext): a function's first byte, and nobody called what lies before it. */
static bool is_planted(struct walk *w, struct module *m, uint64_t pc) {
	return m && !w->exact && !unwind_follows_call(w->core, pc) && cfi_find_row(w->core, m, pc) != NULL;
}

/* In code: by call frame information, by Go's own, by the frame pointer, and last by a scan. */
static int step_code(struct walk *w, struct unwind_place *p, struct step *ret_step) {
	const struct cfi_row *row = find_row(w, p);
	struct module *m = p->module;
	enum arch_prologue prologue;
	uint64_t pc = p->pc;
	int r;

	if (!row && (is_planted(w, m, pc) || is_entry(w, pc) || is_thread_exit(w, pc))) {
		ret_step->outermost = true;
		ret_step->exact_self = is_planted(w, m, pc);
		return 0;
	}
	if (row) {
		r = step_cfi(w, row, ret_step);
		ret_step->signal_frame = row->signal_frame;
		return r;
	}
	if (m && go_unwind_frame(w, m, ret_step) >= 0)
		return 0;
	prologue = find_prologue(w, p);
	if (prologue == ARCH_PROLOGUE_NONE && w->exact && step_restart(w, ret_step) >= 0) {
		ret_step->trust = CW_TRUST_FRAME_POINTER; /* by the same convention, and as good as it */
		return 0;
	}
	if (prologue != ARCH_PROLOGUE_SAVED && unwind_step_frame_pointer(w, ret_step) >= 0)
		return 0;
	if (w->exact && w->core->arch->lr < 0 && step_restart(w, ret_step) >= 0)
		return 0;
	ret_step->reason = m && m->elf ? "no unwind information for this code" : "the file of this code could not be used, so there is no unwind information";
	/* glibc's and musl's entry points end here: the caller of the outermost function is nobody. */
	return unwind_step_scan(w, ret_step);
}

/* Between two goroutines: the scheduler's own stack begins here, and its first frame has a size like any other. */
static int end_at_switch(struct walk *w, struct unwind_place *p, struct step *s) {
	struct step own = {};

	if (step_code(w, p, &own) >= 0 && own.has_cfa && own.trust == CW_TRUST_CFI) {
		s->cfa = own.cfa;
		s->has_cfa = true;
	}
	s->outermost = true;
	return 0;
}

/* A function of Go's runtime that call frame information does not tell all about. */
static int step_go(struct walk *w, struct unwind_place *p, struct step *s) {
	const struct arch *arch = w->core->arch;
	enum go_place place = (enum go_place)p->go;
	int r;

	if (place == GO_SWITCH || place == GO_C_CALL || place == GO_CALLBACK) {
		r = go_unwind_switch(w, p->module, place, s);
		if (r == 0)
			return 0;
		if (r == -ENOENT)
			return end_at_switch(w, p, s);
		if (place != GO_CALLBACK) {
			s->reason = "the Go runtime has changed stacks here, and which goroutine it came from cannot be told";
			return -ENODATA;
		}
	}
	r = step_code(w, p, s);
	s->exact_caller = place == GO_PANIC;
	if (place != GO_END && (place != GO_THREAD || (r >= 0 && s->trust != CW_TRUST_SCAN && unwind_is_return_address(w->core, s->next.registers[arch->pc]))))
		return r;
	s->outermost = true;
	s->reason = NULL;
	return r == -ENOMEM ? r : 0;
}

static struct unwind_place *look_at(struct walk *w) {
	uint64_t pc = w->registers[w->core->arch->pc];
	struct unwind_place *p = &w->core->unwind_memo->places[(pc ^ pc >> 6 ^ w->exact) % UNWIND_MEMO_SLOTS];
	const struct module *at;

	if (p->known && p->pc == pc && p->exact == w->exact)
		return p;
	*p = (struct unwind_place){ .pc = pc, .exact = w->exact, .known = true, .code = unwind_is_code(w->core, pc) };
	p->module = core_find_module(w->core, w->exact ? pc : pc - 1);
	at = core_find_module(w->core, pc);
	p->shown = at ? at->info : NULL;
	p->trampoline = unwind_has_trampoline_code(w, pc);
	p->go = p->module ? go_unwind_place(w, p->module) : GO_NONE;
	return p;
}

int unwind_step(struct walk *w, struct step *ret_step) {
	struct unwind_place *p = look_at(w);

	w->place = p;
	if (!p->code && !(p->module && !w->exact)) {
		/* Only the innermost frame, or one that a signal interrupted, can be where there is no code. */
		if (w->exact && step_restart(w, ret_step) >= 0)
			return 0;
		ret_step->reason = arena_printf(w->core->arena, "0x%llx is no code", (unsigned long long)p->pc);
		return w->exact ? unwind_step_scan(w, ret_step) : -ENODATA;
	}
	if (p->trampoline && step_signal(w, ret_step) >= 0)
		return 0;
	return p->go == GO_NONE ? step_code(w, p, ret_step) : step_go(w, p, ret_step);
}
