/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See go-unwind.h. The ways of changing over: runtime/asm_amd64.s and the like (mcall, systemstack, morestack, asmcgocall, cgocallback). */
#include "core/go-unwind.h"

#include "core/go-module.h"

/* Of a goroutine's stack, as of other stacks: see plan.c. The runtime ends a program with more than 1 GB of it. */
#define STACK_WANT MIB(256)
/* struct g, in words. */
enum { G_LOW = 0, G_HIGH = 1, G_M = 6, G_SP = 7, G_PC = 8, G_FP = 13, G_FP_1_25 = 12 };
/* struct m, in words: g0 first; curg was at 24 in Go 1.19, and moves by a few. */
enum { M_G0 = 0, M_CURG_FIRST = 16, M_CURG_LAST = 48 };
/* asmcgocall's frame, in words from SP, until Go 1.22 and since: the goroutine (0: none, it was the thread's stack already) and then the old SP. */
static const struct { uint8_t g, sp; } c_call_slots[] = { { 6, 5 }, { 1, 0 } };

static const struct {
	const char *name;
	enum go_place place;
} places[] = {
	{ "runtime.goexit", GO_END },          { "runtime.rt0_go", GO_END },     { "runtime.mstart", GO_THREAD },
	{ "runtime.mcall", GO_SWITCH },        { "runtime.systemstack", GO_SWITCH }, { "runtime.morestack", GO_SWITCH },
	{ "runtime.asmcgocall", GO_C_CALL },   { "runtime.cgocallback", GO_CALLBACK }, { "runtime.sigpanic", GO_PANIC },
	{ "runtime.sigpanic0", GO_PANIC },
};

static uint64_t lookup_address(const struct walk *w) {
	return w->registers[w->core->arch->pc] - !w->exact;
}

enum go_place go_unwind_place(struct walk *w, struct module *m) {
	const struct go_module *go = go_module_get(w->core, m);
	struct go_function f;

	if (!go || go_pclntab_find(&go->table, lookup_address(w) - m->info->bias, &f) < 0 || !str_has_prefix(f.name, "runtime."))
		return GO_NONE;
	for (size_t i = 0; i < ELEMENTSOF(places); i++) {
		size_t n = strlen(places[i].name);

		if (strncmp(f.name, places[i].name, n) == 0 && (f.name[n] == 0 || streq(f.name + n, ".abi0")))
			return places[i].place;
	}
	return GO_NONE;
}

static bool read_member(struct walk *w, uint64_t structure, unsigned member, uint64_t *ret_value) {
	uint64_t at;

	return structure != 0 && add_u64(structure, (uint64_t)member * w->core->arch->word_bytes, &at) && core_read_word(w->core, at, ret_value) >= 0;
}

static bool is_on_stack(struct walk *w, uint64_t g, uint64_t sp) {
	uint64_t low, high;

	return read_member(w, g, G_LOW, &low) && read_member(w, g, G_HIGH, &high) && low < sp && sp <= high;
}

/* Whether g is one of a thread's goroutines (its g0, gsignal or the one that it runs): then its m. */
static bool thread_of(struct walk *w, uint64_t g, uint64_t *ret_m, uint64_t *ret_g0) {
	uint64_t m, g0, back;

	if (g % w->core->arch->word_bytes != 0 || !read_member(w, g, G_M, &m) || !read_member(w, m, M_G0, &g0) || !read_member(w, g0, G_M, &back) || back != m)
		return false;
	*ret_m = m;
	*ret_g0 = g0;
	return true;
}

/* The goroutine that the thread runs: the only one that points back to it, beside g0 and gsignal, whose SP is not saved while they run or rest. */
static bool find_current(struct walk *w, uint64_t m, uint64_t g0, uint64_t *ret_g) {
	for (unsigned i = M_CURG_FIRST; i <= M_CURG_LAST; i++) {
		uint64_t g, its_m, sp;

		if (read_member(w, m, i, &g) && g != 0 && g != g0 && read_member(w, g, G_M, &its_m) && its_m == m && read_member(w, g, G_SP, &sp) &&
		    is_on_stack(w, g, sp)) {
			*ret_g = g;
			return true;
		}
	}
	return false;
}

/* The thread's m and g0, from wherever a pointer to one of its goroutines may be: the register that Go keeps it in, the slot below the TLS base, and what
 * mcall and asmcgocall have on their stack. */
static bool find_thread(struct walk *w, uint64_t *ret_m, uint64_t *ret_g0) {
	const struct arch *arch = w->core->arch;
	uint64_t sp = w->registers[arch->sp], word = arch->word_bytes, candidates[6], value;
	size_t n = 0;

	if (arch->go_register >= 0) {
		candidates[n++] = w->thread->registers[arch->go_register];
		if (w->valid >> arch->go_register & 1)
			candidates[n++] = w->registers[arch->go_register];
	}
	if (arch->tls >= 0 && w->thread->registers[arch->tls] > word && core_read_word(w->core, w->thread->registers[arch->tls] - word, &value) >= 0)
		candidates[n++] = value;
	if (core_read_word(w->core, sp, &value) >= 0)
		candidates[n++] = value;
	for (size_t i = 0; i < ELEMENTSOF(c_call_slots); i++)
		if (core_read_word(w->core, sp + c_call_slots[i].g * word, &value) >= 0)
			candidates[n++] = value;
	for (size_t i = 0; i < n; i++)
		if (candidates[i] != 0 && thread_of(w, candidates[i], ret_m, ret_g0))
			return true;
	return false;
}

/* On with what the runtime has saved of a goroutine. */
static int resume(struct walk *w, uint64_t g, struct step *s) {
	const struct arch *arch = w->core->arch;
	uint64_t pc, sp, fp, high;
	const struct go_module *go;
	struct go_function f;
	struct module *m;

	if (!read_member(w, g, G_PC, &pc) || !read_member(w, g, G_SP, &sp) || !read_member(w, g, G_HIGH, &high))
		return -ENODATA;
	m = core_find_module(w->core, pc);
	go = m ? go_module_get(w->core, m) : NULL;
	if (!go || go_pclntab_find(&go->table, pc - m->info->bias, &f) < 0)
		return -ENODATA;
	/* systemstack and asmcgocall leave the address of a function that is never called. */
	s->exact_caller = pc - m->info->bias == f.start || str_has_prefix(f.name, "runtime.systemstack_switch");
	if (high > sp)
		image_want(w->core->image, sp, high - sp > STACK_WANT ? sp + STACK_WANT : high);
	s->next.registers[arch->pc] = pc;
	s->next.registers[arch->sp] = sp;
	s->next.valid = UINT64_C(1) << arch->pc | UINT64_C(1) << arch->sp;
	if (((read_member(w, g, G_FP, &fp) && fp >= sp && fp < high) || (read_member(w, g, G_FP_1_25, &fp) && fp >= sp && fp < high)) &&
	    fp % arch->word_bytes == 0) {
		s->next.registers[arch->fp] = fp;
		s->next.valid |= UINT64_C(1) << arch->fp;
	}
	if (arch->go_register >= 0) {
		s->next.registers[arch->go_register] = g;
		s->next.valid |= UINT64_C(1) << arch->go_register;
	}
	s->trust = CW_TRUST_CFI;
	s->switched = true;
	return 0;
}

/* asmcgocall on a thread's own stack: it has aligned SP and kept the old one. */
static bool same_stack(struct walk *w, struct step *s) {
	const struct arch *arch = w->core->arch;
	uint64_t sp = w->registers[arch->sp], word = arch->word_bytes, g, old, ra;

	for (size_t i = 0; i < ELEMENTSOF(c_call_slots); i++) {
		if (core_read_word(w->core, sp + c_call_slots[i].g * word, &g) < 0 || g != 0 ||
		    core_read_word(w->core, sp + c_call_slots[i].sp * word, &old) < 0 || old <= sp || old - sp > KIB(4) ||
		    core_read_word(w->core, old, &ra) < 0 || !unwind_is_return_address(w->core, ra))
			continue;
		memcpy(s->next.registers, w->registers, sizeof(s->next.registers));
		s->next.valid = w->valid;
		s->next.registers[arch->pc] = ra;
		s->next.registers[arch->sp] = s->cfa = old + word;
		s->has_cfa = true;
		s->trust = CW_TRUST_CFI;
		return true;
	}
	return false;
}

/* cgocallback has left g0's SP as it was in its own frame on the thread's stack: that of C code. */
static int resume_caller(struct walk *w, struct module *m, uint64_t g0, struct step *s) {
	const struct arch *arch = w->core->arch;
	uint64_t sp, here = w->registers[arch->sp];
	const struct cfi_row *row = cfi_find_row(w->core, m, lookup_address(w));
	int r;

	if (is_on_stack(w, g0, here) || !read_member(w, g0, G_SP, &sp) || !is_on_stack(w, g0, sp))
		return -ENODATA;
	w->registers[arch->sp] = sp;
	r = row ? cfi_apply(w->core, row, w->registers, w->valid, &s->next) : go_unwind_frame(w, m, s);
	w->registers[arch->sp] = here;
	if (r < 0 || !unwind_is_return_address(w->core, s->next.registers[arch->pc]))
		return -ENODATA;
	s->has_cfa = false;
	s->trust = CW_TRUST_CFI;
	s->switched = true;
	return 0;
}

int go_unwind_switch(struct walk *w, struct module *module, enum go_place place, struct step *s) {
	uint64_t sp = w->registers[w->core->arch->sp], m, g0, g;
	struct step step = { .has_cfa = false };
	int r;

	if (place == GO_C_CALL && w->core->arch->lr < 0 && same_stack(w, &step)) {
		*s = step;
		return 0;
	}
	if (!find_thread(w, &m, &g0))
		return -ENODATA;
	if (place == GO_CALLBACK) {
		r = resume_caller(w, module, g0, &step);
	} else {
		if (!is_on_stack(w, g0, sp))
			return -ENODATA;
		if (!find_current(w, m, g0, &g))
			return -ENOENT;
		r = resume(w, g, &step);
	}
	if (r < 0)
		return r;
	*s = step;
	return 0;
}

int go_unwind_frame(struct walk *w, struct module *m, struct step *s) {
	const struct arch *arch = w->core->arch;
	const struct go_module *go = go_module_get(w->core, m);
	uint64_t address = lookup_address(w) - m->info->bias, at, ra;
	struct go_function f;
	uint32_t bytes;

	/* With a link register the table tells of a leaf's frame only that there is none; frame pointers serve there. */
	if (!go || arch->lr >= 0 || go_pclntab_find(&go->table, address, &f) < 0 || go_function_stack(&go->table, &f, address, &bytes) < 0)
		return -ENODATA;
	if (!add_u64(w->registers[arch->sp], bytes, &at) || core_read_word(w->core, at, &ra) < 0)
		return -ENODATA;
	s->next = (struct cfi_step){ .valid = w->valid };
	memcpy(s->next.registers, w->registers, sizeof(s->next.registers));
	/* A function with a frame has saved the frame pointer right below the return address. */
	if (bytes >= arch->word_bytes && core_read_word(w->core, at - arch->word_bytes, &s->next.registers[arch->fp]) < 0)
		s->next.valid &= ~(UINT64_C(1) << arch->fp);
	s->next.registers[arch->pc] = ra;
	s->next.registers[arch->sp] = s->cfa = at + arch->word_bytes;
	s->has_cfa = true;
	s->outermost = ra == 0;
	s->trust = CW_TRUST_CFI;
	return 0;
}
