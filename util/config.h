/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration files: systemd.syntax-like (inih), a main file and drop-ins. Knows no key itself: rooms pass a table.
 * Files: DIR/corewatch.conf for the first of /etc/corewatch, /run/corewatch, /usr/lib/corewatch that has one, then corewatch.conf.d/(any).conf of all three sorted by name; a name in /etc
 * masks the same name in /run and /usr/lib (a symlink to /dev/null or an empty file disables it). Later assignments win; an empty value resets.
 */
#pragma once

#include "util/macro.h"

/* One bad line: never fatal; told with file and line, and ignored. */
typedef void (*config_complain)(const char *file, unsigned line, const char *message, void *userdata);

struct config_item {
	const char *section;   /* "Daemon"; "Analyzer *" matches any section "Analyzer NAME" */
	const char *key;       /* "*" matches any key */
	/* Parses value into target. 0 or -errno; -EINVAL and -ERANGE are told as "bad value". key and section as written. */
	int (*parse)(const char *section, const char *key, const char *value, void *target, const void *data);
	size_t offset;         /* target = base + offset */
	const void *data;      /* for parse, e.g. limits */
	const char *help;      /* what a good value looks like, for the complaint: "a time span such as 30s" */
	size_t scalar;         /* own parsers of plain values: bytes of the target, which an empty value resets to its default (at most 8); 0: parse is asked */
};

/* Reads one file into base by the table. 0; -errno if it cannot be read. */
int config_read_file(const char *path, const struct config_item *items, size_t n_items, void *base, config_complain complain, void *userdata);
/* The whole search. root: "" or a prefix for tests. Missing files are no error. 0 or -errno (a file that is there but unreadable: complained about, the rest is read; -ENOMEM: base is not to be used). */
int config_read(const char *root, const char *name, const struct config_item *items, size_t n_items, void *base, config_complain complain, void *userdata);

/* Ready parsers. Strings in target are char * owned by the target (freed and replaced). */
int config_parse_bool(const char *section, const char *key, const char *value, void *target, const void *data);     /* bool */
int config_parse_time(const char *section, const char *key, const char *value, void *target, const void *data);     /* uint64_t usec */
int config_parse_size(const char *section, const char *key, const char *value, void *target, const void *data);     /* uint64_t bytes */
int config_parse_unsigned(const char *section, const char *key, const char *value, void *target, const void *data); /* unsigned; data: const struct config_range * or NULL */
int config_parse_string(const char *section, const char *key, const char *value, void *target, const void *data);   /* char * */
int config_parse_strv(const char *section, const char *key, const char *value, void *target, const void *data);     /* char ** NULL-terminated; blanks separate, assignments append */
struct config_range { unsigned low, high; };
