/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See dwarf-aranges.h. */
#include "core/dwarf-aranges.h"

#include "core/dwarf-bytes.h"

/* _start, which the outermost frame of most programs is in, comes from the C library's crt1.o, which has no debug info
 * (glibc's and musl's are shorter than this on all CPUs): that no unit claims it says nothing about the others. */
#define ENTRY_BYTES 64u

struct wish {
	uint64_t address;
	bool granted;
};

static int compare_wishes(const void *a, const void *b) {
	const struct wish *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static int compare_spans(const void *a, const void *b) {
	const struct span *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Whether any of the addresses lies within; they are marked. */
static bool grant(struct wish *wishes, size_t n, uint64_t low, uint64_t size) {
	size_t first = 0, last = n;
	bool any = false;

	while (first < last) {
		size_t middle = first + (last - first) / 2;

		if (wishes[middle].address < low)
			first = middle + 1;
		else
			last = middle;
	}
	for (; first < n && wishes[first].address - low < size; first++)
		any = wishes[first].granted = true;
	return any;
}

/* One set of .debug_aranges, b, that begins at start. */
static bool set_is_wanted(struct bytes *b, const uint8_t *start, unsigned offset_bytes, struct wish *wishes, size_t n,
			  struct span *ret_span) {
	uint64_t version = take(b, 2), unit = take(b, offset_bytes), address_bytes = take(b, 1), segment_bytes = take(b, 1);
	size_t tuple = 2 * (size_t)address_bytes, header = (size_t)(b->at - start);
	size_t ranges = 0;

	if (!b->ok || version != 2 || segment_bytes != 0 || (address_bytes != 4 && address_bytes != 8)) {
		b->ok = false;
		return false;
	}
	/* Tuples are aligned to their own size from the start of the set. */
	b->at += MIN((tuple - header % tuple) % tuple, (size_t)(b->end - b->at));
	while ((size_t)(b->end - b->at) >= tuple) {
		uint64_t low = take(b, address_bytes), size = take(b, address_bytes);

		if (low == 0 && size == 0)
			break;
		if (grant(wishes, n, low, size))
			*ret_span = (struct span){ .low = low, .size = ranges++ == 0 ? size : 0 };
	}
	ret_span->offset = unit;
	return ranges > 0;
}

static int find_units(const uint8_t *aranges, size_t size, struct wish *wishes, size_t n, uint64_t entry,
		      struct span *spans, size_t *ret_n_spans) {
	struct bytes b = { .at = aranges, .end = aranges + size, .ok = true };
	size_t n_spans = 0;

	while (b.at < b.end) {
		const uint8_t *start = b.at;
		unsigned offset_bytes;
		uint64_t length = take_length(&b, &offset_bytes);
		struct span span = { .offset = 0 };
		struct bytes set = b;

		if (!b.ok || length > (uint64_t)(b.end - b.at))
			return -EBADMSG;
		b.at += length;
		set.end = b.at;
		if (set_is_wanted(&set, start, offset_bytes, wishes, n, &span)) {
			if (n_spans == ARANGES_UNITS_MAX)
				return -ENOENT;
			span.set = start;
			span.set_size = (size_t)(set.end - start);
			span.offset_bytes = offset_bytes;
			spans[n_spans++] = span;
		}
		if (!set.ok)
			return -EBADMSG;
		/* Sets of one unit may follow each other, and this may be one that was just added. */
		for (size_t i = n_spans; i-- > 0 && spans[i].next == 0;)
			if (spans[i].offset < span.offset)
				spans[i].next = span.offset;
	}
	for (size_t i = 0; i < n; i++)
		if (!wishes[i].granted && wishes[i].address - entry >= ENTRY_BYTES)
			return -ENOENT;
	*ret_n_spans = n_spans;
	return 0;
}

static int read_aranges(const struct dwarf_part *part, int fd, uint8_t **ret_bytes) {
	_cleanup_(section_stream_freep) struct section_stream *stream = NULL;
	_cleanup_free_ uint8_t *bytes = malloc(part->size);
	int r;

	if (!bytes)
		return -ENOMEM;
	r = section_stream_new(part->packing, part->packed, part->packed_size, fd, part->offset, &stream);
	if (r >= 0)
		r = section_stream_read(stream, 0, bytes, part->size);
	if (r < 0)
		return r;
	*ret_bytes = take_ptr(bytes);
	return 0;
}

int aranges_choose(const struct dwarf_part *part, int fd, const uint64_t *addresses, size_t n, uint64_t entry,
			struct span *spans, size_t *ret_n_spans, uint8_t **ret_aranges) {
	_cleanup_free_ struct wish *wishes = calloc(MAX(n, (size_t)1), sizeof(*wishes));
	_cleanup_free_ uint8_t *aranges = NULL;
	int r;

	if (!wishes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		wishes[i].address = addresses[i];
	qsort(wishes, n, sizeof(*wishes), compare_wishes);
	r = read_aranges(part, fd, &aranges);
	if (r >= 0)
		r = find_units(aranges, part->size, wishes, n, entry, spans, ret_n_spans);
	if (r < 0)
		return r;
	qsort(spans, *ret_n_spans, sizeof(*spans), compare_spans);
	*ret_aranges = take_ptr(aranges);
	return 0;
}
