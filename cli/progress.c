/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See progress.h. A packed core is read from its beginning to its end, so the descriptor's offset is the progress. */
#include "cli/progress.h"

#include <sys/stat.h>

#include "util/text.h"

#define FIRST USEC_PER_SEC
#define EACH (USEC_PER_SEC / 4)
/* Of the name: the line must not wrap. */
#define NAME_COLUMNS 40

void progress_begin(struct progress *p, const char *name, int fd, bool quiet) {
	const char *slash = strrchr(name, '/'), *term = getenv("TERM");
	struct stat st;

	*p = (struct progress){ .name = slash && slash[1] ? slash + 1 : name, .fd = -EBADF };
	if (quiet || isatty(STDERR_FILENO) <= 0 || (term && streq(term, "dumb")))
		return;
	p->fd = fd;
	if (fstat(fd, &st) >= 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		p->bytes = (uint64_t)st.st_size;
}

static void show(struct progress *p, uint64_t elapsed) {
	off_t at = lseek(p->fd, 0, SEEK_CUR);
	char a[40], b[40], name[256];
	uint64_t done = at > 0 ? (uint64_t)at : 0;

	text_clean(p->name, strlen(p->name), name, sizeof(name));
	text_ellipsize(name, NAME_COLUMNS);
	if (p->bytes == 0 || done == 0 || done >= p->bytes)
		fprintf(stderr, "\r\x1b[K%s: analysing, %.1f s", name, (double)elapsed / 1e6);
	else
		fprintf(stderr, "\r\x1b[K%s: unpacking, %.0f %% of %s, %s/s", name, 100.0 * (double)done / (double)p->bytes,
		        text_bytes(p->bytes, a, sizeof(a)),
		        text_bytes((uint64_t)((double)done * 1e6 / (double)MAX(elapsed, UINT64_C(1))), b, sizeof(b)));
	fflush(stderr);
	p->is_visible = true;
}

uint64_t progress_tick(struct progress *p, uint64_t now) {
	if (p->fd < 0)
		return UINT64_MAX;
	if (p->started == 0)
		p->started = p->shown = now;
	if (now - p->started < FIRST)
		return FIRST - (now - p->started);
	if (!p->is_visible || now - p->shown >= EACH) {
		p->shown = now;
		show(p, now - p->started);
	}
	return EACH - (now - p->shown);
}

void progress_end(struct progress *p) {
	if (p->is_visible)
		fputs("\r\x1b[K", stderr);
	p->is_visible = false;
}
