/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where it happened, in words: frames by index, the program's own functions among those of libraries and runtimes,
 * names short enough for a sentence.
 */
#include <stdio.h>
#include <string.h>

#include "signal-decode.h"
#include "words.h"

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

static const struct cw_location *own_location(const struct cw_frame *frame) {
	return !frame->module || words_is_system(frame->module) ? NULL : words_own_location(frame->symbol);
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
		/* What a signal interrupted did not call the handler. */
		if (frame->signal_frame)
			return NULL;
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
	const struct cw_mapping *mapping;
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
	mapping = cw_find_mapping(d->core, d->fault->pc);
	return cw_format(d->core, "%s at 0x%" PRIx64, mapping && (mapping->perm & CW_PERM_EXEC) ? "run-time compiled code" : "code", d->fault->pc);
}
