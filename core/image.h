/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A core file as ELF: header, segments, notes, and memory by address.
 *
 * A plain seekable core is read with pread() as memory is asked for. Any other core flows by once: what is likely to be needed is planned after the
 * notes were read and kept, the rest is dropped; image_fetch() makes another pass for what could not be foreseen.
 * Memory use is bounded by what is kept (IMAGE_KEEP_MAX), not by the core's size.
 *
 * Only "this is not a core" fails as a whole. A core that ends early is `truncated` and serves what it has.
 * Format: ELF gABI, core(5), Linux fs/binfmt_elf.c.
 */
#pragma once

#include "core/arch.h"
#include "util/arena.h"

struct segment {
	uint64_t start, end;   /* addresses, end = start + p_memsz */
	uint64_t stored;       /* bytes from start that the file holds: p_filesz, less where the file is cut */
	uint64_t offset;       /* in the unpacked file */
	unsigned perm;         /* enum cw_perm */
};

struct image_note {
	uint32_t type;
	const char *name;      /* "CORE", "LINUX" */
	const uint8_t *data;   /* in the arena */
	size_t length;
};

struct image_range {
	uint64_t start, end;   /* addresses */
};

struct image;

/*
 * Reads header, program headers and notes from fd (borrowed; must stay open). 0; -ENOEXEC: not an ELF core (image_problem is not available then:
 * the reason is in *ret_reason, static); -EOPNOTSUPP: a core of a machine we do not know; -errno.
 */
int image_open(int fd, struct arena *arena, struct image **ret_image, const char **ret_reason);
void image_close(struct image *image); /* what is not in the arena */
DEFINE_CLEANUP(struct image *, image_close);

const struct arch *image_arch(const struct image *image);
const struct segment *image_segments(const struct image *image, size_t *ret_n); /* by address */
const struct image_note *image_notes(const struct image *image, size_t *ret_n); /* in file order; but for vector and floating-point registers */
bool image_is_stream(const struct image *image);
bool image_truncated(const struct image *image);
uint64_t image_bytes(const struct image *image); /* unpacked size as far as seen */
const char *image_format(const struct image *image); /* "plain", "zstd", … */

/* One clause about damage met while reading the file (checksum, early end), or NULL. */
const char *image_problem(const struct image *image);

/* Keeps these address ranges (any order, may overlap, clipped to what is stored) by flowing through the core; for plain cores a no-op.
 * The first call is the planned pass; later ones rewind. 0; -ESPIPE: the input cannot be rewound; or a damage code, with all that came before kept. */
int image_fetch(struct image *image, const struct image_range *ranges, size_t n);

/* Reads memory by address. 0 or -EFAULT (not stored) or -EAGAIN (stored, but not kept: the range was noted for image_missed()). */
int image_read(struct image *image, uint64_t address, void *buffer, size_t length);
/* The same out of what was read last; false: it is not there. */
bool image_read_again(const struct image *image, uint64_t address, void *buffer, size_t length);
/* Says that a range will be read, before the first read of it: one more pass then brings all of it. A no-op where it is at hand. */
void image_want(struct image *image, uint64_t start, uint64_t end);
/* Ranges that were asked for and not kept since the last fetch; owned by the image. */
const struct image_range *image_missed(const struct image *image, size_t *ret_n);

const struct segment *image_find_segment(const struct image *image, uint64_t address);
