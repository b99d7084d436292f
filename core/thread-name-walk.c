/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See thread-name-walk.h. Instructions are read once, into steps: two hundred threads of a pool stand in the same few
 * functions, and differ in nothing but what their frames hold.
 */
#include "core/thread-name-walk.h"

#include "core/insn.h"
#include "core/thread-name-private.h"
#include "util/text.h"

/* A function that names its thread does it early. */
#define INSTRUCTIONS_MAX 400u
#define FUNCTION_BYTES_MAX 4096u
#define PR_SET_NAME 15u
/* By address; a later one takes the place of an earlier one. Empty slots are 0. */
#define STEPS (1u << 10)
/* Where walks have led to no namer, by pc. */
#define FRUITLESS_SLOTS 512u

/* What a register holds. */
enum value_kind { VALUE_UNKNOWN, VALUE_CONSTANT, VALUE_FRAME /* the CFA plus an offset */ };
struct value {
	enum value_kind kind;
	bool own;              /* read from this thread's frame: another's may differ */
	uint64_t number;
};

enum operand_kind { OPERAND_NONE, OPERAND_REGISTER, OPERAND_CONSTANT, OPERAND_MEMORY };
struct operand {
	enum operand_kind kind;
	int reg;               /* of memory: the base, or -1 */
	uint64_t number;       /* of memory: to be added to the base */
};

enum operation {
	STEP_NOTHING,
	STEP_ADD,     /* to target; push and pop likewise */
	STEP_SET,     /* target to source */
	STEP_ADDRESS, /* target to source's address */
	STEP_FORGET,  /* target */
	STEP_CALL,    /* source, which for a call by name is what the PLT leads to */
};

struct step {
	uint64_t address;
	uint32_t length;
	enum operation operation;
	int target;
	struct operand source;
};

struct name_walk {
	struct core *core;
	struct namer namers[NAMERS_MAX];
	size_t n_namers;
	uint64_t fruitless[FRUITLESS_SLOTS];
	struct step steps[STEPS];
	/* of the function being walked */
	uint64_t cfa;
	bool depends;          /* a namer was met, or may be met by another thread on the same way */
	struct value registers[16]; /* in the arch's order: rax rdx rcx rbx rsi rdi rbp rsp r8… */
};

enum { RAX, RDX, RCX, RBX, RSI, RDI, RBP, RSP };

/* ── from text to steps ───────────────────────────────────────────────────────────────────────────────────── */

static int register_index(const char *name, size_t length) {
	static const char *const names[16][2] = {
		{ "rax", "eax" }, { "rdx", "edx" }, { "rcx", "ecx" },   { "rbx", "ebx" },
		{ "rsi", "esi" }, { "rdi", "edi" }, { "rbp", "ebp" },   { "rsp", "esp" },
		{ "r8", "r8d" },  { "r9", "r9d" },  { "r10", "r10d" },  { "r11", "r11d" },
		{ "r12", "r12d" }, { "r13", "r13d" }, { "r14", "r14d" }, { "r15", "r15d" },
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

static bool is_number(const char *text) {
	return text[0] >= '0' && text[0] <= '9';
}

/* "[rip + 0x10]", "[rbp - 8]", "[rsp + 0x20]". */
static struct operand read_memory(const struct cw_instruction *insn, const char *text) {
	struct operand o = { .kind = OPERAND_MEMORY, .reg = -1 };
	const char *p = strchr(text, '[');
	uint64_t displacement;
	size_t n;

	if (!p)
		return (struct operand){ .kind = OPERAND_NONE };
	p++;
	n = strcspn(p, " ]");
	if (n == 3 && strncmp(p, "rip", 3) == 0)
		o.number = insn->address + insn->length;
	else if ((o.reg = register_index(p, n)) < 0)
		return (struct operand){ .kind = OPERAND_NONE };
	p += n;
	if (*p == ']')
		return o;
	if ((strncmp(p, " + ", 3) != 0 && strncmp(p, " - ", 3) != 0) || !is_number(p + 3))
		return (struct operand){ .kind = OPERAND_NONE };
	displacement = strtoull(p + 3, NULL, 0);
	o.number += p[1] == '+' ? displacement : -displacement;
	return o;
}

static struct operand read_operand(const struct cw_instruction *insn, const char *text) {
	int reg = register_index(text, strlen(text));

	if (reg >= 0)
		return (struct operand){ .kind = OPERAND_REGISTER, .reg = reg };
	if (is_number(text))
		return (struct operand){ .kind = OPERAND_CONSTANT, .number = strtoull(text, NULL, 0) };
	return read_memory(insn, text);
}

/* Where a call by address goes: there, or through one jump of the PLT. */
static uint64_t through_plt(struct core *core, uint64_t target) {
	const struct cw_instruction *next = insn_decode(core, target, NULL);
	struct operand slot;
	uint64_t address;

	if (next && str_has_prefix(next->text, "endbr"))
		next = insn_decode(core, target + next->length, NULL);
	if (!next || next->class_ != CW_INSN_JUMP)
		return target;
	slot = read_memory(next, next->text);
	if (slot.kind != OPERAND_MEMORY || slot.reg >= 0)
		return target;
	return core_read_word(core, slot.number, &address) < 0 ? 0 : address;
}

/* Moves of two operands; what is not understood makes its target unknown. */
static void read_move(struct step *s, const struct cw_instruction *insn, const char *mnemonic, const char *first,
		      const char *second) {
	s->target = register_index(first, strlen(first));
	if (s->target < 0 || !second)
		return;
	s->operation = STEP_FORGET;
	if (streq(mnemonic, "lea")) {
		s->operation = STEP_ADDRESS;
		s->source = read_memory(insn, second);
	} else if (streq(mnemonic, "mov") || streq(mnemonic, "movabs")) {
		s->operation = STEP_SET;
		s->source = read_operand(insn, second);
	} else if ((streq(mnemonic, "sub") || streq(mnemonic, "add")) && is_number(second)) {
		uint64_t n = strtoull(second, NULL, 0);

		s->operation = STEP_ADD;
		s->source.number = mnemonic[0] == 's' ? -n : n;
	} else if (streq(mnemonic, "xor") && streq(first, second)) {
		s->operation = STEP_SET;
		s->source = (struct operand){ .kind = OPERAND_CONSTANT };
	} else if (streq(mnemonic, "cmp") || streq(mnemonic, "test")) {
		s->operation = STEP_NOTHING;
	}
}

static void read_step(struct core *core, struct step *s, const struct cw_instruction *insn) {
	char text[128], *operands, *second;
	size_t length = strnlen(insn->text, sizeof(text) - 1);

	memcpy(text, insn->text, length);
	text[length] = 0;
	operands = strchr(text, ' ');
	if (!operands) {
		s->operation = insn->class_ == CW_INSN_CALL ? STEP_CALL : STEP_NOTHING;
		return;
	}
	*operands++ = 0;
	second = strstr(operands, ", ");
	if (second) {
		*second = 0;
		second += 2;
	}
	if (insn->class_ == CW_INSN_CALL) {
		s->operation = STEP_CALL;
		s->source = read_operand(insn, operands);
		if (s->source.kind == OPERAND_CONSTANT)
			s->source.number = through_plt(core, s->source.number);
	} else if (streq(text, "push") || streq(text, "pop")) {
		s->operation = STEP_ADD;
		s->target = RSP;
		s->source.number = streq(text, "push") ? (uint64_t)-8 : 8;
	} else {
		read_move(s, insn, text, operands, second);
	}
}

/* NULL: there is no instruction. */
static const struct step *step_at(struct name_walk *w, uint64_t address) {
	struct step *s = &w->steps[(address ^ address >> 12) % STEPS];
	const struct cw_instruction *insn;

	if (s->address == address)
		return s;
	insn = insn_decode(w->core, address, NULL);
	if (!insn || insn->length == 0)
		return NULL;
	*s = (struct step){ .address = address, .length = (uint32_t)insn->length };
	read_step(w->core, s, insn);
	return s;
}

/* ── walking ──────────────────────────────────────────────────────────────────────────────────────────────── */

static uint64_t absolute(const struct name_walk *w, struct value v) {
	return v.kind == VALUE_FRAME ? w->cfa + v.number : v.number;
}

static struct value address_of(const struct name_walk *w, const struct operand *o) {
	struct value base = { .kind = VALUE_CONSTANT };

	if (o->kind != OPERAND_MEMORY)
		return (struct value){ .kind = VALUE_UNKNOWN };
	if (o->reg >= 0)
		base = w->registers[o->reg];
	base.number += o->number;
	return base;
}

static struct value value_of(const struct name_walk *w, const struct operand *o) {
	struct value v = { .kind = VALUE_UNKNOWN };
	uint64_t loaded;

	if (o->kind == OPERAND_REGISTER)
		return w->registers[o->reg];
	if (o->kind == OPERAND_CONSTANT)
		return (struct value){ .kind = VALUE_CONSTANT, .number = o->number };
	v = address_of(w, o);
	if (v.kind == VALUE_UNKNOWN || core_read_word(w->core, absolute(w, v), &loaded) < 0)
		return (struct value){ .kind = VALUE_UNKNOWN };
	/* What memory holds now is what it held then only if nobody has written since: for spilled arguments that is the
	 * rule. */
	return (struct value){ .kind = VALUE_CONSTANT, .own = v.own || v.kind == VALUE_FRAME, .number = loaded };
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

static const char *named_by_call(struct name_walk *w, const struct step *s) {
	struct value target = value_of(w, &s->source), name = w->registers[RSI];

	w->depends |= target.own;
	if (target.kind != VALUE_CONSTANT || target.number == 0)
		return NULL;
	for (size_t i = 0; i < w->n_namers; i++) {
		const struct value *option = &w->registers[RDI];

		if (w->namers[i].address != target.number)
			continue;
		w->depends = true;
		if (w->namers[i].is_prctl && (option->kind != VALUE_CONSTANT || (uint32_t)option->number != PR_SET_NAME))
			return NULL;
		return name.kind == VALUE_UNKNOWN ? NULL : take_string(w->core, absolute(w, name));
	}
	return NULL;
}

static void forget_after_call(struct name_walk *w) {
	for (size_t k = 0; k < ELEMENTSOF(w->registers); k++)
		if (k != RBX && k != RBP && k != RSP && k < 12)
			w->registers[k] = (struct value){ .kind = VALUE_UNKNOWN };
}

static void take_step(struct name_walk *w, const struct step *s) {
	switch (s->operation) {
	case STEP_ADD:
		w->registers[s->target].number += s->source.number;
		break;
	case STEP_SET:
		w->registers[s->target] = value_of(w, &s->source);
		break;
	case STEP_ADDRESS:
		w->registers[s->target] = address_of(w, &s->source);
		break;
	case STEP_FORGET:
		w->registers[s->target] = (struct value){ .kind = VALUE_UNKNOWN };
		break;
	case STEP_NOTHING:
	case STEP_CALL:
	default:
		break;
	}
}

const char *name_walk_function(struct name_walk *w, const struct cw_frame *f) {
	uint64_t *fruitless = &w->fruitless[(f->pc ^ f->pc >> 9) % FRUITLESS_SLOTS];
	uint64_t at = f->symbol->start;
	const char *name = NULL;

	if (at == 0 || f->pc <= at || f->pc - at > FUNCTION_BYTES_MAX || !f->has_cfa || *fruitless == f->pc)
		return NULL;
	memset(w->registers, 0, sizeof(w->registers));
	w->registers[RSP] = (struct value){ .kind = VALUE_FRAME, .number = (uint64_t)-8 };
	w->cfa = f->cfa;
	w->depends = false;
	for (size_t i = 0; i < INSTRUCTIONS_MAX && at < f->pc; i++) {
		const struct step *s = step_at(w, at);

		if (!s)
			break;
		/* The last call led to the inner frame, and so to no namer. */
		if (s->operation == STEP_CALL && at + s->length >= f->pc)
			break;
		if (s->operation == STEP_CALL) {
			name = named_by_call(w, s) ?: name;
			forget_after_call(w);
		} else {
			take_step(w, s);
		}
		at += s->length;
	}
	if (!w->depends)
		*fruitless = f->pc;
	return name;
}

int name_walk_new(struct core *core, const struct namer *namers, size_t n, struct name_walk **ret_walk) {
	struct name_walk *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->core = core;
	w->n_namers = MIN(n, (size_t)NAMERS_MAX);
	memcpy(w->namers, namers, w->n_namers * sizeof(*namers));
	*ret_walk = w;
	return 0;
}

void name_walk_free(struct name_walk *w) {
	free(w);
}
