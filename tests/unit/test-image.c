/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/image on plain cores: what is no core, what is cut, and program headers and notes that lie. Streams: test-image-stream.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>

#include "image-opened.h"

#define CODE UINT64_C(0x400000)
#define DATA UINT64_C(0x600000)

static struct opened open_bytes(const void *data, size_t length) {
	return open_fd(blob_file((struct blob){ .data = (uint8_t *)(uintptr_t)data, .length = length }, UNPACK_PLAIN));
}

static struct opened open_blob(struct blob b) {
	return open_bytes(b.data, b.length);
}

/* Code of two stored pages; a data segment of which one page of three is stored, 0x11 in every byte; a guard. */
static struct writer *small(uint16_t machine) {
	struct writer *w = writer_new(machine);
	uint8_t page[4096];

	memset(page, 0x11, sizeof(page));
	writer_map(w, CODE, 0x2000, "rx", 0x2000);
	writer_map(w, CODE + 0x2000, 0x1000, "", 0);
	writer_map(w, DATA, 0x3000, "rw", 0x1000);
	writer_bytes(w, CODE + 0x1ffc, "tail", 4);
	writer_bytes(w, DATA, page, sizeof(page));
	writer_thread(w, 100, machine == EM_386 ? "eip" : "rip", CODE, NULL);
	writer_signal(w, 11, 1, 0x10);
	return w;
}

static void test_no_core(void **state) {
	static const struct {
		const char *bytes;
		size_t length;
		int r;
	} cases[] = {
		{ "", 0, -ENODATA },
		{ "\x7f", 1, -ENOEXEC },
		{ "#!/bin/sh\necho this is a script that is longer than an ELF header of either class is\n", 85, -ENOEXEC },
		{ "\x7f" "ELF\x02\x01\x01", 7, -ENOEXEC },
		{ "\x7f" "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0\x3e\0", 20, -ENOEXEC },
		{ "\x28\xb5\x2f\xfd is no zstd frame at all, although it begins like one", 58, -ENOEXEC },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_opened_ struct opened o = open_bytes(cases[i].bytes, cases[i].length);
		assert_int_equal(o.r, cases[i].r);
	}
}

static void test_not_a_file(void **state) {
	_cleanup_opened_ struct opened folder = open_fd(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	_cleanup_opened_ struct opened null = open_fd(open("/dev/null", O_RDONLY | O_CLOEXEC));

	(void)state;
	assert_int_equal(folder.r, -EISDIR);
	assert_int_equal(null.r, -ENODATA);
}

static void test_wrong_header(void **state) {
	static const struct {
		size_t offset;
		uint16_t value;
		size_t size;
		int r;
	} cases[] = {
		{ EI_DATA, ELFDATA2MSB, 1, -EOPNOTSUPP },
		{ EI_CLASS, 7, 1, -ENOEXEC },
		{ EI_CLASS, ELFCLASS32, 1, -EOPNOTSUPP }, /* no 32-bit EM_X86_64: x32 is not supported */
		{ offsetof(Elf64_Ehdr, e_type), ET_EXEC, 2, -ENOEXEC },
		{ offsetof(Elf64_Ehdr, e_type), ET_DYN, 2, -ENOEXEC },
		{ offsetof(Elf64_Ehdr, e_machine), EM_S390, 2, -EOPNOTSUPP },
	};
	_cleanup_(writer_freep) struct writer *w = small(EM_X86_64);

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_blob_ struct blob b = writer_build(w);

		blob_patch(&b, cases[i].offset, &cases[i].value, cases[i].size);
		_cleanup_opened_ struct opened o = open_blob(b);
		assert_int_equal(o.r, cases[i].r);
	}
}

static void check_small(struct image *image) {
	const struct segment *s;
	char tail[4], byte;
	size_t n;

	s = image_segments(image, &n);
	assert_int_equal(n, 3);
	assert_int_equal(s[0].start, CODE);
	assert_int_equal(s[0].end, CODE + 0x2000);
	assert_int_equal(s[0].perm, CW_PERM_READ | CW_PERM_EXEC);
	assert_int_equal(s[1].perm, 0);
	assert_int_equal(s[2].stored, 0x1000);
	assert_false(image_truncated(image));
	assert_null(image_problem(image));
	assert_int_equal(image_read(image, CODE + 0x1ffc, tail, 4), 0);
	assert_memory_equal(tail, "tail", 4);
	/* Bounded by what is stored, not by the size in memory, nor by the next segment's bytes in the file. */
	assert_int_equal(image_read(image, DATA + 0xfff, &byte, 1), 0);
	assert_int_equal(byte, 0x11);
	assert_int_equal(image_read(image, DATA + 0x1000, &byte, 1), -EFAULT);
	assert_int_equal(image_read(image, DATA + 0xffe, tail, 4), -EFAULT);
	assert_int_equal(image_read(image, CODE + 0x1ffe, tail, 4), -EFAULT);
	assert_int_equal(image_read(image, CODE - 1, tail, 4), -EFAULT);
	assert_int_equal(image_read(image, UINT64_MAX, &byte, 1), -EFAULT);
}

static void test_good(void **state) {
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		_cleanup_(writer_freep) struct writer *w = small(i & 1 ? EM_386 : EM_X86_64);

		*writer_options(w) = (struct writer_options){ .notes_last = i & 2, .xnum = i & 4, .align = 4096 };
		_cleanup_blob_ struct blob b = writer_build(w);
		_cleanup_opened_ struct opened o = open_blob(b);
		size_t n;

		assert_int_equal(o.r, 0);
		assert_string_equal(image_arch(o.image)->name, i & 1 ? "i386" : "x86_64");
		assert_false(image_is_stream(o.image));
		check_small(o.image);
		assert_true(image_bytes(o.image) <= b.length);
		assert_int_equal(image_notes(o.image, &n)[0].type, NT_PRSTATUS);
		assert_int_equal(n, 4);
	}
}

static void test_across_segments(void **state) {
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);
	char got[4];

	(void)state;
	/* Neighbours in memory, not in the file; and the one that lies higher is the first in the table. */
	writer_map(w, DATA + 0x1000, 0x1000, "rw", 0x1000);
	writer_map(w, CODE, 0x1000, "rx", 0x1000);
	writer_map(w, DATA, 0x1000, "r", 0x1000);
	writer_bytes(w, DATA + 0xffe, "ab", 2);
	writer_bytes(w, DATA + 0x1000, "cd", 2);
	_cleanup_blob_ struct blob b = writer_build(w);
	_cleanup_opened_ struct opened o = open_blob(b);
	assert_int_equal(image_read(o.image, DATA + 0xffe, got, 4), 0);
	assert_memory_equal(got, "abcd", 4);
}

/* A core may be cut anywhere: whatever was before is there, nothing behind it is, and it is said. */
static void test_cut_everywhere(void **state) {
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);

	(void)state;
	writer_map(w, CODE, 0x300, "rx", 0x300);
	writer_map(w, DATA, 0x200, "rw", 0x200);
	writer_thread(w, 100, "rip", CODE, NULL);
	writer_signal(w, 11, 1, 0);
	writer_file(w, CODE, CODE + 0x1000, 0, "/nowhere/program");
	_cleanup_blob_ struct blob b = writer_build(w);
	for (size_t length = 0; length < b.length; length++) {
		_cleanup_opened_ struct opened o = open_bytes(b.data, length);
		size_t n, data_at = b.length - 0x200;
		uint8_t byte;

		if (length < sizeof(Elf64_Ehdr)) {
			assert_int_equal(o.r, length == 0 ? -ENODATA : -ENOEXEC);
			continue;
		}
		assert_int_equal(o.r, 0);
		assert_true(image_truncated(o.image));
		(void)image_segments(o.image, &n);
		if (length >= b.notes)
			assert_int_equal(n, 2);
		else
			assert_true(n < 2);
		(void)image_notes(o.image, &n);
		/* The last note's padding may be missing. */
		assert_true(length < b.notes + b.notes_length - 3 ? n < 5 : length < b.notes + b.notes_length || n == 5);
		assert_int_equal(image_read(o.image, DATA, &byte, 1), length > data_at ? 0 : -EFAULT);
		assert_int_equal(image_read(o.image, DATA + 0x1ff, &byte, 1), -EFAULT);
	}
}

static void test_lying_segments(void **state) {
	static const struct {
		size_t member, size;
		uint64_t value;
	} cases[] = {
#define MEMBER(m) offsetof(Elf64_Phdr, m), sizeof(((Elf64_Phdr *)0)->m)
		{ MEMBER(p_offset), UINT64_MAX },       { MEMBER(p_offset), INT64_MAX },  { MEMBER(p_offset), UINT64_C(1) << 40 },
		{ MEMBER(p_filesz), UINT64_MAX },       { MEMBER(p_filesz), INT64_MAX },  { MEMBER(p_memsz), UINT64_MAX },
		{ MEMBER(p_memsz), UINT64_MAX - DATA }, { MEMBER(p_memsz), 0 },           { MEMBER(p_memsz), 1 },
		{ MEMBER(p_vaddr), UINT64_MAX },        { MEMBER(p_vaddr), -0x3000ULL },  { MEMBER(p_vaddr), 0 },
		{ MEMBER(p_vaddr), CODE },              { MEMBER(p_vaddr), CODE - 0x800 }, { MEMBER(p_type), PT_NOTE },
	};
	static const uint64_t probes[] = { 0, CODE - 1, CODE, CODE + 0x1fff, DATA, DATA + 0xfff, DATA + 0x1000, UINT64_MAX - 64, UINT64_MAX };
	_cleanup_(writer_freep) struct writer *w = small(EM_X86_64);
	char got[64];

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		_cleanup_blob_ struct blob b = writer_build(w);

		blob_patch_phdr(&b, 3, cases[i].member, cases[i].value, cases[i].size);
		_cleanup_opened_ struct opened o = open_blob(b);
		assert_int_equal(o.r, 0);
		for (size_t k = 0; k < ELEMENTSOF(probes); k++) {
			const struct segment *s = image_find_segment(o.image, probes[k]);

			assert_true(!s || (probes[k] >= s->start && probes[k] < s->end && s->stored <= s->end - s->start));
			(void)image_read(o.image, probes[k], got, sizeof(got));
		}
		/* What the one header says does not harm the others. */
		if (cases[i].value != CODE - 0x800 && cases[i].value != CODE)
			assert_int_equal(image_read(o.image, CODE + 0x1ffc, got, 4), 0);
	}
}

static void test_lying_counts(void **state) {
	static const uint16_t counts[] = { 0, 1, 5, 1000, PN_XNUM - 1, PN_XNUM };
	_cleanup_(writer_freep) struct writer *w = small(EM_X86_64);
	uint64_t far = UINT64_MAX - 32;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(counts); i++) {
		_cleanup_blob_ struct blob b = writer_build(w);

		blob_patch(&b, offsetof(Elf64_Ehdr, e_phnum), &counts[i], 2);
		_cleanup_opened_ struct opened o = open_blob(b);
		assert_int_equal(o.r, 0);
		(void)image_segments(o.image, &n);
		assert_true(n <= b.length / sizeof(Elf64_Phdr));
	}
	_cleanup_blob_ struct blob b = writer_build(w);
	blob_patch(&b, offsetof(Elf64_Ehdr, e_phoff), &far, 8);
	_cleanup_opened_ struct opened o = open_blob(b);
	assert_int_equal(o.r, 0);
	(void)image_segments(o.image, &n);
	assert_int_equal(n, 0);
	assert_true(image_truncated(o.image));
}

/* PN_XNUM with a section header that lies. */
static void test_lying_xnum(void **state) {
	_cleanup_(writer_freep) struct writer *w = small(EM_X86_64);
	static const uint32_t counts[] = { 0, 1, 1u << 20, UINT32_MAX };

	(void)state;
	writer_options(w)->xnum = true;
	for (size_t i = 0; i < ELEMENTSOF(counts); i++) {
		_cleanup_blob_ struct blob b = writer_build(w);
		size_t n;

		blob_patch(&b, b.length - sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_info), &counts[i], 4);
		_cleanup_opened_ struct opened o = open_blob(b);
		assert_int_equal(o.r, 0);
		(void)image_segments(o.image, &n);
		assert_true(n < b.length / sizeof(Elf64_Phdr));
	}
}

static void test_lying_notes(void **state) {
	static const uint32_t sizes[] = { UINT32_MAX, UINT32_MAX - 3, INT32_MAX, 100000, 337 };
	_cleanup_(writer_freep) struct writer *w = small(EM_X86_64);

	(void)state;
	for (size_t i = 0; i < 2 * ELEMENTSOF(sizes); i++) {
		_cleanup_blob_ struct blob b = writer_build(w);
		size_t n;

		/* n_namesz or n_descsz of the second note. */
		blob_patch(&b, b.notes + 12 + 8 + 336 + (i & 1 ? 4 : 0), &sizes[i / 2], 4);
		_cleanup_opened_ struct opened o = open_blob(b);
		assert_int_equal(o.r, 0);
		assert_int_equal(image_notes(o.image, &n)[0].length, 336);
		for (size_t k = 0; k < n; k++) {
			const struct image_note *note = &image_notes(o.image, &n)[k];
			assert_true(note->length <= b.notes_length);
			assert_true(strlen(note->name) < b.notes_length);
		}
		if (sizes[i / 2] >= 100000) {
			assert_int_equal(n, 1);
			assert_true(image_truncated(o.image));
		}
	}
}

/* Many headers that all claim the same huge notes must not use up the memory and thereby the rest of the core. */
static void test_many_notes(void **state) {
	_cleanup_(writer_freep) struct writer *w = small(EM_X86_64);
	size_t n;

	(void)state;
	for (size_t i = 0; i < 1500; i++)
		writer_map(w, UINT64_C(0x7f0000000000) + i * 0x10000, 0x1000, "rw", i == 0 ? 0x100000 : 0);
	_cleanup_blob_ struct blob b = writer_build(w);
	for (size_t i = 4; i < b.phnum; i++) {
		blob_phdr64(&b, i, p_type, PT_NOTE);
		blob_phdr64(&b, i, p_offset, b.notes);
		blob_phdr64(&b, i, p_filesz, UINT64_MAX);
	}
	_cleanup_opened_ struct opened o = open_blob(b);
	assert_int_equal(o.r, 0);
	(void)image_segments(o.image, &n);
	assert_int_equal(n, 3);
}

/* What was punched out of the file reads as zeros. */
static void test_holes(void **state) {
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);
	static const char zeros[4096];
	char got[4096];

	(void)state;
	*writer_options(w) = (struct writer_options){ .align = 65536 };
	writer_map(w, DATA, 0x40000, "rw", 0x40000);
	for (uint64_t at = DATA; at < DATA + 0x40000; at += 8)
		writer_put(w, at, at);
	_cleanup_blob_ struct blob b = writer_build(w);
	int fd = blob_file(b, UNPACK_PLAIN);
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 65536 + 0x10000, 0x10000), 0);
	_cleanup_opened_ struct opened o = open_fd(fd);
	assert_int_equal(image_read(o.image, DATA + 0x10000, got, sizeof(got)), 0);
	assert_memory_equal(got, zeros, sizeof(got));
	assert_int_equal(image_read(o.image, DATA + 0xfff8, got, 8), 0);
	assert_int_equal(*(uint64_t *)(void *)got, DATA + 0xfff8);
	assert_false(image_truncated(o.image));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_core),         cmocka_unit_test(test_not_a_file),    cmocka_unit_test(test_wrong_header),
		cmocka_unit_test(test_good),            cmocka_unit_test(test_across_segments), cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_lying_segments),  cmocka_unit_test(test_lying_counts),  cmocka_unit_test(test_lying_xnum),
		cmocka_unit_test(test_lying_notes),     cmocka_unit_test(test_many_notes),    cmocka_unit_test(test_holes),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
