/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a panic happened and what it said, from the stack frames of std's and core's panic functions. None of the
 * layouts is promised by the language, so each is checked before it is believed:
 *
 * - core::panic::Location: a text that ends in ".rs" (pointer, length; since 1.89 its NUL is counted), line, column.
 *   panic_fmt() keeps a pointer to it next to the one to the fmt::Arguments.
 * - the payload in the handler's closure: a &'static str (pointer into constants, length), or the String that the
 *   message was formatted into (capacity, pointer, length).
 * - fmt::Arguments without arguments: pieces (pointer, 1) of one &str before 1.93; since then the text's pointer, and
 *   its length shifted left by one with the lowest bit set.
 */
#include <string.h>

#include "rust.h"

#define FILE_MAX 1024
#define MESSAGE_MAX 3500
#define LINE_MAX_PLAUSIBLE 1000000
#define COLUMN_MAX_PLAUSIBLE 100000
/* Words of one frame that are tried. */
#define WORDS_MAX 128

static bool read_location(const struct cw_core *core, uint64_t address, struct rust_panic *p) {
	uint64_t file, length;
	uint32_t position[2];
	const char *text;

	if (address % core->word_bytes != 0 || !cw_find_module(core, address) ||
	    cw_read_word(core, address, &file) < 0 || cw_read_word(core, address + core->word_bytes, &length) < 0 ||
	    cw_read(core, address + 2 * core->word_bytes, position, sizeof(position)) < 0)
		return false;
	if (length < 4 || length > FILE_MAX || position[0] == 0 || position[0] > LINE_MAX_PLAUSIBLE ||
	    position[1] == 0 || position[1] > COLUMN_MAX_PLAUSIBLE || !words_is_constant(core, file))
		return false;
	text = words_read_text(core, file, length);
	if (!text)
		text = words_read_text(core, file, length - 1);
	if (!text || strlen(text) < 4 || strcmp(text + strlen(text) - 3, ".rs") != 0)
		return false;
	p->file = text;
	p->location_at = address;
	p->line = position[0];
	p->column = position[1];
	return true;
}

static size_t read_frame(const struct words_stack *stack, size_t frame, uint64_t *words) {
	uint64_t low, high;
	size_t n = 0;

	if (!words_frame_bytes(stack, frame, &low, &high))
		return 0;
	for (uint64_t at = low; at < high && n < WORDS_MAX; at += stack->core->word_bytes)
		if (cw_read_word(stack->core, at, &words[n]) >= 0)
			n++;
	return n;
}

static void find_location(const struct words_stack *stack, size_t first, size_t last, struct rust_panic *p) {
	uint64_t words[WORDS_MAX];

	/* The outermost has it for sure: the frames further in pass it on. */
	for (size_t i = last + 1; i-- > first && !p->file;) {
		size_t n = read_frame(stack, i, words);

		for (size_t k = 0; k < n && !p->file; k++)
			read_location(stack->core, words[k], p);
	}
}

/* A str or String among the words of the payload's frame. */
static const char *find_text(const struct cw_core *core, const uint64_t *words, size_t n, const char *not_this, uint64_t *ret_at) {
	for (size_t i = 0; i + 1 < n; i++) {
		uint64_t length = words[i + 1];
		bool owned = i > 0 && words[i - 1] >= length && words[i - 1] <= INT32_MAX;
		const char *text;

		if (length < 2 || length > MESSAGE_MAX || words[i] < 65536 ||
		    !(words_is_constant(core, words[i]) || owned))
			continue;
		text = words_read_text(core, words[i], length);
		*ret_at = words[i];
		if (text && !(not_this && strncmp(text, not_this, strlen(text)) == 0))
			return text;
	}
	return NULL;
}

static const char *read_arguments(const struct cw_core *core, uint64_t address, uint64_t *ret_at) {
	uint64_t first, second, piece, length;

	if (cw_read_word(core, address, &first) < 0 || cw_read_word(core, address + core->word_bytes, &second) < 0 ||
	    !words_is_constant(core, first))
		return NULL;
	if (second & 1 && second > 1 && second / 2 <= MESSAGE_MAX) {
		const char *text = words_read_text(core, first, second / 2);

		*ret_at = first;
		if (text)
			return text;
	}
	if (second != 1 || cw_read_word(core, first, &piece) < 0 ||
	    cw_read_word(core, first + core->word_bytes, &length) < 0 || length > MESSAGE_MAX ||
	    !words_is_constant(core, piece))
		return NULL;
	*ret_at = piece;
	return words_read_text(core, piece, length);
}

/* The pair of pointers to fmt::Arguments and Location that the PanicInfo begins with. */
static const char *find_arguments(const struct cw_core *core, const uint64_t *words, size_t n, uint64_t *ret_at) {
	struct rust_panic location;

	for (size_t i = 0; i + 1 < n; i++) {
		const char *text = read_location(core, words[i + 1], &location) ? read_arguments(core, words[i], ret_at) : NULL;

		if (text)
			return text;
	}
	return NULL;
}

void rust_read_panic(const struct words_stack *stack, size_t first, size_t last, struct rust_panic *ret) {
	static const char *const payload_frames[] = { "std::panicking::panic_handler::*",
		"std::panicking::begin_panic_handler::*", "std::panicking::begin_panic::*", NULL };
	static const char *const info_frames[] = { "core::panicking::panic_fmt*",
		"core::panicking::panic_nounwind_fmt*", "__rustc::rust_begin_unwind*", "rust_begin_unwind*",
		"std::panicking::panic_handler", "std::panicking::begin_panic_handler", NULL };
	struct rust_panic p = {};
	uint64_t words[WORDS_MAX];

	find_location(stack, first, last, &p);
	for (size_t i = first; i <= last && i < stack->n && !p.message; i++)
		if (words_match(words_function(stack->frames[i]), payload_frames))
			p.message = find_text(stack->core, words, read_frame(stack, i, words), p.file, &p.message_at);
	for (size_t i = first; i <= last && i < stack->n && !p.message; i++)
		if (words_match(words_function(stack->frames[i]), info_frames))
			p.message = find_arguments(stack->core, words, read_frame(stack, i, words), &p.message_at);
	*ret = p;
}

/* Frames of a panic's machinery: hook, payload, location, formatting. */
#define STRIPPED_FRAMES 14u

bool rust_read_stripped(const struct words_stack *stack, size_t first, struct rust_panic *ret) {
	struct rust_panic p = {}, location = {};
	uint64_t words[WORDS_MAX];

	for (size_t i = first; i < stack->n && i < first + STRIPPED_FRAMES; i++) {
		const struct cw_frame *f = stack->frames[i];
		size_t n;

		if (words_function(f) || !f->module || words_is_system(f->module))
			break;
		n = read_frame(stack, i, words);
		for (size_t k = 0; k < n && !p.file; k++)
			if (read_location(stack->core, words[k], &location)) {
				p.file = location.file;
				p.line = location.line;
				p.column = location.column;
				p.location_at = location.location_at;
			}
		if (!p.message)
			p.message = find_arguments(stack->core, words, n, &p.message_at);
	}
	*ret = p;
	return p.file != NULL;
}
