/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * corewatchd: follows the journal for crashes, has each analysed by a worker, and writes the report back into the
 * journal. This file is the command line only; manager.h is the daemon.
 */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <getopt.h>

#include "daemon/manager.h"
#include "util/log.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

#define EXIT_USAGE 64 /* as sysexits.h has it */

enum { OPTION_CONFIG_ROOT = 256, OPTION_JOURNAL_DIRECTORY, OPTION_SUBMIT_FILE };

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "config-root", required_argument, NULL, OPTION_CONFIG_ROOT },
	{ "journal-directory", required_argument, NULL, OPTION_JOURNAL_DIRECTORY },
	{ "submit-file", required_argument, NULL, OPTION_SUBMIT_FILE },
	{ NULL, 0, NULL, 0 },
};

static void print_help(void) {
	puts("corewatchd [OPTION]...\n"
	     "\n"
	     "Analyses every crash that systemd-coredump writes to the journal, and writes a report of it there.\n"
	     "Started by corewatch.service; configured by /etc/corewatch/corewatch.conf, see corewatch.conf(5).\n"
	     "\n"
	     "  -h --help                     this text\n"
	     "     --version                  the version\n"
	     "For tests:\n"
	     "     --config-root=DIR          look for the configuration in DIR/etc/corewatch and so on\n"
	     "     --journal-directory=DIR    follow the journal files in DIR instead of the local journal\n"
	     "     --submit-file=FILE         append reports to FILE in export format instead of sending them to the journal\n"
	     "\n"
	     "STATE_DIRECTORY and CACHE_DIRECTORY (systemd.exec(5)) name the folders to use instead of\n"
	     "/var/lib/corewatch and /var/cache/corewatch.");
}

/* The first of a colon-separated list, as systemd sets it. */
static const char *directory_from(const char *variable, const char *otherwise) {
	char *value = getenv(variable);

	if (!value || *value != '/')
		return otherwise;
	value[strcspn(value, ":")] = 0;
	return value;
}

/* 1: go on; 0: done; -EINVAL. */
static int parse_arguments(int argc, char *argv[], struct manager_options *ret_options) {
	struct manager_options parsed = { .config_root = "" };
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
		switch (c) {
		case 'h':
			print_help();
			return 0;
		case 'V':
			puts("corewatchd " PACKAGE_VERSION);
			return 0;
		case OPTION_CONFIG_ROOT:
			parsed.config_root = optarg;
			break;
		case OPTION_JOURNAL_DIRECTORY:
			parsed.journal_directory = optarg;
			break;
		case OPTION_SUBMIT_FILE:
			parsed.submit_file = optarg;
			break;
		default:
			return -EINVAL; /* getopt told it */
		}
	if (optind < argc) {
		log_error("unexpected argument \"%s\", see corewatchd --help", argv[optind]);
		return -EINVAL;
	}
	*ret_options = parsed;
	return 1;
}

int main(int argc, char *argv[]) {
	_cleanup_(manager_freep) struct manager *manager = NULL;
	struct manager_options parsed;
	int r;

	log_setup("corewatchd", LOG_LEVEL_INFO);
	r = parse_arguments(argc, argv, &parsed);
	if (r <= 0)
		return r < 0 ? EXIT_USAGE : EXIT_SUCCESS;
	parsed.state_directory = directory_from("STATE_DIRECTORY", "/var/lib/corewatch");
	parsed.cache_directory = directory_from("CACHE_DIRECTORY", "/var/cache/corewatch");

	r = manager_new(&parsed, &manager);
	if (r >= 0)
		r = manager_run(manager);
	if (r < 0) {
		log_error("ending: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
