/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which units there are, and which addresses each of them has.
 *
 * .debug_aranges says it for GCC's units at a tenth of the cost: the unit's own entry is most often described last in
 * its abbreviations, all of which libdw then reads. It is a hint only: clang leaves units out, so those without any
 * range there are asked themselves, and all of them once an address is not found.
 */
#include "core/dwarf-units-private.h"

#include <dwarf.h>
#include <gelf.h>

/* Browsers have some 50 000 units and 2 million ranges; 40 and 32 bytes each. */
#define UNITS_MAX (1u << 19)
#define UNIT_RANGES_MAX (4u << 20)

/* Functions that were discarded at link time keep debug info, with address 0 (or 1, or -1), and would shadow others. */
static bool is_code(const struct units *us, uint64_t address) {
	for (size_t i = 0; i < us->n_code; i++)
		if (us->code[i].low <= address && address < us->code[i].high)
			return true;
	return us->n_code == 0;
}

int units_add_ranges(const struct units *us, Dwarf_Die *die, uint32_t value, struct ranges *ranges, size_t max) {
	Dwarf_Addr base, low, high;
	ptrdiff_t offset = 0;
	int r;

	while ((offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0) {
		if (!is_code(us, low))
			continue;
		r = ranges_add(ranges, low, high, value, max);
		if (r < 0)
			return r;
	}
	return 0;
}

static void find_code(struct units *us, Elf *elf) {
	size_t n;

	if (elf_getphdrnum(elf, &n) < 0)
		return;
	for (size_t i = 0; i < MIN(n, (size_t)UINT16_MAX) && us->n_code < ELEMENTSOF(us->code); i++) {
		GElf_Phdr p;
		uint64_t end;

		if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_LOAD || !(p.p_flags & PF_X) ||
		    !add_u64(p.p_vaddr, p.p_memsz, &end))
			continue;
		us->code[us->n_code].low = p.p_vaddr;
		us->code[us->n_code++].high = end;
	}
}

static int add_unit(struct units *us, const Dwarf_Die *die, uint8_t type) {
	if (us->n == us->allocated) {
		size_t more = MAX(us->allocated * 2, (size_t)64);
		struct unit_slot *grown = reallocarray(us->slots, more, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		us->slots = grown;
		us->allocated = more;
	}
	us->slots[us->n++] = (struct unit_slot){ .die = *die, .type = type };
	return 0;
}

static int add_units(struct units *us) {
	Dwarf_CU *cu = NULL;
	Dwarf_Half version;
	Dwarf_Die die;
	uint8_t type;
	int r;

	for (size_t seen = 0; dwarf_get_units(us->dwarf, cu, &cu, &version, &type, &die, NULL) == 0; seen++) {
		if (seen >= UNITS_MAX) {
			us->cut = true;
			break;
		}
		if ((type != DW_UT_compile && type != DW_UT_skeleton) || !die.addr)
			continue;
		us->split |= type == DW_UT_skeleton;
		r = add_unit(us, &die, type);
		if (r < 0)
			return r;
	}
	return us->n > 0 ? 0 : -ENODATA;
}

/* Units are in order of their offset. SIZE_MAX: none there. */
static size_t unit_at(const struct units *us, Dwarf_Off offset) {
	size_t low = 0, high = us->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		Dwarf_Off at = dwarf_dieoffset(&us->slots[middle].die);

		if (at == offset)
			return middle;
		if (at < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return SIZE_MAX;
}

static int add_hints(struct units *us) {
	Dwarf_Aranges *aranges;
	size_t n;
	int r;

	if (dwarf_getaranges(us->dwarf, &aranges, &n) != 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		Dwarf_Arange *range = dwarf_onearange(aranges, i);
		Dwarf_Addr low;
		Dwarf_Word length;
		Dwarf_Off offset;
		uint64_t high;
		size_t unit;

		if (!range || dwarf_getarangeinfo(range, &low, &length, &offset) != 0 || !add_u64(low, length, &high))
			continue;
		unit = unit_at(us, offset);
		if (unit == SIZE_MAX)
			continue;
		us->slots[unit].hinted = true;
		r = is_code(us, low) ? ranges_add(&us->ranges, low, high, (uint32_t)unit, UNIT_RANGES_MAX) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* What the units with hints, or those without, say themselves. */
static int add_own(struct units *us, bool hinted) {
	int r = 0;

	for (size_t i = 0; i < us->n && r >= 0; i++)
		if (us->slots[i].hinted == hinted)
			r = units_add_ranges(us, &us->slots[i].die, (uint32_t)i, &us->ranges, UNIT_RANGES_MAX);
	us->cut |= r == -E2BIG;
	ranges_sort(&us->ranges);
	return r == -E2BIG ? 0 : r;
}

/* The hints stay: strict DWARF 2 has no way for a unit to tell of more than one section. */
int units_complete(struct units *us) {
	us->complete = true;
	return add_own(us, true);
}

int units_list(struct units *us, Elf *elf) {
	int r;

	find_code(us, elf);
	r = add_units(us);
	if (r < 0)
		return r;
	r = add_hints(us);
	if (r < 0 && r != -E2BIG)
		return r;
	us->complete = true;
	for (size_t i = 0; i < us->n; i++)
		us->complete &= !us->slots[i].hinted;
	return add_own(us, false);
}
