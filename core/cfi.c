/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding and compiling rows; applying them is cfi-apply.c. */
#include <dwarf.h>

#include "core/cfi.h"
#include "core/dwarf-load.h"

/* Rows of one module that are kept: powers of two. Few have more than a hundred; 8192 pcs is more than any stack shows that is not an attack. */
#define ROWS_MIN 128u
#define ROWS_MAX 8192u
/* Slots that an address may be in. */
#define ROW_PROBES 8u

struct cached_row {
	uint64_t address;
	const struct cfi_row *row;
	bool used;
};

struct cfi {
	Dwarf_CFI *eh_frame;
	Dwarf_CFI *debug_frame;
	struct dwarf_handle dwarf; /* owner of debug_frame */
	bool debug_frame_tried;
	struct cached_row *rows; /* by address */
	size_t n_rows, n_used;
};

static struct cfi *cfi_get(struct core *core, struct module *m) {
	if (m->cfi_tried)
		return m->cfi;
	m->cfi_tried = true;
	if (!m->elf)
		return NULL;
	m->cfi = calloc(1, sizeof(*m->cfi));
	if (!m->cfi)
		return NULL;
	m->cfi->rows = calloc(ROWS_MIN, sizeof(*m->cfi->rows));
	if (!m->cfi->rows) {
		cfi_free(take_ptr(m->cfi));
		return NULL;
	}
	m->cfi->n_rows = ROWS_MIN;
	m->cfi->eh_frame = dwarf_getcfi_elf(m->elf);
	(void)core;
	return m->cfi;
}

void cfi_free(struct cfi *c) {
	if (!c)
		return;
	if (c->eh_frame)
		dwarf_cfi_end(c->eh_frame);
	dwarf_unload(&c->dwarf); /* ends debug_frame with it */
	free(c->rows);
	free(c);
}

/* Go, and programs built without asynchronous unwind tables, have .debug_frame only. */
static Dwarf_CFI *debug_frame(struct cfi *c, struct module *m) {
	if (!c->debug_frame_tried) {
		c->debug_frame_tried = true;
		if (dwarf_load(m->elf, m->fd, DWARF_IMAGE_FRAMES, &c->dwarf) >= 0)
			c->debug_frame = dwarf_getcfi(c->dwarf.dwarf);
	}
	return c->debug_frame;
}

static int copy_ops(struct core *core, const Dwarf_Op *ops, size_t n, struct cfi_rule *rule) {
	rule->ops = arena_memdup(core->arena, ops, n * sizeof(*ops));
	rule->n_ops = n;
	return rule->ops ? 0 : -ENOMEM;
}

static int compile_cfa(struct core *core, Dwarf_Frame *frame, struct cfi_row *row) {
	Dwarf_Op *ops = NULL;
	size_t n = 0;

	if (dwarf_frame_cfa(frame, &ops, &n) != 0 || n == 0)
		return -EINVAL;
	if (n == 1 && ops[0].atom == DW_OP_bregx) {
		row->cfa = (struct cfi_rule){ .kind = CFI_REGISTER, .offset = (int64_t)ops[0].number2 };
		row->cfa_register = (unsigned)ops[0].number;
		return row->cfa_register < core->arch->n_dwarf ? 0 : -EINVAL;
	}
	if (n == 1 && ops[0].atom >= DW_OP_breg0 && ops[0].atom <= DW_OP_breg31) {
		row->cfa = (struct cfi_rule){ .kind = CFI_REGISTER, .offset = (int64_t)ops[0].number };
		row->cfa_register = ops[0].atom - DW_OP_breg0;
		return row->cfa_register < core->arch->n_dwarf ? 0 : -EINVAL;
	}
	row->cfa.kind = CFI_VALUE_EXPRESSION;
	return copy_ops(core, ops, n, &row->cfa);
}

static int compile_register(struct core *core, Dwarf_Frame *frame, unsigned reg, struct cfi_rule *rule) {
	Dwarf_Op memory[3], *ops = NULL;
	bool is_value = false;
	size_t n = 0;

	if (dwarf_frame_register(frame, (int)reg, memory, &ops, &n) != 0)
		return -EINVAL;
	if (n == 0) {
		rule->kind = ops == memory ? CFI_UNDEFINED : CFI_SAME;
		return 0;
	}
	if (ops[n - 1].atom == DW_OP_stack_value) {
		is_value = true;
		n--;
	}
	if (n == 1 && ops[0].atom == DW_OP_regx) {
		*rule = (struct cfi_rule){ .kind = CFI_REGISTER, .offset = (int64_t)ops[0].number };
		return 0;
	}
	if (n >= 1 && ops[0].atom == DW_OP_call_frame_cfa && (n == 1 || (n == 2 && ops[1].atom == DW_OP_plus_uconst))) {
		rule->kind = is_value ? CFI_VALUE_OFFSET : CFI_OFFSET;
		rule->offset = n == 2 ? (int64_t)ops[1].number : 0;
		return 0;
	}
	rule->kind = is_value ? CFI_VALUE_EXPRESSION : CFI_EXPRESSION;
	return copy_ops(core, ops, n, rule);
}

static const struct cfi_row *compile(struct core *core, Dwarf_Frame *frame) {
	struct cfi_register_rule rules[ARCH_MAX_REGISTERS];
	struct cfi_row row = {}, *kept;
	Dwarf_Addr start, end;
	int ra;

	ra = dwarf_frame_info(frame, &start, &end, &row.signal_frame);
	if (ra < 0 || (size_t)ra >= core->arch->n_dwarf || compile_cfa(core, frame, &row) < 0)
		return NULL;
	row.ra_column = (unsigned)ra;
	for (unsigned i = 0; i < core->arch->n_dwarf; i++) {
		struct cfi_rule rule = {};

		if (compile_register(core, frame, i, &rule) < 0)
			rule.kind = CFI_UNDEFINED;
		if (rule.kind == CFI_SAME)
			row.same |= UINT64_C(1) << i;
		else if (rule.kind != CFI_UNDEFINED)
			rules[row.n_rules++] = (struct cfi_register_rule){ i, rule };
		else if (i == row.ra_column)
			row.outermost = true;
	}
	kept = arena_alloc(core->arena, sizeof(row) + row.n_rules * sizeof(*rules));
	if (!kept)
		return NULL;
	*kept = row;
	memcpy(kept->rules, rules, row.n_rules * sizeof(*rules));
	return kept;
}

static const struct cfi_row *look_up(struct core *core, struct module *m, struct cfi *c, uint64_t address) {
	uint64_t file_address = address - m->info->bias;
	Dwarf_Frame *frame = NULL;
	const struct cfi_row *row;

	if (!c->eh_frame || dwarf_cfi_addrframe(c->eh_frame, file_address, &frame) != 0) {
		Dwarf_CFI *other = debug_frame(c, m);
		if (!other || dwarf_cfi_addrframe(other, file_address, &frame) != 0)
			return NULL;
	}
	row = compile(core, frame);
	free(frame);
	return row;
}

/* The slot of an address, a free one, or the last of those where it may be, which is another's. */
static struct cached_row *find_slot(struct cached_row *rows, size_t n, uint64_t address) {
	struct cached_row *slot = NULL;

	for (size_t i = 0; i < ROW_PROBES; i++) {
		slot = &rows[((address ^ address >> 13) * 0x9e37u + i) % n];
		if (!slot->used || slot->address == address)
			break;
	}
	return slot;
}

/* Half full, the table is made larger, while it may be and there is memory. */
static void make_room(struct cfi *c) {
	size_t more = c->n_rows * 4;
	struct cached_row *rows = c->n_used * 2 >= c->n_rows && more <= ROWS_MAX ? calloc(more, sizeof(*rows)) : NULL;

	if (!rows)
		return;
	c->n_used = 0;
	for (size_t i = 0; i < c->n_rows; i++) {
		struct cached_row *to = c->rows[i].used ? find_slot(rows, more, c->rows[i].address) : NULL;

		if (!to)
			continue;
		c->n_used += !to->used;
		*to = c->rows[i];
	}
	free(c->rows);
	c->rows = rows;
	c->n_rows = more;
}

const struct cfi_row *cfi_find_row(struct core *core, struct module *m, uint64_t address) {
	struct cfi *c = m ? cfi_get(core, m) : NULL;
	struct cached_row *slot;

	if (!c)
		return NULL;
	slot = find_slot(c->rows, c->n_rows, address);
	if (!slot->used || slot->address != address) {
		const struct cfi_row *row = look_up(core, m, c, address);

		make_room(c);
		slot = find_slot(c->rows, c->n_rows, address);
		c->n_used += !slot->used;
		*slot = (struct cached_row){ .address = address, .row = row, .used = true };
	}
	return slot->row;
}
