/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See modules.h. The files themselves: modules-open.c. */
#include "core/modules-private.h"
#include "util/text.h"

/* A program with more libraries than this is no program. */
#define MODULES_MAX 8192u

/* Marks a mapping as the main stack if it holds what the kernel put on top of it at exec(). */
static bool is_main_stack(const struct core *core, const struct cw_mapping *m) {
	uint64_t at = core->at_random ? core->at_random : core->at_execfn;

	return at != 0 && at >= m->start && at < m->end;
}

static int clean_path(struct core *core, const char *path, const char **ret) {
	char buffer[4096];

	text_clean(path, strlen(path), buffer, sizeof(buffer));
	*ret = arena_strdup(core->arena, buffer);
	return *ret ? 0 : -ENOMEM;
}

/* Names, and kinds where they do not come from a file; mappings and files are in order of address. */
static int name_mappings(struct core *core, const struct file_mapping *files, size_t n_files) {
	const char *last_raw = NULL, *last = NULL;
	size_t f = 0;
	int r;

	for (size_t i = 0; i < core->pub.n_mappings; i++) {
		struct cw_mapping *m = &core->mappings[i];

		while (f < n_files && files[f].end <= m->start)
			f++;
		if (f < n_files && files[f].start <= m->start) {
			if (!last_raw || !streq(last_raw, files[f].path)) {
				r = clean_path(core, files[f].path, &last);
				if (r < 0)
					return r;
				last_raw = files[f].path;
			}
			m->name = last;
			m->kind = CW_REGION_FILE;
			m->file_offset = files[f].offset + (m->start - files[f].start);
		} else if (is_main_stack(core, m)) {
			m->kind = CW_REGION_STACK;
			m->name = "[stack]";
		} else if (core->at_sysinfo_ehdr && m->start == core->at_sysinfo_ehdr) {
			m->kind = CW_REGION_VDSO;
			m->name = "[vdso]";
		}
	}
	return 0;
}

static int build_mappings(struct core *core, const struct file_mapping *files, size_t n_files) {
	const struct segment *segments;
	size_t n, max;

	segments = image_segments(core->image, &n);
	/* Each segment can split a file once, so there are no more gaps than both together. */
	max = n + n + n_files;
	core->mappings = arena_alloc_array(core->arena, max, sizeof(*core->mappings));
	if (!core->mappings)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		core->mappings[i] = (struct cw_mapping){ .start = segments[i].start, .end = segments[i].end, .stored = segments[i].stored,
		                                         .perm = segments[i].perm, .kind = CW_REGION_ANONYMOUS };
	core->pub.mappings = core->mappings;
	core->pub.n_mappings = modules_add_gaps(core, files, n_files, n, max);
	return name_mappings(core, files, n_files);
}

/* Files that are mapped from their first byte on and executable somewhere are taken for ELF files; the bytes decide in modules_open(). */
static bool group_is_module(const struct file_mapping *files, size_t first, size_t end, const struct core *core) {
	if (files[first].offset != 0)
		return false;
	for (size_t i = first; i < end; i++) {
		const struct cw_mapping *m = core_find_mapping(core, files[i].start);
		if (m && (m->perm & CW_PERM_EXEC))
			return true;
	}
	/* A library of data only (ICU's) or one whose headers are stored. */
	for (size_t i = first; i < end; i++) {
		const struct cw_mapping *m = core_find_mapping(core, files[i].start);
		if (m && m->stored > 0 && end - first > 1)
			return true;
	}
	return false;
}

static int add_module(struct core *core, const struct file_mapping *files, size_t first, size_t end, size_t *n) {
	struct cw_module *info = &core->module_infos[*n];
	uint64_t high = files[end - 1].end;
	int r;

	*info = (struct cw_module){ .start = files[first].start, .end = high, .bias = files[first].start, .optimized = -1,
	                            .state = files[first].deleted ? CW_MODULE_DELETED : CW_MODULE_PRESENT };
	r = clean_path(core, files[first].path, &info->path);
	if (r < 0)
		return r;
	core->modules[*n] = (struct module){ .info = info, .fd = -EBADF };
	if ((core->at_phdr >= info->start && core->at_phdr < info->end) ||
	    (!core->at_phdr && core->at_entry >= info->start && core->at_entry < info->end)) {
		info->is_executable = true;
		core->pub.program = info;
	}
	(*n)++;
	return 0;
}

static void add_vdso(struct core *core, size_t *n) {
	const struct cw_mapping *m = core->at_sysinfo_ehdr ? core_find_mapping(core, core->at_sysinfo_ehdr) : NULL;

	if (!m || m->kind != CW_REGION_VDSO)
		return;
	core->module_infos[*n] = (struct cw_module){ .path = "[vdso]", .start = m->start, .end = m->end, .bias = m->start,
	                                             .state = CW_MODULE_MEMORY, .optimized = -1 };
	core->modules[*n] = (struct module){ .info = &core->module_infos[*n], .fd = -EBADF };
	(*n)++;
}

/* The brk heap begins within 32 MiB (1 GiB for static-pie, older kernels) above the program; bss directly follows it and is the module's. */
static void name_anonymous(struct core *core) {
	const struct cw_module *program = core->pub.program;
	bool heap_seen = false;

	for (size_t i = 0; i < core->pub.n_mappings; i++) {
		struct cw_mapping *m = &core->mappings[i];
		const struct module *owner;

		if (m->kind == CW_REGION_FILE) {
			owner = core_find_module(core, m->start);
			if (owner) {
				m->module = owner->info;
				m->kind = CW_REGION_MODULE;
			}
			continue;
		}
		if (m->kind != CW_REGION_ANONYMOUS)
			continue;
		if (i > 0 && m[-1].end == m->start && m[-1].module && (m->perm & CW_PERM_WRITE) && (m[-1].perm & CW_PERM_WRITE)) {
			m->kind = CW_REGION_MODULE; /* .bss */
			m->module = m[-1].module;
			m->name = m->module->path;
			((struct cw_module *)(uintptr_t)m->module)->end = m->end;
		} else if (program && !heap_seen && (m->perm & CW_PERM_WRITE) && m->start >= program->end &&
		           m->start - program->end <= GIB(1)) {
			m->kind = CW_REGION_HEAP;
			m->name = "[heap]";
			heap_seen = true;
		}
	}
}

int modules_map(struct core *core, const struct file_mapping *files, size_t n_files) {
	size_t n = 0, groups = 0;
	int r;

	r = build_mappings(core, files, n_files);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_files; i++)
		groups += files[i].offset == 0;
	groups = MIN(groups, (size_t)MODULES_MAX) + 1;
	core->module_infos = arena_alloc_array(core->arena, groups, sizeof(*core->module_infos));
	core->modules = arena_alloc_array(core->arena, groups, sizeof(*core->modules));
	if (!core->module_infos || !core->modules)
		return -ENOMEM;
	for (size_t i = 0, end; i < n_files && n + 1 < groups; i = end) {
		/* Entries of one path in a row are one module; a second mapping of offset 0 that lies apart is another. */
		for (end = i + 1; end < n_files && streq(files[end].path, files[i].path); end++)
			if (files[end].offset == 0 && files[end].start != files[end - 1].end)
				break;
		if (group_is_module(files, i, end, core)) {
			r = add_module(core, files, i, end, &n);
			if (r < 0)
				return r;
		}
	}
	add_vdso(core, &n);
	core->pub.modules = core->module_infos;
	core->pub.n_modules = n;
	name_anonymous(core);
	if (core->pub.program)
		core->pub.executable = core->pub.program->path;
	return 0;
}

const struct cw_mapping *core_find_mapping(const struct core *core, uint64_t address) {
	size_t low = 0, high = core->pub.n_mappings;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct cw_mapping *m = &core->mappings[middle];

		if (address < m->start)
			high = middle;
		else if (address >= m->end)
			low = middle + 1;
		else
			return m;
	}
	return NULL;
}

struct module *core_find_module(const struct core *core, uint64_t address) {
	const struct cw_mapping *m = core_find_mapping(core, address);

	if (m && m->module)
		return module_of(core, m->module);
	if (m && m->kind != CW_REGION_FILE && m->kind != CW_REGION_VDSO)
		return NULL;
	for (size_t i = 0; i < core->pub.n_modules; i++)
		if (address >= core->module_infos[i].start && address < core->module_infos[i].end) {
			/* A module's span may enclose others' mappings: the name decides. */
			if (m && m->name && !streq(m->name, core->module_infos[i].path))
				continue;
			return &core->modules[i];
		}
	return NULL;
}
