/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rust's std keeps a thread's name in an Arc: strong and weak counts, then (in an order that has changed over the years) the name as a boxed C string: a pointer and a
 * length that includes the NUL. A pointer to it is in the frames of std's own thread start (older releases) or in the thread's TLS, there to the Arc's content. Their words
 * are taken for such pointers, and believed only if all of it fits: small counts, and a string that ends exactly where its length says.
 */
#include "core/thread-name-private.h"
#include "util/text.h"

/* Names longer than this are not looked at; the kernel keeps 15 bytes. */
#define NAME_BYTES_MAX 256u
/* Words of the Arc that are looked at: counts, id, name, parker. */
#define ARC_WORDS 8u
/* References to one thread handle: its own, the JoinHandle's, some in channels. */
#define COUNT_MAX 100000u
/* Words of stack that are looked through, and of TLS: the program's own block comes first, below the TLS register or behind two words above it. */
#define STACK_WORDS 1024u
#define TLS_WORDS 512u

static const char *take_name(struct core *core, uint64_t pointer, uint64_t length) {
	char raw[NAME_BYTES_MAX], clean[3 * COMM_BYTES];

	if (length < 2 || length > sizeof(raw) || core_read(core, pointer, raw, (size_t)length) < 0)
		return NULL;
	if (raw[length - 1] != 0 || strlen(raw) != length - 1)
		return NULL;
	for (size_t i = 0; i + 1 < length; i++)
		if ((unsigned char)raw[i] < 0x20 || raw[i] == 0x7f)
			return NULL;
	text_clean(raw, MIN((size_t)length - 1, (size_t)COMM_BYTES - 1), clean, sizeof(clean));
	return arena_strdup(core->arena, clean);
}

static const char *name_in_arc(struct core *core, uint64_t address) {
	uint64_t w[ARC_WORDS];

	if (address % 8 != 0 || core_read(core, address, w, sizeof(w)) < 0)
		return NULL;
	if (w[0] == 0 || w[0] > COUNT_MAX || w[1] == 0 || w[1] > COUNT_MAX)
		return NULL;
	for (size_t i = 2; i + 1 < ARC_WORDS; i++) {
		const char *name = w[i] > 65536 ? take_name(core, w[i], w[i + 1]) : NULL;
		if (name)
			return name;
	}
	return NULL;
}

/* Frames of std's own thread start, whose locals hold the handle. */
static bool is_thread_start(const struct cw_frame *f) {
	return f->symbol && f->symbol->at.function &&
	       (strstr(f->symbol->at.function, "std::thread") || strstr(f->symbol->at.function, "std::sys::thread") ||
	        strstr(f->symbol->at.function, "std::sys::pal::unix::thread") || strstr(f->symbol->at.function, "__rust_begin_short_backtrace"));
}

static const char *name_in_words(struct core *core, const struct cw_thread *t, uint64_t low, uint64_t high, uint64_t content) {
	for (uint64_t at = low; at + 8 <= high; at += 8) {
		uint64_t pointer;
		const char *name;

		if (core_read_word(core, at, &pointer) < 0 || pointer < 65536 || (pointer >= t->stack.low && pointer < t->stack.high))
			continue;
		name = name_in_arc(core, pointer - content);
		if (name)
			return name;
	}
	return NULL;
}

const char *thread_name_rust(struct core *core, const struct cw_thread *t) {
	uint64_t low = 0, high = 0, tls;
	const char *name;

	if (core->arch->word_bytes != 8 || core->arch->tls < 0)
		return NULL;
	tls = t->registers[core->arch->tls] & ~UINT64_C(7);
	/* Between counts and content: two words. Before 1.82 the pointer is that of the whole. */
	tls = core->arch->pthread_below_tls ? tls + 16 + TLS_WORDS * 8 : tls;
	name = tls > TLS_WORDS * 8 ? name_in_words(core, t, tls - TLS_WORDS * 8, tls, 16) : NULL;
	if (!name && tls > TLS_WORDS * 8)
		name = name_in_words(core, t, tls - TLS_WORDS * 8, tls, 0);
	if (name)
		return name;
	for (size_t i = 0; i < t->n_frames; i++) {
		const struct cw_frame *f = &t->frames[i];

		if (!is_thread_start(f) || !f->has_cfa || f->bytes <= 0 || f->n_cycle > 0)
			continue;
		low = low ?: f->cfa - (uint64_t)f->bytes;
		high = f->cfa;
	}
	return low ? name_in_words(core, t, low, MIN(high, low + STACK_WORDS * 8), 0) : NULL;
}

bool is_rust_program(const struct core *core) {
	return core->pub.program && core->pub.program->language && streq(core->pub.program->language, "Rust");
}
