/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See request.h. Only root can connect, yet nothing is taken for granted: a line that is not understood refuses it all. */
#include "fetch/request.h"

#include <sys/socket.h>

#include "util/parse.h"
#include "util/text.h"

static int take_urls(struct request *request, char *value) {
	_cleanup_free_ char *copy = strdup(value);
	char *rest = copy, *url;

	if (!copy)
		return -ENOMEM;
	while ((url = strsep(&rest, " ")))
		if (*url && !str_has_prefix(url, "http://") && !str_has_prefix(url, "https://"))
			return -EBADMSG;
	if (request->urls || !*value)
		return -EBADMSG;
	request->urls = strdup(value);
	return request->urls ? 0 : -ENOMEM;
}

static int take_want(struct request *request, char *value) {
	char *id = value, *kind = strsep(&id, " ");
	enum fetched_kind k;

	if (!id || fetched_kind_from(kind, &k) < 0 || !fetched_is_id(id) || request->n_wants >= RECORD_MAX_MISSING)
		return -EBADMSG;
	request_add(request, k, id);
	return 0;
}

static int take_line(struct request *request, char *line) {
	const struct { const char *name; uint64_t *value; } numbers[] = {
		{ "time-max", &request->time_max }, { "file-max", &request->file_max },
		{ "cache-max", &request->cache_max }, { "absent-for", &request->absent_for },
	};
	char *value = line, *name = strsep(&value, " ");

	if (!value)
		return -EBADMSG;
	if (streq(name, "urls"))
		return take_urls(request, value);
	if (streq(name, "want"))
		return take_want(request, value);
	for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
		if (streq(numbers[i].name, name))
			return parse_u64(value, numbers[i].value) < 0 ? -EBADMSG : 0;
	return -EBADMSG;
}

int request_parse(char *text, struct request *ret_request) {
	struct request request = { .folder = -EBADF };
	char *line = strsep(&text, "\n");
	int r = streq(line, REQUEST_MAGIC) ? 0 : -EBADMSG;

	while (r >= 0 && (line = strsep(&text, "\n")))
		if (*line)
			r = take_line(&request, line);
	if (r >= 0 && (!request.urls || request.time_max == 0 || request.time_max > REQUEST_TIME_MAX ||
		       request.file_max == 0 || request.cache_max == 0))
		r = -EBADMSG;
	if (r < 0) {
		request_done(&request);
		return r;
	}
	*ret_request = request;
	return 0;
}

/* The one descriptor that came with a packet; others are closed. */
static int take_descriptor(struct msghdr *message) {
	int kept = -EBADF;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (kept < 0)
				kept = fd;
			else
				close(fd);
		}
	}
	return kept;
}

int request_receive(int fd, struct request *ret_request) {
	_cleanup_free_ char *text = malloc(REQUEST_BYTES_MAX + 1);
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = text, .iov_len = REQUEST_BYTES_MAX };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	_cleanup_close_ int folder = -EBADF;
	struct request request;
	ssize_t n;
	int r;

	if (!text)
		return -ENOMEM;
	do
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	folder = take_descriptor(&message);
	if (n == 0)
		return -ENODATA;
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || folder < 0 || memchr(text, 0, (size_t)n))
		return -EBADMSG;
	text[n] = 0;
	r = request_parse(text, &request);
	if (r < 0)
		return r;
	request.folder = take_fd(folder);
	*ret_request = request;
	return 0;
}

void request_done(struct request *request) {
	free(request->urls);
	closep(&request->folder);
	*request = (struct request){ .folder = -EBADF };
}

void request_add(struct request *request, enum fetched_kind kind, const char *id) {
	struct want *want;

	if (request->n_wants == ELEMENTSOF(request->wants) || !fetched_is_id(id))
		return;
	for (size_t i = 0; i < request->n_wants; i++)
		if (request->wants[i].kind == kind && streq(request->wants[i].id, id))
			return;
	want = &request->wants[request->n_wants++];
	want->kind = kind;
	snprintf(want->id, sizeof(want->id), "%s", id);
}
