/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What image.c and image-memory.c share; nobody else includes this. */
#pragma once

#include "core/image.h"
#include "core/unpack.h"

/* Bytes kept of a stream: [start, start + length). */
struct kept {
	uint64_t start, length;
	uint8_t *data;
};

/* The beginning of a stream stays in memory: headers are read out of order, and a pipe cannot go back. */
#define HEAD_BYTES (64u << 10)

/* One block of a plain core, read when first asked for. */
/* Small: of each of two hundred stacks only the last few kilobytes are looked at, and only while it is unwound. */
#define BLOCK_BYTES (8u << 10)
#define BLOCK_BITS 5
#define BLOCK_SLOTS (1u << BLOCK_BITS)
struct block {
	uint64_t offset;        /* in the file, a multiple of BLOCK_BYTES; valid if length > 0 */
	size_t length;
	uint8_t *data;
};

struct image {
	struct arena *arena;
	int fd;                 /* borrowed */
	struct unpack *unpack;
	bool stream;            /* not a plain regular file */
	uint64_t file_bytes;    /* of a plain regular file */
	uint64_t bytes;
	uint8_t *head;          /* of a stream */
	size_t head_length;
	const struct arch *arch;
	struct segment *segments;
	size_t n_segments;
	struct image_note *notes;
	size_t n_notes, notes_allocated;
	bool truncated;
	const char *problem;

	struct kept *kept;      /* by address, disjoint */
	size_t n_kept;
	uint64_t kept_bytes;
	/* What was read last is mostly read next: bytes of [window_start, window_start + window_length), or length 0. */
	uint64_t window_start, window_length;
	const uint8_t *window;
	struct image_range *missed;
	size_t n_missed, missed_allocated;

	struct block blocks[BLOCK_SLOTS];
};

/* Bytes of the unpacked file. *ret_length, always set, says how many were there before the end or an error. 0; what unpack_read() returns; -ESPIPE. */
int image_raw_read(struct image *image, uint64_t offset, void *buffer, size_t length, size_t *ret_length);
void image_set_problem(struct image *image, int error);

struct note_span {
	uint64_t offset, length;
};

/* Adds the notes in these spans to the image's. Damage becomes the image's problem and `truncated`. 0 or -ENOMEM. In image-notes.c. */
int image_read_notes(struct image *image, const struct note_span *spans, size_t n);
