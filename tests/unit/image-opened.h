/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A core as core/image opens it, with all that goes again when the test leaves. */
#pragma once

#include "core-writer.h"

struct opened {
	struct arena *arena;
	struct image *image;   /* NULL if r is not 0; then there is a reason */
	const char *reason;
	int fd, r;
};

static void opened_done(struct opened *o) {
	if (o->image)
		image_close(o->image);
	if (o->arena)
		arena_free(o->arena);
	closep(&o->fd);
}
#define _cleanup_opened_ _cleanup_(opened_done)

/* Owns fd. */
static struct opened open_fd(int fd) {
	struct opened o = { .fd = fd };

	assert_true(fd >= 0);
	assert_int_equal(arena_new(MIB(512), &o.arena), 0);
	o.r = image_open(fd, o.arena, &o.image, &o.reason);
	assert_true((o.r == 0) == (o.image != NULL));
	if (o.r < 0)
		assert_true(o.reason && *o.reason);
	return o;
}
