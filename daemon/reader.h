/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One journal entry out of sd-journal's hands into ours: the few fields that we read, how many values they have, and
 * the core where the entry holds it. Moves no handle.
 */
#pragma once

#include <systemd/sd-journal.h>

#include "daemon/entry.h"

/* The local journal, or the files of a directory (tests). 0 or -errno. */
int journal_open(const char *directory, sd_journal **ret_journal);

/*
 * Gives back the memory that reading any journal took. sd-journal keeps up to 64 windows of 8 MiB mapped, and each page
 * that was touched counts as ours, with the 64 KiB around it that the kernel maps along.
 */
void journal_forget(void);

/*
 * The entry that the handle stands on. A field that cannot be unpacked, or is much larger than systemd-coredump's, counts
 * as absent. 0; READER_LARGE: 0, and a field was so large that the handle should be opened anew: it keeps its unpacking
 * buffer for good; -EBADMSG or -EADDRNOTAVAIL: it was vacuumed under our feet; -errno.
 */
#define READER_LARGE 1
int reader_entry(sd_journal *journal, struct entry **ret_entry);

/*
 * Goes to the entry of that cursor and reads it. 0 or READER_LARGE; -ENOENT: it is not there any more; -errno as above.
 */
int reader_entry_at(sd_journal *journal, const char *cursor, struct entry **ret_entry);

/*
 * Counts every value of every field, where a forger may have sent some twice. 0 or -errno; -EFBIG: it is more than
 * systemd-coredump sends. READER_LARGE as above; the handle should be opened anew after -EFBIG, too.
 */
int reader_count_fields(sd_journal *journal, struct entry *entry);

/* COREDUMP= as a memfd; then the handle should be opened anew. fd, -EFBIG beyond max, or -errno. */
int reader_copy_core(sd_journal *journal, uint64_t max, uint64_t *ret_bytes);
