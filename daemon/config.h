/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * corewatch.conf as the daemon sees it. Every key, its default and its meaning stand in conf/corewatch.conf; the
 * table in config.c is the truth.
 */
#pragma once

#include "util/config.h"

enum catch_up {
	CATCH_UP_BOOT, /* crashes since boot */
	CATCH_UP_ALL,  /* all that the journal has */
	CATCH_UP_NONE, /* from now on */
};

/* Knows the servers of all distributions. */
#define CONFIG_DEBUGINFOD_URL "https://debuginfod.elfutils.org"

struct config {
	/* [Daemon] */
	unsigned max_workers;
	int catch_up; /* enum catch_up */
	uint64_t stop_timeout_usec;
	int log_level;
	char *core_directory;
	/* [Worker] */
	char *worker_path;
	uint64_t timeout_usec;
	uint64_t cpu_max_usec;
	uint64_t memory_max;
	uint64_t core_max;
	uint64_t journal_core_max;
	bool symbol_cache;
	/* [Symbols] */
	bool debuginfod;
	char **debuginfod_urls; /* NULL or empty: CONFIG_DEBUGINFOD_URL */
	uint64_t debuginfod_time_usec;
	uint64_t debuginfod_file_max, debuginfod_cache_max;
	uint64_t debuginfod_retry_usec;
	char *debuginfod_path;
	/* [Analyzers], [Analyzer NAME] */
	char **enable, **disable;
	char *analyzers_directory;
	char **analyzer_options; /* "NAME.Key=value" */
};

/*
 * Defaults, then the files. root: "" or a prefix (tests). Bad lines are logged and ignored; only -ENOMEM is an error.
 * Free with config_free().
 */
int config_load(const char *root, struct config **ret_config);
void config_free(struct config *config);
DEFINE_CLEANUP(struct config *, config_free);
