/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Demangled function names made short enough to read. For text only: everything that programs read keeps the whole
 * name. */
#pragma once

#include "util/macro.h"

/*
 * "bool std::__detail::_Executor<char const*, …>::_M_dfs(std::__detail::_Match_mode, long)" becomes
 * "std::__detail::_Executor<…>::_M_dfs": long type arguments, the parameters and a leading return type go. What does
 * not look like such a name stays as it is. NULL without memory; the caller frees.
 */
char *name_for_people(const char *function);
