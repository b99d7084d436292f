/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What analyzers may ask about the core (<corewatch/analyzer.h>), each a thin door to core/. */
#include <seccomp.h>

#include "core/core.h"
#include "core/fault.h"
#include "core/insn.h"
#include "core/pointer-origin.h"
#include "core/symbols.h"
#include "util/library.h"
#include "util/text.h"

#define STRING_MAX 65536u

int cw_read(const struct cw_core *core, uint64_t address, void *ret_buffer, size_t length) {
	_cleanup_free_ void *copy = NULL;
	char small[256];
	void *to = small;
	int r;

	/* Nothing is written unless all could be read. */
	if (length > sizeof(small)) {
		to = copy = malloc(length);
		if (!copy)
			return -EFAULT;
	}
	r = core_read(core_of(core), address, to, length);
	if (r < 0)
		return -EFAULT;
	memcpy(ret_buffer, to, length);
	return 0;
}

int cw_read_word(const struct cw_core *core, uint64_t address, uint64_t *ret_value) {
	return core_read_word(core_of(core), address, ret_value);
}

const char *cw_read_string(const struct cw_core *core, uint64_t address, size_t max) {
	struct core *c = core_of(core);
	_cleanup_free_ char *raw = NULL, *clean = NULL;
	size_t n = 0;

	max = MIN(max, (size_t)STRING_MAX);
	raw = malloc(max + 1);
	if (!raw)
		return NULL;
	for (; n < max; n++) {
		if (core_read(c, address + n, raw + n, 1) < 0)
			return NULL;
		if (raw[n] == 0)
			break;
	}
	if (n == max)
		return NULL;
	clean = text_clean_dup(raw, n);
	return clean ? arena_strdup(c->arena, clean) : NULL;
}

const struct cw_mapping *cw_find_mapping(const struct cw_core *core, uint64_t address) {
	return core_find_mapping(core_of(core), address);
}

const struct cw_module *cw_find_module(const struct cw_core *core, uint64_t address) {
	const struct module *m = core_find_module(core_of(core), address);

	return m ? m->info : NULL;
}

void cw_describe_address(const struct cw_core *core, uint64_t address, struct cw_region *ret_region) {
	fault_describe_address(core_of(core), address, ret_region);
}

const char *cw_region_name(enum cw_region_kind kind) {
	return fault_region_name(kind);
}

int cw_find_symbol(const struct cw_core *core, const struct cw_module *module, const char *name, uint64_t *ret_address) {
	struct core *c = core_of(core);

	if (module)
		return symbols_find(c, module_of(c, module), name, ret_address);
	for (size_t i = 0; i < core->n_modules; i++)
		if (symbols_find(c, &c->modules[i], name, ret_address) >= 0)
			return 0;
	return -ENOENT;
}

const struct cw_symbol *cw_symbolize(const struct cw_core *core, uint64_t pc, bool exact) {
	struct symbol_query query = { .pc = pc, .exact = exact };

	return symbols_resolve(core_of(core), &query, 1) < 0 ? NULL : query.symbol;
}

const struct cw_instruction *cw_decode(const struct cw_core *core, uint64_t address, const uint64_t *registers) {
	struct core *c = core_of(core);

	return c->decoder ? insn_decode(c, address, registers) : NULL;
}

int cw_register_by_name(const struct cw_core *core, const uint64_t *registers, const char *name, uint64_t *ret_value) {
	const struct arch *a = core_of(core)->arch;

	if (streq(name, "pc") || streq(name, "sp")) {
		*ret_value = registers[streq(name, "pc") ? a->pc : a->sp];
		return 0;
	}
	for (size_t i = 0; i < a->n_registers; i++)
		if (streq(name, a->register_names[i])) {
			*ret_value = registers[i];
			return 0;
		}
	return -ENOENT;
}

const char *cw_syscall_name(const struct cw_core *core, uint32_t audit_arch, int32_t number) {
	static typeof(seccomp_syscall_resolve_num_arch) *resolve;
	static const struct library_function functions[] = { { "seccomp_syscall_resolve_num_arch", &resolve } };
	static struct library library = LIBRARY(SECCOMP_SONAME, functions);
	_cleanup_free_ char *name = library_load(&library) == 0 ? resolve(audit_arch, number) : NULL;

	return name ? arena_strdup(core_of(core)->arena, name) : NULL;
}

const struct cw_variable *cw_find_pointer(const struct cw_core *core, const char *register_name, uint64_t address) {
	return register_name ? pointer_origin(core_of(core), register_name, address) : NULL;
}

const char *cw_format(const struct cw_core *core, const char *format, ...) {
	va_list ap;
	char *s;

	va_start(ap, format);
	s = arena_vprintf(core_of(core)->arena, format, ap);
	va_end(ap);
	return s;
}

const char *cw_shell_word(const struct cw_core *core, const char *s) {
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
	size_t n = strlen("./''"), length = s ? strlen(s) : 0;
	char *word, *at;

	if (!s || (length > 0 && *s != '-' && strspn(s, plain) == length))
		return s;
	for (const char *p = s; *p; p++)
		n += *p == '\'' ? strlen("'\\''") : 1;
	word = at = arena_alloc(core_of(core)->arena, n + 1);
	if (!word)
		return NULL;
	/* No option, whatever program gets it. */
	at = stpcpy(at, *s == '-' ? "./'" : "'");
	for (const char *p = s; *p; p++)
		if (*p == '\'')
			at = stpcpy(at, "'\\''");
		else
			*at++ = *p;
	stpcpy(at, "'");
	return word;
}
