/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads variables and types out of one function's debug info (DWARF 5, 2.6, 3 and 5): no expressions are evaluated but
 * the plain ones, a register, a frame slot or an address, which is where compilers keep pointers that are in use. What
 * is more complicated is not known.
 *
 * Everything in debug info is bounded here: entries looked at, depth of types, length of names.
 */
#include "core/dwarf-variable.h"

#include <dwarf.h>

#include "util/text.h"

/* Entries of one function; generated functions with thousands of variables exist. */
#define ENTRIES_MAX 8192u
#define DEPTH_MAX 16u
#define TYPE_DEPTH_MAX 8u
#define NAME_BYTES_MAX 200u

static const char *clean(struct core *core, const char *raw) {
	char out[NAME_BYTES_MAX + 1];

	if (!raw)
		return NULL;
	text_clean(raw, strnlen(raw, NAME_BYTES_MAX), out, sizeof(out));
	return out[0] ? arena_strdup(core->arena, out) : NULL;
}

static const char *raw_name(Dwarf_Die *die) {
	Dwarf_Attribute a;

	return dwarf_attr_integrate(die, DW_AT_name, &a) ? dwarf_formstring(&a) : NULL;
}

const char *variable_name(struct core *core, Dwarf_Die *die) {
	return clean(core, raw_name(die));
}

static bool register_value(const struct variable_scope *s, uint64_t number, uint64_t *ret) {
	if (number >= s->core->arch->n_dwarf)
		return false;
	*ret = s->registers[number];
	return true;
}

/* The address that DW_OP_fbreg counts from. */
static bool frame_base(const struct variable_scope *s, uint64_t *ret) {
	Dwarf_Die function = s->place.function;
	Dwarf_Attribute a;
	Dwarf_Op *ops;
	size_t n;

	if (!dwarf_attr_integrate(&function, DW_AT_frame_base, &a) || dwarf_getlocation_addr(&a, s->address, &ops, &n, 1) != 1 || n != 1)
		return false;
	if (ops[0].atom == DW_OP_call_frame_cfa) {
		*ret = s->cfa;
		return s->has_cfa;
	}
	if (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31)
		return register_value(s, ops[0].atom - DW_OP_reg0, ret);
	if (ops[0].atom < DW_OP_breg0 || ops[0].atom > DW_OP_breg31 || !register_value(s, ops[0].atom - DW_OP_breg0, ret))
		return false;
	*ret += ops[0].number;
	return true;
}

static bool find_place(const struct variable_scope *s, Dwarf_Die *die, struct variable_place *ret) {
	struct variable_place p = { .reg = -1 };
	Dwarf_Attribute a, indexed;
	Dwarf_Addr indexed_address;
	Dwarf_Op *ops;
	size_t n;

	if (!dwarf_attr(die, DW_AT_location, &a) || dwarf_getlocation_addr(&a, s->address, &ops, &n, 1) != 1 || n != 1)
		return false;
	if (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31)
		p.reg = ops[0].atom - DW_OP_reg0;
	else if (ops[0].atom == DW_OP_fbreg && frame_base(s, &p.address))
		p.address += ops[0].number;
	else if (ops[0].atom >= DW_OP_breg0 && ops[0].atom <= DW_OP_breg31 && register_value(s, ops[0].atom - DW_OP_breg0, &p.address))
		p.address += ops[0].number;
	else if (ops[0].atom == DW_OP_addr)
		p.address = ops[0].number + s->bias;
	/* Of DWARF 5 as clang writes it: in .debug_addr, by number. */
	else if ((ops[0].atom == DW_OP_addrx || ops[0].atom == DW_OP_GNU_addr_index) && dwarf_getlocation_attr(&a, &ops[0], &indexed) == 0 &&
	         dwarf_formaddr(&indexed, &indexed_address) == 0)
		p.address = indexed_address + s->bias;
	else
		return false;
	*ret = p;
	return true;
}

struct search {
	const struct variable_scope *scope;
	struct variable_place wanted;
	unsigned left;
	bool found;
	Dwarf_Die die;
};

static bool is_wanted(struct search *q, Dwarf_Die *die) {
	struct variable_place p;

	if (!raw_name(die) || !find_place(q->scope, die, &p))
		return false;
	return q->wanted.reg >= 0 ? p.reg == q->wanted.reg : p.reg < 0 && p.address == q->wanted.address;
}

/* Inner blocks come later, and win. */
static void search(struct search *q, Dwarf_Die *parent, unsigned depth) {
	Dwarf_Die die;

	if (depth > DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);

		if (q->left-- == 0)
			return;
		if ((tag == DW_TAG_variable || tag == DW_TAG_formal_parameter) && is_wanted(q, &die)) {
			q->die = die;
			q->found = true;
		} else if ((tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine) && dwarf_haspc(&die, q->scope->address) == 1) {
			search(q, &die, depth + 1);
		}
	} while (q->left > 0 && dwarf_siblingof(&die, &die) == 0);
}

bool variable_find(const struct variable_scope *s, struct variable_place wanted, Dwarf_Die *ret_die) {
	struct search q = { .scope = s, .wanted = wanted, .left = ENTRIES_MAX };
	Dwarf_Die function = s->place.function, unit = s->place.unit->full;

	if (function.addr)
		search(&q, &function, 0);
	/* Global variables are at the top of the unit. */
	if (!q.found && wanted.reg < 0) {
		q.left = ENTRIES_MAX;
		search(&q, &unit, 0);
	}
	if (q.found)
		*ret_die = q.die;
	return q.found;
}

bool variable_type(Dwarf_Die *die, Dwarf_Die *ret_type) {
	Dwarf_Attribute a;

	return dwarf_attr_integrate(die, DW_AT_type, &a) && dwarf_formref_die(&a, ret_type);
}

/* Without names that only rename, and without const. */
static bool peel(Dwarf_Die *type) {
	for (unsigned i = 0; i < TYPE_DEPTH_MAX; i++)
		switch (dwarf_tag(type)) {
		case DW_TAG_typedef:
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_restrict_type:
		case DW_TAG_atomic_type:
			if (!variable_type(type, type))
				return false;
			break;
		default:
			return true;
		}
	return false;
}

bool variable_target(Dwarf_Die *type, Dwarf_Die *ret_target) {
	Dwarf_Die t = *type;
	int tag;

	if (!peel(&t))
		return false;
	tag = dwarf_tag(&t);
	if (tag != DW_TAG_pointer_type && tag != DW_TAG_reference_type && tag != DW_TAG_rvalue_reference_type)
		return false;
	return variable_type(&t, ret_target);
}

/* elfutils 0.188 has no names for C17 and C23. */
static bool is_c(int language) {
	return language == DW_LANG_C89 || language == DW_LANG_C || language == DW_LANG_C99 || language == DW_LANG_C11 || language == 0x2c || language == 0x3e;
}

static const char *type_name(struct core *core, Dwarf_Die *type, unsigned depth) {
	static const struct { int tag; const char *before, *after; } derived[] = {
		{ DW_TAG_pointer_type, "", " *" }, { DW_TAG_reference_type, "", " &" }, { DW_TAG_rvalue_reference_type, "", " &&" },
		{ DW_TAG_const_type, "const ", "" }, { DW_TAG_volatile_type, "volatile ", "" }, { DW_TAG_restrict_type, "", "" },
		{ DW_TAG_atomic_type, "", "" }, { DW_TAG_array_type, "", " []" },
	};
	static const struct { int tag; const char *word; } words[] = {
		{ DW_TAG_structure_type, "struct " }, { DW_TAG_union_type, "union " }, { DW_TAG_enumeration_type, "enum " } };
	const char *name = clean(core, raw_name(type)), *inner, *word = "";
	Dwarf_Die target, unit;

	if (name) {
		bool c = dwarf_diecu(type, &unit, NULL, NULL) && is_c(dwarf_srclang(&unit));

		for (size_t i = 0; c && i < ELEMENTSOF(words); i++)
			if (dwarf_tag(type) == words[i].tag)
				word = words[i].word;
		return arena_printf(core->arena, "%s%s", word, name);
	}
	for (size_t i = 0; i < ELEMENTSOF(derived) && depth < TYPE_DEPTH_MAX; i++) {
		if (dwarf_tag(type) != derived[i].tag)
			continue;
		inner = variable_type(type, &target) ? type_name(core, &target, depth + 1) : "void";
		/* "char **", not "char * *" */
		return arena_printf(core->arena, "%s%s%s", derived[i].before, inner ?: "?",
		    inner && inner[0] && inner[strlen(inner) - 1] == '*' && derived[i].after[0] == ' ' ? derived[i].after + 1 : derived[i].after);
	}
	return dwarf_tag(type) == DW_TAG_subroutine_type ? "function" : "(unnamed type)";
}

const char *variable_type_name(struct core *core, Dwarf_Die *type) {
	return type_name(core, type, 0);
}

static bool is_record(Dwarf_Die *type) {
	int tag = dwarf_tag(type);

	return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

/* A class without data, which has a size of 1 and shares its place with what comes next (deleters, allocators as bases). */
static bool is_empty(Dwarf_Die *record, unsigned depth) {
	unsigned left = ENTRIES_MAX;
	Dwarf_Die die, type;

	if (!is_record(record) || depth >= TYPE_DEPTH_MAX)
		return false;
	if (dwarf_child(record, &die) != 0)
		return true;
	do {
		if ((dwarf_tag(&die) == DW_TAG_inheritance || (dwarf_tag(&die) == DW_TAG_member && !dwarf_hasattr(&die, DW_AT_external))) &&
		    !(variable_type(&die, &type) && peel(&type) && is_empty(&type, depth + 1)))
			return false;
	} while (left-- > 0 && dwarf_siblingof(&die, &die) == 0);
	return true;
}

/* The member whose bytes hold the offset; its own offset. */
static bool find_member(Dwarf_Die *record, uint64_t offset, Dwarf_Die *ret_member, uint64_t *ret_start) {
	unsigned left = ENTRIES_MAX;
	Dwarf_Die die, type;
	bool found = false;

	if (dwarf_child(record, &die) != 0)
		return false;
	do {
		Dwarf_Attribute a;
		Dwarf_Word start = 0, size = 0;

		if (dwarf_tag(&die) != DW_TAG_member && dwarf_tag(&die) != DW_TAG_inheritance)
			continue;
		if (dwarf_attr(&die, DW_AT_data_member_location, &a) && dwarf_formudata(&a, &start) != 0)
			continue;
		if (!variable_type(&die, &type) || dwarf_aggregate_size(&type, &size) != 0 || offset < start || offset - start >= size)
			continue;
		if (size == 1 && peel(&type) && is_empty(&type, 0))
			continue;
		*ret_member = die;
		*ret_start = start;
		found = true;
	} while (!found && left-- > 0 && dwarf_siblingof(&die, &die) == 0);
	return found;
}

/* Whether it is a union of which more than one member holds the offset: which was meant, nothing tells. */
static bool is_ambiguous(Dwarf_Die *type, uint64_t offset) {
	unsigned left = ENTRIES_MAX, n = 0;
	Dwarf_Die die, member;
	Dwarf_Word size;

	if (dwarf_tag(type) != DW_TAG_union_type || dwarf_child(type, &die) != 0)
		return false;
	do
		n += dwarf_tag(&die) == DW_TAG_member && variable_type(&die, &member) && dwarf_aggregate_size(&member, &size) == 0 && offset < size;
	while (n < 2 && left-- > 0 && dwarf_siblingof(&die, &die) == 0);
	return n > 1;
}

const char *variable_member(struct core *core, Dwarf_Die *type, uint64_t offset, Dwarf_Die *ret_type) {
	const char *path = NULL, *name;
	Dwarf_Die t = *type, member, element;
	Dwarf_Word size;
	uint64_t start;

	for (unsigned depth = 0; depth < TYPE_DEPTH_MAX && peel(&t); depth++) {
		if (is_ambiguous(&t, offset))
			return path;
		if (is_record(&t) && find_member(&t, offset, &member, &start)) {
			name = variable_name(core, &member);
			if (name)
				path = path ? arena_printf(core->arena, "%s.%s", path, name) : name;
			offset -= start;
			if (!variable_type(&member, &t))
				return NULL;
		} else if (path && dwarf_tag(&t) == DW_TAG_array_type && variable_type(&t, &element) && dwarf_aggregate_size(&element, &size) == 0 && size > 0) {
			path = arena_printf(core->arena, "%s[%llu]", path, (unsigned long long)(offset / size));
			offset %= size;
			t = element;
		} else
			break;
		if (path)
			*ret_type = t;
	}
	return offset == 0 || !is_record(&t) ? path : NULL;
}
