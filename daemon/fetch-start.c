/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting a fetcher. On a systemd host the daemon has no network, and neither have its children: there the fetcher is
 * an instance of corewatch-fetch@.service, with a sandbox of its own, which systemd starts for each connection to a
 * socket. Where that socket is not there (no systemd, or a daemon that was started by hand), it is a child that drops to
 * the user corewatch-fetch itself. Both get the same packet and the same descriptor.
 */
#include "daemon/fetch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "util/spawn.h"

#define FETCH_SOCKET "/run/corewatch/fetch"

static int send_request(int fd, const char *text, int folder) {
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = "" };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text) };
	struct msghdr message = { .msg_iov = &iov,
		                  .msg_iovlen = 1,
		                  .msg_control = &control,
		                  .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &folder, sizeof(folder));
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* fd, -ENOENT or -ECONNREFUSED: nobody listens; or -errno. */
static int connect_to_unit(const char *root) {
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s" FETCH_SOCKET, root ? root : "");

	if (fd < 0)
		return -errno;
	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(fd);
}

static int on_child(sd_event_source *source, const siginfo_t *info _unused_, void *userdata _unused_) {
	/* The connection tells of its end. Where nobody waits for that any more, the event loop drops its own reference. */
	(void)sd_event_source_set_floating(source, false);
	return 0;
}

static int spawn_child(const struct manager *m, const struct fetch_user *user, int theirs, struct fetcher *fetcher) {
	const char *path = m->config->debuginfod_path;
	char uid[32], gid[32];
	char *argv[] = { (char *)(uintptr_t)path, uid, gid, NULL };
	int r;

	snprintf(uid, sizeof(uid), "--uid=%" PRIu32, user->uid);
	snprintf(gid, sizeof(gid), "--gid=%" PRIu32, user->gid);
	if (!m->privileged)
		argv[1] = NULL;
	r = spawn_program(path, argv, &theirs, 1, &fetcher->pid);
	if (r < 0)
		return r;
	r = sd_event_add_child(m->event, &fetcher->child, fetcher->pid, WEXITED, on_child, NULL);
	if (r < 0) {
		kill(-fetcher->pid, SIGKILL);
		(void)waitpid(fetcher->pid, NULL, 0);
	}
	return r;
}

/* A child of our own. */
static int start_child(const struct manager *m, const struct fetch_user *user, struct fetcher *fetcher) {
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	ours = fds[0];
	theirs = fds[1];
	r = spawn_child(m, user, theirs, fetcher);
	if (r < 0)
		return r;
	fetcher->connection = take_fd(ours);
	return 0;
}

int fetcher_start(const struct manager *m, const struct fetch_user *user, const char *request, int folder,
                  struct fetcher *ret_fetcher) {
	struct fetcher fetcher = { .connection = connect_to_unit(m->options.config_root) };
	int r;

	if (fetcher.connection == -ENOENT || fetcher.connection == -ECONNREFUSED) {
		r = start_child(m, user, &fetcher);
		if (r < 0)
			return r;
	}
	if (fetcher.connection < 0)
		return fetcher.connection;
	r = send_request(fetcher.connection, request, folder);
	if (r < 0) {
		fetcher_stop(&fetcher);
		return r;
	}
	*ret_fetcher = fetcher;
	return 0;
}

void fetcher_stop(struct fetcher *fetcher) {
	closep(&fetcher->connection);
	if (fetcher->child) {
		int enabled = SD_EVENT_OFF;

		/* Still on means not reaped yet, and so the number is still its own. */
		if (sd_event_source_get_enabled(fetcher->child, &enabled) > 0 && enabled != SD_EVENT_OFF) {
			kill(-fetcher->pid, SIGKILL);
			(void)sd_event_source_set_floating(fetcher->child, true);
			sd_event_source_unref(fetcher->child);
		} else
			sd_event_source_disable_unref(fetcher->child);
	}
	*fetcher = (struct fetcher){ .connection = -EBADF };
}
