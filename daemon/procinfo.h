/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts that the crashed process's /proc and its core's ACL gave: hostile, so whole lines and strict numbers only. */
#pragma once

#include "util/macro.h"

/*
 * The soft "Max stack size" of a /proc/PID/limits text, in bytes; UINT64_MAX: unlimited. -ENODATA: no such line;
 * -EINVAL, -ERANGE.
 */
int limits_stack_size(const char *limits, uint64_t *ret_bytes);
/* The same of "Max address space". */
int limits_address_space(const char *limits, uint64_t *ret_bytes);

/*
 * Whether all four ids (real, effective, saved, file system) of "Uid:" and of "Gid:" in a /proc/PID/status text are
 * these.
 */
bool status_ids_are(const char *status, uint32_t uid, uint32_t gid);

/*
 * Whether a "system.posix_acl_access" attribute (linux/posix_acl_xattr.h, little-endian) grants this very user
 * reading: a named entry with r, and a mask that lets r through. Malformed: false.
 */
bool acl_lets_user_read(const void *acl, size_t length, uint32_t uid);
