/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where it happened, in words: frames by index, the program's own functions among those of libraries and runtimes,
 * names short enough for a sentence.
 */
#include <stdio.h>
#include <string.h>

#include "signal-decode.h"

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

/* Longer names are told without the arguments of templates and functions. */
#define NAME_MAX_SHORT 80

static const char *text(const char *s) {
	return s ? s : "?";
}

const struct cw_frame *decode_frame(const struct cw_core *core, uint32_t index) {
	const struct cw_frame *frame;
	uint64_t span;

	for (size_t i = 0; i < core->crashed->n_frames; i++) {
		frame = &core->crashed->frames[i];
		span = (uint64_t)frame->count * (frame->n_cycle > 0 ? frame->n_cycle : 1);
		if (index < frame->index || index - frame->index >= span)
			continue;
		return frame->n_cycle > 0 ? &frame->cycle[(index - frame->index) % frame->n_cycle] : frame;
	}
	return NULL;
}

const char *decode_function(const struct cw_frame *frame) {
	if (!frame || !frame->symbol)
		return NULL;
	if (frame->symbol->n_inlined > 0 && frame->symbol->inlined[0].function)
		return frame->symbol->inlined[0].function;
	return frame->symbol->at.function;
}

static bool starts_with_any(const char *s, const char *const *prefixes, size_t n) {
	for (size_t i = 0; i < n; i++)
		if (strncmp(s, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static bool is_own_module(const struct cw_module *module) {
	static const char *const system_paths[] = { "/lib/", "/lib64/", "/lib32/", "/usr/lib/", "/usr/lib64/",
		"/usr/lib32/", "/usr/libexec/", "[" };

	return module && (module->is_executable || !starts_with_any(module->path, system_paths, COUNT(system_paths)));
}

/* Runtimes that are linked into the program itself. */
static bool is_runtime_function(const char *function) {
	static const char *const prefixes[] = {
		"__rustc::", "core::", "std::", "alloc::", "<core::", "<std::", "<alloc::", "__gnu_cxx::", "runtime.",
		"syscall.", "__rust_", "rust_begin_unwind", "__libc_", "__GI_", "_start", "__pthread_", "abort",
		"raise", "gsignal", "pthread_kill", "memcpy", "memmove", "memset", "strlen", "strcpy",
	};

	size_t depth = 0;

	if (starts_with_any(function, prefixes, COUNT(prefixes)))
		return true;
	/* Template functions have their return type before the name. */
	for (const char *s = function; *s; s++) {
		if (*s == '<' || *s == '(')
			depth++;
		else if ((*s == '>' || *s == ')') && depth > 0)
			depth--;
		else if (*s == ' ' && depth == 0 &&
			 (strncmp(s, " std::", 6) == 0 || strncmp(s, " __gnu_cxx::", 12) == 0))
			return true;
	}
	return false;
}

static const struct cw_location *own_location(const struct cw_frame *frame) {
	const struct cw_symbol *symbol = frame->symbol;

	if (!symbol || !is_own_module(frame->module))
		return NULL;
	for (size_t i = 0; i < symbol->n_inlined; i++)
		if (symbol->inlined[i].function && !is_runtime_function(symbol->inlined[i].function))
			return &symbol->inlined[i];
	return symbol->at.function && !is_runtime_function(symbol->at.function) ? &symbol->at : NULL;
}

const struct cw_location *decode_culprit(const struct cw_core *core, uint32_t index) {
	const struct cw_location *location;
	const struct cw_frame *frame;
	size_t n;

	for (size_t i = 0; i < core->crashed->n_frames; i++) {
		frame = &core->crashed->frames[i];
		n = frame->n_cycle > 0 ? frame->n_cycle : 1;
		if (frame->index + (uint64_t)frame->count * n <= index)
			continue;
		for (size_t k = 0; k < n; k++) {
			location = own_location(frame->n_cycle > 0 ? &frame->cycle[k] : frame);
			if (location)
				return location;
		}
	}
	return NULL;
}

static const char *base_name(const char *path) {
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *decode_short(const struct cw_core *core, const char *function) {
	char buffer[160];
	size_t n = 0, depth = 0;

	if (strlen(function) < NAME_MAX_SHORT)
		return function;
	for (const char *s = function; *s && n < sizeof(buffer) - 4; s++) {
		bool open = *s == '<' || *s == '(', close = (*s == '>' && (s == function || s[-1] != '-')) || *s == ')';

		if (close && depth > 0)
			depth--;
		if (depth == 0)
			buffer[n++] = *s;
		/* A leading < is Rust's "<Type as Trait>", not a list of arguments. */
		if (open && s != function && depth++ == 0)
			memcpy(buffer + n, "..", 2), n += 2;
	}
	return text(cw_format(core, "%.*s", (int)n, buffer));
}

static const char *call_text(const struct cw_core *core, const char *function) {
	const char *name = decode_short(core, function);

	return text(cw_format(core, "%s%s", name, strchr(name, '(') ? "" : "()"));
}

static const char *location_text(const struct cw_core *core, const struct cw_location *at) {
	if (!at->file || at->line == 0)
		return call_text(core, at->function);
	return text(cw_format(core, "%s (%s:%u)", call_text(core, at->function), base_name(at->file), at->line));
}

const char *decode_place(const struct decode *d, const struct cw_location *culprit) {
	const struct cw_symbol *symbol = d->frame ? d->frame->symbol : cw_symbolize(d->core, d->fault->pc, true);
	const struct cw_module *module = cw_find_module(d->core, d->fault->pc);
	const struct cw_location *at = NULL;

	if (symbol)
		at = symbol->n_inlined > 0 && symbol->inlined[0].function ? &symbol->inlined[0]
		     : symbol->at.function                                ? &symbol->at
		                                                          : NULL;
	if (at && culprit && strcmp(at->function, culprit->function) != 0)
		return cw_format(
		    d->core, "%s in %s", call_text(d->core, at->function), location_text(d->core, culprit));
	if (at)
		return location_text(d->core, at);
	if (module)
		return cw_format(
		    d->core, "code at 0x%" PRIx64 " in %s", d->fault->pc - module->bias, base_name(module->path));
	return cw_format(d->core, "code at 0x%" PRIx64, d->fault->pc);
}
