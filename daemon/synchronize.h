/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting until journald has stored what was sent to it. */
#pragma once

/*
 * Asks journald to store all that lies in its socket, and waits for its answer, at most some seconds. At the start: a
 * daemon that was killed may have sent a report that nobody finds yet, and it would be sent twice. What does not work
 * (no journald, not root) is passed over: it costs at worst that.
 */
void journal_synchronize(void);
