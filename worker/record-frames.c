/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames as members of records. What is alike is written once and copied: at one pc all but the frame's place on the stack, and of threads that stand in the
 * same places all but the CFAs. */
#include "worker/record-frames.h"

const char *record_frame_name(const struct cw_frame *f, char *buffer, size_t size) {
	const char *slash;

	if (f->symbol && f->symbol->at.function)
		return f->symbol->at.function;
	if (!f->module)
		return NULL;
	slash = strrchr(f->module->path, '/');
	snprintf(buffer, size, "%s+0x%llx", slash ? slash + 1 : f->module->path, (unsigned long long)(f->pc - f->module->bias));
	return buffer;
}

static void put_location(struct line *l, const struct cw_location *at) {
	line_string(l, "file", at->file);
	if (at->line > 0)
		line_integer(l, "line", at->line);
}

static void put_inlined(struct line *l, const struct cw_symbol *symbol) {
	if (symbol->n_inlined == 0)
		return;
	line_open(l, "inlined", '[');
	for (size_t i = 0; i < symbol->n_inlined; i++) {
		line_open(l, NULL, '{');
		line_string(l, "function", symbol->inlined[i].function ?: "??");
		put_location(l, &symbol->inlined[i]);
		line_close(l, '}');
	}
	line_close(l, ']');
}

static void put_place(struct line *l, const struct cw_frame *f) {
	char buffer[300];

	line_string(l, "function", record_frame_name(f, buffer, sizeof(buffer)));
	if (f->symbol) {
		put_location(l, &f->symbol->at);
		if (f->symbol->at.column > 0)
			line_integer(l, "column", f->symbol->at.column);
		put_inlined(l, f->symbol);
	}
	if (f->module) {
		line_string(l, "module", f->module->path);
		line_address(l, "offset", f->pc - f->module->bias);
	}
	line_address(l, "pc", f->pc);
}

static struct place *put_known_place(struct frame_writer *w, struct line *l, const struct cw_frame *f) {
	struct place *p = &w->places[(f->pc ^ f->pc >> 8 ^ f->pc >> 16) % PLACES];

	if (p->n == 0 || p->pc != f->pc || p->symbol != f->symbol) {
		size_t at = w->texts.n;

		put_place(&w->texts, f);
		*p = (struct place){ .pc = f->pc, .symbol = f->symbol, .at = at, .n = w->texts.n - at };
	}
	l->failed |= w->texts.failed;
	if (!l->failed)
		line_members(l, w->texts.bytes + p->at, p->n);
	return p;
}

/* The functions of one turn, and the turn that lies deepest frame by frame. */
static void put_turn(struct frame_writer *w, struct line *l, const struct cw_frame *f) {
	char buffer[300];

	line_open(l, "cycle", '[');
	for (size_t i = 0; i < f->n_cycle; i++)
		line_string(l, NULL, record_frame_name(&f->cycle[i], buffer, sizeof(buffer)) ?: "??");
	line_close(l, ']');
	line_open(l, "turn", '[');
	for (size_t i = 0; i < f->n_cycle; i++) {
		line_open(l, NULL, '{');
		record_put_frame(w, l, &f->cycle[i]);
		line_close(l, '}');
	}
	line_close(l, ']');
}

static void put_trust(struct line *l, const struct cw_frame *f) {
	static const char *const trusts[] = { "context", "cfi", "frame-pointer", "scan" };

	line_string(l, "trust", trusts[f->trust]);
}

/* What most frames end with, and alike at one place. */
static void put_plain_end(struct frame_writer *w, struct line *l, struct place *p, const struct cw_frame *f) {
	if (p->end_n == 0 || p->bytes != f->bytes || p->trust != f->trust) {
		size_t at = w->texts.n;

		line_integer(&w->texts, "bytes", f->bytes);
		line_integer(&w->texts, "count", 1);
		put_trust(&w->texts, f);
		p->bytes = f->bytes;
		p->trust = f->trust;
		p->end_at = at;
		p->end_n = w->texts.n - at;
	}
	l->failed |= w->texts.failed;
	if (!l->failed)
		line_members(l, w->texts.bytes + p->end_at, p->end_n);
}

size_t record_put_frame(struct frame_writer *w, struct line *l, const struct cw_frame *f) {
	struct place *p;
	size_t digits_end = 0;

	line_integer(l, "index", f->index);
	p = put_known_place(w, l, f);
	if (f->has_cfa) {
		line_address(l, "cfa", f->cfa);
		digits_end = l->n - 1; /* a quote */
	}
	if (f->bytes >= 0 && f->count == 1 && f->n_cycle == 0 && !f->signal_frame) {
		put_plain_end(w, l, p, f);
		return digits_end;
	}
	if (f->bytes >= 0)
		line_integer(l, "bytes", f->bytes);
	else
		line_null(l, "bytes");
	line_integer(l, "count", f->count);
	if (f->n_cycle > 0)
		put_turn(w, l, f);
	if (f->signal_frame)
		line_boolean(l, "signal_frame", true);
	put_trust(l, f);
	return digits_end;
}

/* Of an address, as line_address() writes it. */
static size_t count_digits(uint64_t value) {
	return value == 0 ? 1 : (67 - (size_t)__builtin_clzll(value)) / 4;
}

static bool same_frame(const struct cw_frame *a, const struct cw_frame *b) {
	return a->pc == b->pc && a->bytes == b->bytes && a->symbol == b->symbol && a->trust == b->trust && a->has_cfa && b->has_cfa &&
	       !a->signal_frame && !b->signal_frame && a->n_cycle == 0 && b->n_cycle == 0 && a->count == b->count && a->index == b->index &&
	       a->exact_pc == b->exact_pc && count_digits(a->cfa) == count_digits(b->cfa);
}

static bool same_frames(const struct cw_thread *a, const struct cw_thread *b) {
	if (!a || a->n_frames != b->n_frames)
		return false;
	for (size_t i = 0; i < a->n_frames; i++)
		if (!same_frame(&a->frames[i], &b->frames[i]))
			return false;
	return true;
}

/* Threads of a pool wait in the same place: their lists of frames differ in the CFAs, and nothing else. */
static void put_frames_again(struct frame_writer *w, struct line *l, const struct cw_thread *t) {
	for (size_t i = 0; i < t->n_frames; i++)
		line_hexadecimal(w->list.bytes + w->cfa_end[i], t->frames[i].cfa);
	line_members(l, w->list.bytes, w->list.n);
}

static void put_frames(struct frame_writer *w, struct line *l, const struct cw_thread *t, size_t head, size_t tail) {
	size_t start = l->n, n = 0;

	line_open(l, "frames", '[');
	for (size_t i = 0; i < t->n_frames; i++) {
		if (i >= head && i < t->n_frames - tail)
			continue;
		line_open(l, NULL, '{');
		w->cfa_end[n++] = record_put_frame(w, l, &t->frames[i]) - start;
		line_close(l, '}');
	}
	line_close(l, ']');
	w->list_of = NULL;
	if (n < t->n_frames || l->failed)
		return;
	w->list.n = 0;
	line_members(&w->list, l->bytes + start + 1, l->n - start - 1); /* without the comma before it */
	for (size_t i = 0; i < n; i++)
		w->cfa_end[i]--;
	if (!w->list.failed)
		w->list_of = t;
}

void record_put_frames(struct frame_writer *w, struct line *l, const struct cw_thread *t, size_t head, size_t tail) {
	if (same_frames(w->list_of, t))
		put_frames_again(w, l, t);
	else
		put_frames(w, l, t, head, tail);
}

void record_frames_done(struct frame_writer *w) {
	line_free(&w->texts);
	line_free(&w->list);
}
