/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * corewatch-worker: looks at exactly one core and says what it saw. It gets the core as fd 3, writes records to fd 4 (util/protocol.h), and gives up all rights before it reads the
 * first byte. It may crash, hang or lie: whoever started it takes that into account. Nothing here talks to the journal.
 */
#include <fcntl.h>
#include <getopt.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "core/core.h"
#include "core/plan.h"
#include "core/symbols.h"
#include "util/log.h"
#include "util/parse.h"
#include "util/protocol.h"
#include "worker/record.h"
#include "worker/run.h"
#include "worker/sandbox.h"

#define LIST_MAX 64u
/* Debug info of a large C++ program takes a gigabyte of address space, mapped twice. */
#define MEMORY_MAX_DEFAULT GIB(8)
#define CPU_MAX_DEFAULT 300u
/* Symbols of thousands of builds, or the inflated debug sections of the largest C++ program and of two of a usual size. */
#define CACHE_MAX_DEFAULT MIB(512)

struct list {
	char *items[LIST_MAX];
	size_t n;
};

struct arguments {
	struct core_options core;
	struct sandbox sandbox;
	struct list enable, disable, options;
	const char *analyzers_dir;
	bool list_analyzers;
};

enum { OPT_UID = 256, OPT_GID, OPT_EXE, OPT_STACK_LIMIT, OPT_SPACE_LIMIT, OPT_THREAD_NAME, OPT_MEMORY_MAX, OPT_CPU_MAX, OPT_ENABLE, OPT_DISABLE,
       OPT_ANALYZER_OPTION, OPT_ANALYZERS_DIR, OPT_DEBUG_DIRS, OPT_CACHE_MAX, OPT_LIST, OPT_VERSION,
       OPT_HELP };

static const struct option long_options[] = {
	{ "uid", required_argument, NULL, OPT_UID },
	{ "gid", required_argument, NULL, OPT_GID },
	{ "exe", required_argument, NULL, OPT_EXE },
	{ "stack-limit", required_argument, NULL, OPT_STACK_LIMIT },
	{ "address-space-limit", required_argument, NULL, OPT_SPACE_LIMIT },
	{ "thread-name", required_argument, NULL, OPT_THREAD_NAME },
	{ "memory-max", required_argument, NULL, OPT_MEMORY_MAX },
	{ "cpu-max", required_argument, NULL, OPT_CPU_MAX },
	{ "enable", required_argument, NULL, OPT_ENABLE },
	{ "disable", required_argument, NULL, OPT_DISABLE },
	{ "analyzer-option", required_argument, NULL, OPT_ANALYZER_OPTION },
	{ "analyzers-dir", required_argument, NULL, OPT_ANALYZERS_DIR },
	{ "debug-dirs", required_argument, NULL, OPT_DEBUG_DIRS },
	{ "cache-max", required_argument, NULL, OPT_CACHE_MAX },
	{ "list-analyzers", no_argument, NULL, OPT_LIST },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{},
};

static int append(struct list *l, char *item) {
	if (l->n == LIST_MAX)
		return -E2BIG;
	l->items[l->n++] = item;
	return 0;
}

static int parse_stack_limit(const char *value, struct core_options *o) {
	o->has_stack_limit = true;
	if (streq(value, "unlimited")) {
		o->stack_limit = UINT64_MAX;
		return 0;
	}
	return parse_u64(value, &o->stack_limit);
}

static int take_option(int c, struct arguments *a) {
	switch (c) {
	case OPT_UID: a->sandbox.change_user = true; return parse_uid(optarg, &a->sandbox.uid);
	case OPT_GID: return parse_uid(optarg, &a->sandbox.gid);
	case OPT_EXE: a->core.executable = optarg; return 0;
	case OPT_STACK_LIMIT: return parse_stack_limit(optarg, &a->core);
	case OPT_SPACE_LIMIT: return parse_u64(optarg, &a->core.address_space_limit);
	case OPT_THREAD_NAME: a->core.thread_name = optarg; return 0;
	case OPT_MEMORY_MAX: return parse_u64(optarg, &a->sandbox.memory_max);
	case OPT_CPU_MAX: return parse_u64(optarg, &a->sandbox.cpu_max);
	case OPT_ENABLE: return append(&a->enable, optarg);
	case OPT_DISABLE: return append(&a->disable, optarg);
	case OPT_ANALYZER_OPTION: return append(&a->options, optarg);
	case OPT_ANALYZERS_DIR: a->analyzers_dir = optarg; return 0;
	case OPT_DEBUG_DIRS: a->core.debug_dirs = optarg; return 0;
	case OPT_CACHE_MAX: return parse_u64(optarg, &a->core.cache_max);
	case OPT_LIST: a->list_analyzers = true; return 0;
	default: return -EINVAL;
	}
}

/* < 0: bad usage (told); 0: go on; > 0: done. */
static int parse_arguments(int argc, char **argv, struct arguments *a) {
	int c, r, index = 0;

	while ((c = getopt_long(argc, argv, "", long_options, &index)) >= 0) {
		if (c == OPT_VERSION) {
			puts(PACKAGE_STRING);
			return 1;
		}
		if (c == OPT_HELP) {
			puts("corewatch-worker [OPTION]... 3<CORE 4>RECORDS\n\n"
			     "Analyses one core. It is run by corewatchd and by \"corewatchctl analyze\", which say what it finds;\n"
			     "options and records are described in util/protocol.h of the source, and in HACKING.md.");
			return 1;
		}
		if (c == '?')
			return -EINVAL;
		r = take_option(c, a);
		if (r < 0) {
			log_error("--%s=%s: %s", long_options[index].name, optarg ? optarg : "", r == -EINVAL ? "bad value" : strerror(-r));
			return r;
		}
	}
	if (optind < argc) {
		log_error("unexpected argument '%s': the core is taken from descriptor 3 (see corewatchctl analyze)", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

static double seconds_since(const struct timespec *start) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static int analyze(struct recorder *recorder, const struct arguments *a, const struct plugins *plugins) {
	/* Not freed: the process ends here, and that takes a twentieth of its time. Static, so that it counts as in use. */
	static struct core *core;
	struct timespec start;
	struct cw_run run = {};
	const char *reason = NULL;
	bool complete;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &start);
	r = core_load(WORKER_FD_CORE, &a->core, &core, &reason);
	if (r < 0) {
		record_failure(recorder, "image", reason);
		record_flush(recorder);
		return WORKER_NOTHING;
	}
	r = core_symbolize(core);
	if (r < 0)
		core_problem(core, "symbols", "looking up symbols failed: %s", strerror(-r));
	record_core(recorder, core);
	r = run_analyzers(core, plugins, &run);
	/* What they asked for of a core that flows by, and was not kept, is fetched in another pass. */
	for (bool again = true; r >= 0 && again;) {
		r = plan_refetch(core, &again);
		if (r >= 0 && again) {
			run_done(&run);
			r = run_analyzers(core, plugins, &run);
		}
	}
	if (r < 0)
		core_problem(core, "analyzers", "running the analyzers failed: %s", strerror(-r));
	record_findings(recorder, &run);
	record_missing(recorder, core);
	if (r >= 0)
		record_fingerprint(recorder, &run);
	for (size_t i = 0; i < core->n_problems; i++)
		record_warning(recorder, core->problems[i].stage, core->problems[i].message);
	complete = core->n_problems == 0 && !core->out_of_memory;
	record_end(recorder, complete, seconds_since(&start));
	symbols_save(core);
	run_done(&run);
	if (recorder->error < 0)
		return WORKER_INTERNAL;
	return complete ? WORKER_COMPLETE : WORKER_PARTIAL;
}

/* Descriptors 5 and 6 may be open by chance: only a folder can be meant. */
static bool is_folder(int fd) {
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static int run(struct arguments *a, struct plugins *plugins) {
	struct recorder recorder = { .fd = WORKER_FD_RECORDS };
	struct sandbox_outcome closed;
	int r;

	plugins_init(plugins);
	if (a->analyzers_dir)
		plugins_load(plugins, a->analyzers_dir);
	plugins_select(plugins, a->enable.items, a->enable.n, a->disable.items, a->disable.n);
	for (size_t i = 0; i < a->options.n; i++)
		plugins_configure(plugins, a->options.items[i]);
	if (fcntl(WORKER_FD_RECORDS, F_GETFD) < 0 || (!a->list_analyzers && fcntl(WORKER_FD_CORE, F_GETFD) < 0)) {
		log_error("descriptors 3 (the core) and 4 (the records) must be open: corewatch-worker is run by corewatchd and corewatchctl, not by hand");
		return WORKER_USAGE;
	}
	if (is_folder(WORKER_FD_CACHE)) {
		a->core.cache_fd = WORKER_FD_CACHE;
		a->sandbox.file_max = a->core.cache_max;
		a->sandbox.has_cache = true;
	}
	a->core.has_fetched = a->sandbox.has_fetched = is_folder(WORKER_FD_FETCHED);
	a->core.fetched_fd = WORKER_FD_FETCHED;
	r = sandbox_enter(&a->sandbox, &closed);
	record_start(&recorder);
	if (r < 0) {
		char text[256];

		snprintf(text, sizeof(text), "the worker could not give up its rights (%s: %s), so it did not look at the core",
			 closed.failed, strerror(-r));
		record_failure(&recorder, "sandbox", text);
		record_flush(&recorder);
		return WORKER_INTERNAL;
	}
	for (size_t i = 0; i < plugins->n_warnings; i++)
		record_warning(&recorder, "plugins", plugins->warnings[i]);
	for (size_t i = 0; i < closed.n_warnings; i++)
		record_warning(&recorder, "sandbox", closed.warnings[i]);
	/* What starts here reads hostile bytes. */
	record_flush(&recorder);
	if (a->list_analyzers) {
		for (size_t i = 0; i < plugins->n; i++)
			record_analyzer(&recorder, &plugins->list[i]);
		record_end(&recorder, true, 0);
		return recorder.error < 0 ? WORKER_INTERNAL : WORKER_COMPLETE;
	}
	return analyze(&recorder, a, plugins);
}

int main(int argc, char **argv) {
	struct arguments a = { .core = { .cache_fd = -EBADF, .cache_max = CACHE_MAX_DEFAULT }, .sandbox = { .memory_max = MEMORY_MAX_DEFAULT, .cpu_max = CPU_MAX_DEFAULT } };
	static struct plugins plugins;
	int r;

	log_setup("corewatch-worker", LOG_LEVEL_INFO);
	r = parse_arguments(argc, argv, &a);
	if (r != 0)
		return r < 0 ? WORKER_USAGE : WORKER_COMPLETE;
	r = run(&a, &plugins);
	plugins_done(&plugins);
	return r;
}
