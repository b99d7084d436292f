/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The notes of a core, kept in the arena but for those that nobody here reads: with AVX-512 four fifths of all bytes are vector registers, of each of
 * hundreds of threads. They go by in a window that stays in the CPU's cache. Format: elf(5), "Notes"; in cores of every class they are 4-byte aligned.
 */
#include <elf.h>

#include "core/image-private.h"

/* Notes hold registers of every thread (about 3 KiB each with AVX-512) and NT_FILE (up to 4 MiB in the kernel, twice that by core_file_note_size_limit). */
#define NOTES_MAX MIB(128)
#define NOTES_COUNT_MAX (1u << 18)
#define WINDOW_BYTES KIB(32)

/* One span of notes as it is read: window[at, end) comes next, then what is in the file from `offset` to `stop`. */
struct reader {
	struct image *image;
	uint64_t offset, stop;
	uint8_t *window;
	size_t at, end;
};

static uint64_t left(const struct reader *r) {
	return r->end - r->at + (r->stop - r->offset);
}

/* Reads on into `to`. Less than `length`: the file ends there. */
static size_t read_on(struct reader *r, uint8_t *to, size_t length) {
	size_t wanted = (size_t)MIN((uint64_t)length, r->stop - r->offset), got = 0;
	int error = wanted > 0 ? image_raw_read(r->image, r->offset, to, wanted, &got) : 0;

	if (error < 0)
		image_set_problem(r->image, error);
	r->offset += got;
	if (got < wanted) {
		r->image->truncated = true;
		r->stop = r->offset;
	}
	return got;
}

/* Copies the next bytes; false: there are not so many. */
static bool take(struct reader *r, void *to, size_t length) {
	size_t n = MIN(length, r->end - r->at);
	uint8_t *rest = (uint8_t *)to + n;

	memcpy(to, r->window + r->at, n);
	r->at += n;
	length -= n;
	if (length == 0)
		return true;
	if (length >= WINDOW_BYTES)
		return read_on(r, rest, length) == length;
	r->end = read_on(r, r->window, WINDOW_BYTES);
	r->at = MIN(length, r->end);
	memcpy(rest, r->window, r->at);
	return r->at == length;
}

/* False: they go past the end. */
static bool skip(struct reader *r, uint64_t length) {
	size_t n = (size_t)MIN(length, (uint64_t)(r->end - r->at));

	if (length > left(r))
		return false;
	r->at += n;
	r->offset += length - n;
	return true;
}

/* Registers that no rule asks for, and the state of a CPU's extensions. */
static bool is_read(const Elf64_Nhdr *h) {
	return h->n_type != NT_X86_XSTATE && h->n_type != NT_FPREGSET && h->n_type != NT_PRXFPREG;
}

static uint64_t padding(uint32_t length) {
	return -(uint64_t)length & 3;
}

/* The names that there are take no memory. NULL: out of memory. */
static const char *keep_name(struct image *image, const char *name, size_t length) {
	static const char *const known[] = { "CORE", "LINUX" };

	for (size_t i = 0; i < ELEMENTSOF(known); i++)
		if (strnlen(name, length) == strlen(known[i]) && memcmp(name, known[i], strlen(known[i])) == 0)
			return known[i];
	return arena_strndup(image->arena, name, length);
}

static int add_note(struct image *image, const struct image_note *note) {
	if (image->n_notes == image->notes_allocated) {
		size_t more = MAX(image->notes_allocated * 2, (size_t)64);
		void *p = arena_grow(image->arena, image->notes, image->n_notes, more, sizeof(*image->notes));

		if (!p)
			return -ENOMEM;
		image->notes = p;
		image->notes_allocated = more;
	}
	image->notes[image->n_notes++] = *note;
	return 0;
}

/* 0, -ENOMEM, -ENODATA: the note is longer than what there is. */
static int read_note(struct reader *r, const Elf64_Nhdr *h) {
	char name[16] = "";
	size_t n_name = MIN(h->n_namesz, sizeof(name));
	struct image_note note = { .type = h->n_type, .length = h->n_descsz };
	uint8_t *data;

	if (left(r) < h->n_namesz + padding(h->n_namesz) + (uint64_t)h->n_descsz)
		return -ENODATA;
	/* A name is told as far as anybody could mind. */
	if (!take(r, name, n_name) || !skip(r, h->n_namesz - n_name + padding(h->n_namesz)))
		return -ENODATA;
	if (!is_read(h))
		return skip(r, h->n_descsz) ? 0 : -ENODATA;
	note.name = keep_name(r->image, name, n_name);
	note.data = data = arena_alloc(r->image->arena, h->n_descsz);
	if (!note.name || !data)
		return -ENOMEM;
	return take(r, data, h->n_descsz) ? add_note(r->image, &note) : -ENODATA;
}

static int read_span(struct reader *r) {
	Elf64_Nhdr h;

	while (left(r) >= sizeof(h) && r->image->n_notes < NOTES_COUNT_MAX) {
		int error = take(r, &h, sizeof(h)) ? read_note(r, &h) : -ENODATA;

		if (error == -ENODATA) {
			r->image->truncated = true;
			return 0;
		}
		if (error < 0)
			return error;
		(void)skip(r, MIN(padding(h.n_descsz), left(r)));
	}
	return 0;
}

int image_read_notes(struct image *image, const struct note_span *spans, size_t n) {
	uint64_t budget = NOTES_MAX; /* of all of them: many headers may claim the same bytes */
	_cleanup_free_ uint8_t *window = malloc(WINDOW_BYTES);

	if (!window)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		uint64_t length = MIN(spans[i].length, budget);
		int r;

		/* A damaged header may claim any length: not more is allocated than the input has. */
		if (!image->stream)
			length = MIN(length, image->file_bytes > spans[i].offset ? image->file_bytes - spans[i].offset : 0);
		if (length < spans[i].length)
			image->truncated = true;
		budget -= length;
		if (length > UINT64_MAX - spans[i].offset)
			continue;
		r = read_span(&(struct reader){ .image = image, .offset = spans[i].offset, .stop = spans[i].offset + length, .window = window });
		if (r < 0)
			return r;
	}
	return 0;
}
