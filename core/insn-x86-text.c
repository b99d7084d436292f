/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86 instructions as text: Intel syntax, as objdump -M intel and gdb spell it but with blanks within brackets.
 *
 * Not Zydis's own formatter: string instructions keep their operands here, since which of the two addresses is bad is
 * what a reader wants to know.
 */
#include "core/insn-x86-private.h"

/* Registers, scale, and a displacement of 20 characters fit several times. */
#define TEXT_MAX 160u

struct text {
	char bytes[TEXT_MAX];
	size_t n;
};

static _printf_(2, 3) void put(struct text *t, const char *format, ...) {
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(t->bytes + t->n, sizeof(t->bytes) - t->n, format, ap);
	va_end(ap);
	if (n > 0)
		t->n = MIN(t->n + (size_t)n, sizeof(t->bytes) - 1);
}

/* Most of a text. */
static void put_string(struct text *t, const char *s) {
	size_t n = MIN(strlen(s), sizeof(t->bytes) - 1 - t->n);

	memcpy(t->bytes + t->n, s, n);
	t->n += n;
	t->bytes[t->n] = 0;
}

static void put_number(struct text *t, uint64_t n) {
	put(t, n < 10 ? "%llu" : "0x%llx", (unsigned long long)n);
}

static void put_signed(struct text *t, int64_t n, const char *minus, const char *plus) {
	put_string(t, n < 0 ? minus : plus);
	put_number(t, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

static const char *size_name(unsigned bits) {
	static const struct { unsigned bits; const char *name; } names[] = {
		{ 8, "byte" }, { 16, "word" }, { 32, "dword" }, { 48, "fword" }, { 64, "qword" }, { 80, "tbyte" },
		{ 128, "xmmword" }, { 256, "ymmword" }, { 512, "zmmword" },
	};

	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (names[i].bits == bits)
			return names[i].name;
	return NULL;
}

static void put_memory(const struct x86_insn *x, struct text *t, const ZydisDecodedOperand *o) {
	const ZydisDecodedOperandMem *m = &o->mem;
	const char *size = m->type == ZYDIS_MEMOP_TYPE_AGEN ? NULL : size_name(o->size);
	bool any = false;

	if (size) {
		put_string(t, size);
		put_string(t, " ptr ");
	}
	if (m->segment == ZYDIS_REGISTER_FS || m->segment == ZYDIS_REGISTER_GS)
		put(t, "%s:", ZydisRegisterGetString(m->segment));
	put_string(t, "[");
	if (m->base != ZYDIS_REGISTER_NONE) {
		put_string(t, ZydisRegisterGetString(m->base));
		any = true;
	}
	if (m->index != ZYDIS_REGISTER_NONE) {
		put(t, "%s%s", any ? " + " : "", ZydisRegisterGetString(m->index));
		if (m->scale > 1)
			put(t, "*%u", m->scale);
		any = true;
	}
	if (!any)
		put_number(t, x->b->core->arch->word_bytes == 8 ? (uint64_t)m->disp.value : (uint32_t)m->disp.value);
	else if (m->disp.value != 0)
		put_signed(t, m->disp.value, " - ", " + ");
	put_string(t, "]");
}

uint64_t x86_immediate(const struct x86_insn *x, const ZydisDecodedOperand *o) {
	uint64_t mask = x->b->core->arch->word_bytes == 8 ? UINT64_MAX : UINT32_MAX;

	if (!o->imm.is_relative)
		return o->imm.value.u;
	return (x->b->out->address + x->insn.length + o->imm.value.u) & mask;
}

static void put_immediate(const struct x86_insn *x, struct text *t, const ZydisDecodedOperand *o) {
	bool logical = x->insn.meta.category == ZYDIS_CATEGORY_LOGICAL;
	unsigned bits = x->insn.operand_width;

	if (o->imm.is_relative || !o->imm.is_signed || o->imm.value.s >= 0)
		put_number(t, x86_immediate(x, o));
	else if (logical)
		put_number(t, bits >= 64 ? o->imm.value.u : o->imm.value.u & ((UINT64_C(1) << bits) - 1));
	else
		put_signed(t, o->imm.value.s, "-", "");
}

static void put_operand(const struct x86_insn *x, struct text *t, const ZydisDecodedOperand *o) {
	switch (o->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		put_string(t, ZydisRegisterGetString(o->reg.value));
		break;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		put_memory(x, t, o);
		break;
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		put_immediate(x, t, o);
		break;
	case ZYDIS_OPERAND_TYPE_POINTER:
		put(t, "0x%x:0x%x", o->ptr.segment, o->ptr.offset);
		break;
	default:
		break;
	}
}

bool x86_is_shown(const struct x86_insn *x, const ZydisDecodedOperand *o) {
	/* The register of a multi-byte nop is nowhere else written. */
	if (x->insn.meta.category == ZYDIS_CATEGORY_WIDENOP || x->insn.mnemonic == ZYDIS_MNEMONIC_NOP)
		return o->type == ZYDIS_OPERAND_TYPE_MEMORY;
	if (o->visibility != ZYDIS_OPERAND_VISIBILITY_HIDDEN)
		return o->type != ZYDIS_OPERAND_TYPE_UNUSED;
	if (x->insn.meta.category != ZYDIS_CATEGORY_STRINGOP && x->insn.meta.category != ZYDIS_CATEGORY_IOSTRINGOP)
		return false;
	return o->type == ZYDIS_OPERAND_TYPE_MEMORY ||
	       (o->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		(o->reg.value == ZYDIS_REGISTER_AL || o->reg.value == ZYDIS_REGISTER_AX ||
		 o->reg.value == ZYDIS_REGISTER_EAX || o->reg.value == ZYDIS_REGISTER_RAX));
}

const char *x86_operand_text(const struct x86_insn *x, const ZydisDecodedOperand *o) {
	struct text t = { .n = 0 };

	put_operand(x, &t, o);
	return arena_strdup(x->b->core->arena, t.bytes);
}

static void put_prefixes(const struct x86_insn *x, struct text *t) {
	static const struct { ZydisInstructionAttributes attribute; const char *text; } prefixes[] = {
		{ ZYDIS_ATTRIB_HAS_LOCK, "lock " },   { ZYDIS_ATTRIB_HAS_REP, "rep " },
		{ ZYDIS_ATTRIB_HAS_REPE, "repe " },   { ZYDIS_ATTRIB_HAS_REPNE, "repne " },
		{ ZYDIS_ATTRIB_HAS_BND, "bnd " },     { ZYDIS_ATTRIB_HAS_NOTRACK, "notrack " },
	};

	for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
		if (x->insn.attributes & prefixes[i].attribute)
			put_string(t, prefixes[i].text);
}

const char *x86_text(const struct x86_insn *x) {
	const char *mnemonic = ZydisMnemonicGetString(x->insn.mnemonic);
	struct text t = { .n = 0 };
	bool first = true;

	put_prefixes(x, &t);
	put_string(&t, mnemonic ? mnemonic : "?");
	for (unsigned i = 0; i < x->insn.operand_count; i++) {
		const ZydisDecodedOperand *o = &x->operands[i];

		/* The mask is written as a decoration of the first operand. */
		if (!x86_is_shown(x, o) || (i == 1 && o->encoding == ZYDIS_OPERAND_ENCODING_MASK))
			continue;
		put_string(&t, first ? " " : ", ");
		put_operand(x, &t, o);
		if (first && x->insn.avx.mask.reg != ZYDIS_REGISTER_NONE && x->insn.avx.mask.reg != ZYDIS_REGISTER_K0)
			put(&t, " {%s}", ZydisRegisterGetString(x->insn.avx.mask.reg));
		first = false;
	}
	return arena_strdup(x->b->core->arena, t.bytes);
}
