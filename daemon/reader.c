/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See reader.h. */
#include "daemon/reader.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include "util/io.h"
#include "util/spawn.h"

/* What sd-journal unpacks of one field when asked by name; the largest that we want of a text. */
#define DATA_THRESHOLD KIB(64)
#define DATA_LARGE MIB(16)
/*
 * Memory that unpacking the fields that we want may take: systemd-coredump halves what does not fit into a socket's
 * buffer, some 200 KiB. And what of it may stay until the handle is opened anew.
 */
#define FIELDS_MAX MIB(8)
#define FIELD_KEPT_MAX KIB(512)
/* All fields of an entry without a core. Environments and maps have some megabytes at most. */
#define COUNTED_MAX MIB(48)
/*
 * Of the machine's memory that a core from the journal may take: it is there twice, and unpacking may need twice as much
 * once. More than the unit's MemoryMax= would kill us, at the same entry each time.
 */
#define MEMORY_PART 8

int journal_open(const char *directory, sd_journal **ret_journal) {
	sd_journal *journal;
	int r = directory ? sd_journal_open_directory(&journal, directory, 0)
	                  : sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);

	if (r < 0)
		return r;
	(void)sd_journal_set_data_threshold(journal, DATA_THRESHOLD);
	*ret_journal = journal;
	return 0;
}

/*
 * sd-journal has no call for it, and to open the files again touches nearly as much. These mappings are the only shared
 * ones that cannot be written: what they lose is still in the files, and comes back when it is read.
 */
void journal_forget(void) {
	_cleanup_fclose_ FILE *f = fopen("/proc/self/maps", "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0) {
		unsigned long begin, end;
		char rights[5];

		if (sscanf(line, "%lx-%lx %4s", &begin, &end, rights) == 3 && streq(rights, "r--s"))
			(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
}

/* The limit of memory with which that much more may be taken than is. sd-journal unpacks fields whole, and any user may
 * send 768 MiB. */
static struct rlimit memory_with(uint64_t more) {
	_cleanup_fclose_ FILE *f = fopen("/proc/self/statm", "re");
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	unsigned long data;

	if (getrlimit(RLIMIT_DATA, &limit) < 0)
		return limit;
	limit.rlim_cur = limit.rlim_max;
	if (f && fscanf(f, "%*u %*u %*u %*u %*u %lu", &data) == 1)
		limit.rlim_cur = MIN((rlim_t)(data * (uint64_t)getpagesize() + more), limit.rlim_max);
	return limit;
}

static void limit_memory(const struct rlimit *limit) {
	(void)setrlimit(RLIMIT_DATA, limit);
}

static void unlimit_memory(const struct rlimit *limit) {
	limit_memory(&(struct rlimit){ limit->rlim_max, limit->rlim_max });
}

/* That the memory was not enough is the field's fault. */
static bool is_too_large(int r) {
	return r == -ENOMEM || r == -E2BIG || r == -ENOBUFS;
}

/* Only what sd-journal takes is limited: that we want of it is little, and an end of our memory would be our end. */
static int keep(struct entry *entry, enum field_id id, const char *value, size_t length, const struct rlimit *limit) {
	int r = entry_add(entry, id, value, length);

	if (r != -ENOMEM)
		return r;
	unlimit_memory(limit);
	r = entry_add(entry, id, value, length);
	limit_memory(limit);
	return r;
}

static int read_fields(sd_journal *journal, struct entry *entry, const struct rlimit *limit) {
	bool large = false;
	const void *data;
	size_t length;
	int r;

	for (int id = 0; id < _FIELD_MAX; id++) {
		const char *name = field_name((enum field_id)id);
		size_t prefix = strlen(name) + 1;

		r = sd_journal_get_data(journal, name, &data, &length);
		if (r == -EBADMSG || r == -EADDRNOTAVAIL)
			return r;
		if (r < 0 || length < prefix)
			continue;
		large = large || length > FIELD_KEPT_MAX;
		r = keep(entry, (enum field_id)id, (const char *)data + prefix, length - prefix, limit);
		if (r < 0)
			return r;
	}
	r = sd_journal_get_data(journal, "COREDUMP", &data, &length);
	entry->has_core = r >= 0 || is_too_large(r);
	return large || (r >= 0 && length > FIELD_KEPT_MAX) ? READER_LARGE : 0;
}

int reader_entry(sd_journal *journal, struct entry **ret_entry) {
	_cleanup_(entry_freep) struct entry *entry = NULL;
	_cleanup_free_ char *cursor = NULL;
	struct rlimit limit;
	int r;

	r = sd_journal_get_cursor(journal, &cursor);
	if (r < 0)
		return r;
	r = entry_new(cursor, &entry);
	if (r < 0)
		return r;
	r = sd_journal_get_realtime_usec(journal, &entry->time_usec);
	if (r < 0)
		return r;
	limit = memory_with(FIELDS_MAX);
	limit_memory(&limit);
	r = read_fields(journal, entry, &limit);
	unlimit_memory(&limit);
	if (r < 0)
		return r;
	*ret_entry = take_ptr(entry);
	return r;
}

int reader_entry_at(sd_journal *journal, const char *cursor, struct entry **ret_entry) {
	int r;

	sd_journal_flush_matches(journal);
	r = sd_journal_seek_cursor(journal, cursor);
	if (r < 0)
		return r;
	r = sd_journal_next(journal);
	if (r < 0)
		return r;
	if (r == 0)
		return -ENOENT;
	r = sd_journal_test_cursor(journal, cursor);
	if (r < 0)
		return r;
	return r == 0 ? -ENOENT : reader_entry(journal, ret_entry);
}

static int count_fields(sd_journal *journal, struct entry *entry) {
	const void *data;
	bool large = false;
	uint64_t total = 0;
	size_t length;
	int r;

	for (int id = 0; id < _FIELD_MAX; id++)
		entry->fields[id].count = 0;
	sd_journal_restart_data(journal);
	while ((r = sd_journal_enumerate_available_data(journal, &data, &length)) > 0) {
		enum field_id id = field_of(data, length);

		if (id < _FIELD_MAX)
			entry->fields[id].count++;
		large = large || length > DATA_LARGE;
		total += length;
		if (total > COUNTED_MAX)
			return -EFBIG;
	}
	return r < 0 ? r : large ? READER_LARGE : 0;
}

int reader_count_fields(sd_journal *journal, struct entry *entry) {
	const struct rlimit limit = memory_with(COUNTED_MAX);
	int r;

	limit_memory(&limit);
	r = count_fields(journal, entry);
	unlimit_memory(&limit);
	return is_too_large(r) ? -EFBIG : r;
}

int reader_copy_core(sd_journal *journal, uint64_t max, uint64_t *ret_bytes) {
	_cleanup_close_ int fd = -EBADF;
	const size_t prefix = strlen("COREDUMP=");
	struct rlimit limit;
	const void *data;
	size_t length;
	int r;

	max = MIN(max, (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)getpagesize() / MEMORY_PART);
	(void)sd_journal_set_data_threshold(journal, 0);
	/* How large it is, is only known when it is unpacked; some of sd-journal's unpackers double their buffer. */
	limit = memory_with(2 * max + MIB(16));
	limit_memory(&limit);
	r = sd_journal_get_data(journal, "COREDUMP", &data, &length);
	unlimit_memory(&limit);
	(void)sd_journal_set_data_threshold(journal, DATA_THRESHOLD);
	if (is_too_large(r))
		return -EFBIG;
	if (r < 0)
		return r;
	if (length < prefix || length - prefix > max)
		return -EFBIG;
	fd = spawn_records_fd();
	if (fd < 0)
		return fd;
	r = write_full(fd, (const char *)data + prefix, length - prefix);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	*ret_bytes = length - prefix;
	return take_fd(fd);
}
