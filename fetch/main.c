/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * corewatch-debuginfod-fetch: fetches files by build-id for corewatchd, one request (util/fetched.h) for each process.
 * It is the only program of corewatch that uses a network, and it never sees a core. systemd starts it for each
 * connection to corewatch-fetch.socket, with the sandbox of corewatch-fetch@.service; where no systemd runs the machine,
 * corewatchd starts it itself with --uid= and --gid=. Either way it owns the folder of fetched files and nothing else.
 *
 * What a server sends is hostile until it is verified, and little of it is looked at: build-id, and the name of a dwz file.
 */
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fetch/download.h"
#include "fetch/request.h"
#include "fetch/store.h"
#include "util/log.h"
#include "util/parse.h"

#define FD_REQUEST 3
/* TLS and a few connections take some 50 MiB. */
#define MEMORY_MAX GIB(1)
/* Certificates, connections, files. */
#define DESCRIPTORS_MAX 256u
/* For what follows the last download. */
#define ALARM_SLACK 10u
#define WORK ".work"

/* Proxies are the only part of an environment that is for us. */
static const char *const kept_variables[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY" };

struct arguments {
	bool change_user;
	uint32_t uid, gid;
};

static int parse_arguments(int argc, char **argv, struct arguments *ret) {
	static const struct option options[] = {
		{ "uid", required_argument, NULL, 'u' }, { "gid", required_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, {},
	};
	int c, r = 0;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0 && r >= 0)
		switch (c) {
		case 'u': ret->change_user = true; r = parse_uid(optarg, &ret->uid); break;
		case 'g': r = parse_uid(optarg, &ret->gid); break;
		case 'h':
			puts("corewatch-debuginfod-fetch [--uid=UID --gid=GID] 3<>CONNECTION\n\n"
			     "Fetches debug information for corewatchd, which starts it by corewatch-fetch.socket; see [Symbols] in corewatch.conf(5).");
			return 1;
		case 'V': puts(PACKAGE_STRING); return 1;
		default: r = -EINVAL;
		}
	return optind < argc ? -EINVAL : r;
}

static int clean_environment(void) {
	char *kept[ELEMENTSOF(kept_variables)] = { NULL };
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(kept); i++) {
		const char *value = getenv(kept_variables[i]);

		kept[i] = value ? strdup(value) : NULL;
	}
	clearenv();
	for (size_t i = 0; i < ELEMENTSOF(kept); i++) {
		if (kept[i] && setenv(kept_variables[i], kept[i], 1) < 0)
			r = -ENOMEM;
		free(kept[i]);
	}
	return r;
}

static int limit(__rlimit_resource_t what, uint64_t value) {
	struct rlimit r = { value, value };

	return setrlimit(what, &r) < 0 ? -errno : 0;
}

/* Groups before gid before uid: each needs the privilege that the next gives up. */
static int give_up_rights(const struct arguments *a) {
	if (a->change_user && ((setgroups(0, NULL) < 0 && geteuid() == 0) || setresgid(a->gid, a->gid, a->gid) < 0 ||
			       setresuid(a->uid, a->uid, a->uid) < 0))
		return -errno;
	if (a->change_user && a->uid != 0 && (setuid(0) == 0 || geteuid() != a->uid))
		return -EPERM;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	umask(022); /* workers of all users read what comes; the folder itself lets nobody else list or write */
	return 0;
}

static int set_limits(void) {
	int r = limit(RLIMIT_CORE, 0);

	if (r >= 0)
		r = limit(RLIMIT_NOFILE, DESCRIPTORS_MAX);
#ifndef __SANITIZE_ADDRESS__
	if (r >= 0)
		r = limit(RLIMIT_AS, MEMORY_MAX);
#endif
	return r;
}

/* A file that was verified; what it refers to is wanted too. */
static void keep(struct request *request, int store, const struct want *want, int fd, const char *path) {
	char alternate[FETCHED_ID_MAX + 1];
	int r = store_publish(store, path, want->kind, want->id);

	if (r < 0) {
		log_error("the %s of %s cannot be kept: %s", fetched_kind_name(want->kind), want->id, strerror(-r));
		return;
	}
	log_info("fetched the %s of %s", fetched_kind_name(want->kind), want->id);
	if (want->kind == FETCHED_DEBUGINFO && store_alternate(fd, alternate) >= 0)
		request_add(request, FETCHED_DEBUGINFO, alternate);
}

/* -ETIME: there is no more time, or the servers are silent. */
static int fetch_one(struct request *request, struct download *download, int store, const struct want *want, uint64_t room) {
	const char *kind = fetched_kind_name(want->kind), *reason;
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *path = NULL;

	if (fetched_is_there(store, want->kind, want->id, 0) ||
	    fetched_is_absent(store, want->kind, want->id, request->absent_for))
		return 0;
	fd = download_file(download, want->kind, want->id, &path);
	if (fd == -ENOENT) {
		log_debug("the servers have no %s of %s", kind, want->id);
		(void)store_mark_absent(store, want->kind, want->id);
		return 0;
	}
	if (fd < 0) {
		log_notice("the %s of %s was not fetched: %s", kind, want->id, strerror(-fd));
		return fd == -ETIME ? -ETIME : 0;
	}
	if (store_verify(fd, want->id, room, &reason) < 0) {
		/* As good as none, and not to be downloaded again with every crash. */
		log_warning("what a server sent as the %s of %s was refused: %s", kind, want->id, reason);
		(void)store_mark_absent(store, want->kind, want->id);
		return 0;
	}
	keep(request, store, want, fd, path);
	return 0;
}

static int fetch_all(struct request *request, int store) {
	_cleanup_(download_freep) struct download *download = NULL;
	char folder[64];
	struct download_limits limits = { .connection = FD_REQUEST, .urls = request->urls, .folder = folder, .time_max = request->time_max,
					  .file_max = store_room(store, request->file_max, request->cache_max) };
	int r;

	/* By descriptor: the folder's path is the daemon's, and may not be reachable from here. */
	snprintf(folder, sizeof(folder), "/proc/self/fd/%d/" WORK, store);
	(void)signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit is an error of that file */
	r = limit(RLIMIT_FSIZE, limits.file_max);
	if (r < 0)
		return r;
	r = download_new(&limits, &download);
	if (r < 0)
		return r;
	for (size_t i = 0; i < request->n_wants && r >= 0; i++)
		r = fetch_one(request, download, store, &request->wants[i], limits.file_max);
	return r == -ETIME ? 0 : r;
}

static int serve(void) {
	_cleanup_(request_done) struct request request = { .folder = -EBADF };
	_cleanup_close_ int store = -EBADF;
	int r = request_receive(FD_REQUEST, &request);

	if (r == -ENODATA)
		return 0;
	if (r < 0)
		return r;
	/* The last resort against a library that hangs: its default action ends us. */
	alarm((unsigned)request.time_max + ALARM_SLACK);
	store = store_open(request.folder, WORK);
	if (store < 0)
		return store;
	r = fetch_all(&request, store);
	store_remove(store, WORK);
	store_trim(store, request.cache_max, request.absent_for);
	return r;
}

int main(int argc, char **argv) {
	struct arguments a = { .change_user = false };
	int r;

	log_setup("corewatch-debuginfod-fetch", LOG_LEVEL_INFO);
	r = parse_arguments(argc, argv, &a);
	if (r != 0)
		return r < 0 ? 64 : 0;
	r = clean_environment();
	if (r >= 0)
		r = give_up_rights(&a);
	if (r >= 0)
		r = set_limits();
	if (r >= 0)
		r = serve();
	if (r < 0) {
		log_error("ending: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
