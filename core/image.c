/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening a core: header, program headers, notes. See image.h; memory is in image-memory.c. */
#include "core/image.h"

#include <endian.h>
#include <sys/stat.h>

#include "core/image-private.h"
#include "util/io.h"

/* Linux makes at most 65530 mappings by default (vm.max_map_count), and some people raise it; a header is 56 bytes. */
#define SEGMENTS_MAX (1u << 20)

/* Moves a stream to an offset, forwards or, if it can, from the start again. */
static int stream_seek(struct image *image, uint64_t offset) {
	int r;

	if (offset < unpack_offset(image->unpack)) {
		r = unpack_rewind(image->unpack);
		if (r < 0)
			return r;
	}
	while (unpack_offset(image->unpack) < offset) {
		uint64_t skipped = 0;

		r = unpack_skip(image->unpack, offset - unpack_offset(image->unpack), &skipped);
		if (r < 0)
			return r;
		if (skipped == 0)
			return -ENODATA;
	}
	return 0;
}

/* An error that comes with bytes is held back by the stream until the next call: so this asks until nothing comes. */
static int stream_read_all(struct image *image, uint8_t *buffer, size_t length, size_t *ret_length) {
	*ret_length = 0;
	while (*ret_length < length) {
		size_t n = 0;
		int r = unpack_read(image->unpack, buffer + *ret_length, length - *ret_length, &n);

		if (r < 0)
			return r;
		if (n == 0)
			break;
		*ret_length += n;
	}
	return 0;
}

int image_raw_read(struct image *image, uint64_t offset, void *buffer, size_t length, size_t *ret_length) {
	uint8_t *to = buffer;
	size_t from_head = 0, n = 0;
	int r;

	*ret_length = 0;
	if (!image->stream) {
		ssize_t got = pread_full(image->fd, buffer, length, offset);
		if (got < 0)
			return (int)got;
		*ret_length = (size_t)got;
		return 0;
	}
	if (offset < image->head_length) {
		from_head = MIN(length, image->head_length - (size_t)offset);
		memcpy(to, image->head + offset, from_head);
		*ret_length = from_head;
	}
	if (from_head == length)
		return 0;
	r = stream_seek(image, offset + from_head);
	if (r >= 0)
		r = stream_read_all(image, to + from_head, length - from_head, &n);
	*ret_length += n;
	return r;
}

static int read_head(struct image *image) {
	int r;

	if (!image->stream)
		return 0;
	image->head = arena_alloc(image->arena, HEAD_BYTES);
	if (!image->head)
		return -ENOMEM;
	r = stream_read_all(image, image->head, HEAD_BYTES, &image->head_length);
	/* Damage behind what was delivered is met again when more is wanted. */
	return image->head_length > 0 ? 0 : r;
}

void image_set_problem(struct image *image, int error) {
	const char *detail = unpack_problem(image->unpack);

	if (!image->problem)
		image->problem = arena_printf(image->arena, "%s", detail ? detail : strerror(-error));
	image->truncated = true;
}

static int read_header(struct image *image, const char **ret_reason, Elf64_Ehdr *ret_header) {
	union { Elf64_Ehdr e64; Elf32_Ehdr e32; unsigned char ident[EI_NIDENT]; } u = {};
	size_t n = 0;
	int r;

	r = image_raw_read(image, 0, &u, sizeof(u), &n);
	if (r < 0 && r != -ENODATA && r != -EBADMSG) {
		*ret_reason = r == -EISDIR ? "it is a directory" : "it cannot be read";
		return r;
	}
	if (n == 0) {
		*ret_reason = r < 0 ? "the packed data is damaged from the start" : "the file is empty";
		return r < 0 ? -ENOEXEC : -ENODATA;
	}
	*ret_reason = "it is no ELF file (a core is what the kernel or gcore writes)";
	if (n < EI_NIDENT || memcmp(u.ident, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	if (u.ident[EI_DATA] != ELFDATA2LSB) {
		*ret_reason = "big-endian cores are not supported";
		return -EOPNOTSUPP;
	}
	if (u.ident[EI_CLASS] == ELFCLASS32 && n >= sizeof(u.e32)) {
		*ret_header = (Elf64_Ehdr){ .e_type = u.e32.e_type, .e_machine = u.e32.e_machine, .e_phoff = u.e32.e_phoff,
		                            .e_shoff = u.e32.e_shoff, .e_phnum = u.e32.e_phnum, .e_phentsize = u.e32.e_phentsize };
	} else if (u.ident[EI_CLASS] == ELFCLASS64 && n >= sizeof(u.e64)) {
		*ret_header = u.e64;
	} else {
		*ret_reason = "the ELF header is cut or of no known class";
		return -ENOEXEC;
	}
	if (ret_header->e_type != ET_CORE) {
		*ret_reason = "it is an ELF file, but not a core (a program or library?)";
		return -ENOEXEC;
	}
	image->arch = arch_find(ret_header->e_machine, u.ident[EI_CLASS]);
	if (!image->arch) {
		*ret_reason = "the core is of a machine that is not supported (supported: " ARCH_NAMES ")";
		return -EOPNOTSUPP;
	}
	return 0;
}

/* The number of program headers: beyond 65534 it stands in the first section header (PN_XNUM), which is behind the segments; in a stream the first of them, PT_NOTE, begins right
 * behind the headers. */
static uint64_t header_count(struct image *image, const Elf64_Ehdr *header, size_t entry) {
	union { Elf64_Shdr s64; Elf32_Shdr s32; } s = {};
	union { Elf64_Phdr p64; Elf32_Phdr p32; } p = {};
	bool is64 = image->arch->elf_class == ELFCLASS64;
	size_t want = is64 ? sizeof(s.s64) : sizeof(s.s32), n = 0;
	uint64_t first;

	if (header->e_phnum != PN_XNUM)
		return header->e_phnum;
	if (!image->stream && image_raw_read(image, header->e_shoff, &s, want, &n) >= 0 && n == want)
		return is64 ? s.s64.sh_info : s.s32.sh_info;
	if (image_raw_read(image, header->e_phoff, &p, entry, &n) < 0 || n < entry)
		return PN_XNUM;
	first = is64 ? p.p64.p_offset : p.p32.p_offset;
	return first > header->e_phoff ? (first - header->e_phoff) / entry : PN_XNUM;
}

static int compare_segments(const void *a, const void *b) {
	const struct segment *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start ? 1 : 0;
}

static int add_segment(struct image *image, const Elf64_Phdr *p) {
	struct segment *s = &image->segments[image->n_segments];

	if (p->p_memsz == 0 || p->p_vaddr > UINT64_MAX - p->p_memsz)
		return 0;
	*s = (struct segment){
		.start = p->p_vaddr,
		.end = p->p_vaddr + p->p_memsz,
		.stored = MIN(p->p_filesz, p->p_memsz),
		.offset = p->p_offset,
		.perm = (p->p_flags & PF_R ? CW_PERM_READ : 0u) | (p->p_flags & PF_W ? CW_PERM_WRITE : 0u) |
			(p->p_flags & PF_X ? CW_PERM_EXEC : 0u),
	};
	if (p->p_offset > INT64_MAX || s->stored > INT64_MAX - p->p_offset)
		s->stored = 0;
	image->n_segments++;
	return 0;
}

static int read_segments(struct image *image, const Elf64_Ehdr *header, struct note_span **ret_notes, size_t *ret_n_notes) {
	bool is64 = image->arch->elf_class == ELFCLASS64;
	size_t entry = is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr), got = 0, n_notes = 0;
	_cleanup_free_ unsigned char *table = NULL;
	struct note_span *notes;
	uint64_t count = MIN(header_count(image, header, entry), (uint64_t)SEGMENTS_MAX);
	int r;

	table = malloc(MAX(count, UINT64_C(1)) * entry);
	image->segments = arena_alloc_array(image->arena, MAX(count, UINT64_C(1)), sizeof(*image->segments));
	notes = arena_alloc_array(image->arena, MAX(count, UINT64_C(1)), sizeof(*notes));
	if (!table || !image->segments || !notes)
		return -ENOMEM;
	r = image_raw_read(image, header->e_phoff, table, count * entry, &got);
	if (r < 0)
		image_set_problem(image, r);
	if (got / entry < count)
		image->truncated = true;
	for (size_t i = 0; i < got / entry; i++) {
		Elf64_Phdr p;

		if (is64) {
			memcpy(&p, table + i * entry, sizeof(p));
		} else {
			Elf32_Phdr q;
			memcpy(&q, table + i * entry, sizeof(q));
			p = (Elf64_Phdr){ .p_type = q.p_type, .p_flags = q.p_flags, .p_offset = q.p_offset, .p_vaddr = q.p_vaddr,
			                  .p_filesz = q.p_filesz, .p_memsz = q.p_memsz };
		}
		if (p.p_type == PT_NOTE)
			notes[n_notes++] = (struct note_span){ p.p_offset, p.p_filesz };
		else if (p.p_type == PT_LOAD && (r = add_segment(image, &p)) < 0)
			return r;
	}
	*ret_notes = notes;
	*ret_n_notes = n_notes;
	return 0;
}

/* What a cut plain file no longer holds is known from its size at once; a stream learns it as it flows. */
static void clip_segments(struct image *image) {
	for (size_t i = 0; i < image->n_segments; i++) {
		struct segment *s = &image->segments[i];

		if (!image->stream && s->offset + s->stored > image->file_bytes) {
			s->stored = s->offset >= image->file_bytes ? 0 : image->file_bytes - s->offset;
			image->truncated = true;
		}
		if (s->stored > 0)
			image->bytes = MAX(image->bytes, s->offset + s->stored);
	}
	qsort(image->segments, image->n_segments, sizeof(*image->segments), compare_segments);
}

int image_open(int fd, struct arena *arena, struct image **ret_image, const char **ret_reason) {
	_cleanup_(image_closep) struct image *image = NULL;
	struct note_span *spans = NULL;
	size_t n_spans = 0;
	Elf64_Ehdr header;
	struct stat st;
	int r;

	image = arena_alloc(arena, sizeof(*image));
	if (!image)
		return -ENOMEM;
	image->arena = arena;
	image->fd = fd;
	*ret_reason = "it cannot be read";
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode)) {
		*ret_reason = "it is a directory";
		return -EISDIR;
	}
	r = unpack_new(fd, &image->unpack);
	if (r == -ENOPKG)
		*ret_reason = "it is packed, and the library that unpacks it (libzstd, liblz4) is not installed";
	if (r < 0)
		return r;
	image->file_bytes = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	image->stream = unpack_get_format(image->unpack) != UNPACK_PLAIN || !S_ISREG(st.st_mode);
	r = read_head(image);
	if (r == -ENOMEM)
		return r;
	r = read_header(image, ret_reason, &header);
	if (r < 0)
		return r;
	*ret_reason = "out of memory";
	r = read_segments(image, &header, &spans, &n_spans);
	if (r < 0)
		return r;
	r = image_read_notes(image, spans, n_spans);
	if (r < 0)
		return r;
	clip_segments(image);
	*ret_image = take_ptr(image);
	return 0;
}

const struct arch *image_arch(const struct image *image) {
	return image->arch;
}
const struct segment *image_segments(const struct image *image, size_t *ret_n) {
	*ret_n = image->n_segments;
	return image->segments;
}
const struct image_note *image_notes(const struct image *image, size_t *ret_n) {
	*ret_n = image->n_notes;
	return image->notes;
}
bool image_is_stream(const struct image *image) {
	return image->stream;
}
bool image_truncated(const struct image *image) {
	return image->truncated;
}
uint64_t image_bytes(const struct image *image) {
	return image->bytes;
}
const char *image_format(const struct image *image) {
	return unpack_format_name(unpack_get_format(image->unpack));
}
const char *image_problem(const struct image *image) {
	return image->problem;
}
