/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mapped files that the core has no program header of. The kernel writes one for each mapping, and stores nothing of
 * unchanged code; gdb's gcore leaves those mappings out altogether, so that only NT_FILE tells of them.
 */
#include "core/modules-private.h"

/* Nothing is known of them but that they were not changed. Code is what they mostly are; the file itself decides once it
 * is open (modules_check_gaps()). */
#define GAP_PERM (CW_PERM_READ | CW_PERM_EXEC)

static int compare_mappings(const void *a, const void *b) {
	const struct cw_mapping *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* What of [start, end) no mapping of the first n holds; appended from at. Mappings are in order and disjoint. */
static size_t add_gaps(struct core *core, const struct file_mapping *f, size_t n, size_t first, size_t at, size_t max) {
	uint64_t start = f->start;

	for (size_t i = first; start < f->end && at < max; i++) {
		uint64_t until = i < n && core->mappings[i].start < f->end ? MAX(core->mappings[i].start, start) : f->end;

		if (until > start)
			core->mappings[at++] = (struct cw_mapping){
				.start = start, .end = until, .perm = GAP_PERM, .kind = CW_REGION_FILE,
				.file_offset = f->offset + (start - f->start),
			};
		if (until == f->end)
			break;
		start = MAX(start, core->mappings[i].end);
	}
	return at;
}

size_t modules_add_gaps(struct core *core, const struct file_mapping *files, size_t n_files, size_t n, size_t max) {
	size_t at = n, first = 0;

	for (size_t f = 0; f < n_files && at < max; f++) {
		while (first < n && core->mappings[first].end <= files[f].start)
			first++;
		at = add_gaps(core, &files[f], n, first, at, max);
	}
	if (at > n)
		qsort(core->mappings, at, sizeof(*core->mappings), compare_mappings);
	return at;
}

/* Whether one of the file's segments behind that offset is code (two may share a page); true where it does not say. */
static bool is_code(Elf *elf, uint64_t offset, uint64_t page_bytes) {
	bool known = false;
	size_t n = 0;

	if (elf_getphdrnum(elf, &n) < 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p;
		uint64_t start;

		if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_LOAD)
			continue;
		start = p.p_offset & ~(page_bytes - 1);
		if (offset < start || offset - start >= p.p_filesz + (p.p_offset - start))
			continue;
		if (p.p_flags & PF_X)
			return true;
		known = true;
	}
	return !known;
}

void modules_check_gaps(struct core *core) {
	for (size_t i = 0; i < core->pub.n_mappings; i++) {
		struct cw_mapping *gap = &core->mappings[i];
		const struct module *m = module_of(core, gap->module);

		if (m && m->elf && gap->stored == 0 && gap->perm == GAP_PERM && !image_find_segment(core->image, gap->start) &&
		    !is_code(m->elf, gap->file_offset, core->pub.page_bytes))
			gap->perm = CW_PERM_READ;
	}
}
