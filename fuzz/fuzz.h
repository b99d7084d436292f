/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the fuzz targets share. A target is one file of this folder with LLVMFuzzerTestOneInput(): it feeds hostile
 * bytes to one door of corewatch and asserts what that door promises for any input. Built with libFuzzer (configure
 * --enable-fuzzing, `make fuzz`) it searches; built without, it is linked with replay.c and `make check` runs it over
 * the seeds (fuzz/make-seeds, and fuzz/seeds/TARGET), as a regression test under whatever sanitizers the build has.
 *
 * Targets leave nothing behind: files are memfds, or in a folder that goes when the process ends.
 */
#pragma once

#include <sys/mman.h>

#include "util/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken promise, said so that the sanitizers' and libFuzzer's handlers see it. */
#define fuzz_check(condition)                                                                             \
	do {                                                                                              \
		if (!(condition)) {                                                                       \
			fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition);   \
			abort();                                                                          \
		}                                                                                         \
	} while (0)

/* The bytes as a file, replacing what was in it before; *fd is made on first use and read from its beginning. */
static inline void fuzz_file(int *fd, const uint8_t *data, size_t size) {
	if (*fd < 0)
		*fd = memfd_create("fuzz", MFD_CLOEXEC);
	fuzz_check(*fd >= 0);
	fuzz_check(ftruncate(*fd, 0) == 0 && lseek(*fd, 0, SEEK_SET) == 0);
	fuzz_check(write_full(*fd, data, size) == 0 && lseek(*fd, 0, SEEK_SET) == 0);
}

/*
 * Text that may go to a terminal: no control characters but line feeds, and the escape sequences of colours where they
 * are wanted.
 */
static inline void fuzz_check_text(const char *text, size_t length, bool color) {
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (color && c == 0x1b && i + 1 < length && text[i + 1] == '[') {
			i += 1 + strspn(text + i + 2, "0123456789;") + 1;
			fuzz_check(i < length && text[i] == 'm');
			continue;
		}
		fuzz_check((c >= 0x20 && c != 0x7f) || c == '\n');
	}
}
