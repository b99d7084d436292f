/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding the table in the file, and what it counts from; see go-module.h. Formats: ELF gABI; runtime/symtab.go of Go for the runtime's module data. */
#include "core/go-module.h"

#include "core/dwarf-file.h"

/* Bytes of mapped data that are searched for a table without a section, and for the module data: the largest Go programs have some 100 MiB. */
#define SEARCH_MAX MIB(256)
/* Relocations of one file that are looked through: a large program linked to run anywhere has some 500 000. */
#define RELOCATIONS_MAX (8u << 20)
/* Program headers: real files have about a dozen. */
#define PHDRS_MAX 256u
/* Tables are aligned to 32 bytes, by any linker to a word. */
#define ALIGNMENT 8u
/* Places that look like a table or the module data: a file full of them is made so. */
#define TRIES_MAX 32u
/* "Go", type 4: the build id that the Go linker writes. */
#define NOTE_GO 4u

/* The file as it is mapped. */
struct go_file {
	Elf *elf;
	const uint8_t *raw;
	size_t size;
	unsigned machine;
};

/* A program header whose bytes lie within the file. */
static bool segment_at(const struct go_file *f, size_t i, GElf_Phdr *ret) {
	uint64_t end;

	return i < PHDRS_MAX && gelf_getphdr(f->elf, (int)i, ret) && add_u64(ret->p_offset, ret->p_filesz, &end) && end <= f->size;
}

static size_t n_segments(const struct go_file *f) {
	size_t n;

	return elf_getphdrnum(f->elf, &n) < 0 ? 0 : MIN(n, (size_t)PHDRS_MAX);
}

/* The bytes of the file from an address on, up to the end of the segment that holds it. */
static const uint8_t *bytes_at(const struct go_file *f, uint64_t address, size_t *ret_size) {
	for (size_t i = 0; i < n_segments(f); i++) {
		GElf_Phdr p;

		if (!segment_at(f, i, &p) || p.p_type != PT_LOAD || address < p.p_vaddr || address - p.p_vaddr >= p.p_filesz)
			continue;
		*ret_size = (size_t)(p.p_filesz - (address - p.p_vaddr));
		return f->raw + p.p_offset + (address - p.p_vaddr);
	}
	return NULL;
}

static uint64_t word_of(const uint8_t *p, size_t bytes) {
	uint64_t value = 0;

	memcpy(&value, p, bytes);
	return value;
}

/* ── what the loader would have written ── */

struct relocations {
	const uint8_t *bytes;
	size_t n;
	unsigned type;
};

/* Of 64-bit programs: the others keep the value in its place. */
static bool find_relocations(const struct go_file *f, struct relocations *ret) {
	uint64_t address = 0, length = 0;
	size_t size = 0;

	for (size_t i = 0; i < n_segments(f); i++) {
		GElf_Phdr p;

		if (!segment_at(f, i, &p) || p.p_type != PT_DYNAMIC)
			continue;
		for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= p.p_filesz; at += sizeof(Elf64_Dyn)) {
			Elf64_Dyn d;

			memcpy(&d, f->raw + p.p_offset + at, sizeof(d));
			if (d.d_tag == DT_RELA)
				address = d.d_un.d_ptr;
			else if (d.d_tag == DT_RELASZ)
				length = d.d_un.d_val;
		}
	}
	ret->bytes = address != 0 ? bytes_at(f, address, &size) : NULL;
	length = MIN(length, (uint64_t)size) / sizeof(Elf64_Rela);
	ret->n = (size_t)MIN(length, (uint64_t)RELOCATIONS_MAX);
	ret->type = f->machine == EM_X86_64 ? R_X86_64_RELATIVE : R_AARCH64_RELATIVE;
	return ret->bytes && ret->n > 0;
}

/* The relocation of a place, or (with a value) the one that writes it. */
static bool find_relocation(const struct go_file *f, bool by_value, uint64_t key, Elf64_Rela *ret) {
	struct relocations all;

	if (gelf_getclass(f->elf) != ELFCLASS64 || !find_relocations(f, &all))
		return false;
	for (size_t i = 0; i < all.n; i++) {
		memcpy(ret, all.bytes + i * sizeof(*ret), sizeof(*ret));
		if (ELF64_R_TYPE(ret->r_info) == all.type && (by_value ? (uint64_t)ret->r_addend : ret->r_offset) == key)
			return true;
	}
	return false;
}

/* A pointer in the program's data, as a file address. */
static bool pointer_at(const struct go_file *f, uint64_t address, unsigned word, uint64_t *ret_value) {
	const uint8_t *bytes;
	Elf64_Rela relocation;
	size_t size;

	bytes = bytes_at(f, address, &size);
	if (!bytes || size < word)
		return false;
	*ret_value = word_of(bytes, word);
	if (*ret_value == 0 && find_relocation(f, false, address, &relocation))
		*ret_value = (uint64_t)relocation.r_addend;
	return *ret_value != 0;
}

/* ── the table ── */

static int open_at(struct core *core, const struct module *m, const struct go_file *f, uint64_t address, struct go_module *ret) {
	struct go_module go = { .address = address };
	uint64_t text = 0;
	const uint8_t *bytes;
	size_t size, at;
	int r;

	bytes = bytes_at(f, address, &size);
	if (!bytes || size < GO_PCLNTAB_HEAD || !go_pclntab_is_head(bytes))
		return -EBADMSG;
	r = go_pclntab_open(bytes, size, 0, &go.table);
	if (r == -ENODATA) {
		/* A program that may lie anywhere: the loader puts the address in. */
		at = go_pclntab_text_at(bytes);
		if (!pointer_at(f, address + at, bytes[7], &text) &&
		    core_read_word(core, m->info->bias + address + at, &text) >= 0 && text >= m->info->start && text < m->info->end)
			text -= m->info->bias;
		r = text != 0 ? go_pclntab_open(bytes, size, text, &go.table) : -EBADMSG;
	}
	if (r < 0)
		return r;
	*ret = go;
	return 0;
}

static bool has_go_note(const struct go_file *f, const GElf_Phdr *p) {
	const uint8_t *bytes = f->raw + p->p_offset;
	uint64_t at = 0;

	while (at + sizeof(Elf64_Nhdr) <= p->p_filesz) {
		Elf64_Nhdr h;

		memcpy(&h, bytes + at, sizeof(h));
		at += sizeof(h);
		if (h.n_type == NOTE_GO && h.n_namesz == 4 && p->p_filesz - at >= 4 && memcmp(bytes + at, "Go\0", 4) == 0)
			return true;
		at += ((h.n_namesz + UINT64_C(3)) & ~UINT64_C(3)) + ((h.n_descsz + UINT64_C(3)) & ~UINT64_C(3));
	}
	return false;
}

/* Others are not searched: their data may be large, and reading it costs more than it could ever give. */
static bool is_go(const struct go_file *f) {
	for (size_t i = 0; i < n_segments(f); i++) {
		GElf_Phdr p;

		if (segment_at(f, i, &p) && p.p_type == PT_NOTE && has_go_note(f, &p))
			return true;
	}
	return elf_find_section(f->elf, ".go.buildinfo") != NULL;
}

static int search(struct core *core, const struct module *m, const struct go_file *f, struct go_module *ret) {
	uint64_t budget = SEARCH_MAX;
	unsigned tries = TRIES_MAX;

	for (size_t i = 0; i < n_segments(f); i++) {
		uint64_t first;
		GElf_Phdr p;

		if (!segment_at(f, i, &p) || p.p_type != PT_LOAD)
			continue;
		first = -p.p_vaddr & (ALIGNMENT - 1);
		for (uint64_t at = first; at + GO_PCLNTAB_HEAD <= p.p_filesz && budget > 0; at += ALIGNMENT, budget -= ALIGNMENT)
			if (word_of(f->raw + p.p_offset + at, 4) >= GO_PCLNTAB_MAGIC_LEAST && go_pclntab_is_head(f->raw + p.p_offset + at)) {
				if (tries-- == 0)
					return -ENOENT;
				if (open_at(core, m, f, p.p_vaddr + at, ret) == 0)
					return 0;
			}
	}
	return -ENOENT;
}

/* ── inline trees ── */

/* Words of the module data (runtime.firstmoduledata), counted from its beginning, which is a pointer to the table. */
enum { DATA_NAMES = 1, DATA_TEXT = 22, DATA_CALLS_1_18 = 38, DATA_CALLS_1_20 = 40 };

/* What only the right structure has in these places. */
static bool is_module_data(const struct go_file *f, const struct go_module *go, uint64_t at) {
	unsigned word = go->table.word;
	uint64_t names, text;

	return pointer_at(f, at + DATA_NAMES * word, word, &names) && names == go->address + go->table.names &&
	       pointer_at(f, at + DATA_TEXT * word, word, &text) && text == go->table.text;
}

static bool find_module_data(const struct go_file *f, const struct go_module *go, uint64_t *ret_address) {
	uint64_t budget = SEARCH_MAX;
	unsigned word = go->table.word, tries = TRIES_MAX;
	Elf64_Rela relocation;

	for (size_t i = 0; i < n_segments(f); i++) {
		GElf_Phdr p;

		if (!segment_at(f, i, &p) || p.p_type != PT_LOAD || !(p.p_flags & PF_W))
			continue;
		for (uint64_t at = -p.p_vaddr & (word - 1); at + word <= p.p_filesz && budget > 0 && tries > 0; at += word, budget -= word)
			if (word_of(f->raw + p.p_offset + at, word) == go->address && tries-- > 0 && is_module_data(f, go, p.p_vaddr + at)) {
				*ret_address = p.p_vaddr + at;
				return true;
			}
	}
	*ret_address = find_relocation(f, true, go->address, &relocation) ? relocation.r_offset : 0;
	return *ret_address != 0 && is_module_data(f, go, *ret_address);
}

static void find_calls(const struct go_file *f, struct go_module *go) {
	uint64_t data, calls;
	unsigned word = go->table.word;

	/* Trees of older programs are not read. */
	if (go->table.text == 0 || !find_module_data(f, go, &data))
		return;
	if (pointer_at(f, data + (word_of(go->table.data, 4) == 0xfffffff0 ? DATA_CALLS_1_18 : DATA_CALLS_1_20) * word, word, &calls))
		go->calls = bytes_at(f, calls, &go->calls_size);
}

static int find(struct core *core, const struct module *m, struct go_module *ret) {
	static const char *const names[] = { ".gopclntab", ".data.rel.ro.gopclntab" };
	struct go_file f = { .elf = m->elf };
	GElf_Ehdr header;
	int r = -ENOENT;

	f.raw = (const uint8_t *)elf_rawfile(m->elf, &f.size);
	if (!f.raw || !gelf_getehdr(m->elf, &header) || header.e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOENT;
	f.machine = header.e_machine;
	for (size_t i = 0; i < ELEMENTSOF(names) && r < 0; i++) {
		Elf_Scn *scn = elf_find_section(m->elf, names[i]);
		GElf_Shdr section;

		if (scn && gelf_getshdr(scn, &section))
			r = open_at(core, m, &f, section.sh_addr, ret);
	}
	if (r < 0)
		r = is_go(&f) ? search(core, m, &f, ret) : -ENOENT;
	if (r == 0)
		find_calls(&f, ret);
	return r;
}

const struct go_module *go_module_get(struct core *core, struct module *m) {
	struct go_module go;

	if (m->go_tried || !m->elf || m->fd < 0)
		return m->go;
	m->go_tried = true;
	if (find(core, m, &go) < 0)
		return NULL;
	m->go = malloc(sizeof(*m->go));
	if (m->go)
		*m->go = go;
	return m->go;
}

void go_module_free(struct go_module *go) {
	free(go);
}
