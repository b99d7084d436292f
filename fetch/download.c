/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See download.h. libdebuginfod is told by environment variables (debuginfod_find_debuginfo(3)). None of its limits is
 * relied upon alone: a server that is silent is left by DEBUGINFOD_TIMEOUT and DEBUGINFOD_MAXTIME, then by the progress
 * function, then by main.c's alarm(2); a file that is larger than its server said is ended by the progress function, and
 * by RLIMIT_FSIZE. No retries: with them each silent server costs three times as long.
 */
#include "fetch/download.h"

#include <elfutils/debuginfod.h>
#include <inttypes.h>
#include <poll.h>

#include "util/clock.h"

/* Without a hundred kilobytes in this time a server counts as silent; a third of the time for all at most. */
#define SILENCE_SECONDS 30u

struct download {
	debuginfod_client *client;
	uint64_t deadline; /* CLOCK_MONOTONIC, seconds */
	uint64_t file_max;
	int connection;
};

static uint64_t now_seconds(void) {
	return clock_usec(CLOCK_MONOTONIC) / USEC_PER_SEC;
}

static int set_number(const char *name, uint64_t value) {
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return setenv(name, text, 1) < 0 ? -ENOMEM : 0;
}

/* Called about once a second, and with each piece. */
static int on_progress(debuginfod_client *client, long done, long all) {
	const struct download *download = debuginfod_get_user_data(client);

	return !download_may_go_on(download) || (done > 0 && (uint64_t)done > download->file_max) ||
	       (all > 0 && (uint64_t)all > download->file_max);
}

static int set_environment(const struct download_limits *limits) {
	const struct { const char *name; uint64_t value; } numbers[] = {
		{ DEBUGINFOD_TIMEOUT_ENV_VAR, MAX(MIN(limits->time_max / 3, (uint64_t)SILENCE_SECONDS), UINT64_C(1)) },
		{ DEBUGINFOD_MAXSIZE_ENV_VAR, limits->file_max },
		{ DEBUGINFOD_RETRY_LIMIT_ENV_VAR, 0 },
	};
	int r = 0;

	if (setenv(DEBUGINFOD_URLS_ENV_VAR, limits->urls, 1) < 0 ||
	    setenv(DEBUGINFOD_CACHE_PATH_ENV_VAR, limits->folder, 1) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < ELEMENTSOF(numbers) && r >= 0; i++)
		r = set_number(numbers[i].name, numbers[i].value);
	(void)unsetenv(DEBUGINFOD_PROGRESS_ENV_VAR);
	(void)unsetenv(DEBUGINFOD_VERBOSE_ENV_VAR);
	(void)unsetenv(DEBUGINFOD_HEADERS_FILE_ENV_VAR);
	return r;
}

int download_new(const struct download_limits *limits, struct download **ret_download) {
	_cleanup_(download_freep) struct download *download = calloc(1, sizeof(*download));
	int r;

	if (!download)
		return -ENOMEM;
	r = set_environment(limits);
	if (r < 0)
		return r;
	download->deadline = now_seconds() + limits->time_max;
	download->file_max = limits->file_max;
	download->connection = limits->connection;
	download->client = debuginfod_begin();
	if (!download->client)
		return -ENOMEM;
	debuginfod_set_user_data(download->client, download);
	debuginfod_set_progressfn(download->client, on_progress);
	*ret_download = take_ptr(download);
	return 0;
}

void download_free(struct download *download) {
	if (!download)
		return;
	if (download->client)
		debuginfod_end(download->client);
	free(download);
}

bool download_may_go_on(const struct download *download) {
	struct pollfd connection = { .fd = download->connection };

	if (now_seconds() >= download->deadline)
		return false;
	/* The daemon has ended, or has given up. */
	return poll(&connection, 1, 0) <= 0 || !(connection.revents & (POLLHUP | POLLERR));
}

int download_file(struct download *download, enum fetched_kind kind, const char *id, char **ret_path) {
	uint64_t now = now_seconds();
	char *path = NULL;
	int fd;

	if (!download_may_go_on(download))
		return -ETIME;
	if (set_number(DEBUGINFOD_MAXTIME_ENV_VAR, download->deadline - now) < 0)
		return -ENOMEM;
	fd = (kind == FETCHED_EXECUTABLE ? debuginfod_find_executable : debuginfod_find_debuginfo)(
		download->client, (const unsigned char *)id, 0, &path);
	if (fd < 0) {
		free(path);
		return fd;
	}
	if (!path) {
		close(fd);
		return -ENOMEM;
	}
	*ret_path = path;
	return fd;
}
