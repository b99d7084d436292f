/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of threads. The kernel keeps them and leaves them out of the core, so they are looked for where the program itself has them:
 *
 *  - the journal, where systemd-coredump tells it (core_options.thread_name);
 *  - Rust's own handle of the thread (thread-name-rust.c);
 *  - the call that named the thread: a thread that names itself does so in one of its outermost functions, which are still on the stack. Their code is walked from the start, keeping
 *    track of what the argument registers hold, up to the call of pthread_setname_np() or prctl(PR_SET_NAME) (x86-64);
 *  - a thread that was never named has its process's name.
 * The initial thread is "main".
 */
#include "core/thread-name.h"

#include "core/insn.h"
#include "core/symbols.h"
#include "core/thread-name-private.h"
#include "util/text.h"

/* TASK_COMM_LEN */
#define COMM_BYTES 16u
/* The thread's entry function and what a language's runtime puts around it: at most so many outermost frames. */
#define OUTER_FRAMES 14u
/* A function that names its thread does it early. */
#define INSTRUCTIONS_MAX 400u
#define FUNCTION_BYTES_MAX 4096u
#define PR_SET_NAME 15u

enum { NAMERS_MAX = 8 };

struct namer {
	uint64_t address;
	bool is_prctl;
};

/* Where walks have led to no namer; two hundred threads of a pool stand in the same few places. Empty slots are 0. */
enum { FRUITLESS_SLOTS = 512 };

struct namers {
	struct namer list[NAMERS_MAX];
	size_t n;
	uint64_t fruitless[FRUITLESS_SLOTS]; /* by pc */
};

/* What a register holds while a function is walked. */
enum value_kind { VALUE_UNKNOWN, VALUE_CONSTANT, VALUE_FRAME /* the CFA plus an offset */ };
struct value {
	enum value_kind kind;
	bool own;              /* read from this thread's frame: another's may differ */
	uint64_t number;
};

struct walker {
	struct core *core;
	const struct namers *namers;
	uint64_t cfa;
	bool depends;          /* a namer was met, or may be met by another thread on the same way */
	struct value registers[16]; /* in the arch's order: rax rdx rcx rbx rsi rdi rbp rsp r8… */
};

enum { RAX, RDX, RCX, RBX, RSI, RDI, RBP, RSP };

static int register_index(const char *name, size_t length) {
	static const char *const names[16][2] = {
		{ "rax", "eax" }, { "rdx", "edx" }, { "rcx", "ecx" }, { "rbx", "ebx" }, { "rsi", "esi" },   { "rdi", "edi" },   { "rbp", "ebp" },   { "rsp", "esp" },
		{ "r8", "r8d" },  { "r9", "r9d" },  { "r10", "r10d" }, { "r11", "r11d" }, { "r12", "r12d" }, { "r13", "r13d" }, { "r14", "r14d" }, { "r15", "r15d" },
	};

	/* Most operands are no registers. */
	if (length < 2 || length > 4 || (name[0] != 'r' && name[0] != 'e'))
		return -1;
	for (int i = 0; i < 16; i++)
		for (int k = 0; k < 2; k++)
			if (strncmp(names[i][k], name, length) == 0 && names[i][k][length] == 0)
				return i;
	return -1;
}

/* The value of "[rip + 0x10]", "[rbp - 8]", "[rsp + 0x20]" as an address. */
static struct value memory_address(const struct walker *w, const struct cw_instruction *insn, const char *text) {
	const char *open = strchr(text, '['), *p;
	struct value base = {};
	uint64_t displacement = 0;
	size_t n;

	if (!open)
		return base;
	p = open + 1;
	n = strcspn(p, " ]");
	if (strncmp(p, "rip", 3) == 0) {
		base = (struct value){ .kind = VALUE_CONSTANT, .number = insn->address + insn->length };
	} else {
		int reg = register_index(p, n);
		if (reg < 0)
			return base;
		base = w->registers[reg];
	}
	p += n;
	if (base.kind == VALUE_UNKNOWN || *p == ']')
		return base;
	if ((strncmp(p, " + ", 3) != 0 && strncmp(p, " - ", 3) != 0) || p[3] < '0' || p[3] > '9')
		return (struct value){};
	displacement = strtoull(p + 3, NULL, 0);
	base.number += p[1] == '+' ? displacement : -displacement;
	return base;
}

static uint64_t absolute(const struct walker *w, struct value v) {
	return v.kind == VALUE_FRAME ? w->cfa + v.number : v.number;
}

static struct value source_value(struct walker *w, const struct cw_instruction *insn, const char *text) {
	int reg = register_index(text, strlen(text));
	struct value v = {};
	uint64_t loaded;

	if (reg >= 0)
		return w->registers[reg];
	if (text[0] >= '0' && text[0] <= '9')
		return (struct value){ .kind = VALUE_CONSTANT, .number = strtoull(text, NULL, 0) };
	v = memory_address(w, insn, text);
	if (v.kind == VALUE_UNKNOWN || core_read_word(w->core, absolute(w, v), &loaded) < 0)
		return (struct value){};
	/* What memory holds now is what it held then only if nobody has written since: for spilled arguments that is the rule. */
	return (struct value){ .kind = VALUE_CONSTANT, .own = v.own || v.kind == VALUE_FRAME, .number = loaded };
}

/* Follows one instruction as far as registers are concerned; what is not understood makes its target unknown. */
static void follow(struct walker *w, const struct cw_instruction *insn) {
	char text[128], *operands, *second;
	size_t length = strnlen(insn->text, sizeof(text) - 1);
	int reg;

	memcpy(text, insn->text, length);
	text[length] = 0;
	operands = strchr(text, ' ');
	if (!operands)
		return;
	*operands++ = 0;
	second = strstr(operands, ", ");
	if (second) {
		*second = 0;
		second += 2;
	}
	if (streq(text, "push") || streq(text, "pop")) {
		w->registers[RSP].number += streq(text, "push") ? (uint64_t)-8 : 8;
		return;
	}
	reg = register_index(operands, strlen(operands));
	if (reg < 0 || !second)
		return;
	if (streq(text, "lea")) {
		w->registers[reg] = memory_address(w, insn, second);
	} else if (streq(text, "mov") || streq(text, "movabs")) {
		w->registers[reg] = source_value(w, insn, second);
	} else if ((streq(text, "sub") || streq(text, "add")) && second[0] >= '0' && second[0] <= '9') {
		uint64_t n = strtoull(second, NULL, 0);
		w->registers[reg].number += streq(text, "sub") ? -n : n;
	} else if (streq(text, "xor") && streq(operands, second)) {
		w->registers[reg] = (struct value){ .kind = VALUE_CONSTANT, .number = 0 };
	} else if (!streq(text, "cmp") && !streq(text, "test")) {
		w->registers[reg] = (struct value){};
	}
}

/* Where a call goes: its target, through one jump of the PLT, or through the GOT (call *[rip + …]). */
static uint64_t call_target(struct walker *w, const struct cw_instruction *insn) {
	const char *operand = strchr(insn->text, ' ');
	const struct cw_instruction *next;
	struct value v = {};
	uint64_t target;

	if (!operand)
		return 0;
	operand++;
	if (operand[0] < '0' || operand[0] > '9') {
		v = source_value(w, insn, operand);
		w->depends |= v.own;
		return v.kind == VALUE_CONSTANT ? v.number : 0;
	}
	target = strtoull(operand, NULL, 0);
	next = insn_decode(w->core, target, NULL);
	if (next && str_has_prefix(next->text, "endbr"))
		next = insn_decode(w->core, target + next->length, NULL);
	if (next && next->class_ == CW_INSN_JUMP && strstr(next->text, "[rip")) {
		v = memory_address(w, next, next->text);
		if (v.kind == VALUE_CONSTANT && core_read_word(w->core, v.number, &target) < 0)
			return 0;
	}
	return target;
}

static const char *take_string(struct core *core, uint64_t address) {
	char raw[COMM_BYTES] = "", clean[3 * COMM_BYTES];

	for (size_t i = 0; i < COMM_BYTES - 1; i++)
		if (core_read(core, address + i, raw + i, 1) < 0 || raw[i] == 0) {
			raw[i] = 0;
			break;
		}
	if (!raw[0])
		return NULL;
	text_clean(raw, strlen(raw), clean, sizeof(clean));
	return arena_strdup(core->arena, clean);
}

static const char *named_by_call(struct walker *w, const struct cw_instruction *insn) {
	uint64_t target = call_target(w, insn);
	struct value name = w->registers[RSI];

	for (size_t i = 0; target != 0 && i < w->namers->n; i++) {
		if (w->namers->list[i].address != target)
			continue;
		w->depends = true;
		if (w->namers->list[i].is_prctl && (w->registers[RDI].kind != VALUE_CONSTANT || (uint32_t)w->registers[RDI].number != PR_SET_NAME))
			return NULL;
		return name.kind == VALUE_UNKNOWN ? NULL : take_string(w->core, absolute(w, name));
	}
	return NULL;
}

/* Walks a function from its start up to where the frame is, and returns the last name it gave to its thread. */
static const char *name_in_function(struct core *core, struct namers *namers, const struct cw_frame *f) {
	struct walker w = { .core = core, .namers = namers, .cfa = f->cfa };
	uint64_t *fruitless = &namers->fruitless[(f->pc ^ f->pc >> 9) % FRUITLESS_SLOTS];
	uint64_t at = f->symbol->start;
	const char *name = NULL;

	if (at == 0 || f->pc <= at || f->pc - at > FUNCTION_BYTES_MAX || !f->has_cfa || *fruitless == f->pc)
		return NULL;
	w.registers[RSP] = (struct value){ .kind = VALUE_FRAME, .number = (uint64_t)-8 };
	for (size_t i = 0; i < INSTRUCTIONS_MAX && at < f->pc; i++) {
		const struct cw_instruction *insn = insn_decode(core, at, NULL);
		const char *given;

		if (!insn || insn->length == 0)
			break;
		if (insn->class_ == CW_INSN_CALL) {
			given = named_by_call(&w, insn);
			name = given ?: name;
			for (size_t k = 0; k < ELEMENTSOF(w.registers); k++)
				if (k != RBX && k != RBP && k != RSP && k < 12)
					w.registers[k] = (struct value){};
		} else {
			follow(&w, insn);
		}
		at += insn->length;
	}
	if (!w.depends)
		*fruitless = f->pc;
	return name;
}

static const char *name_on_stack(struct core *core, struct namers *namers, const struct cw_thread *t) {
	const char *name = NULL;
	size_t first = t->n_frames > OUTER_FRAMES ? t->n_frames - OUTER_FRAMES : 0;

	/* From the outermost in: an inner call came later and has the last word. */
	for (size_t i = t->n_frames; i-- > first;) {
		const struct cw_frame *f = &t->frames[i];
		const struct module *m = module_of(core, f->module);

		if (!f->symbol || !m || f->n_cycle > 0 || f->signal_frame || f->exact_pc)
			continue;
		name = name_in_function(core, namers, f) ?: name;
	}
	return name;
}

static void find_namers(struct core *core, struct namers *ret) {
	static const struct { const char *name; bool is_prctl; } wanted[] = { { "pthread_setname_np", false }, { "prctl", true } };

	*ret = (struct namers){};
	if (core->arch->id != CW_ARCH_X86_64 || !core->decoder)
		return;
	for (size_t i = 0; i < core->pub.n_modules; i++) {
		struct module *m = &core->modules[i];
		const char *slash = strrchr(m->info->path, '/'), *base = slash ? slash + 1 : m->info->path;

		/* The C library, or the program itself where it is linked in. */
		if (!m->info->is_executable && !str_has_prefix(base, "libc.so") && !str_has_prefix(base, "libc-") && !str_has_prefix(base, "libpthread") &&
		    !str_has_prefix(base, "ld-musl") && !str_has_prefix(base, "libc.musl"))
			continue;
		for (size_t k = 0; k < ELEMENTSOF(wanted) && ret->n < NAMERS_MAX; k++) {
			uint64_t address;
			if (symbols_find(core, m, wanted[k].name, &address) >= 0)
				ret->list[ret->n++] = (struct namer){ address, wanted[k].is_prctl };
		}
	}
}

int thread_names(struct core *core) {
	struct namers namers;
	bool others = core->pub.n_threads > 1 || !core->threads[0].is_main, rust = false;

	if (others) {
		find_namers(core, &namers);
		rust = is_rust_program(core);
	}
	for (size_t i = 0; i < core->pub.n_threads; i++) {
		struct cw_thread *t = &core->threads[i];

		if (t->n_registers == 0)
			continue;
		if (t->is_main)
			t->name = "main";
		else if (t->crashed && core->options.thread_name)
			t->name = arena_strndup(core->arena, core->options.thread_name, COMM_BYTES * 3);
		else
			t->name = name_on_stack(core, &namers, t) ?: (rust ? thread_name_rust(core, t) : NULL) ?: core->pub.command;
	}
	return 0;
}
