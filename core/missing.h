/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that this machine does not have: those that were fetched by build-id before the worker was started, and those
 * that would have told more and may be fetched after it. The worker has no network and fetches nothing itself.
 */
#pragma once

#include "core/core.h"
#include "core/dwarf-file.h"
#include "util/fetched.h"

/*
 * Opens a fetched file by its build-id, and believes it only if it has that id: whoever wrote it has checked, but what
 * is read with a core is checked here. 0, -ENOENT and the like.
 */
int missing_open(const struct core_options *options, enum fetched_kind kind, const uint8_t *id, size_t length,
		 struct debug_file *ret_file);
/* The id as lower-case hex digits; length as elf_build_id() has it. */
void missing_id(const uint8_t *id, size_t length, char ret_text[static FETCHED_ID_MAX + 1]);

struct missing {
	enum fetched_kind kind;
	const char *build_id; /* in the core's arena or its modules */
};

/*
 * What was missing for the frames of this core: the programs and libraries themselves, their debug info, and the dwz
 * files that this refers to. Those of the crashed thread first, each once. After core_symbolize(). The number.
 */
size_t missing_list(const struct core *core, struct missing *list, size_t max);
