/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See store.h. Formats: ELF gABI; GDB manual, "Debugging Information in Separate Files", and dwz(1) for
 * .gnu_debugaltlink: a name that ends with NUL, and the build-id.
 *
 * The time of last use is the later of a file's atime and mtime: workers may not touch it. Where atimes are not kept
 * (noatime), the oldest go first.
 */
#include "fetch/store.h"

#include <dirent.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

/* Ours are a few hundred; a folder with more was filled by somebody else, and the rest goes with the next run. */
#define FILES_MAX 8192u
/* Marks of what the servers do not have. Anyone can make a program crash with any build-ids. */
#define MARKS_MAX 4096u
/* A path and 20 bytes. */
#define ALTLINK_MAX KIB(8)
#define WORK_PREFIX ".work"
/* libdebuginfod's cache: a folder for each build-id, files in it. */
#define WORK_DEPTH_MAX 3u

static void remove_tree(int parent, const char *name, unsigned depth) {
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *d;

	if (!folder && fd >= 0)
		close(fd);
	while (folder && (d = readdir(folder))) {
		if (streq(d->d_name, ".") || streq(d->d_name, ".."))
			continue;
		if (unlinkat(dirfd(folder), d->d_name, 0) < 0 && depth < WORK_DEPTH_MAX)
			remove_tree(dirfd(folder), d->d_name, depth + 1);
	}
	if (folder)
		closedir(folder);
	(void)unlinkat(parent, name, AT_REMOVEDIR);
}

static void remove_left_over(int store) {
	int fd = openat(store, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *d;

	if (!folder) {
		closep(&fd);
		return;
	}
	while ((d = readdir(folder)))
		if (str_has_prefix(d->d_name, WORK_PREFIX))
			remove_tree(store, d->d_name, 0);
	closedir(folder);
}

int store_open(int folder, const char *work) {
	/* An open file of our own: a lock on the one that was handed to us would be the daemon's too. */
	_cleanup_close_ int store = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (store < 0)
		return -errno;
	while (flock(store, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	remove_left_over(store);
	if (mkdirat(store, work, 0700) < 0)
		return -errno;
	return take_fd(store);
}

void store_remove(int store, const char *work) {
	remove_tree(store, work, 0);
}

uint64_t store_room(int store, uint64_t file_max, uint64_t cache_max) {
	uint64_t room = MIN(file_max, cache_max), available;
	struct statvfs fs;

	if (fstatvfs(store, &fs) == 0 && mul_u64(fs.f_bavail, fs.f_frsize, &available))
		room = MIN(room, available / 2);
	return room;
}

/* ── files ── */

static void elf_endp(Elf **elf) {
	if (*elf)
		elf_end(*elf);
}

static void id_text(const uint8_t *id, size_t length, char *ret_text) {
	for (size_t i = 0; i < length; i++)
		snprintf(ret_text + 2 * i, 3, "%02x", id[i]);
}

/* Read, not mapped: only headers and notes are looked at, and a damaged disk is an error and no SIGBUS. */
static Elf *open_elf(int fd) {
	if (elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	return elf_begin(fd, ELF_C_READ, NULL);
}

int store_verify(int fd, const char *id, uint64_t file_max, const char **ret_reason) {
	_cleanup_(elf_endp) Elf *elf = NULL;
	char text[FETCHED_ID_MAX + 1];
	struct stat st;
	const void *own;
	ssize_t n;

	*ret_reason = "it is not a regular file";
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EBADMSG;
	*ret_reason = "it is too large";
	if ((uint64_t)st.st_size > file_max)
		return -EBADMSG;
	*ret_reason = "it is not an ELF file";
	elf = open_elf(fd);
	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return -EBADMSG;
	*ret_reason = "it has no build-id";
	n = dwelf_elf_gnu_build_id(elf, &own);
	if (n <= 0 || (size_t)n > FETCHED_ID_MAX / 2)
		return -EBADMSG;
	id_text(own, (size_t)n, text);
	*ret_reason = "it has another build-id";
	return streq(text, id) ? 0 : -EBADMSG;
}

static Elf_Scn *find_section(Elf *elf, const char *wanted) {
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr header;
		const char *name;

		if (!gelf_getshdr(scn, &header) || header.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		if (name && streq(name, wanted))
			return header.sh_size <= ALTLINK_MAX ? scn : NULL;
	}
	return NULL;
}

int store_alternate(int fd, char ret_id[static FETCHED_ID_MAX + 1]) {
	_cleanup_(elf_endp) Elf *elf = open_elf(fd);
	Elf_Scn *scn = elf ? find_section(elf, ".gnu_debugaltlink") : NULL;
	Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;
	char text[FETCHED_ID_MAX + 1];
	size_t name, n;

	if (!data || !data->d_buf || data->d_size == 0)
		return -ENOENT;
	name = strnlen(data->d_buf, data->d_size);
	n = data->d_size - MIN(name + 1, data->d_size);
	if (n == 0 || n > FETCHED_ID_MAX / 2)
		return -ENOENT;
	id_text((const uint8_t *)data->d_buf + name + 1, n, text);
	if (!fetched_is_id(text))
		return -ENOENT;
	memcpy(ret_id, text, 2 * n + 1);
	return 0;
}

int store_publish(int store, const char *path, enum fetched_kind kind, const char *id) {
	char name[FETCHED_NAME_SIZE];

	fetched_name(kind, id, false, name);
	if (chmod(path, 0444) < 0 || renameat(AT_FDCWD, path, store, name) < 0)
		return -errno;
	fetched_name(kind, id, true, name);
	(void)unlinkat(store, name, 0);
	return 0;
}

int store_mark_absent(int store, enum fetched_kind kind, const char *id) {
	char name[FETCHED_NAME_SIZE];
	_cleanup_close_ int fd = -EBADF;

	fetched_name(kind, id, true, name);
	if (unlinkat(store, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(store, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	return fd < 0 ? -errno : 0;
}

/* ── the limit ── */

struct old_file {
	char name[FETCHED_NAME_SIZE];
	uint64_t bytes;
	struct timespec used;
};

static bool is_earlier(const struct timespec *a, const struct timespec *b) {
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

static int compare_use(const void *a, const void *b) {
	const struct old_file *x = a, *y = b;

	return is_earlier(&x->used, &y->used) ? -1 : is_earlier(&y->used, &x->used);
}

struct listing {
	struct old_file *files;
	size_t n, n_marks;
};

/* Lists one entry of the folder, or deletes it if it is a mark that has had its time, or one too many. */
static void look_at(int store, const char *name, uint64_t absent_for, struct listing *list) {
	struct old_file *file = &list->files[list->n];
	size_t length = strlen(name);
	time_t now = time(NULL);
	struct stat st;

	if (*name == '.' || length >= sizeof(file->name) || fstatat(store, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (str_has_suffix(name, ".none")) {
		if (st.st_mtim.tv_sec > now || (uint64_t)(now - st.st_mtim.tv_sec) >= absent_for ||
		    list->n_marks++ >= MARKS_MAX)
			(void)unlinkat(store, name, 0);
		return;
	}
	*file = (struct old_file){ .bytes = (uint64_t)st.st_blocks * 512,
				   .used = is_earlier(&st.st_atim, &st.st_mtim) ? st.st_mtim : st.st_atim };
	memcpy(file->name, name, length + 1);
	list->n++;
}

void store_trim(int store, uint64_t cache_max, uint64_t absent_for) {
	_cleanup_free_ struct old_file *files = calloc(FILES_MAX, sizeof(*files));
	struct listing list = { .files = files };
	int fd = openat(store, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	uint64_t bytes = 0;
	struct dirent *d;

	if (!folder)
		closep(&fd);
	while (folder && files && list.n < FILES_MAX && (d = readdir(folder)))
		look_at(store, d->d_name, absent_for, &list);
	if (folder)
		closedir(folder);
	for (size_t i = 0; i < list.n; i++)
		bytes += files[i].bytes;
	if (list.n > 0)
		qsort(files, list.n, sizeof(*files), compare_use);
	for (size_t i = 0; i < list.n && bytes > cache_max; i++)
		if (unlinkat(store, files[i].name, 0) == 0)
			bytes -= MIN(bytes, files[i].bytes);
}
