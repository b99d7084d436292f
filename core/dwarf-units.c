/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See dwarf-units.h. Units are listed at once, their entries read when an address in them is first asked for. */
#include "core/dwarf-units-private.h"

#include <dwarf.h>
#include <gelf.h>
#include <limits.h>
#include <sys/stat.h>

#define FUNCTIONS_MAX (4u << 20)
#define SCOPES_MAX (4u << 20)
/* Entries read per module, some 15 ns each. The largest unit known (rustc's driver, one unit) has some 10 million. */
#define ENTRIES_MAX (UINT64_C(64) << 20)
/* Namespaces and types within each other. */
#define SCOPE_DEPTH_MAX 64u
#define INLINE_DEPTH_MAX 256u
/* Units read for the names of what others refer to. A stack's functions come from some dozens; each is read once. */
#define OTHERS_MAX 1024u

int units_new(Dwarf *dwarf, Elf *elf, const char *directory, struct units **ret_units) {
	_cleanup_(units_freep) struct units *us = calloc(1, sizeof(*us));
	int r;

	if (!us)
		return -ENOMEM;
	us->dwarf = dwarf;
	us->budget = ENTRIES_MAX;
	if (directory && !(us->directory = strdup(directory)))
		return -ENOMEM;
	r = units_list(us, elf);
	if (r < 0)
		return r;
	*ret_units = take_ptr(us);
	return 0;
}

static void unit_free(struct unit *u) {
	if (!u)
		return;
	scan_unit_free(&u->scan);
	ranges_free(&u->ranges);
	free(u->functions);
	free(u->scopes);
	free(u->known);
	free(u);
}

void units_free(struct units *us) {
	if (!us)
		return;
	for (size_t i = 0; i < us->n; i++)
		unit_free(us->slots[i].unit);
	for (size_t i = 0; i < us->n_others; i++)
		unit_free(us->others[i]);
	free(us->others);
	ranges_free(&us->ranges);
	free(us->slots);
	free(us->directory);
	free(us);
}

/* libdw opens a .dwo file without a look: a FIFO would block us for good. False only if something other than a file is
 * there. */
static bool may_open_dwo(const struct units *us, Dwarf_Die *die) {
	Dwarf_Attribute attribute;
	const char *name = NULL, *dirs[2] = { us->directory, NULL };
	char path[PATH_MAX];
	struct stat st;

	if (dwarf_attr(die, DW_AT_dwo_name, &attribute) || dwarf_attr(die, DW_AT_GNU_dwo_name, &attribute))
		name = dwarf_formstring(&attribute);
	if (dwarf_attr(die, DW_AT_comp_dir, &attribute))
		dirs[1] = dwarf_formstring(&attribute);
	if (!name || !*name)
		return false;
	for (size_t i = 0; i < ELEMENTSOF(dirs); i++) {
		int n = name[0] == '/' ? snprintf(path, sizeof(path), "%s", name)
				       : snprintf(path, sizeof(path), "%s/%s", dirs[i] ? dirs[i] : ".", name);

		if (n < 0 || (size_t)n >= sizeof(path))
			return false;
		if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
			return false;
	}
	return true;
}

static void *grow(void *array, size_t n, size_t *allocated, size_t size, size_t max) {
	size_t more = MAX(*allocated * 2, (size_t)64);
	void *grown;

	if (n < *allocated)
		return array;
	grown = n < max ? reallocarray(array, more, size) : NULL;
	if (grown)
		*allocated = more;
	return grown;
}

/* Scopes open at one point of the scan. They are written down only once a function is met in them: most types have
 * none. */
struct open_scopes {
	struct { const void *entry; unsigned depth; uint32_t index; } items[SCOPE_DEPTH_MAX];
	size_t n;
};

static int commit_scopes(struct unit *u, struct open_scopes *open) {
	for (size_t i = 0; i < open->n; i++) {
		struct scope *grown;

		if (open->items[i].index != UINT32_MAX)
			continue;
		grown = grow(u->scopes, u->n_scopes, &u->scopes_allocated, sizeof(*grown), SCOPES_MAX);
		if (!grown)
			return -ENOMEM;
		u->scopes = grown;
		open->items[i].index = (uint32_t)u->n_scopes;
		u->scopes[u->n_scopes++] = (struct scope){
			.entry = open->items[i].entry,
			.end = u->scan.end,
			.outer = i > 0 ? open->items[i - 1].index : UINT32_MAX,
		};
	}
	return 0;
}

static void close_scopes(struct unit *u, struct open_scopes *open, const struct scan_die *die) {
	while (open->n > 0 && open->items[open->n - 1].depth >= die->depth) {
		uint32_t index = open->items[--open->n].index;

		if (index != UINT32_MAX)
			u->scopes[index].end = die->die.addr;
	}
}

static int add_function(const struct units *us, struct unit *u, struct scan_die *die) {
	struct function *grown =
		grow(u->functions, u->n_functions, &u->functions_allocated, sizeof(*grown), FUNCTIONS_MAX);

	if (!grown)
		return -ENOMEM;
	u->functions = grown;
	u->functions[u->n_functions] = (struct function){ .entry = die->die.addr };
	return units_add_ranges(us, &die->die, (uint32_t)u->n_functions++, &u->ranges, FUNCTIONS_MAX);
}

static bool is_scope(unsigned tag) {
	return tag == DW_TAG_subprogram || tag == DW_TAG_namespace || tag == DW_TAG_class_type ||
	       tag == DW_TAG_structure_type || tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type ||
	       tag == DW_TAG_module || tag == DW_TAG_interface_type;
}

static int scan_functions(struct units *us, struct unit *u) {
	struct open_scopes open = { .n = 0 };
	struct scan_die die;
	struct scan scan;
	int r;

	scan_start(&scan, &u->scan, u->scan.first);
	while ((r = scan_next(&scan, &die)) > 0) {
		close_scopes(u, &open, &die);
		if (die.tag == DW_TAG_subprogram) {
			r = commit_scopes(u, &open);
			if (r >= 0 && (die.flags & SCAN_PC))
				r = add_function(us, u, &die);
			if (r < 0)
				break;
		}
		if (is_scope(die.tag) && (die.flags & SCAN_CHILDREN) && open.n < SCOPE_DEPTH_MAX) {
			open.items[open.n].entry = die.die.addr;
			open.items[open.n].depth = die.depth;
			open.items[open.n++].index = UINT32_MAX;
		}
	}
	/* What a damaged or oversized unit gave until then is used. */
	us->cut |= r < 0;
	u->evidence = u->scan.evidence;
	ranges_sort(&u->ranges);
	return r == -ENOMEM && u->n_functions == 0 ? r : 0;
}

static int unit_load(struct units *us, struct unit_slot *slot) {
	struct unit *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return -ENOMEM;
	slot->unit = u;
	u->owner = us;
	u->die = u->full = slot->die;
	if (slot->type == DW_UT_skeleton && us->package) {
		r = dwarf_package_find(us->package, &u->die, &u->full);
		us->cut |= r < 0 && r != -ENOENT;
		u->packaged = r == 0;
	}
	if (slot->type == DW_UT_skeleton && !u->packaged && may_open_dwo(us, &u->die)) {
		Dwarf_Die full;

		if (dwarf_cu_info(u->die.cu, NULL, NULL, NULL, &full, NULL, NULL, NULL) == 0 && full.addr)
			u->full = full;
	}
	if (scan_unit_init(&u->full, &us->budget, &u->scan) < 0) {
		us->cut = true;
		return 0;
	}
	u->scanned = true;
	return scan_functions(us, u);
}

static bool unit_find_function(struct unit *u, uint64_t address, struct place *ret_place) {
	size_t at = SIZE_MAX;
	const struct range *range = ranges_next(&u->ranges, address, &at);

	*ret_place = (struct place){ .unit = u };
	if (!range)
		return false;
	ret_place->function =
		(Dwarf_Die){ .addr = (void *)(uintptr_t)u->functions[range->value].entry, .cu = u->full.cu };
	ret_place->low = range->low;
	ret_place->high = range->high;
	return true;
}

static int find(struct units *us, uint64_t address, struct place *ret_place) {
	struct place first = { 0 }, place;
	const struct range *range;
	size_t at = SIZE_MAX;
	int r;

	us->cut |= us->budget == 0;
	while ((range = ranges_next(&us->ranges, address, &at))) {
		struct unit_slot *slot = &us->slots[range->value];

		if (!slot->unit) {
			r = unit_load(us, slot);
			if (r < 0)
				return r;
		}
		if (unit_find_function(slot->unit, address, &place)) {
			*ret_place = place;
			return 0;
		}
		if (!first.unit)
			first = place;
	}
	if (!first.unit)
		return -ENOENT;
	*ret_place = first;
	return 0;
}

int units_find(struct units *us, uint64_t address, struct place *ret_place) {
	struct place place = { 0 };
	int r = find(us, address, &place);

	/* What .debug_aranges leaves out, the units themselves may tell. */
	if (!us->complete && (r == -ENOENT || (r == 0 && !place.function.addr))) {
		r = units_complete(us);
		if (r >= 0)
			r = find(us, address, &place);
	}
	if (r == 0)
		*ret_place = place;
	return r;
}

static struct known *known_slot(struct known *table, size_t size, const void *from) {
	size_t at = (size_t)((uint64_t)(uintptr_t)from * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (size - 1);

	while (table[at].from && table[at].from != from)
		at = (at + 1) & (size - 1);
	return &table[at];
}

struct known *unit_known(struct unit *u, const void *from) {
	struct known *slot;

	if (u->n_known * 2 >= u->known_size) {
		size_t size = MAX(u->known_size * 2, (size_t)64);
		struct known *grown = calloc(size, sizeof(*grown));

		if (!grown)
			return NULL;
		for (size_t i = 0; i < u->known_size; i++)
			if (u->known[i].from)
				*known_slot(grown, size, u->known[i].from) = u->known[i];
		free(u->known);
		u->known = grown;
		u->known_size = size;
	}
	slot = known_slot(u->known, u->known_size, from);
	u->n_known += !slot->from;
	return slot;
}

/* Named by units of their own, which have no addresses: partial ones, those of another file, LTO's early ones. */
static struct unit *find_other(struct units *us, Dwarf_Die *first) {
	struct unit **grown;
	struct unit_slot slot = { .die = *first, .type = DW_UT_partial };

	for (size_t i = 0; i < us->n_others; i++)
		if (us->others[i]->full.cu == first->cu)
			return us->others[i];
	if (us->n_others >= OTHERS_MAX)
		return NULL;
	grown = reallocarray(us->others, us->n_others + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	us->others = grown;
	(void)unit_load(us, &slot);
	if (slot.unit)
		us->others[us->n_others++] = slot.unit;
	return slot.unit;
}

const struct unit *unit_of(struct unit *u, const Dwarf_Die *entry) {
	Dwarf_Die copy = *entry, first;

	if (entry->cu == u->full.cu)
		return u;
	for (size_t i = 0; i < u->owner->n; i++)
		if (u->owner->slots[i].unit && u->owner->slots[i].unit->full.cu == entry->cu)
			return u->owner->slots[i].unit;
	return dwarf_diecu(&copy, &first, NULL, NULL) ? find_other(u->owner, &first) : NULL;
}

size_t unit_inlines(const struct place *place, uint64_t address, Dwarf_Die *ret_dies, size_t max) {
	bool open[INLINE_DEPTH_MAX] = { true }; /* whether the entry at that depth holds the address */
	struct scan_die die;
	unsigned innermost = 0;
	struct scan scan;
	size_t n = 0;

	if (!place->unit->scanned || !place->function.addr)
		return 0;
	scan_start(&scan, &place->unit->scan, place->function.addr);
	if (scan_next(&scan, &die) <= 0)
		return 0;
	while (n < max && scan_next(&scan, &die) > 0) {
		/* Behind the innermost entry that holds the address nothing else can. */
		if (die.depth <= innermost)
			break;
		if (die.depth >= INLINE_DEPTH_MAX)
			continue;
		open[die.depth] = false;
		if (!open[die.depth - 1] || (die.tag != DW_TAG_inlined_subroutine && die.tag != DW_TAG_lexical_block &&
					     die.tag != DW_TAG_try_block && die.tag != DW_TAG_catch_block))
			continue;
		/* A block without addresses only groups what is in it. */
		if (!(die.flags & SCAN_PC))
			open[die.depth] = die.tag != DW_TAG_inlined_subroutine;
		else if (dwarf_haspc(&die.die, address) > 0) {
			open[die.depth] = true;
			innermost = die.depth;
			if (die.tag == DW_TAG_inlined_subroutine)
				ret_dies[n++] = die.die;
		}
	}
	return n;
}
