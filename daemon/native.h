/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journald's own protocol, https://systemd.io/JOURNAL_NATIVE_PROTOCOL: one datagram for an entry, or a sealed memfd
 * where that is too large. sd_journal_sendv(3) cannot speak for another uid, blocks when journald hangs, and calls it
 * a success when there is no journald.
 */
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include "util/macro.h"

/*
 * Sends without waiting. sender: ids that journald shall see instead of ours; needs CAP_SETUID and CAP_SETGID. NULL:
 * ours. 0: it lies in journald's socket. -ENOENT, -ECONNREFUSED: no journald. -EAGAIN: it does not read. -errno.
 */
int native_send(const char *socket_path, const struct iovec *fields, size_t n, const struct ucred *sender);
