/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What Go's table tells about an address, as a symbol like those that debug info gives; see go-module.h. */
#include "core/go-module.h"
#include "util/text.h"

/* Calls inlined into each other: the compiler stops at a budget that allows about 30. */
#define INLINES_MAX 128u
#define FUNCTION_MAX_BYTES 1024u
#define PATH_MAX_BYTES 4096u

static int clean(struct arena *arena, const char *s, size_t max, const char **ret) {
	char text[PATH_MAX_BYTES];

	text_clean(s, strnlen(s, max), text, MIN(max, sizeof(text)));
	*ret = arena_strdup(arena, text);
	return *ret ? 0 : -ENOMEM;
}

/* Damage costs the line, no more. */
static int find_line(const struct go_module *go, struct arena *arena, const struct go_function *f, uint64_t address, struct cw_location *at) {
	const char *file = NULL;
	uint32_t line = 0;

	if (go_function_line(&go->table, f, address, &file, &line) < 0)
		return 0;
	at->line = line;
	return file && *file ? clean(arena, file, PATH_MAX_BYTES, &at->file) : 0;
}

/* In a tree that is not one the names would begin anywhere. */
static bool is_name(const struct go_module *go, const char *name) {
	return name == (const char *)go->table.data + go->table.names || (*name && name[-1] == 0);
}

/* Where inlined code stands for a call, the next address stands for the call's place in the function around it. */
static size_t find_calls(const struct go_module *go, const struct go_function *f, uint64_t address, struct go_inline ret_calls[static INLINES_MAX]) {
	uint32_t offset;
	size_t n = 0;

	if (!go->calls || go_function_inline_tree(&go->table, f, &offset) < 0 || offset >= go->calls_size)
		return 0;
	while (n < INLINES_MAX) {
		struct go_inline *call = &ret_calls[n];

		if (go_function_inline(&go->table, f, n == 0 ? address : call[-1].caller, go->calls + offset, go->calls_size - offset, call) < 0)
			return n;
		if (!is_name(go, call->name))
			return 0;
		n++;
	}
	return 0;
}

int go_module_symbol(const struct go_module *go, struct arena *arena, uint64_t address, struct cw_symbol *ret_symbol) {
	struct go_inline calls[INLINES_MAX];
	struct cw_symbol s = { .size = 0 };
	struct cw_location *inlined;
	struct go_function f;
	size_t n;
	int r;

	if (go_pclntab_find(&go->table, address, &f) < 0 || !*f.name)
		return -ENOENT;
	n = find_calls(go, &f, address, calls);
	inlined = arena_alloc_array(arena, n, sizeof(*inlined));
	r = inlined ? clean(arena, f.name, FUNCTION_MAX_BYTES, &s.at.function) : -ENOMEM;
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = clean(arena, calls[i].name, FUNCTION_MAX_BYTES, &inlined[i].function);
		if (r >= 0)
			r = find_line(go, arena, &f, address, &inlined[i]);
		address = calls[i].caller;
	}
	if (r >= 0)
		r = find_line(go, arena, &f, address, &s.at);
	if (r < 0)
		return r;
	s.linkage_name = s.at.function;
	s.start = f.start;
	s.size = f.end - f.start;
	s.inlined = n > 0 ? inlined : NULL;
	s.n_inlined = n;
	*ret_symbol = s;
	return 0;
}

int go_module_find(const struct go_module *go, const char *name, uint64_t *ret_address) {
	struct go_function f;

	if (go_pclntab_find_name(&go->table, name, &f) < 0)
		return -ENOENT;
	*ret_address = f.start;
	return 0;
}
