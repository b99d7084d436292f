/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Linkage names to source names: C++ (Itanium ABI), Rust legacy and v0, by libiberty; anything else stays as it is. */
#pragma once

#include "util/arena.h"

/* The demangled name without Rust's hash, cleaned, at most 1 KiB (longer ones end in "…"); the name itself if it is not
 * mangled. NULL only without memory. Mangled names over 16 KiB are cut, not demangled. */
const char *demangle(struct arena *arena, const char *linkage_name);
