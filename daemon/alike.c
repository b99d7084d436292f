/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See alike.h. MESSAGE= holds a trace of the crashed thread where systemd-coredump was built with elfutils (its
 * elf-util.c, 252 to 262):
 *
 *     Stack trace of thread 4711:
 *     #0  0x00007f5f0c2b8e2c n/a (libc.so.6 + 0x8ae2c)
 *
 * Addresses differ from run to run; function, module and offset do not. A deep recursion's innermost frames are all
 * the same, which is just right. A trace that is missing, cut or forged makes crashes look more, or less, alike:
 * then the limit of the program holds.
 */
#include "daemon/alike.h"

/* As many frames as tell one cause from another; crashes in abort() differ from the fifth frame on. */
#define FRAMES 12
#define TRACE "Stack trace of thread "

const char *alike_program(const struct crash *crash) {
	const char *exe = entry_get(crash->entry, FIELD_COREDUMP_EXE), *comm;

	if (exe && *exe)
		return exe;
	comm = entry_get(crash->entry, FIELD_COREDUMP_COMM);
	return comm ? comm : "";
}

/* The part of "#0  0x00007f5f0c2b8e2c n/a (libc.so.6 + 0x8ae2c)" behind the address; NULL: not such a line. */
static const char *frame_text(const char *line, size_t *ret_length) {
	const char *end = line + strcspn(line, "\n"), *p = line;

	p += strspn(p, " ");
	if (*p != '#')
		return NULL;
	p++;
	p += strspn(p, "0123456789");
	p += strspn(p, " ");
	if (!str_has_prefix(p, "0x"))
		return NULL;
	p += strcspn(p, " \n");
	if (p >= end)
		return NULL;
	*ret_length = (size_t)(end - p);
	return p;
}

static void add_frames(struct hash *hash, const char *message) {
	const char *line = strstr(message, TRACE);

	for (unsigned i = 0; line && i < FRAMES; i++) {
		const char *frame;
		size_t length;

		line = strchr(line, '\n');
		if (!line)
			return;
		frame = frame_text(++line, &length);
		if (!frame)
			return;
		hash_add(hash, frame, length);
	}
}

int alike_fingerprint(const struct crash *crash, char ret_text[static HASH_TEXT_SIZE]) {
	const char *message = entry_get(crash->entry, FIELD_MESSAGE);
	_cleanup_(hash_freep) struct hash *hash = NULL;
	int r = hash_new(&hash);

	if (r < 0)
		return r;
	hash_add_string(hash, alike_program(crash));
	hash_add_u64(hash, crash->uid);
	hash_add_u64(hash, (uint64_t)crash->signal);
	if (message)
		add_frames(hash, message);
	hash_finish(hash, ret_text);
	return 0;
}
