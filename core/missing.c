/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See missing.h. Only modules with frames count: what no frame lies in tells nothing about a crash. */
#include "core/missing.h"

#include "core/symbols-module.h"

void missing_id(const uint8_t *id, size_t length, char ret_text[static FETCHED_ID_MAX + 1]) {
	static const char digits[] = "0123456789abcdef";
	size_t n = MIN(length, (size_t)FETCHED_ID_MAX / 2);

	for (size_t i = 0; i < n; i++) {
		ret_text[2 * i] = digits[id[i] >> 4];
		ret_text[2 * i + 1] = digits[id[i] & 15];
	}
	ret_text[2 * n] = 0;
}

int missing_open(const struct core_options *options, enum fetched_kind kind, const uint8_t *id, size_t length,
		 struct debug_file *ret_file) {
	_cleanup_debug_file_ struct debug_file f = DEBUG_FILE_NONE;
	char name[FETCHED_NAME_SIZE], text[FETCHED_ID_MAX + 1];
	int r;

	if (!options->has_fetched)
		return -ENOENT;
	missing_id(id, length, text);
	if (!fetched_is_id(text))
		return -EINVAL;
	fetched_name(kind, text, false, name);
	r = debug_file_open_at(options->fetched_fd, name, &f);
	if (r < 0)
		return r;
	if (!elf_has_build_id(f.elf, id, length))
		return -ESTALE;
	*ret_file = debug_file_take(&f);
	return 0;
}

struct gathering {
	const struct core *core;
	struct missing *list;
	size_t n, max;
};

static void add(struct gathering *g, enum fetched_kind kind, const char *id) {
	if (g->n == g->max || !id || !fetched_is_id(id))
		return;
	for (size_t i = 0; i < g->n; i++)
		if (g->list[i].kind == kind && streq(g->list[i].build_id, id))
			return;
	g->list[g->n++] = (struct missing){ .kind = kind, .build_id = id };
}

static void add_module(struct gathering *g, const struct cw_module *info) {
	const struct module *module = module_of(g->core, info);

	if (!module)
		return;
	if (!module->elf) {
		add(g, FETCHED_EXECUTABLE, info->build_id);
		add(g, FETCHED_DEBUGINFO, info->build_id);
		return;
	}
	/* The vdso is the kernel's, and no server has it. */
	if (module->fd < 0)
		return;
	if (!module_symbols_has_debuginfo(module))
		add(g, FETCHED_DEBUGINFO, info->build_id);
	add(g, FETCHED_DEBUGINFO, module_symbols_missing_alt(module));
}

static void add_thread(struct gathering *g, const struct cw_thread *thread) {
	for (size_t i = 0; i < thread->n_frames; i++) {
		const struct cw_frame *frame = &thread->frames[i];

		add_module(g, frame->module);
		for (size_t k = 0; k < frame->n_cycle; k++)
			add_module(g, frame->cycle[k].module);
	}
}

size_t missing_list(const struct core *core, struct missing *list, size_t max) {
	struct gathering g = { .core = core, .list = list, .max = max };

	if (core->pub.crashed)
		add_thread(&g, core->pub.crashed);
	for (size_t i = 0; i < core->pub.n_threads; i++)
		add_thread(&g, &core->pub.threads[i]);
	return g.n;
}
