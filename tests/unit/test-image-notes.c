/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/image-notes: notes that are longer than the window they are read through, lie across its borders, or are cut there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "image-opened.h"

#define THREADS 60
#define XSTATE_BYTES 2696
#define LONG_BYTES 100001 /* three windows, and an odd end */

static uint8_t pattern(size_t i) {
	return (uint8_t)(i * 7 + i / 251);
}

static struct blob many_threads(void) {
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);
	uint8_t state[XSTATE_BYTES], *text = malloc(LONG_BYTES);

	assert_non_null(text);
	memset(state, 0xee, sizeof(state));
	for (size_t i = 0; i < LONG_BYTES; i++)
		text[i] = pattern(i);
	writer_map(w, 0x400000, 0x1000, "rx", 0x1000);
	for (int32_t i = 0; i < THREADS; i++) {
		writer_thread(w, 100 + i, "rip", UINT64_C(0x400000) + (uint64_t)i, NULL);
		/* Odd lengths: what follows is 4-byte aligned all the same. */
		writer_thread_note(w, NT_X86_XSTATE, state, sizeof(state) - (size_t)i % 4);
	}
	writer_signal(w, 11, 1, 0x10);
	writer_note(w, "a maker of notes with a name", 0x99, text, LONG_BYTES);
	writer_note(w, "LINUX", 0x77, "end", 3);
	free(text);
	return writer_build(w);
}

static size_t count(const struct image_note *notes, size_t n, uint32_t type) {
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += notes[i].type == type;
	return found;
}

static void check_all(const struct image *image) {
	const struct image_note *notes;
	size_t n, thread = 0;

	notes = image_notes(image, &n);
	assert_int_equal(count(notes, n, NT_PRSTATUS), THREADS);
	assert_int_equal(count(notes, n, NT_X86_XSTATE), 0);
	for (size_t i = 0; i < n; i++) {
		int32_t id;

		if (notes[i].type != NT_PRSTATUS)
			continue;
		assert_string_equal(notes[i].name, "CORE");
		memcpy(&id, notes[i].data + 32, sizeof(id));
		assert_int_equal(id, 100 + (int32_t)thread++);
	}
	assert_true(n >= 2);
	assert_int_equal(notes[n - 2].length, LONG_BYTES);
	for (size_t i = 0; i < LONG_BYTES; i++)
		assert_int_equal(notes[n - 2].data[i], pattern(i));
	assert_string_equal(notes[n - 1].name, "LINUX");
	assert_int_equal(notes[n - 1].length, 3);
	assert_memory_equal(notes[n - 1].data, "end", 3);
	assert_false(image_truncated(image));
}

static void test_across_windows(void **state) {
	static const enum unpack_format formats[] = { UNPACK_PLAIN, UNPACK_ZSTD, UNPACK_LZ4 };
	_cleanup_blob_ struct blob b = many_threads();

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
		_cleanup_opened_ struct opened o = open_fd(blob_file(b, formats[i]));

		assert_int_equal(o.r, 0);
		check_all(o.image);
	}
}

/* Each note is there whole or not at all, and those that are there are the first ones. */
static void test_cut(void **state) {
	_cleanup_blob_ struct blob b = many_threads();
	_cleanup_opened_ struct opened whole = open_fd(blob_file(b, UNPACK_PLAIN));
	const struct image_note *all;
	size_t n_all, last = 0;

	(void)state;
	assert_int_equal(whole.r, 0);
	all = image_notes(whole.image, &n_all);
	for (size_t length = b.notes + 1; length < b.notes + b.notes_length; length += 1009) {
		_cleanup_opened_ struct opened o = open_fd(blob_file((struct blob){ .data = b.data, .length = length }, UNPACK_PLAIN));
		const struct image_note *notes;
		size_t n;

		assert_int_equal(o.r, 0);
		notes = image_notes(o.image, &n);
		assert_true(image_truncated(o.image));
		assert_true(n >= last && n < n_all);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(notes[i].type, all[i].type);
			assert_int_equal(notes[i].length, all[i].length);
			assert_memory_equal(notes[i].data, all[i].data, all[i].length);
		}
		last = n;
	}
	assert_true(last > THREADS);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_across_windows),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("image-notes", tests, NULL, NULL);
}
