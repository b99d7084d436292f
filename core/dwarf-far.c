/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See dwarf-far.h. All numbers are in the machine's own byte order: images are made of no others. */
#include "core/dwarf-far.h"

#include <dwarf.h>

#include "core/dwarf-select.h"
#include "util/text.h"

/* The entry of an assembler file, and of its one function, take some 80 bytes. */
#define FAR_UNIT_MAX 128u
/* What a millisecond unpacks, roughly. */
#define FAR_DISTANCE KIB(512)
/* Tables of assembler files are small; the largest of glibc's (memmove, with all its variants) has 12 KiB. */
#define FAR_TABLE_MAX KIB(64)

bool far_unit(uint64_t distance, uint64_t unit_bytes) {
	return unit_bytes <= FAR_UNIT_MAX && distance >= FAR_DISTANCE;
}

/* Whether a sequence of the table begins at the address: DW_LNE_set_address, an extended opcode of 8 bytes and itself. */
static bool begins_at(const uint8_t *table, size_t size, uint64_t address) {
	uint8_t opcode[11] = { 0, 9, DW_LNE_set_address };

	memcpy(opcode + 3, &address, sizeof(address));
	return memmem(table, size, opcode, sizeof(opcode));
}

static bool is_assembler(const char *path) {
	size_t n = path ? strlen(path) : 0;

	return n > 2 && (streq(path + n - 2, ".S") || streq(path + n - 2, ".s"));
}

/* The table that begins at `at`, at its place. *ret_end: where the next one begins. */
static int read_table(struct section_stream *stream, uint64_t at, const struct dwarf_part *lines, uint8_t *to,
		      uint64_t *ret_end) {
	uint8_t head[12];
	size_t n_head;
	uint64_t size;
	int r = span_read_length(stream, lines, at, head, &n_head, &size);

	if (r < 0)
		return r;
	/* A table in the wide format is larger than any assembler file's, one without a header is none. */
	if (n_head != 4 || size < n_head + sizeof(head))
		return -EBADMSG;
	*ret_end = at + size;
	if (size - n_head > FAR_TABLE_MAX)
		return 0;
	memcpy(to + at, head, n_head);
	return section_stream_read(stream, at + n_head, to + at + n_head, (size_t)size - n_head);
}

int far_codes_place(struct far_codes *codes, struct section_stream *stream, uint64_t at, const struct dwarf_part *lines,
		    uint8_t *to) {
	size_t left = codes->n;

	while (left > 0) {
		uint64_t end;
		int r = read_table(stream, at, lines, to, &end);
		bool wanted = false;

		if (r < 0)
			return r == -ENOMEM ? r : -EAGAIN;
		for (size_t i = 0; i < codes->n; i++) {
			struct far_code *c = &codes->list[i];

			if (end - at > FAR_TABLE_MAX || c->table != UINT64_MAX || !begins_at(to + at, (size_t)(end - at), c->low))
				continue;
			c->table = at;
			wanted = true;
			left--;
		}
		/* What nobody asks for is not there, as if it had never been unpacked. */
		if (!wanted && end - at <= FAR_TABLE_MAX)
			memset(to + at, 0, (size_t)(end - at));
		at = end;
	}
	return 0;
}

int far_codes_line(const struct far_codes *codes, Dwarf *dwarf, uint64_t address, Dwarf_Line **ret_line,
		   const char **ret_directory) {
	const struct far_code *c = NULL;
	const char *const *directories;
	Dwarf_Line *found = NULL;
	Dwarf_Files *files;
	Dwarf_Lines *lines;
	Dwarf_CU *cu = NULL;
	size_t n_files, n_lines, n_directories;
	Dwarf_Off next;

	for (size_t i = 0; i < codes->n && !c; i++)
		if (address - codes->list[i].low < codes->list[i].size)
			c = &codes->list[i];
	if (!c || dwarf_next_lines(dwarf, c->table, &next, &cu, &files, &n_files, &lines, &n_lines) != 0)
		return -ENOENT;
	/* In order of addresses; where a sequence ends there is a line without code. */
	for (size_t i = 0; i < n_lines; i++) {
		Dwarf_Line *line = dwarf_onesrcline(lines, i);
		bool ends = false;
		Dwarf_Addr at;

		if (!line || dwarf_lineaddr(line, &at) != 0 || at > address)
			break;
		found = dwarf_lineendsequence(line, &ends) == 0 && ends ? NULL : line;
	}
	if (!found || !is_assembler(dwarf_linesrc(found, NULL, NULL)))
		return -ENOENT;
	*ret_line = found;
	*ret_directory = dwarf_getsrcdirs(files, &directories, &n_directories) == 0 && n_directories > 0 ? directories[0] : NULL;
	return 0;
}
