/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of analyzers: the built-in ones, and plug-ins loaded from a folder before the sandbox closes. */
#pragma once

#include "corewatch/analyzer.h"
#include "util/macro.h"

#define PLUGINS_MAX 128u

struct plugin {
	const struct cw_analyzer *analyzer;
	const char *origin;     /* "built-in", or the file */
	bool enabled;
};

struct plugins {
	struct plugin list[PLUGINS_MAX]; /* by priority, then name */
	size_t n;
	char *warnings[32];     /* one line each, owned */
	size_t n_warnings;
	char *origins[PLUGINS_MAX]; /* owned */
	size_t n_origins;
};

/* Fills in the built-in analyzers. */
void plugins_init(struct plugins *plugins);
/* Loads every NAME.so of a folder: root-owned, not writable by others (unless we are not root ourselves: then our own files), right ABI, new name. What does not fit is
 * one warning and is skipped. A folder that does not exist is no error. */
void plugins_load(struct plugins *plugins, const char *directory);
/* Only analyzers matching one of the enable globs (none: all) and none of the disable globs stay enabled. */
void plugins_select(struct plugins *plugins, char *const *enable, size_t n_enable, char *const *disable, size_t n_disable);
/* One "NAME.Key=value". A bad one is a warning. */
void plugins_configure(struct plugins *plugins, const char *option);
void plugins_done(struct plugins *plugins);
