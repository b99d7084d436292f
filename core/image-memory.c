/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory of the process by address: out of blocks read on demand (plain core), or out of what was kept while the core flowed by (stream).
 * Reads are bounded by what the file stores of a segment, never by its size in memory: beyond p_filesz the file holds another segment's bytes.
 */
#include "core/image-private.h"
#include "util/io.h"

/* Kept bytes of one core. Stacks of 200 threads and 64 MiB of main stack fit; the rest of a core is never needed at once. */
#define IMAGE_KEEP_MAX MIB(512)
/* Ranges that were missed between two passes: beyond it they are only counted as lost. */
#define MISSED_MAX 4096u
/* What is read around a missed address in the next pass: neighbours are usually wanted next. */
#define MISSED_MARGIN KIB(64)

const struct segment *image_find_segment(const struct image *image, uint64_t address) {
	size_t low = 0, high = image->n_segments;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct segment *s = &image->segments[middle];

		if (address < s->start)
			high = middle;
		else if (address >= s->end)
			low = middle + 1;
		else
			return s;
	}
	return NULL;
}

/* ── plain ── */

static int block_get(struct image *image, uint64_t offset, struct block **ret_block) {
	/* Stacks of threads lie a power of two apart: their blocks must not share a slot. */
	struct block *b = &image->blocks[offset / BLOCK_BYTES * UINT64_C(0x9e3779b97f4a7c15) >> (64 - BLOCK_BITS)];
	ssize_t n;

	if (b->length > 0 && b->offset == offset) {
		*ret_block = b;
		return 0;
	}
	image->window_length = 0;
	if (!b->data) {
		b->data = arena_alloc(image->arena, BLOCK_BYTES);
		if (!b->data)
			return -ENOMEM;
	}
	b->length = 0;
	n = pread_full(image->fd, b->data, BLOCK_BYTES, offset);
	if (n <= 0)
		return -EFAULT;
	b->offset = offset;
	b->length = (size_t)n;
	*ret_block = b;
	return 0;
}

/* b has bytes of s: as many of them as s stores can be read again without a search. */
static void set_window(struct image *image, const struct segment *s, const struct block *b) {
	uint64_t start = MAX(b->offset, s->offset), end = MIN(b->offset + b->length, s->offset + s->stored);

	image->window_start = s->start + (start - s->offset);
	image->window_length = end - start;
	image->window = b->data + (start - b->offset);
}

static int plain_read(struct image *image, const struct segment *s, uint64_t offset, uint8_t *buffer, size_t length) {
	while (length > 0) {
		uint64_t base = offset / BLOCK_BYTES * BLOCK_BYTES;
		size_t skip = (size_t)(offset - base), n;
		struct block *b;
		int r;

		r = block_get(image, base, &b);
		if (r < 0)
			return r;
		if (skip >= b->length)
			return -EFAULT;
		n = MIN(length, b->length - skip);
		memcpy(buffer, b->data + skip, n);
		set_window(image, s, b);
		buffer += n;
		offset += n;
		length -= n;
	}
	return 0;
}

/* ── stream ── */

static const struct kept *find_kept(const struct image *image, uint64_t address) {
	size_t low = 0, high = image->n_kept;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct kept *k = &image->kept[middle];

		if (address < k->start)
			high = middle;
		else if (address - k->start >= k->length)
			low = middle + 1;
		else
			return k;
	}
	return NULL;
}

static void add_missed(struct image *image, struct image_range want) {
	if (image->n_missed >= MISSED_MAX)
		return;
	if (image->n_missed == image->missed_allocated) {
		size_t more = MAX(image->missed_allocated * 2, (size_t)32);
		void *p = arena_grow(image->arena, image->missed, image->n_missed, more, sizeof(*image->missed));
		if (!p)
			return;
		image->missed = p;
		image->missed_allocated = more;
	}
	image->missed[image->n_missed++] = want;
}

static void note_missed(struct image *image, uint64_t address, uint64_t length) {
	struct image_range want = { address > MISSED_MARGIN ? address - MISSED_MARGIN : 0, address };

	if (!add_u64(address, length, &want.end) || !add_u64(want.end, MISSED_MARGIN, &want.end))
		want.end = UINT64_MAX;
	for (size_t i = 0; i < image->n_missed; i++)
		if (image->missed[i].start <= address && address + length <= image->missed[i].end)
			return;
	add_missed(image, want);
}

void image_want(struct image *image, uint64_t start, uint64_t end) {
	const struct kept *k;
	const struct segment *s;

	while (image->stream && start < end && (k = find_kept(image, start)))
		start = k->start + k->length;
	s = image_find_segment(image, start);
	/* What is not stored no pass brings. */
	if (image->stream && start < end && s && start - s->start < s->stored)
		add_missed(image, (struct image_range){ start, end });
}

static int stream_read(struct image *image, uint64_t address, uint8_t *buffer, size_t length) {
	while (length > 0) {
		const struct kept *k = find_kept(image, address);
		size_t n;

		if (!k) {
			note_missed(image, address, length);
			return -EAGAIN;
		}
		n = (size_t)MIN((uint64_t)length, k->length - (address - k->start));
		memcpy(buffer, k->data + (address - k->start), n);
		image->window_start = k->start;
		image->window_length = k->length;
		image->window = k->data;
		buffer += n;
		address += n;
		length -= n;
	}
	return 0;
}

bool image_read_again(const struct image *image, uint64_t address, void *buffer, size_t length) {
	uint64_t at = address - image->window_start;

	if (at >= image->window_length || length > image->window_length - at)
		return false;
	memcpy(buffer, image->window + at, length);
	return true;
}

int image_read(struct image *image, uint64_t address, void *buffer, size_t length) {
	uint8_t *to = buffer;

	/* A read may cross into the neighbouring segment, as memory does. */
	while (length > 0) {
		const struct segment *s = image_find_segment(image, address);
		uint64_t at;
		size_t n;
		int r;

		if (!s)
			return -EFAULT;
		at = address - s->start;
		if (at >= s->stored)
			return -EFAULT;
		n = (size_t)MIN((uint64_t)length, s->stored - at);
		r = image->stream ? stream_read(image, address, to, n) : plain_read(image, s, s->offset + at, to, n);
		if (r < 0)
			return r;
		to += n;
		address += n;
		length -= n;
	}
	return 0;
}

const struct image_range *image_missed(const struct image *image, size_t *ret_n) {
	*ret_n = image->n_missed;
	return image->missed;
}

/* ── passes ── */

/* A wanted piece of the unpacked file. */
struct piece {
	uint64_t offset, length, address;
};

static int compare_ranges(const void *a, const void *b) {
	const struct image_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start ? 1 : 0;
}

static int compare_pieces(const void *a, const void *b) {
	const struct piece *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset ? 1 : 0;
}

static int compare_kept(const void *a, const void *b) {
	const struct kept *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start ? 1 : 0;
}

/* Appends what of [start, end) lies in one segment, is stored, and is not kept yet. */
static size_t add_pieces(struct image *image, const struct segment *s, uint64_t start, uint64_t end, struct piece *pieces, size_t n, size_t max) {
	uint64_t at = MAX(start, s->start), stop = MIN(end, s->start + s->stored);

	while (at < stop && n < max) {
		const struct kept *k = find_kept(image, at);
		uint64_t until = stop;

		if (k) {
			at = k->start + k->length;
			continue;
		}
		for (size_t i = 0; i < image->n_kept; i++)
			if (image->kept[i].start > at) {
				until = MIN(until, image->kept[i].start);
				break;
			}
		pieces[n++] = (struct piece){ s->offset + (at - s->start), until - at, at };
		at = until;
	}
	return n;
}

/* Wanted ranges → pieces of the file, sorted by offset. Caller frees. */
static int plan_pieces(struct image *image, const struct image_range *ranges, size_t n, struct piece **ret_pieces, size_t *ret_n) {
	_cleanup_free_ struct image_range *sorted = NULL;
	_cleanup_free_ struct piece *pieces = NULL;
	size_t n_pieces = 0, max = n * 2 + image->n_segments + image->n_kept + 16;
	uint64_t done = 0;

	sorted = malloc(MAX(n, (size_t)1) * sizeof(*sorted));
	pieces = malloc(max * sizeof(*pieces));
	if (!sorted || !pieces)
		return -ENOMEM;
	if (n > 0)
		memcpy(sorted, ranges, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_ranges);
	for (size_t i = 0, s = 0; i < n; i++) {
		uint64_t start = MAX(sorted[i].start, done);

		if (start >= sorted[i].end)
			continue;
		while (s < image->n_segments && image->segments[s].end <= start)
			s++;
		for (size_t k = s; k < image->n_segments && image->segments[k].start < sorted[i].end; k++)
			n_pieces = add_pieces(image, &image->segments[k], start, sorted[i].end, pieces, n_pieces, max);
		done = sorted[i].end;
	}
	qsort(pieces, n_pieces, sizeof(*pieces), compare_pieces);
	*ret_pieces = take_ptr(pieces);
	*ret_n = n_pieces;
	return 0;
}

/* What the stream could not deliver is not stored after all. */
static void mark_lost(struct image *image, uint64_t offset) {
	image->truncated = true;
	for (size_t i = 0; i < image->n_segments; i++) {
		struct segment *s = &image->segments[i];

		if (s->offset + s->stored > offset)
			s->stored = s->offset >= offset ? 0 : offset - s->offset;
	}
}

static int keep_piece(struct image *image, const struct piece *p, size_t *ret_got) {
	size_t length = (size_t)p->length, got = 0;
	uint8_t *data = malloc(length);
	int r;

	if (!data)
		return -ENOMEM;
	r = image_raw_read(image, p->offset, data, length, &got);
	if (got == 0) {
		free(data);
	} else {
		image->kept[image->n_kept++] = (struct kept){ p->address, got, data };
		image->kept_bytes += got;
	}
	*ret_got = got;
	return r;
}

/* Drains what is left after the last piece, so that an early end or a bad checksum is noticed. */
static int drain(struct image *image) {
	for (;;) {
		uint64_t skipped = 0;
		int r = unpack_skip(image->unpack, UINT64_MAX / 2, &skipped);

		if (r < 0)
			return r;
		if (skipped == 0)
			return unpack_offset(image->unpack) < image->bytes ? -ENODATA : 0;
	}
}

static int fetch_pieces(struct image *image, const struct piece *pieces, size_t n) {
	for (size_t i = 0; i < n; i++) {
		size_t got = 0;
		int r;

		if (image->kept_bytes + pieces[i].length > IMAGE_KEEP_MAX)
			continue;
		r = keep_piece(image, &pieces[i], &got);
		if (r < 0)
			return r;
		if (got < pieces[i].length)
			return -ENODATA;
	}
	return image->truncated ? 0 : drain(image);
}

int image_fetch(struct image *image, const struct image_range *ranges, size_t n) {
	_cleanup_free_ struct piece *pieces = NULL;
	struct kept *kept;
	size_t n_pieces = 0;
	int r;

	image->n_missed = 0;
	if (!image->stream)
		return 0;
	image->window_length = 0;
	r = plan_pieces(image, ranges, n, &pieces, &n_pieces);
	if (r < 0)
		return r;
	kept = arena_grow(image->arena, image->kept, image->n_kept, image->n_kept + n_pieces, sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	image->kept = kept;
	r = fetch_pieces(image, pieces, n_pieces);
	qsort(image->kept, image->n_kept, sizeof(*image->kept), compare_kept);
	if (r == -ENOMEM || r == -ESPIPE)
		return r;
	if (r < 0) {
		mark_lost(image, unpack_offset(image->unpack));
		image_set_problem(image, r);
	}
	image->bytes = r < 0 ? unpack_offset(image->unpack) : MAX(image->bytes, unpack_offset(image->unpack));
	return r;
}

void image_close(struct image *image) {
	for (size_t i = 0; i < image->n_kept; i++)
		free(image->kept[i].data);
	if (image->unpack)
		unpack_free(image->unpack);
	image->unpack = NULL;
	image->n_kept = 0;
}
