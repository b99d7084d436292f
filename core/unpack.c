/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stream itself: magic bytes, reading, the loop around a decoder, and the memory of how it ended.
 *
 * The first bytes are read like all others and given to the decoder afterwards, so a pipe serves as well as a file. A
 * regular file is always taken from its first byte, wherever its offset is, so that unpack_offset() means the same as
 * an offset for pread(). An error that is met after bytes were produced is held back until the next call, so that no
 * byte before the damage is lost.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "core/unpack-backend.h"
#include "util/io.h"

#define MAGIC_BYTES 6
/* Large reads: a packed core of a GiB should cost a thousand system calls, not thirty thousand. */
#define INPUT_BYTES MIB(1)
/* What is skipped is decoded into this and dropped; small enough to stay in the second-level cache. */
#define SCRATCH_BYTES KIB(128)

struct unpack {
	int fd;
	bool regular;
	uint64_t offset; /* unpacked */
	const struct unpack_backend *backend; /* NULL: plain */
	void *state;
	struct unpack_in in;
	uint8_t *buffer; /* INPUT_BYTES behind in.data, for packed input */
	uint8_t *scratch;
	uint8_t magic[MAGIC_BYTES];
	bool border;
	int error; /* 0 or what every further read returns */
	char problem[160];
};

static const struct unpack_backend *const backends[] = { &unpack_zstd, &unpack_zstd_skippable, &unpack_lz4,
	&unpack_xz };

static const char *const format_names[] = {
	[UNPACK_PLAIN] = "plain",
	[UNPACK_ZSTD] = "zstd",
	[UNPACK_LZ4] = "lz4",
	[UNPACK_XZ] = "xz",
};

const char *unpack_format_name(enum unpack_format format) {
	return (size_t)format < ELEMENTSOF(format_names) ? format_names[format] : "unknown";
}

enum unpack_format unpack_get_format(const struct unpack *unpack) {
	return unpack->backend ? unpack->backend->format : UNPACK_PLAIN;
}

bool unpack_is_seekable(const struct unpack *unpack) {
	return unpack->regular;
}

uint64_t unpack_offset(const struct unpack *unpack) {
	return unpack->offset;
}

const char *unpack_problem(const struct unpack *unpack) {
	return unpack->problem[0] ? unpack->problem : NULL;
}

static const struct unpack_backend *find_backend(const uint8_t *magic, size_t length) {
	uint8_t first;

	if (length == 0)
		return NULL;
	for (size_t i = 0; i < ELEMENTSOF(backends); i++) {
		first = backends[i] == &unpack_zstd_skippable ? magic[0] & 0xf0 : magic[0];
		if (length >= backends[i]->magic_length && first == backends[i]->magic[0] &&
		    memcmp(magic + 1, backends[i]->magic + 1, backends[i]->magic_length - 1) == 0)
			return backends[i];
	}
	return NULL;
}

void unpack_free(struct unpack *unpack) {
	if (!unpack)
		return;
	if (unpack->state)
		unpack->backend->close(unpack->state);
	free(unpack->buffer);
	free(unpack->scratch);
	free(unpack);
}

int unpack_new(int fd, struct unpack **ret_unpack) {
	_cleanup_(unpack_freep) struct unpack *unpack = calloc(1, sizeof(*unpack));
	struct stat st;
	ssize_t n;
	int r;

	if (!unpack)
		return -ENOMEM;
	if (fstat(fd, &st) < 0)
		return -errno;
	unpack->fd = fd;
	unpack->regular = S_ISREG(st.st_mode);
	if (unpack->regular && lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	n = read_full(fd, unpack->magic, sizeof(unpack->magic));
	if (n < 0)
		return (int)n;

	unpack->in = (struct unpack_in){ .data = unpack->magic, .left = (size_t)n };
	unpack->backend = find_backend(unpack->magic, (size_t)n);
	if (unpack->backend) {
		unpack->buffer = malloc(INPUT_BYTES);
		if (!unpack->buffer)
			return -ENOMEM;
		r = unpack->backend->open(&unpack->state);
		if (r < 0)
			return r;
		if (unpack->regular)
			(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
	*ret_unpack = take_ptr(unpack);
	return 0;
}

static int fail(struct unpack *unpack, int error, const char *what) {
	if (what)
		snprintf(unpack->problem, sizeof(unpack->problem), "%s: %s",
		    unpack_format_name(unpack_get_format(unpack)), what);
	unpack->error = error;
	return error;
}

static int refill(struct unpack *unpack) {
	ssize_t n;

	do
		n = read(unpack->fd, unpack->buffer, INPUT_BYTES);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	unpack->in = (struct unpack_in){ .data = unpack->buffer, .left = (size_t)n, .end = n == 0 };
	return 0;
}

/* Fills out as far as the data goes. 0 at the full length or the clean end. */
static int read_packed(struct unpack *unpack, struct unpack_out *out) {
	const char *problem = NULL;
	size_t in_left, out_left;
	int r;

	while (out->left > 0) {
		in_left = unpack->in.left;
		out_left = out->left;
		r = unpack->backend->decode(unpack->state, &unpack->in, out, &unpack->border, &problem);
		if (r < 0)
			return fail(unpack, r, problem);
		if (unpack->in.left < in_left || out->left < out_left)
			continue;
		if (unpack->in.left > 0)
			return fail(unpack, -EBADMSG, "garbage after the packed data");
		if (unpack->in.end) {
			if (!unpack->border)
				return fail(unpack, -ENODATA, "the packed data ends early");
			return 0;
		}
		r = refill(unpack);
		if (r < 0)
			return fail(unpack, r, NULL);
	}
	return 0;
}

static int read_plain(struct unpack *unpack, struct unpack_out *out) {
	size_t n = MIN(unpack->in.left, out->left);
	ssize_t got;

	memcpy(out->data, unpack->in.data, n);
	unpack->in.data += n;
	unpack->in.left -= n;
	out->data += n;
	out->left -= n;
	if (out->left == 0)
		return 0;
	got = read_full(unpack->fd, out->data, out->left);
	if (got < 0)
		return fail(unpack, (int)got, NULL);
	out->data += got;
	out->left -= (size_t)got;
	return 0;
}

int unpack_read(struct unpack *unpack, void *buffer, size_t length, size_t *ret_length) {
	struct unpack_out out = { .data = buffer, .left = length };
	int r;

	*ret_length = 0;
	if (unpack->error < 0)
		return unpack->error;
	if (length == 0)
		return 0;
	r = unpack->backend ? read_packed(unpack, &out) : read_plain(unpack, &out);
	*ret_length = length - out.left;
	unpack->offset += *ret_length;
	return *ret_length > 0 ? 0 : r;
}

/* A plain regular file: seeks, but never past its end. */
static int skip_by_seek(struct unpack *unpack, uint64_t length, uint64_t *ret_length) {
	struct stat st;
	uint64_t end;

	if (fstat(unpack->fd, &st) < 0)
		return fail(unpack, -errno, NULL);
	end = (uint64_t)st.st_size;
	length = unpack->offset < end ? MIN(length, end - unpack->offset) : 0;
	unpack->in.left = 0;
	if (lseek(unpack->fd, (off_t)(unpack->offset + length), SEEK_SET) < 0)
		return fail(unpack, -errno, NULL);
	unpack->offset += length;
	*ret_length = length;
	return 0;
}

int unpack_skip(struct unpack *unpack, uint64_t length, uint64_t *ret_length) {
	uint64_t done = 0;
	size_t n;
	int r = 0;

	*ret_length = 0;
	if (unpack->error < 0)
		return unpack->error;
	if (!unpack->backend && unpack->regular)
		return skip_by_seek(unpack, length, ret_length);
	if (!unpack->scratch) {
		unpack->scratch = malloc(SCRATCH_BYTES);
		if (!unpack->scratch)
			return -ENOMEM;
	}
	while (done < length) {
		r = unpack_read(unpack, unpack->scratch, (size_t)MIN(length - done, SCRATCH_BYTES), &n);
		if (r < 0 || n == 0)
			break;
		done += n;
	}
	*ret_length = done;
	return done > 0 ? 0 : r;
}

int unpack_rewind(struct unpack *unpack) {
	void *state = NULL;
	int r;

	if (!unpack->regular)
		return -ESPIPE;
	if (lseek(unpack->fd, 0, SEEK_SET) < 0)
		return -errno;
	if (unpack->backend) {
		r = unpack->backend->open(&state);
		if (r < 0)
			return r;
		unpack->backend->close(unpack->state);
		unpack->state = state;
	}
	unpack->in = (struct unpack_in){ .data = unpack->magic };
	unpack->offset = 0;
	unpack->border = false;
	unpack->error = 0;
	unpack->problem[0] = '\0';
	return 0;
}
