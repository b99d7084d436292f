/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cache.h. An entry is a header and the bytes. No fsync(): after a power cut the checksum tells what is left.
 *
 * The time of last use is the file's mtime, set when it is opened: atime is not kept on most systems. It is set by
 * writing a byte that is there already, for the sandbox forbids to set times: that would be any file's of the owner.
 */
#include "core/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <lzma.h>
#include <sys/mman.h>
#include <time.h>

#include "util/io.h"

/* Of the entries' contents: whoever changes what is written, or what a report says, adds one. */
#define CACHE_FORMAT 1u
#define CACHE_MAGIC "cwcache"
/* Inflated sections of one file, see dwarf-image.c. */
#define ENTRY_MAX MIB(1600)
/* A folder with more files than this was not filled by us: trimming then looks at the first so many only. */
#define FILES_MAX 4096u
/* Two uses within this are one: saves a write of the inode for each worker of a burst. */
#define USED_SECONDS 60

struct header {
	char magic[8];
	uint32_t format;
	uint32_t checksum;     /* CRC-32 of what follows, contents included */
	uint64_t size;         /* of the contents */
	char key[HASH_TEXT_SIZE];
	char name[71];         /* of the entry: one renamed to another's is of no use */
};
_Static_assert(sizeof(struct header) == 128, "the contents must be aligned");

static const size_t checked_from = offsetof(struct header, size);

int cache_make_key(const char *kind, const char *build_id, const int *files, size_t n_files,
		   struct cache_key *ret_key) {
	_cleanup_(hash_freep) struct hash *h = NULL;
	int r = hash_new(&h);

	if (r < 0)
		return r;
	hash_add_string(h, PACKAGE_VERSION);
	hash_add_string(h, kind);
	hash_add_string(h, build_id);
	for (size_t i = 0; i < n_files; i++) {
		struct stat st = { .st_ino = 0 };

		if (files[i] >= 0 && fstat(files[i], &st) < 0)
			return -errno;
		hash_add_u64(h, (uint64_t)st.st_dev);
		hash_add_u64(h, (uint64_t)st.st_ino);
		hash_add_u64(h, (uint64_t)st.st_size);
		hash_add_u64(h, (uint64_t)st.st_mtim.tv_sec);
		hash_add_u64(h, (uint64_t)st.st_mtim.tv_nsec);
	}
	hash_finish(h, ret_key->text);
	return 0;
}

static bool is_name(const char *name) {
	return *name && *name != '.' && strlen(name) < sizeof(((struct header *)0)->name) && !strchr(name, '/');
}

static uint32_t checksum_of(const struct header *header, const void *data, size_t size) {
	uint32_t sum = lzma_crc32((const uint8_t *)header + checked_from, sizeof(*header) - checked_from, 0);

	return lzma_crc32(data, size, sum);
}

static void header_make(struct header *h, const char *name, const struct cache_key *key, const void *data,
			size_t size) {
	*h = (struct header){ .magic = CACHE_MAGIC, .format = CACHE_FORMAT, .size = size };
	memcpy(h->key, key->text, sizeof(h->key));
	memcpy(h->name, name, strlen(name) + 1);
	h->checksum = checksum_of(h, data, size);
}

/* Whether the mapped file is exactly what header_make() and its contents would be. */
static bool entry_is_good(const uint8_t *file, size_t file_size, const char *name, const struct cache_key *key) {
	struct header have, want;

	if (file_size < sizeof(have))
		return false;
	memcpy(&have, file, sizeof(have));
	if (have.size != file_size - sizeof(have) || memcmp(have.key, key->text, sizeof(have.key)) != 0)
		return false;
	header_make(&want, name, key, file + sizeof(have), file_size - sizeof(have));
	return memcmp(&have, &want, sizeof(have)) == 0;
}

static void mark_used(const struct cache *cache, const char *name, const struct stat *st) {
	_cleanup_close_ int fd = -EBADF;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec >= st->st_mtim.tv_sec && now.tv_sec - st->st_mtim.tv_sec < USED_SECONDS)
		return;
	fd = openat(cache->fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && pwrite(fd, CACHE_MAGIC, 1, 0) < 0)
		return; /* a full disk, most likely: then it counts as old */
}

/* MAP_FAILED and errno, as mmap(). */
static void *get_bytes(int fd, size_t size, enum cache_access access) {
	void *map;

	if (access == CACHE_MAP)
		return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map != MAP_FAILED && pread_full(fd, map, size, 0) != (ssize_t)size) {
		munmap(map, size);
		errno = EIO;
		return MAP_FAILED;
	}
	return map;
}

int cache_open(const struct cache *cache, const char *name, const struct cache_key *key, enum cache_access access,
	       struct cache_entry *ret_entry) {
	_cleanup_close_ int fd = -EBADF;
	struct cache_entry entry;
	struct stat st;

	if (cache->fd < 0 || !is_name(name))
		return -ENOENT;
	fd = openat(cache->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) || st.st_size <= 0 ||
	    (uint64_t)st.st_size > ENTRY_MAX)
		return -EBADMSG;
	entry.map_size = (size_t)st.st_size;
	entry.map = get_bytes(fd, entry.map_size, access);
	if (entry.map == MAP_FAILED)
		return -errno;
	if (!entry_is_good(entry.map, entry.map_size, name, key)) {
		munmap(entry.map, entry.map_size);
		(void)unlinkat(cache->fd, name, 0);
		return -EBADMSG;
	}
	mark_used(cache, name, &st);
	entry.data = (uint8_t *)entry.map + sizeof(struct header);
	entry.size = entry.map_size - sizeof(struct header);
	*ret_entry = entry;
	return 0;
}

void cache_entry_close(struct cache_entry *entry) {
	if (entry->data)
		munmap(entry->map, entry->map_size);
	*entry = (struct cache_entry){ .data = NULL };
}

struct old_file {
	char name[256];
	uint64_t bytes;
	struct timespec used;
};

static int compare_use(const void *a, const void *b) {
	const struct old_file *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	return x->used.tv_nsec < y->used.tv_nsec ? -1 : x->used.tv_nsec > y->used.tv_nsec;
}

/* Lists the folder's files but `except` and folders. Caller frees. */
static size_t list_files(const struct cache *cache, const char *except, struct old_file **ret_files,
			 uint64_t *ret_bytes) {
	int fd = openat(cache->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	size_t n = 0, allocated = 0;
	struct dirent *d;

	*ret_files = NULL;
	*ret_bytes = 0;
	if (!folder && fd >= 0)
		close(fd);
	while (folder && n < FILES_MAX && (d = readdir(folder))) {
		struct stat st;

		if (fstatat(cache->fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode))
			continue;
		if (n == allocated) {
			size_t more = MAX(allocated * 2, (size_t)32);
			struct old_file *grown = reallocarray(*ret_files, more, sizeof(*grown));

			if (!grown)
				break;
			*ret_files = grown;
			allocated = more;
		}
		*ret_bytes += (uint64_t)st.st_blocks * 512;
		if (streq(d->d_name, except))
			continue;
		(*ret_files)[n] = (struct old_file){ .bytes = (uint64_t)st.st_blocks * 512, .used = st.st_mtim };
		snprintf((*ret_files)[n++].name, sizeof((*ret_files)[0].name), "%s", d->d_name);
	}
	if (folder)
		closedir(folder);
	return n;
}

static void trim(const struct cache *cache, const char *keep) {
	_cleanup_free_ struct old_file *files = NULL;
	uint64_t bytes;
	size_t n = list_files(cache, keep, &files, &bytes);

	if (bytes <= cache->max)
		return;
	qsort(files, n, sizeof(*files), compare_use);
	for (size_t i = 0; i < n && bytes > cache->max; i++)
		if (unlinkat(cache->fd, files[i].name, 0) == 0)
			bytes -= MIN(bytes, files[i].bytes);
}

int cache_store(const struct cache *cache, const char *name, const struct cache_key *key, const void *data,
		size_t size) {
	_cleanup_close_ int fd = -EBADF;
	struct header header;
	char temporary[96];
	int r;

	if (cache->fd < 0 || !is_name(name))
		return -ENOENT;
	/* One entry that pushes out all others helps nobody. */
	if (size > ENTRY_MAX - sizeof(header) || size > cache->max / 2)
		return -EFBIG;
	header_make(&header, name, key, data, size);
	snprintf(temporary, sizeof(temporary), ".%.70s.%d", name, (int)getpid());
	(void)unlinkat(cache->fd, temporary, 0); /* left by a worker of that pid which died */
	fd = openat(cache->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_full(fd, &header, sizeof(header));
	if (r >= 0)
		r = write_full(fd, data, size);
	if (r >= 0 && renameat(cache->fd, temporary, cache->fd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(cache->fd, temporary, 0);
		return r;
	}
	trim(cache, name);
	return 0;
}
