/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See synchronize.h. One call over journald's Varlink socket (systemd 247 and later; https://varlink.org): a JSON
 * object and a NUL byte each way. The method answers when all that was in the queue before has been stored. By hand,
 * as libsystemd has had sd-varlink since 257 only.
 */
#include "daemon/synchronize.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "util/io.h"
#include "util/log.h"

#define SOCKET "/run/systemd/journal/io.systemd.journal"
#define CALL "{\"method\":\"io.systemd.Journal.Synchronize\"}"
/* A journald under load needs a second; longer, and the service manager would think that we hang. */
#define PATIENCE_SEC 10
#define ANSWER_MAX 4096

static int call(int fd) {
	const struct timeval patience = { .tv_sec = PATIENCE_SEC };
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	char answer[ANSWER_MAX];
	int r;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	r = write_full(fd, CALL, sizeof(CALL)); /* with its NUL */
	if (r < 0)
		return r;
	for (;;) {
		ssize_t n = read(fd, answer, sizeof(answer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ECONNRESET;
		if (memchr(answer, 0, (size_t)n))
			return 0;
	}
}

void journal_synchronize(void) {
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : call(fd);

	if (r < 0)
		log_debug("journald was not asked to store what it has (%s)", strerror(-r));
}
