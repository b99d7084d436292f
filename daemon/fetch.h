/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Debug info by debuginfod, for crashes that have their first report: a queue of jobs, each asked for at a separate
 * fetcher process (util/fetched.h), one after the other; where something came, the job is started again for an update.
 *
 * The daemon itself talks to no server and reads nothing that came from one. All of this is in memory only: a daemon
 * that ends forgets it, which costs the update and never a report; so no update is sent twice.
 */
#pragma once

#include "daemon/manager.h"

struct job;
struct fetch;

int fetch_new(struct manager *manager, struct fetch **ret_fetch);
void fetch_free(struct fetch *fetch);
DEFINE_CLEANUP(struct fetch *, fetch_free);

/* The folder of fetched files, for a worker or a fetcher; made if it is missing. fd or -errno. */
int fetch_folder(struct fetch *fetch);

/*
 * From manager.c, for a job whose first report is in the journal. Takes it over (true) if files are missing that may be
 * had from a server, and if there is room in the queue.
 */
bool fetch_take(struct fetch *fetch, struct job *job);
/* A worker may be free: from the event loop, what waits for one is started. */
void fetch_resume(struct fetch *fetch);

/* ── fetch-start.c: one fetcher ── */

struct fetcher {
	int connection;   /* its end is the end of the work; -EBADF: none */
	pid_t pid;        /* of our child; 0: systemd's */
	sd_event_source *child;
};

/* Which user owns the folder of fetched files: "corewatch-fetch", or us where we have no privileges. */
struct fetch_user {
	uint32_t uid, gid;
	bool known;
};

/* Hands a request over, at the socket of corewatch-fetch.socket, else to a child of our own. 0 or -errno. */
int fetcher_start(const struct manager *manager, const struct fetch_user *user, const char *request, int folder,
                  struct fetcher *ret_fetcher);
/* Ends it, if it is ours, and forgets it. */
void fetcher_stop(struct fetcher *fetcher);
