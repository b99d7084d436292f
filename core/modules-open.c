/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Build-ids out of the core's own pages, and the files behind modules: opened, and believed only if the build-id is the same.
 * The paths are hostile: FIFOs, devices and huge files are refused; nothing is ever opened for writing.
 */
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/missing.h"
#include "core/modules-private.h"

/* Chrome with its debug info is 5 GiB; libelf maps what it reads. */
#define FILE_MAX GIB(16)
/* Program headers of a module that are looked at: real ones have about a dozen. */
#define MODULE_PHDRS_MAX 128u
#define BUILD_ID_MAX 64u
#define VDSO_MAX KIB(256)
/* Thread-local variables of one module: more would fit no stack. */
#define TLS_MAX GIB(1)

struct headers {
	bool valid;
	uint64_t first_vaddr;     /* of the first PT_LOAD, cut to a page */
	bool has_load;
	uint64_t tls_bytes;
	char build_id[2 * BUILD_ID_MAX + 1];
};

static void read_build_id(struct core *core, uint64_t address, uint64_t length, char *ret_hex) {
	uint64_t end;

	if (!add_u64(address, MIN(length, KIB(4)), &end))
		return;
	while (end - address >= sizeof(Elf64_Nhdr)) {
		uint8_t id[BUILD_ID_MAX];
		char name[4];
		Elf64_Nhdr h;
		uint64_t desc;

		if (core_read(core, address, &h, sizeof(h)) < 0)
			return;
		desc = address + sizeof(h) + ((h.n_namesz + UINT64_C(3)) & ~UINT64_C(3));
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 && h.n_descsz <= BUILD_ID_MAX && h.n_descsz >= 2 &&
		    core_read(core, address + sizeof(h), name, 4) >= 0 && memcmp(name, "GNU", 4) == 0 &&
		    core_read(core, desc, id, h.n_descsz) >= 0) {
			for (uint32_t i = 0; i < h.n_descsz; i++)
				snprintf(ret_hex + 2 * i, 3, "%02x", id[i]);
			return;
		}
		desc += (h.n_descsz + UINT64_C(3)) & ~UINT64_C(3);
		if (desc <= address || desc > end)
			return;
		address = desc;
	}
}

/* What a module's thread-local variables take in each thread; 0 where that cannot be. */
static uint64_t tls_bytes(uint64_t length, uint64_t alignment) {
	if (alignment == 0)
		alignment = 1;
	return length <= TLS_MAX && alignment <= MIB(1) ? (length + alignment - 1) / alignment * alignment : 0;
}

/* The ELF and program headers as they were mapped. */
static void read_headers(struct core *core, const struct cw_module *info, struct headers *ret) {
	union { Elf64_Ehdr e64; Elf32_Ehdr e32; } e;
	bool is64 = core->arch->elf_class == ELFCLASS64;
	size_t size = is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	uint64_t phoff, count, note[MODULE_PHDRS_MAX][2];
	size_t n_notes = 0;

	*ret = (struct headers){};
	if (core_read(core, info->start, &e, is64 ? sizeof(e.e64) : sizeof(e.e32)) < 0 || memcmp(&e, ELFMAG, SELFMAG) != 0)
		return;
	phoff = is64 ? e.e64.e_phoff : e.e32.e_phoff;
	count = is64 ? e.e64.e_phnum : e.e32.e_phnum;
	if (phoff > MIB(1) || count > MODULE_PHDRS_MAX)
		return;
	for (uint64_t i = 0; i < count; i++) {
		union { Elf64_Phdr p64; Elf32_Phdr p32; } p;
		uint64_t vaddr, length;
		uint32_t type;

		if (core_read(core, info->start + phoff + i * size, &p, size) < 0)
			return;
		type = is64 ? p.p64.p_type : p.p32.p_type;
		vaddr = is64 ? p.p64.p_vaddr : p.p32.p_vaddr;
		length = is64 ? p.p64.p_memsz : p.p32.p_memsz;
		if (type == PT_LOAD && !ret->has_load) {
			ret->first_vaddr = vaddr & ~(core->pub.page_bytes - 1);
			ret->has_load = true;
		} else if (type == PT_TLS) {
			ret->tls_bytes = tls_bytes(length, is64 ? p.p64.p_align : p.p32.p_align);
		} else if (type == PT_NOTE) {
			note[n_notes][0] = vaddr;
			note[n_notes++][1] = length;
		}
	}
	ret->valid = true;
	for (size_t i = 0; i < n_notes && !ret->build_id[0]; i++)
		read_build_id(core, info->start - ret->first_vaddr + note[i][0], note[i][1], ret->build_id);
}

/* A regular file of sane size for reading, or -errno. Opened without blocking on FIFOs, without becoming a terminal's owner. */
static int open_file(const char *path, struct stat *ret_st) {
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_st) < 0)
		return -errno;
	if (!S_ISREG(ret_st->st_mode))
		return -EINVAL;
	if ((uint64_t)ret_st->st_size > FILE_MAX)
		return -EFBIG;
	return take_fd(fd);
}

static bool file_build_id(Elf *elf, char *ret_hex, size_t size) {
	const void *bits = NULL;
	ssize_t n = dwelf_elf_gnu_build_id(elf, &bits);

	if (n <= 0 || (size_t)n > BUILD_ID_MAX || (size_t)n * 2 + 1 > size)
		return false;
	for (ssize_t i = 0; i < n; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", ((const unsigned char *)bits)[i]);
	return true;
}

/* Where no build-id can be compared, the file's first load address must at least fit the mapping. */
static uint64_t elf_first_vaddr(struct core *core, Elf *elf) {
	size_t n = 0;

	if (elf_getphdrnum(elf, &n) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p;
		if (gelf_getphdr(elf, (int)i, &p) && p.p_type == PT_LOAD)
			return p.p_vaddr & ~(core->pub.page_bytes - 1);
	}
	return 0;
}

static enum cw_module_state open_state(int error) {
	return error == -ENOENT || error == -ENOTDIR ? CW_MODULE_DELETED : CW_MODULE_UNREADABLE;
}

/* The file that ran, as it was fetched by its build-id. The module's state stays what it is: it speaks of this machine's file. */
static bool open_fetched(struct core *core, struct module *m, const struct headers *h) {
	_cleanup_debug_file_ struct debug_file file = DEBUG_FILE_NONE;
	uint8_t id[BUILD_ID_MAX];
	size_t n = strlen(h->build_id) / 2;
	GElf_Ehdr ehdr;

	for (size_t i = 0; i < n; i++)
		sscanf(h->build_id + 2 * i, "%2hhx", &id[i]);
	if (n == 0 || missing_open(&core->options, FETCHED_EXECUTABLE, id, n, &file) < 0)
		return false;
	if (!gelf_getehdr(file.elf, &ehdr) || ehdr.e_machine != core->arch->machine)
		return false;
	m->fd = file.fd;
	m->elf = file.elf;
	m->file_bytes = file.bytes;
	m->root_owned = false;
	(void)debug_file_take(&file);
	if (!h->has_load)
		m->info->bias = m->info->start - elf_first_vaddr(core, m->elf);
	return true;
}

static void open_module(struct core *core, struct module *m, const struct headers *h) {
	const char *path = m->info->path;
	bool given = m->info->is_executable && core->options.executable;
	char id[2 * BUILD_ID_MAX + 1] = "";
	GElf_Ehdr ehdr;
	struct stat st;
	int fd;

	if (m->info->state == CW_MODULE_DELETED && !given)
		return;
	fd = open_file(given ? core->options.executable : path, &st);
	if (fd < 0) {
		m->info->state = open_state(fd);
		return;
	}
	m->fd = fd;
	m->file_bytes = (uint64_t)st.st_size;
	m->root_owned = st.st_uid == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
	m->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!m->elf || elf_kind(m->elf) != ELF_K_ELF || !gelf_getehdr(m->elf, &ehdr) || ehdr.e_machine != core->arch->machine) {
		m->info->state = CW_MODULE_REPLACED;
	} else if (!file_build_id(m->elf, id, sizeof(id)) || !h->build_id[0]) {
		/* Only one of both has an id: if the core's pages were read, they are not the same file. */
		m->info->state = h->valid && (id[0] || h->build_id[0]) && !(h->build_id[0] && id[0]) && h->has_load ?
					 CW_MODULE_REPLACED : CW_MODULE_UNVERIFIED;
	} else {
		m->info->state = streq(id, h->build_id) ? CW_MODULE_PRESENT : CW_MODULE_REPLACED;
	}
	if (m->info->state == CW_MODULE_REPLACED) {
		elf_end(m->elf);
		close(m->fd);
		m->elf = NULL;
		m->fd = -EBADF;
		if (open_fetched(core, m, h))
			return;
		core_problem(core, "modules", "%s is not the file that was running (build-id %s, the crashed process had %s): not used; "
		             "install the same build, or name it with --exe=", given ? core->options.executable : path,
		             id[0] ? id : "none", h->build_id[0] ? h->build_id : "none");
		return;
	}
	if (!h->has_load)
		m->info->bias = m->info->start - elf_first_vaddr(core, m->elf);
	if (!h->build_id[0] && id[0] && !m->info->build_id)
		m->info->build_id = arena_strdup(core->arena, id);
}

static void open_vdso(struct core *core, struct module *m) {
	uint64_t size = m->info->end - m->info->start;
	char *bytes;

	if (size > VDSO_MAX)
		return;
	bytes = arena_alloc(core->arena, (size_t)size);
	if (!bytes || core_read(core, m->info->start, bytes, (size_t)size) < 0)
		return;
	m->elf = elf_memory(bytes, (size_t)size);
	m->file_bytes = size;
}

int modules_open(struct core *core) {
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOTSUP;
	for (size_t i = 0; i < core->pub.n_modules; i++) {
		struct module *m = &core->modules[i];
		struct headers h;

		read_headers(core, m->info, &h);
		m->tls_bytes = h.tls_bytes;
		if (h.build_id[0]) {
			m->info->build_id = arena_strdup(core->arena, h.build_id);
			if (!m->info->build_id)
				return -ENOMEM;
		}
		if (h.has_load)
			m->info->bias = m->info->start - h.first_vaddr;
		if (streq(m->info->path, "[vdso]"))
			open_vdso(core, m);
		else
			open_module(core, m, &h);
		if (!m->elf && (m->info->state == CW_MODULE_DELETED || m->info->state == CW_MODULE_UNREADABLE))
			(void)open_fetched(core, m, &h);
	}
	modules_check_gaps(core);
	return 0;
}

void modules_close(struct core *core) {
	for (size_t i = 0; i < core->pub.n_modules; i++) {
		struct module *m = &core->modules[i];

		if (m->elf)
			elf_end(m->elf);
		if (m->fd >= 0)
			close(m->fd);
		m->elf = NULL;
		m->fd = -EBADF;
	}
}
