/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See native.h. */
#include "daemon/native.h"

#include <endian.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/un.h>

#include "util/io.h"

#ifndef MFD_NOEXEC_SEAL /* Linux 6.3; glibc 2.36's header does not have it */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* "NAME=value", or with line breaks in the value: NAME, a line break, 64 bits of length, value. */
static void write_field(FILE *out, const struct iovec *field) {
	const char *text = field->iov_base, *equals = memchr(text, '=', field->iov_len);
	size_t name = equals ? (size_t)(equals - text) : field->iov_len;
	uint64_t length;

	if (!equals || !memchr(text, '\n', field->iov_len)) {
		fwrite(text, field->iov_len, 1, out);
		fputc('\n', out);
		return;
	}
	length = htole64(field->iov_len - name - 1);
	fwrite(text, name, 1, out);
	fputc('\n', out);
	fwrite(&length, sizeof(length), 1, out);
	fwrite(equals + 1, field->iov_len - name - 1, 1, out);
	fputc('\n', out);
}

static int serialize(const struct iovec *fields, size_t n, char **ret_text, size_t *ret_length) {
	_cleanup_free_ char *text = NULL;
	FILE *out = open_memstream(&text, ret_length);
	int r;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		write_field(out, &fields[i]);
	r = memstream_close(out, &text);
	if (r < 0)
		return r;
	*ret_text = take_ptr(text);
	return 0;
}

/* One control message of each kind, as cmsg(3) wants it. */
static void add_control(struct msghdr *message, int type, const void *data, size_t length) {
	struct cmsghdr *control = (struct cmsghdr *)((char *)message->msg_control + message->msg_controllen);

	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = type;
	control->cmsg_len = CMSG_LEN(length);
	memcpy(CMSG_DATA(control), data, length);
	message->msg_controllen += CMSG_SPACE(length);
}

static int send_message(int fd, const struct sockaddr_un *address, const struct iovec *payload, int memfd,
                        const struct ucred *sender) {
	char buffer[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))]
		__attribute__((aligned(__alignof__(struct cmsghdr)))) = { 0 };
	struct msghdr message = {
		.msg_name = (void *)address,
		.msg_namelen = sizeof(*address),
		.msg_iov = (struct iovec *)payload,
		.msg_iovlen = payload ? 1 : 0,
		.msg_control = buffer,
	};

	if (sender)
		add_control(&message, SCM_CREDENTIALS, sender, sizeof(*sender));
	if (memfd >= 0)
		add_control(&message, SCM_RIGHTS, &memfd, sizeof(memfd));
	if (message.msg_controllen == 0)
		message.msg_control = NULL;
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int send_memfd(int fd, const struct sockaddr_un *address, const struct iovec *payload,
                      const struct ucred *sender) {
	_cleanup_close_ int memfd = memfd_create("corewatch-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	int r;

	if (memfd < 0 && errno == EINVAL) /* before Linux 6.3 */
		memfd = memfd_create("corewatch-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memfd < 0)
		return -errno;
	r = write_full(memfd, payload->iov_base, payload->iov_len);
	if (r < 0)
		return r;
	/* journald takes no memfd that could still change. */
	if (fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return -errno;
	return send_message(fd, address, NULL, memfd, sender);
}

int native_send(const char *socket_path, const struct iovec *fields, size_t n, const struct ucred *sender) {
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *text = NULL;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct iovec payload = { NULL, 0 };
	int r;

	if (strlen(socket_path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
	r = serialize(fields, n, &text, &payload.iov_len);
	if (r < 0)
		return r;
	payload.iov_base = text;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = send_message(fd, &address, &payload, -EBADF, sender);
	if (r == -EMSGSIZE || r == -ENOBUFS)
		r = send_memfd(fd, &address, &payload, sender);
	return r;
}
