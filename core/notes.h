/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the notes of a core say: threads and their registers, the signal, the process, the auxiliary vector, the file mappings. */
#pragma once

#include "core/core.h"

/* One entry of NT_FILE. */
struct file_mapping {
	uint64_t start, end, offset; /* offset in bytes */
	const char *path;            /* cleaned of nothing: as the kernel wrote it */
	bool deleted;                /* the path ended in " (deleted)", which is cut off */
};

/* Fills core's signal, threads (registers only), process and auxv members from the image's notes. NT_FILE goes to ret_files (by address, in the arena).
 * Missing or short notes become problems. 0 or -ENOMEM. */
int notes_parse(struct core *core, struct file_mapping **ret_files, size_t *ret_n_files);
