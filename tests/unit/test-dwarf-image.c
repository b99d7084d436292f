/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loader: packed sections come out as they went in, in every packing; claims that do not fit get no memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elfutils/libdw.h>
#include <libdeflate.h>
#include <zstd.h>

#include "core/dwarf-image.h"
#include "core/dwarf-load.h"

enum packing { PLAIN, ZLIB, ZSTD, OLD_ZLIB };

/* A file of three sections: .debug_info (or .zdebug_info), .debug_loclists, names. */
struct file {
	Elf64_Ehdr header;
	Elf64_Shdr sections[4];
	char names[64];
	_Alignas(16) uint8_t data[8192];
};

static uint8_t content[4096];

/* ch_size as claimed. Returns the packed size. */
static size_t pack(enum packing packing, uint8_t *to, size_t room, uint64_t claim) {
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
	Elf64_Chdr chdr = { .ch_type = packing == ZSTD ? 2 : ELFCOMPRESS_ZLIB, .ch_size = claim, .ch_addralign = 1 };
	size_t n = 0;

	memcpy(to, &chdr, sizeof(chdr));
	switch (packing) {
	case PLAIN:
		memcpy(to, content, sizeof(content));
		n = sizeof(content);
		break;
	case ZLIB:
		n = sizeof(chdr) + libdeflate_zlib_compress(c, content, sizeof(content), to + sizeof(chdr), room - sizeof(chdr));
		break;
	case ZSTD:
		n = sizeof(chdr) + ZSTD_compress(to + sizeof(chdr), room - sizeof(chdr), content, sizeof(content), 3);
		break;
	case OLD_ZLIB:
		memcpy(to, "ZLIB", 4);
		for (int i = 0; i < 8; i++)
			to[4 + i] = (uint8_t)(claim >> (56 - 8 * i));
		n = 12 + libdeflate_zlib_compress(c, content, sizeof(content), to + 12, room - 12);
		break;
	}
	libdeflate_free_compressor(c);
	return n;
}

static void make(struct file *f, enum packing packing, uint64_t claim) {
	size_t n;

	*f = (struct file){
		.header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_ehsize = sizeof(Elf64_Ehdr),
			    .e_shoff = offsetof(struct file, sections), .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 4,
			    .e_shstrndx = 3 },
		.names = "\0.zdebug_info\0.debug_info\0.debug_loclists",
	};
	n = pack(packing, f->data, sizeof(f->data), claim);
	f->sections[1] = (Elf64_Shdr){ .sh_name = packing == OLD_ZLIB ? 1 : 14, .sh_type = SHT_PROGBITS,
				       .sh_flags = packing == ZLIB || packing == ZSTD ? SHF_COMPRESSED : 0,
				       .sh_offset = offsetof(struct file, data), .sh_size = n, .sh_addralign = 8 };
	f->sections[2] = (Elf64_Shdr){ .sh_name = 26, .sh_type = SHT_PROGBITS, .sh_flags = f->sections[1].sh_flags,
				       .sh_offset = offsetof(struct file, data), .sh_size = n, .sh_addralign = 8 };
	f->sections[3] = (Elf64_Shdr){ .sh_name = 0, .sh_type = SHT_STRTAB, .sh_offset = offsetof(struct file, names),
				       .sh_size = sizeof(f->names), .sh_addralign = 1 };
}

static int build(struct file *f, struct dwarf_image *ret) {
	Elf *elf = elf_memory((char *)f, sizeof(*f));
	int r;

	assert_non_null(elf);
	r = dwarf_image_build(elf, -EBADF, DWARF_IMAGE_SYMBOLS, ret);
	elf_end(elf);
	return r;
}

static int set_up(void **state) {
	(void)state;
	elf_version(EV_CURRENT);
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i * 7 % 251);
	return 0;
}

static void test_every_packing(void **state) {
	static struct file f;

	(void)state;
	for (enum packing p = ZLIB; p <= OLD_ZLIB; p++) {
		struct dwarf_image image = { .bytes = NULL };
		Elf_Scn *info;
		Elf *elf;

		make(&f, p, sizeof(content));
		assert_int_equal(build(&f, &image), 0);
		elf = elf_memory((char *)image.bytes, image.size);
		assert_non_null(elf);
		info = elf_find_section(elf, ".debug_info");
		assert_non_null(info);
		assert_int_equal(elf_rawdata(info, NULL)->d_size, sizeof(content));
		assert_memory_equal(elf_rawdata(info, NULL)->d_buf, content, sizeof(content));
		/* What nobody needs is left out, and nothing is packed any more. */
		assert_null(elf_find_section(elf, ".debug_loclists"));
		assert_false(dwarf_image_is_packed(elf));
		elf_end(elf);
		dwarf_image_free(&image);
	}
}

static void test_plain_files_stay_where_they_are(void **state) {
	struct dwarf_image image;
	static struct file f;

	(void)state;
	make(&f, PLAIN, 0);
	assert_int_equal(build(&f, &image), -ENODATA);
}

static void test_lies_about_the_size(void **state) {
	struct dwarf_image image;
	static struct file f;

	(void)state;
	for (enum packing p = ZLIB; p <= OLD_ZLIB; p++) {
		make(&f, p, sizeof(content) - 1);
		assert_int_equal(build(&f, &image), -EBADMSG);
		make(&f, p, sizeof(content) + 1);
		assert_int_equal(build(&f, &image), -EBADMSG);
		make(&f, p, UINT64_MAX);
		assert_true(build(&f, &image) < 0);
		make(&f, p, UINT64_MAX / 2);
		assert_true(build(&f, &image) < 0);
		/* Deflate cannot do that; zstd could. */
		make(&f, p, GIB(1));
		assert_int_equal(build(&f, &image), -EBADMSG);
		make(&f, ZSTD, GIB(2));
		assert_int_equal(build(&f, &image), -EFBIG);
	}
}

static void test_unknown_packing(void **state) {
	struct dwarf_image image;
	static struct file f;

	(void)state;
	make(&f, ZLIB, sizeof(content));
	f.data[0] = 77;
	assert_int_equal(build(&f, &image), -EOPNOTSUPP);
}

static void test_damage_at_every_byte(void **state) {
	static struct file f;

	(void)state;
	for (enum packing p = ZLIB; p <= OLD_ZLIB; p++) {
		make(&f, p, sizeof(content));
		for (size_t i = 0; i < offsetof(struct file, data) + f.sections[1].sh_size; i++) {
			struct dwarf_image image = { .bytes = NULL };
			uint8_t *byte = (uint8_t *)&f + i;
			Elf *elf;

			*byte ^= 0xff;
			elf = elf_memory((char *)&f, sizeof(f));
			if (elf && elf_kind(elf) == ELF_K_ELF)
				(void)dwarf_image_build(elf, -EBADF, DWARF_IMAGE_SYMBOLS, &image);
			if (elf)
				elf_end(elf);
			dwarf_image_free(&image);
			*byte ^= 0xff;
		}
	}
}

/* An image that somebody else put into the cache, with a packed section in it: libdw would inflate it without limits. */
static void test_packed_images_are_refused(void **state) {
	struct dwarf_handle handle;
	struct cache_entry entry;
	static struct file f;

	(void)state;
	make(&f, ZLIB, sizeof(content));
	entry = (struct cache_entry){ .data = (uint8_t *)&f, .size = sizeof(f) };
	assert_int_equal(dwarf_load_inflated(&entry, &handle), -EBADMSG);
	assert_ptr_equal(entry.data, &f);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_packing),
		cmocka_unit_test(test_plain_files_stay_where_they_are),
		cmocka_unit_test(test_lies_about_the_size),
		cmocka_unit_test(test_unknown_packing),
		cmocka_unit_test(test_damage_at_every_byte),
		cmocka_unit_test(test_packed_images_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
