/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Strict parsing: the whole string or -EINVAL, out of range is -ERANGE; no signs, no leading white space, no locale. */
#pragma once

#include "util/macro.h"

int parse_u64(const char *s, uint64_t *ret_value);
int parse_u32(const char *s, uint32_t *ret_value);
/* 1 … INT32_MAX. */
int parse_pid(const char *s, int32_t *ret_pid);
/* A uid or gid; -1 (4294967295) is no id and refused. */
int parse_uid(const char *s, uint32_t *ret_uid);
int parse_bool(const char *s, bool *ret_value); /* yes/no, true/false, on/off, 1/0 */
/* "30s", "5min", "2h", "500ms", "1min 30s"; a bare number is seconds. Microseconds. */
int parse_time_span(const char *s, uint64_t *ret_usec);
/* "64M", "2G", "1024", "4K"; powers of 1024. */
int parse_size(const char *s, uint64_t *ret_bytes);
/* Digits of a hash: only 0-9a-f, of exactly that length. */
bool is_hex(const char *s, size_t length);
