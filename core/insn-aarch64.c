/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an aarch64 instruction touches: its one memory operand with the effective address, and where an indirect branch or a return goes.
 *
 * capstone knows operands, not how many bytes are moved, and of reading and writing it is often wrong; both follow from the mnemonic's
 * regular form and from the registers that are moved. capstone 4 has no instructions newer than Armv8.0 (atomics, authenticated branches):
 * those are no instruction to us. A tag in the address is dropped, as the CPU does. Source: Arm ARM, C6 and C7.
 */
#include <capstone/capstone.h>

#include "core/insn-private.h"
#include "util/library.h"

/* Its tables for all CPUs take 80 000 relocations, a third of a short analysis. */
static struct {
	typeof(cs_open) *open;
	typeof(cs_close) *close;
	typeof(cs_option) *option;
	typeof(cs_malloc) *malloc;
	typeof(cs_free) *free;
	typeof(cs_disasm_iter) *disasm_iter;
	typeof(cs_reg_name) *reg_name;
	typeof(cs_insn_group) *insn_group;
} cs;

struct capstone {
	csh handle;
	cs_insn *insn;
};

/* One instruction. */
struct a64 {
	struct insn_builder *builder;
	struct core *core;
	const struct capstone *capstone;
	const cs_insn *insn; /* with detail */
	struct cw_instruction *out;
};

/* dc zva clears a block; DCZID_EL0 tells its size, 64 bytes on all CPUs that Linux runs on. */
#define ZVA_BYTES 64u

/* brk with these is a debugger's or a programmer's breakpoint (gdb, clang's __builtin_debugtrap); with others compilers end what must not be reached. */
static const uint64_t breakpoints[] = { 0, 0xf000 };

static const struct {
	unsigned id;
	enum cw_instruction_class class_;
} classes[] = {
	{ ARM64_INS_BL, CW_INSN_CALL },      { ARM64_INS_BLR, CW_INSN_CALL },     { ARM64_INS_RET, CW_INSN_RET },       { ARM64_INS_HLT, CW_INSN_UNDEFINED },
	{ ARM64_INS_UDIV, CW_INSN_DIVIDE },  { ARM64_INS_SDIV, CW_INSN_DIVIDE },  { ARM64_INS_SVC, CW_INSN_SYSCALL },
	{ ARM64_INS_HVC, CW_INSN_PRIVILEGED }, { ARM64_INS_SMC, CW_INSN_PRIVILEGED }, { ARM64_INS_ERET, CW_INSN_PRIVILEGED },
};

static bool has_prefix(const struct a64 *b, const char *const *prefixes, size_t n) {
	for (size_t i = 0; i < n; i++)
		if (strncmp(b->insn->mnemonic, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static enum cw_instruction_class find_class(const struct a64 *b) {
	const cs_arm64 *a = &b->insn->detail->arm64;
	unsigned id = b->insn->id;

	for (size_t i = 0; i < ELEMENTSOF(classes); i++)
		if (classes[i].id == id)
			return classes[i].class_;
	if (id == ARM64_INS_BRK) {
		for (size_t i = 0; i < ELEMENTSOF(breakpoints); i++)
			if (a->op_count == 1 && (uint64_t)a->operands[0].imm == breakpoints[i])
				return CW_INSN_TRAP;
		return CW_INSN_UNDEFINED;
	}
	/* System registers of the kernel's and above; daif is writable where the kernel allows it, which Linux does not. */
	if ((id == ARM64_INS_MRS || id == ARM64_INS_MSR) &&
	    (strstr(b->insn->op_str, "_el1") || strstr(b->insn->op_str, "_el2") || strstr(b->insn->op_str, "_el3") || strstr(b->insn->op_str, "daif")))
		return CW_INSN_PRIVILEGED;
	if (cs.insn_group(b->capstone->handle, b->insn, ARM64_GRP_JUMP))
		return CW_INSN_JUMP;
	for (unsigned i = 0; i < a->op_count; i++)
		/* The stack is moved by write-back: before a store, behind a load. */
		if (a->operands[i].type == ARM64_OP_MEM && a->operands[i].mem.base == ARM64_REG_SP && a->writeback)
			return b->insn->mnemonic[0] == 's' ? CW_INSN_PUSH : CW_INSN_POP;
	return CW_INSN_OTHER;
}

/* A general register by capstone's number; w registers are the low half of x registers. */
static bool get_register(const struct a64 *b, unsigned id, uint64_t *ret_value) {
	const char *name = cs.reg_name(b->capstone->handle, id);
	char whole[8];

	if (!name)
		return false;
	if (streq(name, "xzr") || streq(name, "wzr")) {
		*ret_value = 0;
		return true;
	}
	if (streq(name, "fp") || streq(name, "lr"))
		name = b->core->arch->register_names[streq(name, "fp") ? b->core->arch->fp : (unsigned)b->core->arch->lr];
	if (insn_register(b->builder, name, ret_value))
		return true;
	if (name[0] != 'w' || strlen(name) >= sizeof(whole))
		return false;
	snprintf(whole, sizeof(whole), "x%s", name + 1);
	if (!insn_register(b->builder, streq(name, "wsp") ? "sp" : whole, ret_value))
		return false;
	*ret_value &= UINT32_MAX;
	return true;
}

static bool effective_address(const struct a64 *b, const cs_arm64_op *op, uint64_t *ret_address) {
	uint64_t address, index = 0;

	if (!get_register(b, op->mem.base, &address))
		return false;
	if (op->mem.index != ARM64_REG_INVALID) {
		if (!get_register(b, op->mem.index, &index))
			return false;
		if (op->ext == ARM64_EXT_SXTW)
			index = (uint64_t)(int64_t)(int32_t)index;
		if (op->shift.type == ARM64_SFT_LSL)
			index <<= op->shift.value & 63;
	}
	*ret_address = arch_untag(b->core->arch, address + index + (uint64_t)(int64_t)op->mem.disp);
	return true;
}

/* The n-th part of "x0, [x1, x2, lsl #3], #8": commas in brackets do not separate operands. */
static const char *operand_text(const struct a64 *b, unsigned n) {
	const char *s = b->insn->op_str, *end;
	unsigned depth = 0;

	for (end = s; *end; end++) {
		depth += *end == '[';
		depth -= *end == ']' && depth > 0;
		if (*end != ',' || depth > 0)
			continue;
		if (n-- == 0)
			break;
		s = end + 1;
	}
	while (*s == ' ' || *s == '{')
		s++;
	while (end > s && end[-1] == '}')
		end--;
	return arena_strndup(b->core->arena, s, (size_t)(end - s));
}

/* A register's width by its name, a vector's by its arrangement; 0: unknown (single lanes). */
static uint32_t register_bytes(const struct a64 *b, const cs_arm64_op *op) {
	static const struct { char letter; uint8_t bytes; } widths[] = { { 'b', 1 }, { 'h', 2 }, { 's', 4 }, { 'w', 4 }, { 'd', 8 }, { 'x', 8 }, { 'q', 16 } };
	const char *name = cs.reg_name(b->capstone->handle, op->reg);

	if (!name)
		return 0;
	if (name[0] == 'v')
		return op->vas == ARM64_VAS_16B || op->vas == ARM64_VAS_8H || op->vas == ARM64_VAS_4S || op->vas == ARM64_VAS_2D   ? 16 :
		       op->vas == ARM64_VAS_8B || op->vas == ARM64_VAS_4H || op->vas == ARM64_VAS_2S || op->vas == ARM64_VAS_1D ? 8 : 0;
	for (size_t i = 0; i < ELEMENTSOF(widths); i++)
		if (widths[i].letter == name[0])
			return widths[i].bytes;
	return 0;
}

/* ldrb, sturh, ldpsw, …: the mnemonic's end tells; else the registers in front of the memory operand do. Store-exclusives have their result first. */
static uint32_t access_bytes(const struct a64 *b, unsigned memory) {
	static const char *const exclusive[] = { "stxr", "stlxr", "stxp", "stlxp" }, *const replicate[] = { "ld1r", "ld2r", "ld3r", "ld4r" };
	const char *m = b->insn->mnemonic;
	size_t n = strlen(m);
	unsigned first = has_prefix(b, exclusive, ELEMENTSOF(exclusive)) ? 1 : 0;
	uint32_t each = 0;

	if (memory <= first || has_prefix(b, replicate, ELEMENTSOF(replicate)))
		return 0;
	if (n > 2 && m[n - 1] == 'b')
		each = 1;
	else if (n > 2 && m[n - 1] == 'h')
		each = 2;
	else if (n > 3 && streq(m + n - 2, "sw"))
		each = 4;
	else if (b->insn->detail->arm64.operands[first].type == ARM64_OP_REG)
		each = register_bytes(b, &b->insn->detail->arm64.operands[first]);
	return each * (memory - first);
}

/* Atomic operations read and write; that they write is what most often fails. */
static enum cw_access access_of(const struct a64 *b) {
	static const char *const writes[] = { "st", "swp", "cas", "ldadd", "ldclr", "ldeor", "ldset", "ldsmax", "ldsmin", "ldumax", "ldumin", "dc" };
	static const char *const none[] = { "prf" };

	return has_prefix(b, none, ELEMENTSOF(none)) ? CW_ACCESS_UNKNOWN : has_prefix(b, writes, ELEMENTSOF(writes)) ? CW_ACCESS_WRITE : CW_ACCESS_READ;
}

static int add_operand(struct a64 *b, unsigned n) {
	const cs_arm64_op *op = &b->insn->detail->arm64.operands[n];
	const char *text = operand_text(b, n);
	struct cw_operand *operand;

	if (!text)
		return -ENOMEM;
	operand = insn_add_operand(b->builder, text);
	if (!operand)
		return 0;
	if (op->type == ARM64_OP_REG) {
		operand->size = register_bytes(b, op);
		operand->access = op->access & CS_AC_WRITE ? CW_ACCESS_WRITE : CW_ACCESS_READ;
	} else if (op->type == ARM64_OP_MEM) {
		operand->access = access_of(b);
		operand->is_memory = operand->access != CW_ACCESS_UNKNOWN;
		operand->size = access_bytes(b, n);
		operand->base = cs.reg_name(b->capstone->handle, op->mem.base);
		operand->displacement = op->mem.disp;
		operand->has_address = effective_address(b, op, &operand->address);
	} else if (op->type == ARM64_OP_IMM && n == 1 && (b->insn->id == ARM64_INS_LDR || b->insn->id == ARM64_INS_LDRSW)) {
		/* A literal: the operand is its address. */
		*operand = (struct cw_operand){ .text = text, .is_memory = true, .has_address = true, .address = (uint64_t)op->imm,
			                        .size = access_bytes(b, n), .access = CW_ACCESS_READ };
	} else {
		operand->access = CW_ACCESS_READ;
	}
	return 0;
}

/* dc zva, x0 clears the block that x0 points into: memset() is made of it. Other cache operations access nothing that could be missed. */
static int add_cache_operation(struct a64 *b) {
	const cs_arm64 *a = &b->insn->detail->arm64;
	struct cw_operand *operand;
	const char *text, *name;
	uint64_t value;

	if (!streq(b->insn->mnemonic, "dc") || strncmp(b->insn->op_str, "zva", 3) != 0 || a->op_count != 2 || a->operands[1].type != ARM64_OP_REG)
		return 0;
	name = cs.reg_name(b->capstone->handle, a->operands[1].reg);
	text = arena_printf(b->core->arena, "[%s]", name ?: "?");
	if (!text)
		return -ENOMEM;
	operand = insn_add_operand(b->builder, text);
	if (!operand)
		return 0;
	*operand = (struct cw_operand){ .text = text, .is_memory = true, .size = ZVA_BYTES, .access = CW_ACCESS_WRITE, .base = name, .implicit = true };
	if (get_register(b, a->operands[1].reg, &value)) {
		operand->has_address = true;
		operand->address = arch_untag(b->core->arch, value) & ~(uint64_t)(ZVA_BYTES - 1);
	}
	return 0;
}

/* Where br, blr and ret go. */
static void add_target(struct a64 *b) {
	const cs_arm64 *a = &b->insn->detail->arm64;
	struct cw_operand *operand;
	uint64_t target = 0;
	bool known;

	if (b->insn->id == ARM64_INS_RET && a->op_count == 0)
		known = insn_register(b->builder, b->core->arch->register_names[b->core->arch->lr], &target);
	else if ((b->insn->id == ARM64_INS_BR || b->insn->id == ARM64_INS_BLR || b->insn->id == ARM64_INS_RET) && a->op_count == 1 &&
	         a->operands[0].type == ARM64_OP_REG)
		known = get_register(b, a->operands[0].reg, &target);
	else
		return;
	operand = insn_add_operand(b->builder, "target");
	if (operand)
		*operand = (struct cw_operand){ .text = "target", .is_memory = true, .access = CW_ACCESS_EXEC, .implicit = true, .has_address = known,
			                        .address = target };
}

static int fill(struct a64 *b) {
	int r;

	b->out->class_ = find_class(b);
	for (unsigned i = 0; i < b->insn->detail->arm64.op_count; i++) {
		r = add_operand(b, i);
		if (r < 0)
			return r;
	}
	r = add_cache_operation(b);
	if (r < 0)
		return r;
	if (b->out->class_ == CW_INSN_CALL || b->out->class_ == CW_INSN_JUMP || b->out->class_ == CW_INSN_RET)
		add_target(b);
	return 0;
}

static bool decode(void *state, struct insn_builder *builder, const uint8_t *bytes, size_t n) {
	struct capstone *c = state;
	struct a64 b = { .builder = builder, .core = builder->core, .capstone = c, .insn = c->insn, .out = builder->out };
	uint64_t next = builder->out->address;

	if (!cs.disasm_iter(c->handle, &bytes, &n, &next, c->insn))
		return false;
	b.out->length = c->insn->size;
	b.out->text = arena_printf(b.core->arena, "%s%s%s", c->insn->mnemonic, c->insn->op_str[0] ? " " : "", c->insn->op_str);
	return b.out->text && fill(&b) >= 0;
}

static void close_decoder(void *state) {
	struct capstone *c = state;

	if (c->insn)
		cs.free(c->insn, 1);
	if (c->handle)
		cs.close(&c->handle);
	free(c);
}

static int load(void) {
	static const struct library_function functions[] = {
		{ "cs_open", &cs.open }, { "cs_close", &cs.close }, { "cs_option", &cs.option }, { "cs_malloc", &cs.malloc },
		{ "cs_free", &cs.free }, { "cs_disasm_iter", &cs.disasm_iter }, { "cs_reg_name", &cs.reg_name },
		{ "cs_insn_group", &cs.insn_group },
	};
	static struct library library = LIBRARY(CAPSTONE_SONAME, functions);

	return library_load(&library);
}

static int open_decoder(const struct arch *arch, void **ret_state) {
	struct capstone *c = calloc(1, sizeof(*c));

	(void)arch;
	if (!c)
		return -ENOMEM;
	if (load() < 0 || cs.open(CS_ARCH_ARM64, CS_MODE_ARM, &c->handle) != CS_ERR_OK) {
		close_decoder(c);
		return -EOPNOTSUPP;
	}
	cs.option(c->handle, CS_OPT_DETAIL, CS_OPT_ON);
	c->insn = cs.malloc(c->handle);
	if (!c->insn) {
		close_decoder(c);
		return -ENOMEM;
	}
	*ret_state = c;
	return 0;
}

const struct insn_arch insn_arch_aarch64 = { CW_ARCH_AARCH64, open_decoder, close_decoder, decode };
