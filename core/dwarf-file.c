/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See dwarf-file.h. Formats: ELF gABI; GDB manual, "Debugging Information in Separate Files", for the CRC. */
#include "core/dwarf-file.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <lzma.h>
#include <sys/stat.h>

#include "util/io.h"

/* The largest real ones (browsers, with all debug info) are some 5 GiB. Mapped, not read: this bounds address space. */
#define DEBUG_FILE_MAX GIB(6)
/* Longer ids than SHA-1's 20 bytes are allowed by the format, none is known over 32. */
#define BUILD_ID_MIN 2u
#define BUILD_ID_MAX 64u

static int open_file(int folder, const char *path, int flags, struct debug_file *ret_file) {
	_cleanup_debug_file_ struct debug_file f = DEBUG_FILE_NONE;
	struct stat st;

	f.fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
	if (f.fd < 0)
		return -errno;
	if (fstat(f.fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > DEBUG_FILE_MAX)
		return -EFBIG;
	f.bytes = (uint64_t)st.st_size;
	f.elf = elf_begin(f.fd, ELF_C_READ_MMAP, NULL);
	if (!f.elf || elf_kind(f.elf) != ELF_K_ELF)
		return -ENOEXEC;
	*ret_file = debug_file_take(&f);
	return 0;
}

int debug_file_open(const char *path, struct debug_file *ret_file) {
	return open_file(AT_FDCWD, path, 0, ret_file);
}

int debug_file_open_at(int folder, const char *name, struct debug_file *ret_file) {
	return open_file(folder, name, O_NOFOLLOW, ret_file);
}

void debug_file_close(struct debug_file *f) {
	if (f->elf)
		elf_end(f->elf);
	closep(&f->fd);
	*f = (struct debug_file)DEBUG_FILE_NONE;
}

size_t elf_build_id(Elf *elf, const uint8_t **ret_id) {
	const void *id;
	ssize_t n = dwelf_elf_gnu_build_id(elf, &id);

	if (n < (ssize_t)BUILD_ID_MIN || n > (ssize_t)BUILD_ID_MAX)
		return 0;
	*ret_id = id;
	return (size_t)n;
}

bool elf_has_build_id(Elf *elf, const uint8_t *id, size_t length) {
	const uint8_t *own = NULL;

	return length > 0 && elf_build_id(elf, &own) == length && memcmp(own, id, length) == 0;
}

bool debug_file_has_crc(const struct debug_file *f, uint32_t crc) {
	_cleanup_free_ uint8_t *buffer = malloc(KIB(64));
	uint32_t sum = 0;
	uint64_t offset = 0;
	ssize_t n;

	if (!buffer)
		return false;
	while (offset < f->bytes && (n = pread_full(f->fd, buffer, KIB(64), offset)) > 0) {
		sum = lzma_crc32(buffer, (size_t)n, sum);
		offset += (uint64_t)n;
	}
	return offset == f->bytes && sum == crc;
}

Elf_Scn *elf_find_section(Elf *elf, const char *name) {
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr header;
		const char *own;

		if (!gelf_getshdr(scn, &header) || header.sh_type == SHT_NOBITS || header.sh_size == 0)
			continue;
		own = elf_strptr(elf, names, header.sh_name);
		if (own && streq(own, name))
			return scn;
	}
	return NULL;
}
