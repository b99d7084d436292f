/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See config.h. The search for files and the syntax are util/config.c's. */
#include "daemon/config.h"

#include "util/fetched.h"
#include "util/log.h"

#ifndef WORKER_PATH
#define WORKER_PATH "/usr/libexec/corewatch/corewatch-worker"
#endif
#ifndef ANALYZERS_DIR
#define ANALYZERS_DIR "/usr/lib/corewatch/analyzers"
#endif
#ifndef FETCHER_PATH
#define FETCHER_PATH "/usr/libexec/corewatch/corewatch-debuginfod-fetch"
#endif
#define CORE_DIRECTORY "/var/lib/systemd/coredump" /* compiled into systemd-coredump */

/* A worker takes up to MemoryMax= of memory, and one core of the CPU. */
static const struct config_range workers_range = { 1, 64 };

struct word {
	const char *name;
	int value;
};

static const struct word catch_up_words[] = {
	{ "boot", CATCH_UP_BOOT }, { "all", CATCH_UP_ALL }, { "none", CATCH_UP_NONE }, { NULL, 0 }
};
static const struct word level_words[] = { { "error", LOG_LEVEL_ERROR },   { "warning", LOG_LEVEL_WARNING },
	                                   { "notice", LOG_LEVEL_NOTICE }, { "info", LOG_LEVEL_INFO },
	                                   { "debug", LOG_LEVEL_DEBUG },   { NULL, 0 } };

static int parse_word(const char *section _unused_, const char *key _unused_, const char *value, void *target,
                      const void *data) {
	for (const struct word *word = data; word->name; word++)
		if (streq(word->name, value)) {
			*(int *)target = word->value;
			return 0;
		}
	return -EINVAL;
}

/* data: the default, or NULL for none. */
static int parse_path(const char *section, const char *key, const char *value, void *target, const void *data) {
	if (!*value)
		return config_parse_string(section, key, data ? data : "", target, NULL);
	if (*value != '/')
		return -EINVAL;
	return config_parse_string(section, key, value, target, NULL);
}

static int parse_limit(const char *section, const char *key, const char *value, void *target, const void *data) {
	uint64_t v;
	int r = config_parse_size(section, key, value, &v, NULL);

	if (r < 0)
		return r;
	if (v < *(const uint64_t *)data)
		return -ERANGE;
	*(uint64_t *)target = v;
	return 0;
}

static int parse_positive_time(const char *section, const char *key, const char *value, void *target,
                               const void *data _unused_) {
	uint64_t v;
	int r = config_parse_time(section, key, value, &v, NULL);

	if (r < 0)
		return r;
	/* A year: larger sums overflow when they are added to the clock. */
	if (v == 0 || v > UINT64_C(365) * 86400 * USEC_PER_SEC)
		return -ERANGE;
	*(uint64_t *)target = v;
	return 0;
}

/* All or none of a line; the fetcher knows no other way to servers. */
static int parse_urls(const char *section, const char *key, const char *value, void *target, const void *data) {
	for (const char *p = value + strspn(value, " \t"); *p; p += strspn(p, " \t")) {
		if (!str_has_prefix(p, "http://") && !str_has_prefix(p, "https://"))
			return -EINVAL;
		p += strcspn(p, " \t");
	}
	return config_parse_strv(section, key, value, target, data);
}

static int parse_fetch_time(const char *section, const char *key, const char *value, void *target, const void *data) {
	uint64_t v;
	int r = parse_positive_time(section, key, value, &v, data);

	if (r < 0)
		return r;
	if (v < USEC_PER_SEC || v > REQUEST_TIME_MAX * USEC_PER_SEC)
		return -ERANGE;
	*(uint64_t *)target = v;
	return 0;
}

/* "[Analyzer NAME] Key=value" becomes "NAME.Key=value"; the worker tells about names that no analyzer has. */
static int parse_analyzer_option(const char *section, const char *key, const char *value, void *target,
                                 const void *data _unused_) {
	char ***list = target, **grown;
	size_t n = 0;

	while (*list && (*list)[n])
		n++;
	grown = reallocarray(*list, n + 2, sizeof(char *));
	if (!grown)
		return -ENOMEM;
	*list = grown;
	if (asprintf(&grown[n], "%s.%s=%s", section + strlen("Analyzer "), key, value) < 0) {
		grown[n] = NULL;
		return -ENOMEM;
	}
	grown[n + 1] = NULL;
	return 0;
}

/* Below 64 MiB a worker cannot map its own libraries and a program's symbols. */
static const uint64_t memory_least = MIB(64), core_least = KIB(1);

#define AT(member) offsetof(struct config, member)
#define TIME_HELP "a time span such as 30s or 2min"
#define SIZE_HELP "bytes, such as 512M or 2G"
static const struct config_item items[] = {
	{ "Daemon", "MaxWorkers", config_parse_unsigned, AT(max_workers), &workers_range, "a number from 1 to 64", 0 },
	{ "Daemon", "CatchUp", parse_word, AT(catch_up), catch_up_words, "boot, all or none", sizeof(int) },
	{ "Daemon", "StopTimeoutSec", parse_positive_time, AT(stop_timeout_usec), NULL, TIME_HELP, sizeof(uint64_t) },
	{ "Daemon", "LogLevel", parse_word, AT(log_level), level_words, "error, warning, notice, info or debug",
	  sizeof(int) },
	{ "Daemon", "CoreDirectory", parse_path, AT(core_directory), CORE_DIRECTORY, "an absolute path", 0 },
	{ "Worker", "Path", parse_path, AT(worker_path), WORKER_PATH, "an absolute path", 0 },
	{ "Worker", "TimeoutSec", parse_positive_time, AT(timeout_usec), NULL, TIME_HELP, sizeof(uint64_t) },
	{ "Worker", "CPUMaxSec", parse_positive_time, AT(cpu_max_usec), NULL, TIME_HELP, sizeof(uint64_t) },
	{ "Worker", "MemoryMax", parse_limit, AT(memory_max), &memory_least, "at least 64M", sizeof(uint64_t) },
	{ "Worker", "CoreMax", parse_limit, AT(core_max), &core_least, SIZE_HELP, sizeof(uint64_t) },
	{ "Worker", "JournalCoreMax", parse_limit, AT(journal_core_max), &core_least, SIZE_HELP, sizeof(uint64_t) },
	{ "Worker", "SymbolCache", config_parse_bool, AT(symbol_cache), NULL, "yes or no", 0 },
	{ "Symbols", "Debuginfod", config_parse_bool, AT(debuginfod), NULL, "yes or no", 0 },
	{ "Symbols", "DebuginfodURLs", parse_urls, AT(debuginfod_urls), NULL, "http:// or https:// URLs, separated by blanks",
	  0 },
	{ "Symbols", "DebuginfodTimeSec", parse_fetch_time, AT(debuginfod_time_usec), NULL, "a time span from 1s to 10min",
	  sizeof(uint64_t) },
	{ "Symbols", "DebuginfodFileMax", parse_limit, AT(debuginfod_file_max), &core_least, SIZE_HELP, sizeof(uint64_t) },
	{ "Symbols", "DebuginfodCacheMax", parse_limit, AT(debuginfod_cache_max), &core_least, SIZE_HELP,
	  sizeof(uint64_t) },
	{ "Symbols", "DebuginfodRetrySec", parse_positive_time, AT(debuginfod_retry_usec), NULL, TIME_HELP,
	  sizeof(uint64_t) },
	{ "Symbols", "DebuginfodPath", parse_path, AT(debuginfod_path), FETCHER_PATH, "an absolute path", 0 },
	{ "Analyzers", "Enable", config_parse_strv, AT(enable), NULL, "names or globs, separated by blanks", 0 },
	{ "Analyzers", "Disable", config_parse_strv, AT(disable), NULL, "names or globs, separated by blanks", 0 },
	{ "Analyzers", "Directory", parse_path, AT(analyzers_directory), ANALYZERS_DIR, "an absolute path", 0 },
	{ "Analyzer ?*", "*", parse_analyzer_option, AT(analyzer_options), NULL, NULL, 0 },
};

static void complain(const char *file, unsigned line, const char *message, void *userdata _unused_) {
	if (line > 0)
		log_warning("%s:%u: %s", file, line, message);
	else
		log_warning("%s: %s", file, message);
}

static int set_defaults(struct config *config) {
	*config = (struct config){
		.max_workers = 2,
		.catch_up = CATCH_UP_BOOT,
		.stop_timeout_usec = 30 * USEC_PER_SEC,
		.log_level = LOG_LEVEL_INFO,
		/*
		 * Decompressing 2 GiB takes some 10 s of a slow machine; the rest is for hundreds of modules with
		 * symbols.
		 */
		.timeout_usec = 120 * USEC_PER_SEC,
		.cpu_max_usec = 120 * USEC_PER_SEC,
		/* Address space, not memory in use: debug info is mapped, and a large C++ program has gigabytes of it. */
		.memory_max = GIB(4),
		.core_max = GIB(32),           /* systemd-coredump's own ExternalSizeMax= */
		.journal_core_max = MIB(767),  /* systemd-coredump's own JournalSizeMax= */
		.symbol_cache = true,
		.debuginfod_time_usec = 60 * USEC_PER_SEC,
		.debuginfod_file_max = GIB(1), /* of Debian's, browsers' alone are larger */
		.debuginfod_cache_max = GIB(4),
		.debuginfod_retry_usec = 86400 * USEC_PER_SEC,
	};
	config->core_directory = strdup(CORE_DIRECTORY);
	config->worker_path = strdup(WORKER_PATH);
	config->analyzers_directory = strdup(ANALYZERS_DIR);
	config->debuginfod_path = strdup(FETCHER_PATH);
	return config->core_directory && config->worker_path && config->analyzers_directory && config->debuginfod_path
	               ? 0
	               : -ENOMEM;
}

static void free_list(char **list) {
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}

void config_free(struct config *config) {
	if (!config)
		return;
	free(config->core_directory);
	free(config->worker_path);
	free(config->debuginfod_path);
	free_list(config->debuginfod_urls);
	free(config->analyzers_directory);
	free_list(config->enable);
	free_list(config->disable);
	free_list(config->analyzer_options);
	free(config);
}

int config_load(const char *root, struct config **ret_config) {
	_cleanup_(config_freep) struct config *config = malloc(sizeof(*config));
	int r;

	if (!config)
		return -ENOMEM;
	r = set_defaults(config);
	if (r < 0)
		return r;
	/* What cannot be read was complained about: the daemon goes on with what it has. */
	r = config_read(root, "corewatch.conf", items, ELEMENTSOF(items), config, complain, NULL);
	if (r == -ENOMEM)
		return r;
	*ret_config = take_ptr(config);
	return 0;
}
