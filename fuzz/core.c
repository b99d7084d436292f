/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A core file: its headers, notes and memory, and everything that is concluded from them, up to the analyzers'
 * findings. Files that the core names are opened, as the worker would: run it as a user who may harm nothing. Debug
 * info is dwarf.c's concern, and is not looked for here.
 */
#include "analyze.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	const struct core_options options = {
		.debug_dirs = "/nonexistent", .cache_fd = -EBADF, .has_stack_limit = size % 2, .stack_limit = MIB(8)
	};
	static int fd = -EBADF;

	fuzz_file(&fd, data, size);
	analyze_file(fd, &options);
	return 0;
}
