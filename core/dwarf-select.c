/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See dwarf-select.h. All numbers are in the machine's own byte order: images are made of no others. */
#include "core/dwarf-select.h"

#include <dwarf.h>

#include "core/dwarf-aranges.h"
#include "core/dwarf-bytes.h"

/* The smallest header of a unit, without its length; the largest one takes 24 bytes more. */
#define UNIT_HEADER_MIN 7u

/* ── out of the stream ────────────────────────────────────────────────────────────────────────────────────── */

int span_read_length(struct section_stream *stream, const struct dwarf_part *part, uint64_t offset, uint8_t head[12],
		     size_t *ret_head, uint64_t *ret_size) {
	struct bytes b = { .at = head, .end = head + 12, .ok = true };
	uint64_t length;
	unsigned offset_bytes;
	size_t n = 4;
	int r;

	if (offset >= part->size || part->size - offset < 12)
		return -EBADMSG;
	r = section_stream_read(stream, offset, head, 4);
	if (r >= 0 && memcmp(head, "\xff\xff\xff\xff", 4) == 0) {
		r = section_stream_read(stream, offset + 4, head + 4, 8);
		n = 12;
	}
	if (r < 0)
		return r;
	length = take_length(&b, &offset_bytes);
	if (!b.ok || length > part->size - offset - n)
		return -EBADMSG;
	*ret_head = n;
	*ret_size = n + length;
	return 0;
}

static int append_unit(struct section_stream *stream, const struct dwarf_part *part, uint64_t offset,
		       struct selection *s) {
	uint8_t head[12], *grown;
	size_t n_head;
	uint64_t size;
	int r = span_read_length(stream, part, offset, head, &n_head, &size);

	if (r < 0)
		return r;
	/* Spans follow each other, so all together are no larger than the section, which was checked against a limit. */
	grown = realloc(s->bytes, s->size + (size_t)size);
	if (!grown)
		return -ENOMEM;
	s->bytes = grown;
	memcpy(s->bytes + s->size, head, n_head);
	r = section_stream_read(stream, offset + n_head, s->bytes + s->size + n_head, (size_t)size - n_head);
	if (r < 0)
		return r;
	s->size += (size_t)size;
	return 0;
}

/* The set, now of the unit at `offset`. */
static void append_set(const struct span *span, uint64_t offset, struct selection *s) {
	uint8_t *to = s->aranges + s->aranges_size;
	size_t field = span->offset_bytes == 8 ? 14 : 6; /* behind length and version */
	uint32_t narrow = (uint32_t)offset;

	memcpy(to, span->set, span->set_size);
	memcpy(to + field, span->offset_bytes == 8 ? (const void *)&offset : &narrow, span->offset_bytes);
	s->aranges_size += span->set_size;
}

static int append_all(struct section_stream *stream, const struct dwarf_part *info, const struct span *spans, size_t n,
		      struct selection *s) {
	uint64_t at = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		if (i == 0 || spans[i].offset != spans[i - 1].offset) {
			at = s->size;
			if (spans[i].offset < section_stream_at(stream))
				return -ENOENT;
			r = append_unit(stream, info, spans[i].offset, s);
			if (r < 0)
				return r;
		}
		append_set(&spans[i], at, s);
	}
	return 0;
}

/* The last units, as long as it is a long way to them for nothing. */
static void leave_out_far(const struct span *spans, size_t *n_spans, struct far_codes *far) {
	for (size_t n = *n_spans; n > 1 && far->n < FAR_CODES_MAX; n = --*n_spans) {
		const struct span *last = &spans[n - 1], *before = &spans[n - 2];

		if (last->next == 0 || last->size == 0 || last->offset_bytes != 4 ||
		    !far_unit(last->offset - MAX(before->offset, before->next), last->next - last->offset))
			break;
		far->list[far->n++] = (struct far_code){ .low = last->low, .size = last->size, .table = UINT64_MAX };
	}
}

int selection_make(const struct dwarf_parts *parts, int fd, const uint64_t *addresses, size_t n, uint64_t entry,
		   bool leave_out, struct selection *ret_selection) {
	const struct dwarf_part *aranges = dwarf_parts_get(parts, ".debug_aranges"), *info = dwarf_parts_get(parts, ".debug_info");
	_cleanup_(section_stream_freep) struct section_stream *stream = NULL;
	_cleanup_(selection_free) struct selection s = { .bytes = NULL };
	_cleanup_free_ uint8_t *sets = NULL;
	struct span spans[ARANGES_UNITS_MAX];
	size_t n_spans;
	int r;

	/* Signatures of types are looked for in all units. */
	if (!aranges || !info || n == 0 || dwarf_parts_get(parts, ".debug_types"))
		return -ENOENT;
	r = aranges_choose(aranges, fd, addresses, n, entry, spans, &n_spans, &sets);
	if (r < 0)
		return r;
	if (leave_out)
		leave_out_far(spans, &n_spans, &s.far);
	r = section_stream_new(info->packing, info->packed, info->packed_size, fd, info->offset, &stream);
	s.aranges = malloc(aranges->size);
	if (!s.aranges)
		return -ENOMEM;
	if (r >= 0)
		r = append_all(stream, info, spans, n_spans, &s);
	if (r < 0)
		return r;
	*ret_selection = s;
	s = (struct selection){ .bytes = NULL };
	return 0;
}

void selection_free(struct selection *s) {
	free(s->bytes);
	free(s->aranges);
	*s = (struct selection){ .bytes = NULL };
}

/* ── do they do? ──────────────────────────────────────────────────────────────────────────────────────────── */

/* Whether the table at b has an attribute that points into another unit. */
static bool table_refers(struct bytes *b) {
	while (b->at < b->end && take_leb(b) != 0) {
		uint64_t name, form;

		take_leb(b);
		take(b, 1);
		do {
			name = take_leb(b);
			form = take_leb(b);
			if (form == DW_FORM_implicit_const)
				take_leb(b);
			if (form == DW_FORM_ref_addr)
				return true;
		} while (b->ok && (name != 0 || form != 0));
		if (!b->ok)
			return true;
	}
	return !b->ok;
}

bool selection_is_closed(const struct selection *s, const uint8_t *abbrevs, size_t size) {
	struct bytes b = { .at = s->bytes, .end = s->bytes + s->size, .ok = true };
	uint64_t checked = UINT64_MAX;

	while (b.at < b.end) {
		unsigned offset_bytes;
		uint64_t length = take_length(&b, &offset_bytes), version, table;
		struct bytes unit = b, t;

		if (!b.ok || length < UNIT_HEADER_MIN || length > (uint64_t)(b.end - b.at))
			return false;
		b.at += length;
		version = take(&unit, 2);
		if (version >= 5)
			take(&unit, 2);
		table = take(&unit, offset_bytes);
		if (!unit.ok || table >= size)
			return false;
		if (table == checked)
			continue;
		checked = table;
		t = (struct bytes){ .at = abbrevs + table, .end = abbrevs + size, .ok = true };
		if (table_refers(&t))
			return false;
	}
	return true;
}

/* ── lines ────────────────────────────────────────────────────────────────────────────────────────────────── */

static int compare_offsets(const void *a, const void *b) {
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int collect_tables(Dwarf *dwarf, uint64_t *offsets, size_t *ret_n) {
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	size_t n = 0;

	while (dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &die, NULL) == 0) {
		Dwarf_Attribute attribute;
		Dwarf_Word offset;

		if (!dwarf_attr(&die, DW_AT_stmt_list, &attribute) || dwarf_formudata(&attribute, &offset) != 0)
			continue;
		if (n == ARANGES_UNITS_MAX)
			return -EFBIG;
		offsets[n++] = offset;
	}
	qsort(offsets, n, sizeof(*offsets), compare_offsets);
	*ret_n = n;
	return 0;
}

int selection_fill_lines(struct selection *s, Dwarf *dwarf, const struct dwarf_part *lines, int fd, uint8_t *to) {
	_cleanup_(section_stream_freep) struct section_stream *stream = NULL;
	uint64_t offsets[ARANGES_UNITS_MAX], end = 0;
	size_t n;
	int r;

	r = collect_tables(dwarf, offsets, &n);
	if (r >= 0)
		r = section_stream_new(lines->packing, lines->packed, lines->packed_size, fd, lines->offset, &stream);
	for (size_t i = 0; i < n && r >= 0; i++) {
		uint64_t offset = offsets[i], size;
		uint8_t head[12];
		size_t n_head;

		if (i > 0 && offset == offsets[i - 1])
			continue;
		if (offset < section_stream_at(stream))
			return -EBADMSG;
		r = span_read_length(stream, lines, offset, head, &n_head, &size);
		if (r < 0)
			return r;
		memcpy(to + offset, head, n_head);
		r = section_stream_read(stream, offset + n_head, to + offset + n_head, (size_t)size - n_head);
		end = offset + size;
	}
	return r < 0 ? r : far_codes_place(&s->far, stream, end, lines, to);
}
