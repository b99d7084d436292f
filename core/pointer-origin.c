/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a register with a bad pointer back to the variable in the source. Debug info says which variable lives in a
 * register or in a stack slot at a pc; where it is silent about the register (a debug build keeps variables in memory and
 * loads them for each use), the few instructions in front of the fault are followed: a load from a slot, from a member of
 * what another register points to, a copy, an addition of a constant. Nothing is followed over a jump or a call, nor to
 * where a jump of the same function leads: the register may hold something else on another way. (Where a jump leads
 * that is computed, as of a switch, is not known; compilers let it begin a statement.)
 */
#include "core/pointer-origin.h"

#include <dwarf.h>

#include "core/dwarf-variable.h"
#include "core/fault.h"
#include "core/insn.h"
#include "core/symbols-module.h"

/* Instructions between the load of a pointer and its use, in one straight piece of code. */
#define BACK_MAX 24u
/* A function that is longer than this is not decoded from its start. */
#define FUNCTION_BYTES_MAX 65536u
/* p->a->b->c */
#define CHAIN_MAX 4u
/* No struct is larger. */
#define OFFSET_MAX MIB(16)

struct code {
	const struct cw_instruction *list[BACK_MAX]; /* straight code before the fault, in order */
	size_t n;
};

struct origin {
	const char *name;
	Dwarf_Die type;
	bool has_type, is_parameter;
	uint64_t offset; /* added to the pointer since */
	bool has_value;  /* the pointer itself is still in memory */
	uint64_t value;
};

/* Other names of one register: eax is rax as far as pointers go. */
static bool same_register(const char *a, const char *b) {
	if (!a || !b)
		return false;
	if (streq(a, b))
		return true;
	return strlen(a) == 3 && strlen(b) == 3 && (a[0] == 'e' || a[0] == 'r') && (b[0] == 'e' || b[0] == 'r') && streq(a + 1, b + 1) && a[1] >= 'a';
}

static int register_number(const struct core *core, const char *name) {
	for (size_t i = 0; i < core->arch->n_dwarf; i++)
		if (same_register(core->arch->register_names[i], name))
			return (int)i;
	return -1;
}

static bool is_barrier(const struct cw_instruction *i) {
	return i->class_ == CW_INSN_JUMP || i->class_ == CW_INSN_CALL || i->class_ == CW_INSN_RET || i->class_ == CW_INSN_SYSCALL;
}

/* Where a jump leads, written as an address; 0: it is computed. */
static uint64_t jump_target(const struct cw_instruction *i) {
	const char *text = i->class_ == CW_INSN_JUMP && i->n_operands > 0 ? i->operands[0].text : "";
	uint64_t target;
	char *end;

	if (*text == '#')
		text++;
	target = strtoull(text, &end, 16);
	return *text && *end == 0 ? target : 0;
}

/* Other ways lead to what stands at `from`: what is in front of it says nothing. */
static void drop_before(struct code *c, uint64_t from) {
	size_t n = 0;

	while (n < c->n && c->list[n]->address < from)
		n++;
	c->n -= n;
	memmove(c->list, c->list + n, c->n * sizeof(c->list[0]));
}

/* The whole function is looked through, for loops jump back. */
static void read_code(struct core *core, uint64_t start, uint64_t end, uint64_t pc, struct code *ret) {
	struct code c = {};
	uint64_t joined = 0; /* the last place up to pc that jumps lead to */

	*ret = c;
	if (start == 0 || pc < start || end <= pc || end - start > FUNCTION_BYTES_MAX)
		return;
	for (uint64_t at = start; at < end;) {
		const struct cw_instruction *i = insn_decode(core, at, NULL);
		uint64_t target = i ? jump_target(i) : 0;

		if (!i || i->length == 0 || (at < pc && at + i->length > pc))
			return; /* no code, or decoded wrongly: not on an instruction's border */
		at += i->length;
		if (target <= pc && target > joined)
			joined = target;
		if (at > pc)
			continue;
		if (is_barrier(i))
			c.n = 0;
		else if (c.n < BACK_MAX)
			c.list[c.n++] = i;
		else {
			memmove(c.list, c.list + 1, sizeof(c.list) - sizeof(c.list[0]));
			c.list[BACK_MAX - 1] = i;
		}
	}
	drop_before(&c, joined);
	*ret = c;
}

static bool from_variable(const struct variable_scope *s, struct variable_place place, struct origin *ret) {
	struct origin o = {};
	Dwarf_Die die;

	if (!variable_find(s, place, &die))
		return false;
	o.name = variable_name(s->core, &die);
	o.has_type = variable_type(&die, &o.type);
	o.is_parameter = dwarf_tag(&die) == DW_TAG_formal_parameter;
	o.has_value = place.reg < 0 && core_read_word(s->core, place.address, &o.value) == 0;
	*ret = o;
	return o.name != NULL;
}

static bool is_frame_register(const char *name) {
	return streq(name, "rbp") || streq(name, "rsp") || streq(name, "ebp") || streq(name, "esp") || streq(name, "sp") || streq(name, "x29");
}

static bool find(const struct variable_scope *s, const struct code *c, size_t before, const char *reg, unsigned depth, struct origin *ret);

/* With an index in a register ("[rdi + rsi*8 + 16]") it is an element of an array, whichever. */
static const char *element_of(struct core *core, Dwarf_Die *type, uint64_t offset, const char *text, Dwarf_Die *ret_type) {
	const char *member = variable_member(core, type, offset, ret_type), *bracket;

	bracket = member ? strrchr(member, '[') : NULL;
	if (!member || !strchr(text, '*'))
		return member;
	return bracket ? arena_printf(core->arena, "%.*s[…]", (int)(bracket - member), member) : NULL;
}

/* reg = [base + displacement] */
static bool from_load(const struct variable_scope *s, const struct code *c, size_t at, unsigned depth, struct origin *ret) {
	const struct cw_operand *source = &c->list[at]->operands[1];
	struct variable_place slot = { .reg = -1 };
	struct origin parent, o = {};
	Dwarf_Die target;
	const char *member;
	int number;

	if (!source->base || (strchr(source->text, '*') && depth > 0))
		return false;
	if (streq(source->base, "rip")) {
		slot.address = c->list[at]->address + c->list[at]->length + (uint64_t)source->displacement;
		return from_variable(s, slot, ret);
	}
	if (is_frame_register(source->base)) {
		number = register_number(s->core, source->base);
		if (number < 0)
			return false;
		slot.address = s->registers[number] + (uint64_t)source->displacement;
		return from_variable(s, slot, ret);
	}
	if (depth >= CHAIN_MAX || !find(s, c, at, source->base, depth + 1, &parent) || !parent.has_type ||
	    !variable_target(&parent.type, &target))
		return false;
	member = element_of(s->core, &target, parent.offset + (uint64_t)source->displacement, source->text, &o.type);
	if (!member)
		return false;
	o.has_type = true;
	o.name = arena_printf(s->core->arena, "%s->%s", parent.name, member);
	*ret = o;
	return o.name != NULL;
}

/* The last instruction in front of `before` that wrote the register. */
static bool find(const struct variable_scope *s, const struct code *c, size_t before, const char *reg, unsigned depth, struct origin *ret) {
	struct variable_place place = { .reg = register_number(s->core, reg) };
	uint64_t offset = 0;
	bool indexed = false;

	for (size_t i = before; i-- > 0;) {
		const struct cw_instruction *insn = c->list[i];
		const struct cw_operand *to = &insn->operands[0], *from = &insn->operands[1];
		unsigned long long n = 0;

		if (insn->n_operands < 2 || to->is_memory || !same_register(to->text, reg))
			continue;
		if ((strncmp(insn->text, "add ", 4) == 0 || strncmp(insn->text, "sub ", 4) == 0) && sscanf(from->text, "%lli", (long long *)&n) == 1) {
			offset += insn->text[0] == 'a' ? n : -n;
			continue;
		}
		/* An index; what it was is known where the pointer itself is. */
		if (strncmp(insn->text, "add ", 4) == 0 && !from->is_memory) {
			indexed = true;
			continue;
		}
		if (strncmp(insn->text, "mov ", 4) == 0 && from->is_memory) {
			if (!from_load(s, c, i, depth, ret))
				return false;
		} else if (strncmp(insn->text, "mov ", 4) == 0 && register_number(s->core, from->text) >= 0) {
			if (depth >= CHAIN_MAX || !find(s, c, i, from->text, depth + 1, ret))
				return false;
		} else if (strncmp(insn->text, "lea ", 4) == 0 && from->base && !strchr(from->text, '*') && !is_frame_register(from->base)) {
			if (depth >= CHAIN_MAX || !find(s, c, i, from->base, depth + 1, ret))
				return false;
			offset += (uint64_t)from->displacement;
		} else
			return false;
		ret->offset += offset;
		return !indexed || (ret->has_value && depth == 0);
	}
	/* Untouched in this piece of code: what lives there at the pc. */
	if (place.reg < 0 || !from_variable(s, place, ret))
		return false;
	ret->offset += offset;
	return !indexed;
}

static bool make_scope(struct core *core, struct variable_scope *ret) {
	const struct cw_fault *f = core->pub.fault;
	const struct cw_thread *t = core->pub.crashed;
	struct module *module = core_find_module(core, f->pc);
	struct variable_scope s = { .core = core, .registers = f->registers };
	struct units *units;

	if (!module)
		return false;
	s.bias = module->info->bias;
	s.address = f->pc - s.bias;
	if (module_symbols_units(core, module, s.address, &units) < 0)
		return false;
	if (units_find(units, s.address, &s.place) < 0 || !s.place.function.addr)
		return false;
	for (size_t i = 0; i < t->n_frames; i++)
		if (t->frames[i].index == f->frame_index) {
			s.cfa = t->frames[i].cfa;
			s.has_cfa = t->frames[i].has_cfa;
		}
	*ret = s;
	return true;
}

const struct cw_variable *pointer_origin(struct core *core, const char *register_name, uint64_t address) {
	struct variable_scope s;
	struct variable_place place = { .reg = register_number(core, register_name) };
	struct cw_variable *v;
	struct origin o;
	struct code c;
	Dwarf_Die target, member;
	uint64_t value;

	if (place.reg < 0 || !make_scope(core, &s))
		return NULL;
	read_code(core, s.place.low + s.bias, s.place.high + s.bias, core->pub.fault->pc, &c);
	/* In optimised code the variable itself lives in the register. */
	if (!from_variable(&s, place, &o) && !find(&s, &c, c.n, register_name, 0, &o))
		return NULL;
	v = arena_alloc(core->arena, sizeof(*v));
	if (!v)
		return NULL;
	*v = (struct cw_variable){ .name = o.name, .is_parameter = o.is_parameter };
	v->type = o.has_type ? variable_type_name(core, &o.type) : NULL;
	value = o.has_value ? o.value : s.registers[place.reg] - o.offset;
	v->value = value;
	if (o.has_type && address - value <= OFFSET_MAX && variable_target(&o.type, &target))
		v->member = variable_member(core, &target, address - value, &member);
	return v;
}
