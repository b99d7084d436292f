/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See go-pclntab.h. Numbers are little-endian: so are all machines that cores are read of here. */
#include "core/go-pclntab.h"

/* The largest programs known (kubernetes) have some 120 000. */
#define FUNCTIONS_MAX (4u << 20)
/* Names of generic instances reach some kilobytes. */
#define NAME_MAX_BYTES KIB(16)
/* Steps of one value table: a function of a megabyte has some 100 000. */
#define VALUE_STEPS_MAX (1u << 20)
/* Stack of one function; the compiler moves larger variables to the heap (it refuses frames above 1 GiB). */
#define STACK_MAX GIB(1)
/* A function's tables of values and of pointers: there are about ten kinds. */
#define TABLES_MAX 64u
/* The table of values that leads into the inline tree, and the tree among the pointers (Go 1.18 and later). */
#define VALUES_INLINE 2u
#define POINTER_INLINE 3u

/* Where things are. Header words count from behind the first 8 bytes; record members are in bytes behind the entry, which is a word or 4 bytes. */
struct go_layout {
	uint32_t magic;
	bool offsets;           /* entries are 32-bit offsets from the text */
	uint8_t n_words;        /* of the header */
	int8_t text, names, units, files, values, functions; /* header words, -1: none */
	uint8_t name, pcsp, pcfile, pcline, n_values, unit, n_pointers, record_bytes; /* members; unit 0: files are numbered throughout */
	uint8_t tree_bytes, tree_name, tree_caller; /* an entry of an inline tree; 0: not read */
};

static const struct go_layout layouts[] = {
	{ .magic = 0xfffffffb, .n_words = 1, .text = -1, .names = -1, .units = -1, .files = -1, .values = -1, .functions = -1,
	  .name = 0, .pcsp = 12, .pcfile = 16, .pcline = 20, .n_values = 24, .n_pointers = 31, .record_bytes = 32 },
	{ .magic = 0xfffffffa, .n_words = 7, .text = -1, .names = 2, .units = 3, .files = 4, .values = 5, .functions = 6,
	  .name = 0, .pcsp = 12, .pcfile = 16, .pcline = 20, .n_values = 24, .unit = 28, .n_pointers = 35, .record_bytes = 36 },
	{ .magic = 0xfffffff0, .offsets = true, .n_words = 8, .text = 2, .names = 3, .units = 4, .files = 5, .values = 6, .functions = 7,
	  .name = 0, .pcsp = 12, .pcfile = 16, .pcline = 20, .n_values = 24, .unit = 28, .n_pointers = 35, .record_bytes = 36,
	  .tree_bytes = 20, .tree_name = 12, .tree_caller = 16 },
	{ .magic = 0xfffffff1, .offsets = true, .n_words = 8, .text = 2, .names = 3, .units = 4, .files = 5, .values = 6, .functions = 7,
	  .name = 0, .pcsp = 12, .pcfile = 16, .pcline = 20, .n_values = 24, .unit = 28, .n_pointers = 39, .record_bytes = 40,
	  .tree_bytes = 16, .tree_name = 4, .tree_caller = 8 },
};

static uint64_t little(const uint8_t *p, size_t n) {
	uint64_t value = 0;

	for (size_t i = n; i-- > 0;)
		value = value << 8 | p[i];
	return value;
}

/* n bytes at base + offset, if they lie within the table. */
static bool read_at(const struct go_pclntab *t, uint64_t base, uint64_t offset, size_t n, uint64_t *ret_value) {
	uint64_t at, end;

	if (!add_u64(base, offset, &at) || !add_u64(at, n, &end) || end > t->size)
		return false;
	*ret_value = little(t->data + at, n);
	return true;
}

static const struct go_layout *layout_of(const uint8_t *head) {
	uint32_t magic = (uint32_t)little(head, 4);
	unsigned quantum = head[6], word = head[7];

	if (head[4] != 0 || head[5] != 0 || (quantum != 1 && quantum != 2 && quantum != 4) || (word != 4 && word != 8))
		return NULL;
	for (size_t i = 0; i < ELEMENTSOF(layouts); i++)
		if (layouts[i].magic == magic)
			return &layouts[i];
	return NULL;
}

bool go_pclntab_is_head(const uint8_t *head) {
	return layout_of(head) != NULL;
}

size_t go_pclntab_text_at(const uint8_t *head) {
	const struct go_layout *layout = layout_of(head);

	return layout && layout->text >= 0 ? GO_PCLNTAB_HEAD + (size_t)layout->text * head[7] : 0;
}

/* One of the header's offsets; a layout without it has everything count from the start. */
static bool part(const struct go_pclntab *t, int word, size_t *ret_offset) {
	uint64_t value = 0;

	if (word >= 0 && (!read_at(t, GO_PCLNTAB_HEAD, (uint64_t)word * t->word, t->word, &value) || value >= t->size))
		return false;
	*ret_offset = (size_t)value;
	return true;
}

static size_t entry_bytes(const struct go_pclntab *t) {
	return t->layout->offsets ? 4 : t->word;
}

/* The start of function i (or, with i == n_functions, the end of the last one) and its record. */
static bool function_at(const struct go_pclntab *t, size_t i, uint64_t *ret_start, uint64_t *ret_record) {
	size_t bytes = entry_bytes(t);
	uint64_t start;

	if (!read_at(t, t->functions, (uint64_t)i * 2 * bytes, bytes, &start) || !add_u64(start, t->text, ret_start))
		return false;
	return !ret_record || (read_at(t, t->functions, ((uint64_t)i * 2 + 1) * bytes, bytes, ret_record) && *ret_record < t->size);
}

/* Chance makes no table whose ends are in order and whose first function has a name. */
static bool is_plausible(const struct go_pclntab *t) {
	uint64_t first, second, end;
	struct go_function f;

	return function_at(t, 0, &first, NULL) && function_at(t, 1, &second, NULL) && function_at(t, t->n_functions, &end, NULL) && first < second &&
	       second <= end && go_pclntab_find(t, first, &f) == 0 && *f.name;
}

int go_pclntab_open(const uint8_t *data, size_t size, uint64_t text, struct go_pclntab *ret_table) {
	struct go_pclntab t = { .data = data, .size = size };
	uint64_t n;

	t.layout = size >= GO_PCLNTAB_HEAD ? layout_of(data) : NULL;
	if (!t.layout)
		return -EBADMSG;
	t.quantum = data[6];
	t.word = data[7];
	if (!read_at(&t, GO_PCLNTAB_HEAD, 0, t.word, &n) || n == 0 || n > FUNCTIONS_MAX)
		return -EBADMSG;
	t.n_functions = (size_t)n;
	if (!part(&t, t.layout->names, &t.names) || !part(&t, t.layout->units, &t.units) || !part(&t, t.layout->files, &t.files) ||
	    !part(&t, t.layout->values, &t.values) || !part(&t, t.layout->functions, &t.functions))
		return -EBADMSG;
	if (t.layout->functions < 0) {
		/* Go 1.2: the functions follow the header, the place of the files follows them. */
		t.functions = GO_PCLNTAB_HEAD + t.word;
		if (!read_at(&t, t.functions, (2 * n + 1) * t.word, 4, &n) || n >= size)
			return -EBADMSG;
		t.files = (size_t)n;
	}
	if (t.layout->text >= 0) {
		t.text = text;
		if (text == 0 && (!read_at(&t, 0, go_pclntab_text_at(data), t.word, &t.text) || t.text == 0))
			return -ENODATA;
	}
	if (!is_plausible(&t))
		return -EBADMSG;
	*ret_table = t;
	return 0;
}

static const char *string_at(const struct go_pclntab *t, uint64_t base, uint64_t offset) {
	uint64_t at;

	if (!add_u64(base, offset, &at) || at >= t->size)
		return NULL;
	return memchr(t->data + at, 0, MIN(t->size - (size_t)at, (size_t)NAME_MAX_BYTES)) ? (const char *)t->data + at : NULL;
}

/* A member of a function's record. */
static bool member(const struct go_pclntab *t, const struct go_function *f, unsigned offset, size_t bytes, uint64_t *ret_value) {
	return read_at(t, f->record, entry_bytes(t) + offset, bytes, ret_value);
}

static int get_function(const struct go_pclntab *t, size_t i, struct go_function *ret) {
	uint64_t record, at, name;
	struct go_function f;

	if (!function_at(t, i, &f.start, &record) || !function_at(t, i + 1, &f.end, NULL) || f.end < f.start)
		return -EBADMSG;
	/* Before 1.16 records count from the start, as everything does. */
	if (!add_u64(record, t->layout->functions < 0 ? 0 : t->functions, &at) || at >= t->size)
		return -EBADMSG;
	f.record = (size_t)at;
	if (!member(t, &f, t->layout->name, 4, &name) || name > INT32_MAX)
		return -EBADMSG;
	f.name = string_at(t, t->names, name);
	if (!f.name)
		return -EBADMSG;
	*ret = f;
	return 0;
}

int go_pclntab_find(const struct go_pclntab *t, uint64_t address, struct go_function *ret_function) {
	size_t low = 0, high = t->n_functions;
	struct go_function f;
	uint64_t start;
	int r;

	/* The last function that starts at or before it. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (!function_at(t, middle, &start, NULL))
			return -EBADMSG;
		if (start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return -ENOENT;
	r = get_function(t, low - 1, &f);
	if (r < 0)
		return r;
	if (address < f.start || address >= f.end)
		return -ENOENT;
	*ret_function = f;
	return 0;
}

int go_pclntab_find_name(const struct go_pclntab *t, const char *name, struct go_function *ret_function) {
	struct go_function f;

	for (size_t i = 0; i < t->n_functions; i++)
		if (get_function(t, i, &f) == 0 && streq(f.name, name)) {
			*ret_function = f;
			return 0;
		}
	return -ENOENT;
}

static bool read_varint(const struct go_pclntab *t, uint64_t *at, uint32_t *ret_value) {
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 35 && *at < t->size; shift += 7) {
		uint8_t byte = t->data[(*at)++];

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = (uint32_t)value;
			return value <= UINT32_MAX;
		}
	}
	return false;
}

/* A table of values by address: pairs of how much the value grows (with its sign in the lowest bit) and for how many instructions it holds. A growth of 0
 * ends the table, but at its beginning. */
static int find_value(const struct go_pclntab *t, const struct go_function *f, uint64_t table, uint64_t address, int32_t *ret_value) {
	uint64_t at, pc = f->start;
	uint32_t value = UINT32_MAX, growth, length;

	if (table == 0)
		return -ENOENT;
	if (!add_u64(t->values, table, &at))
		return -EBADMSG;
	for (unsigned i = 0; i < VALUE_STEPS_MAX; i++) {
		if (!read_varint(t, &at, &growth))
			return -EBADMSG;
		if (growth == 0 && i > 0)
			return -ENOENT;
		value += growth & 1 ? ~(growth >> 1) : growth >> 1;
		if (!read_varint(t, &at, &length) || !add_u64(pc, (uint64_t)length * t->quantum, &pc))
			return -EBADMSG;
		if (address < pc) {
			*ret_value = (int32_t)value;
			return 0;
		}
	}
	return -EBADMSG;
}

static int find_member_value(const struct go_pclntab *t, const struct go_function *f, unsigned offset, uint64_t address, int32_t *ret_value) {
	uint64_t table;

	if (!member(t, f, offset, 4, &table))
		return -EBADMSG;
	return find_value(t, f, table, address, ret_value);
}

/* Files are numbered within a compilation unit, whose part of the table of names the record tells; before 1.16 throughout. */
static const char *file_name(const struct go_pclntab *t, const struct go_function *f, uint32_t number) {
	uint64_t unit, offset;

	if (t->layout->unit == 0)
		return read_at(t, t->files, (uint64_t)number * 4, 4, &offset) && number > 0 ? string_at(t, 0, offset) : NULL;
	if (!member(t, f, t->layout->unit, 4, &unit) || !read_at(t, t->units, (unit + number) * 4, 4, &offset) || offset == UINT32_MAX)
		return NULL;
	return string_at(t, t->files, offset);
}

int go_function_line(const struct go_pclntab *t, const struct go_function *f, uint64_t address, const char **ret_file, uint32_t *ret_line) {
	int32_t file, line;
	int r = find_member_value(t, f, t->layout->pcline, address, &line);

	if (r < 0)
		return r;
	if (line <= 0)
		return -ENOENT;
	r = find_member_value(t, f, t->layout->pcfile, address, &file);
	if (r < 0)
		return r;
	*ret_file = file >= 0 ? file_name(t, f, (uint32_t)file) : NULL;
	*ret_line = (uint32_t)line;
	return 0;
}

int go_function_stack(const struct go_pclntab *t, const struct go_function *f, uint64_t address, uint32_t *ret_bytes) {
	int32_t bytes;
	int r = find_member_value(t, f, t->layout->pcsp, address, &bytes);

	if (r < 0)
		return r;
	if (bytes < 0 || (uint64_t)bytes > STACK_MAX)
		return -EBADMSG;
	*ret_bytes = (uint32_t)bytes;
	return 0;
}

/* Behind the record: the places of n_values value tables, then of n_pointers pointers. */
static int find_place(const struct go_pclntab *t, const struct go_function *f, bool pointer, unsigned index, uint64_t *ret_place) {
	uint64_t n_values, n_pointers;

	if (!member(t, f, t->layout->n_values, 4, &n_values) || !member(t, f, t->layout->n_pointers, 1, &n_pointers))
		return -EBADMSG;
	if (n_values > TABLES_MAX || n_pointers > TABLES_MAX)
		return -EBADMSG;
	if (index >= (pointer ? n_pointers : n_values))
		return -ENOENT;
	return member(t, f, t->layout->record_bytes + (unsigned)(pointer ? n_values : 0) * 4 + index * 4, 4, ret_place) ? 0 : -EBADMSG;
}

int go_function_inline_tree(const struct go_pclntab *t, const struct go_function *f, uint32_t *ret_offset) {
	uint64_t place;
	int r = t->layout->tree_bytes > 0 ? find_place(t, f, true, POINTER_INLINE, &place) : -ENOENT;

	if (r < 0)
		return r;
	if (place == UINT32_MAX)
		return -ENOENT;
	*ret_offset = (uint32_t)place;
	return 0;
}

int go_function_inline(const struct go_pclntab *t, const struct go_function *f, uint64_t address, const uint8_t *tree, size_t tree_size,
		       struct go_inline *ret_inline) {
	const struct go_layout *l = t->layout;
	struct go_inline call;
	const uint8_t *entry;
	uint64_t table;
	int32_t index;
	int r = l->tree_bytes > 0 ? find_place(t, f, false, VALUES_INLINE, &table) : -ENOENT;

	if (r >= 0)
		r = find_value(t, f, table, address, &index);
	if (r < 0)
		return r;
	if (index < 0)
		return -ENOENT;
	if (((uint64_t)index + 1) * l->tree_bytes > tree_size)
		return -EBADMSG;
	entry = tree + (size_t)index * l->tree_bytes;
	call.name = string_at(t, t->names, little(entry + l->tree_name, 4));
	call.caller = f->start + little(entry + l->tree_caller, 4);
	if (!call.name || call.caller >= f->end || call.caller < f->start)
		return -EBADMSG;
	*ret_inline = call;
	return 0;
}
