/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See core-writer.h. */
#include "core-writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <lz4frame.h>
#include <lzma.h>
#include <sys/mman.h>
#include <zstd.h>

#include "util/io.h"

struct map {
	uint64_t start, bytes, stored;
	uint32_t flags;
	uint8_t *data;
};

struct bytes {
	uint8_t *data;
	size_t length;
};

/* struct elf_prstatus and struct elf_prpsinfo of one machine. */
struct layout {
	uint16_t machine;
	bool is64;
	size_t word, prstatus, pid, registers, prpsinfo, ps_uid, ps_uid_bytes, ps_pid, ps_name, ps_arguments, si_addr;
	const char *const *names; /* pr_reg in the kernel's order */
	size_t n_names;
};

static const char *const names_x86_64[] = {
	"r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax",
	"rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
};
static const char *const names_i386[] = {
	"ebx", "ecx", "edx", "esi", "edi", "ebp", "eax", "ds", "es", "fs", "gs", "orig_eax", "eip", "cs", "eflags", "esp", "ss",
};

static const char *const names_aarch64[] = {
	"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10", "x11", "x12", "x13", "x14", "x15", "x16",
	"x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp",  "pc",  "pstate",
};

static const struct layout layouts[] = {
	{ EM_X86_64, true, 8, 336, 32, 112, 136, 16, 4, 24, 40, 56, 16, names_x86_64, ELEMENTSOF(names_x86_64) },
	{ EM_386, false, 4, 144, 24, 72, 124, 8, 2, 12, 28, 44, 12, names_i386, ELEMENTSOF(names_i386) },
	{ EM_AARCH64, true, 8, 392, 32, 112, 136, 16, 4, 24, 40, 56, 16, names_aarch64, ELEMENTSOF(names_aarch64) },
};

struct writer {
	const struct layout *layout;
	struct writer_options options;
	struct map *maps;
	size_t n_maps;
	struct bytes status, rest, tail; /* the crashed thread's note; the other threads'; what writer_note() added */
	size_t n_threads;
	int32_t pid;
	uint32_t uid;
	char name[16], arguments[80];
	uint8_t siginfo[128];
	bool has_siginfo;
	struct bytes auxv, file_table, file_names;
	uint64_t n_files;
	int fd; /* behind writer_load() */
};

static void append(struct bytes *b, const void *data, size_t length) {
	b->data = realloc(b->data, b->length + length + 1);
	assert_non_null(b->data);
	if (data)
		memcpy(b->data + b->length, data, length);
	else
		memset(b->data + b->length, 0, length);
	b->length += length;
}

static void append_word(const struct writer *w, struct bytes *b, uint64_t value) {
	append(b, &value, w->layout->word);
}

static void append_note(struct bytes *b, const char *name, uint32_t type, const void *data, size_t length) {
	Elf64_Nhdr h = { .n_namesz = (uint32_t)strlen(name) + 1, .n_descsz = (uint32_t)length, .n_type = type };

	append(b, &h, sizeof(h));
	append(b, name, h.n_namesz);
	append(b, NULL, -h.n_namesz & 3);
	append(b, data, length);
	append(b, NULL, -length & 3);
}

struct writer *writer_new(uint16_t machine) {
	struct writer *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	*w = (struct writer){ .uid = 1000, .name = "test", .fd = -EBADF };
	for (size_t i = 0; i < ELEMENTSOF(layouts); i++)
		if (layouts[i].machine == machine)
			w->layout = &layouts[i];
	assert_non_null(w->layout);
	return w;
}

void writer_free(struct writer *w) {
	struct bytes *const all[] = { &w->status, &w->rest, &w->tail, &w->auxv, &w->file_table, &w->file_names };

	for (size_t i = 0; i < w->n_maps; i++)
		free(w->maps[i].data);
	for (size_t i = 0; i < ELEMENTSOF(all); i++)
		free(all[i]->data);
	free(w->maps);
	closep(&w->fd);
	free(w);
}

struct writer_options *writer_options(struct writer *w) {
	return &w->options;
}

void writer_map(struct writer *w, uint64_t start, uint64_t bytes, const char *permissions, uint64_t stored) {
	struct map *m;

	w->maps = realloc(w->maps, (w->n_maps + 1) * sizeof(*w->maps));
	assert_non_null(w->maps);
	m = &w->maps[w->n_maps++];
	*m = (struct map){ .start = start, .bytes = bytes, .stored = stored, .data = calloc(1, stored + 1) };
	assert_non_null(m->data);
	m->flags = (strchr(permissions, 'r') ? PF_R : 0u) | (strchr(permissions, 'w') ? PF_W : 0u) | (strchr(permissions, 'x') ? PF_X : 0u);
}

void writer_bytes(struct writer *w, uint64_t address, const void *data, size_t length) {
	for (size_t i = w->n_maps; i-- > 0;) {
		struct map *m = &w->maps[i];

		if (address < m->start || address - m->start > m->stored || length > m->stored - (address - m->start))
			continue;
		memcpy(m->data + (address - m->start), data, length);
		return;
	}
	fail_msg("the core stores no %zu bytes at 0x%llx", length, (unsigned long long)address);
}

void writer_words(struct writer *w, uint64_t address, size_t n, const uint64_t *words) {
	for (size_t i = 0; i < n; i++)
		writer_bytes(w, address + i * w->layout->word, &words[i], w->layout->word);
}

void writer_thread(struct writer *w, int32_t id, ...) {
	const struct layout *l = w->layout;
	uint8_t status[512] = {};
	const char *name;
	va_list ap;

	memcpy(status + l->pid, &id, sizeof(id));
	va_start(ap, id);
	while ((name = va_arg(ap, const char *)) != NULL) {
		uint64_t value = va_arg(ap, uint64_t);
		size_t i = 0;

		while (i < l->n_names && !streq(l->names[i], name))
			i++;
		assert_true(i < l->n_names);
		memcpy(status + l->registers + i * l->word, &value, l->word);
	}
	va_end(ap);
	append_note(w->n_threads == 0 ? &w->status : &w->rest, "CORE", NT_PRSTATUS, status, l->prstatus);
	if (w->n_threads++ == 0 && w->pid == 0)
		w->pid = id;
}

void writer_thread_note(struct writer *w, uint32_t type, const void *data, size_t length) {
	append_note(w->n_threads == 1 ? &w->status : &w->rest, "LINUX", type, data, length);
}

void writer_signal(struct writer *w, int number, int code, uint64_t address) {
	memset(w->siginfo, 0, sizeof(w->siginfo));
	memcpy(w->siginfo, &number, 4);
	memcpy(w->siginfo + 8, &code, 4);
	memcpy(w->siginfo + w->layout->si_addr, &address, w->layout->word);
	w->has_siginfo = true;
	assert_true(w->n_threads > 0);
	memcpy(w->status.data + 20 + 12, &number, 2); /* behind the note's header and name */
}

void writer_signal_sent(struct writer *w, int number, int code, int32_t pid, uint32_t uid) {
	writer_signal(w, number, code, (uint32_t)pid | (w->layout->is64 ? (uint64_t)uid << 32 : 0));
	memcpy(w->siginfo + w->layout->si_addr + 4, &uid, 4);
}

void writer_process(struct writer *w, int32_t pid, uint32_t uid, const char *name, const char *arguments) {
	w->pid = pid;
	w->uid = uid;
	memset(w->name, 0, sizeof(w->name));
	memset(w->arguments, 0, sizeof(w->arguments));
	memcpy(w->name, name, MIN(strlen(name), sizeof(w->name)));
	memcpy(w->arguments, arguments, MIN(strlen(arguments), sizeof(w->arguments)));
}

void writer_auxv(struct writer *w, uint64_t type, uint64_t value) {
	append_word(w, &w->auxv, type);
	append_word(w, &w->auxv, value);
}

void writer_file(struct writer *w, uint64_t start, uint64_t end, uint64_t offset, const char *path) {
	append_word(w, &w->file_table, start);
	append_word(w, &w->file_table, end);
	append_word(w, &w->file_table, offset / 4096);
	append(&w->file_names, path, strlen(path) + 1);
	w->n_files++;
}

void writer_note(struct writer *w, const char *name, uint32_t type, const void *data, size_t length) {
	append_note(&w->tail, name, type, data, length);
}

void writer_sigframe(struct writer *w, uint64_t sp, const struct writer_sigframe *f) {
	/* struct ucontext: flags, link, stack_t (sp, flags, size), then struct sigcontext_64; siginfo at 304. */
	uint64_t at = sp + 40;
	int32_t info[4] = { f->number, 0, f->code, 0 };

	assert_true(w->layout->is64);
	writer_put(w, sp, 7, 0, f->altstack, 0, f->altstack_bytes);
	writer_put(w, at + 10 * 8, f->fp);
	writer_put(w, at + 15 * 8, f->sp, f->pc, 0x10246);
	writer_put(w, at + 19 * 8, f->error, f->trap, 0, f->trap == 14 ? f->address : 0);
	writer_bytes(w, sp + 304, info, sizeof(info));
	writer_put(w, sp + 304 + 16, f->address);
}

static void put_process(struct writer *w, struct bytes *notes) {
	const struct layout *l = w->layout;
	uint8_t info[256] = {};

	memcpy(info + l->ps_uid, &w->uid, l->ps_uid_bytes);
	memcpy(info + l->ps_pid, &w->pid, 4);
	memcpy(info + l->ps_name, w->name, 16);
	memcpy(info + l->ps_arguments, w->arguments, 80);
	if (!w->options.no_prpsinfo)
		append_note(notes, "CORE", NT_PRPSINFO, info, l->prpsinfo);
}

static struct bytes make_notes(struct writer *w) {
	struct bytes notes = {}, files = {}, auxv = {};

	append(&notes, w->status.data, w->status.length);
	put_process(w, &notes);
	if (w->has_siginfo)
		append_note(&notes, "CORE", NT_SIGINFO, w->siginfo, sizeof(w->siginfo));
	append(&auxv, w->auxv.data, w->auxv.length);
	append(&auxv, NULL, 2 * w->layout->word);
	if (!w->options.no_auxv)
		append_note(&notes, "CORE", NT_AUXV, auxv.data, auxv.length);
	if (w->n_files > 0) {
		append_word(w, &files, w->n_files);
		append_word(w, &files, 4096);
		append(&files, w->file_table.data, w->file_table.length);
		append(&files, w->file_names.data, w->file_names.length);
		append_note(&notes, "CORE", NT_FILE, files.data, files.length);
	}
	append(&notes, w->rest.data, w->rest.length);
	append(&notes, w->tail.data, w->tail.length);
	free(files.data);
	free(auxv.data);
	return notes;
}

static void append_phdr(const struct writer *w, struct bytes *b, const Elf64_Phdr *p) {
	Elf32_Phdr q = { .p_type = p->p_type, .p_offset = (uint32_t)p->p_offset, .p_vaddr = (uint32_t)p->p_vaddr,
		         .p_filesz = (uint32_t)p->p_filesz, .p_memsz = (uint32_t)p->p_memsz, .p_flags = p->p_flags };

	if (w->layout->is64)
		append(b, p, sizeof(*p));
	else
		append(b, &q, sizeof(q));
}

static void append_ehdr(const struct writer *w, struct bytes *b, uint64_t shoff) {
	bool is64 = w->layout->is64;
	Elf64_Ehdr e = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, is64 ? ELFCLASS64 : ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
		         .e_type = ET_CORE, .e_machine = w->layout->machine, .e_version = EV_CURRENT, .e_phoff = sizeof(e), .e_shoff = shoff,
		         .e_ehsize = sizeof(e), .e_phentsize = sizeof(Elf64_Phdr), .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = shoff > 0 };
	Elf32_Ehdr f = { .e_type = ET_CORE, .e_machine = e.e_machine, .e_version = EV_CURRENT, .e_phoff = sizeof(f),
		         .e_shoff = (uint32_t)shoff, .e_ehsize = sizeof(f), .e_phentsize = sizeof(Elf32_Phdr),
		         .e_shentsize = sizeof(Elf32_Shdr), .e_shnum = e.e_shnum };

	e.e_phnum = f.e_phnum = w->options.xnum ? PN_XNUM : (uint16_t)(w->n_maps + 1);
	memcpy(f.e_ident, e.e_ident, EI_NIDENT);
	append(b, is64 ? (void *)&e : (void *)&f, is64 ? sizeof(e) : sizeof(f));
}

static uint64_t align_up(const struct writer *w, uint64_t value) {
	return w->options.align ? (value + w->options.align - 1) / w->options.align * w->options.align : value;
}

/* Headers, notes (or not), padding, segments, notes (or not), the section header that holds the count (or not). */
struct blob writer_build(struct writer *w) {
	bool is64 = w->layout->is64, last = w->options.notes_last;
	size_t header = is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr), entry = is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	uint64_t headers = header + (w->n_maps + 1) * entry, at, notes_at, end;
	struct bytes notes = make_notes(w), file = {};

	end = at = align_up(w, headers + (last ? 0 : notes.length));
	for (size_t i = 0; i < w->n_maps; i++)
		end += w->maps[i].stored;
	notes_at = last ? end : headers;
	append_ehdr(w, &file, w->options.xnum ? end + (last ? notes.length : 0) : 0);
	append_phdr(w, &file, &(Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = notes_at, .p_filesz = notes.length });
	for (size_t i = 0; i < w->n_maps; at += w->maps[i++].stored)
		append_phdr(w, &file, &(Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = w->maps[i].flags, .p_offset = at,
		                                     .p_vaddr = w->maps[i].start, .p_filesz = w->maps[i].stored,
		                                     .p_memsz = w->maps[i].bytes });
	if (!last)
		append(&file, notes.data, notes.length);
	append(&file, NULL, (size_t)(align_up(w, file.length) - file.length));
	for (size_t i = 0; i < w->n_maps; i++)
		append(&file, w->maps[i].data, (size_t)w->maps[i].stored);
	if (last)
		append(&file, notes.data, notes.length);
	if (w->options.xnum) {
		Elf64_Shdr s = { .sh_info = (uint32_t)(w->n_maps + 1) };
		Elf32_Shdr t = { .sh_info = s.sh_info };
		append(&file, is64 ? (void *)&s : (void *)&t, is64 ? sizeof(s) : sizeof(t));
	}
	free(notes.data);
	return (struct blob){ file.data, file.length, header, entry, w->n_maps + 1, (size_t)notes_at, notes.length };
}

void blob_patch(struct blob *b, size_t offset, const void *data, size_t length) {
	assert_true(offset <= b->length && length <= b->length - offset);
	memcpy(b->data + offset, data, length);
}

struct blob blob_pack(struct blob b, enum unpack_format format) {
	LZ4F_preferences_t preferences = { .frameInfo = { .contentChecksumFlag = LZ4F_contentChecksumEnabled } };
	size_t most = ZSTD_compressBound(b.length) + LZ4F_compressFrameBound(b.length, &preferences) + lzma_stream_buffer_bound(b.length);
	struct blob p = { .data = malloc(most), .length = b.length };
	ZSTD_CCtx *context = ZSTD_createCCtx();

	assert_non_null(p.data);
	if (format == UNPACK_ZSTD) {
		ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
		p.length = ZSTD_compress2(context, p.data, most, b.data, b.length);
		assert_false(ZSTD_isError(p.length));
	} else if (format == UNPACK_LZ4) {
		p.length = LZ4F_compressFrame(p.data, most, b.data, b.length, &preferences);
		assert_false(LZ4F_isError(p.length));
	} else if (format == UNPACK_XZ) {
		p.length = 0;
		assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, b.data, b.length, p.data, &p.length, most), LZMA_OK);
	} else {
		memcpy(p.data, b.data, b.length);
	}
	ZSTD_freeCCtx(context);
	return p;
}

int blob_file(struct blob b, enum unpack_format format) {
	_cleanup_blob_ struct blob p = blob_pack(b, format);
	int fd = memfd_create("core", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, p.data, p.length), 0);
	return fd;
}

int blob_pipe(struct blob b, enum unpack_format format) {
	_cleanup_blob_ struct blob p = blob_pack(b, format);
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_true(p.length <= 1 << 20);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 1 << 20) >= 0);
	assert_int_equal(write_full(fds[1], p.data, p.length), 0);
	close(fds[1]);
	return fds[0];
}

struct core *writer_load(struct writer *w, enum unpack_format format, const struct core_options *options) {
	static const struct core_options none = { .cache_fd = -EBADF, .debug_dirs = "" };
	_cleanup_blob_ struct blob b = writer_build(w);
	const char *reason = NULL;
	struct core *core = NULL;
	int r;

	assert_true(w->fd < 0);
	w->fd = blob_file(b, format);
	r = core_load(w->fd, options ? options : &none, &core, &reason);
	if (r < 0)
		fail_msg("core_load: %s (%s)", strerror(-r), reason);
	return core;
}
