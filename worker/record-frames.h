/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What record-stack.c asks of record-frames.c. */
#pragma once

#include <corewatch/analyzer.h>

#include "util/protocol.h"
#include "worker/line.h"

/*
 * What is the same for every frame at one pc: two hundred threads of a pool stand in the same few places. By pc; a later
 * one takes the place of an earlier one.
 */
#define PLACES 256u

struct place {
	uint64_t pc;
	const struct cw_symbol *symbol;
	size_t at, n;          /* in texts; n is 0 in an empty slot */
	int64_t bytes;         /* of the frame whose end was written last */
	enum cw_trust trust;
	size_t end_at, end_n;  /* in texts; 0: none yet */
};

/* Zeroed before the first frame of a core; record_frames_done() after the last. */
struct frame_writer {
	struct line texts;     /* of places, one after the other */
	struct place places[PLACES];
	struct line list;      /* of the thread `list_of`, whose list of frames was written whole */
	const struct cw_thread *list_of;
	size_t cfa_end[RECORD_MAX_THREAD_FRAMES]; /* where in `list` the digits of each frame's CFA end */
};
void record_frames_done(struct frame_writer *writer);

/* The function's name, or "module+0x…" in the buffer; NULL: neither is known. */
const char *record_frame_name(const struct cw_frame *f, char *buffer, size_t size);
/* The members of one frame. Returns where in the line the CFA's digits end; 0 if there are none. */
size_t record_put_frame(struct frame_writer *writer, struct line *line, const struct cw_frame *f);
/* The member "frames": the first `head` items of the thread's list and the last `tail`. */
void record_put_frames(struct frame_writer *writer, struct line *line, const struct cw_thread *t, size_t head, size_t tail);
