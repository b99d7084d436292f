/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See debuginfo.h. Never libdwfl's finders: they load libdebuginfod and open whatever path a file names. */
#include "core/debuginfo.h"

#include <elfutils/libdwelf.h>
#include <limits.h>
#include <lzma.h>


#define DEFAULT_DEBUG_DIRS "/usr/lib/debug"
/* .gnu_debugdata holds one symbol table; the largest seen (webkit) unpack to 12 MB. */
#define MINI_PACKED_MAX MIB(64)
#define MINI_MAX MIB(128)
#define MINI_LZMA_MEMORY MIB(128)

/* Called with a path under (or beside) each debug folder until it returns true. */
typedef bool (*try_path)(const char *path, void *userdata);

static _printf_(3, 4) bool try_format(try_path try, void *userdata, const char *format, ...) {
	char path[PATH_MAX];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(path, sizeof(path), format, ap);
	va_end(ap);
	return n > 0 && (size_t)n < sizeof(path) && try(path, userdata);
}

/* Tries DIR + suffix for each debug folder. */
static bool try_dirs(const char *dirs, const char *suffix, try_path try, void *userdata) {
	for (const char *p = dirs ? dirs : DEFAULT_DEBUG_DIRS; *p;) {
		size_t n = strcspn(p, ":");

		if (n > 0 && p[0] == '/' &&
		    try_format(try, userdata, "%.*s/%s", (int)MIN(n, (size_t)PATH_MAX), p, suffix))
			return true;
		p += n + (p[n] == ':');
	}
	return false;
}

static bool try_build_id(const char *dirs, const uint8_t *id, size_t length, try_path try, void *userdata) {
	char suffix[256];
	int n = snprintf(suffix, sizeof(suffix), ".build-id/%02x/", id[0]);

	for (size_t i = 1; i < length; i++)
		n += snprintf(suffix + n, sizeof(suffix) - (size_t)n, "%02x", id[i]);
	snprintf(suffix + n, sizeof(suffix) - (size_t)n, ".debug");
	return try_dirs(dirs, suffix, try, userdata);
}

struct wanted {
	const uint8_t *id;      /* the build-id it must have, or NULL */
	size_t id_length;
	bool has_crc;
	uint32_t crc;
	struct debug_file *file; /* where it goes */
};

static bool try_file(const char *path, void *userdata) {
	_cleanup_debug_file_ struct debug_file f = DEBUG_FILE_NONE;
	struct wanted *w = userdata;

	if (debug_file_open(path, &f) < 0)
		return false;
	if (w->id ? !elf_has_build_id(f.elf, w->id, w->id_length) : !w->has_crc || !debug_file_has_crc(&f, w->crc))
		return false;
	*w->file = debug_file_take(&f);
	return true;
}

/* The path of the file that was really opened (--exe may differ from what was mapped), else what was mapped. */
static const char *module_path(const struct module *module, char buffer[static PATH_MAX]) {
	char link[64];
	ssize_t n = -1;

	if (module->fd >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", module->fd);
		n = readlink(link, buffer, PATH_MAX - 1);
	}
	if (n > 0) {
		buffer[n] = 0;
		if (buffer[0] == '/')
			return buffer;
	}
	return module->info->path;
}

static bool find_by_debuglink(const struct module *module, const char *dirs, struct wanted *w) {
	char buffer[PATH_MAX], suffix[PATH_MAX];
	GElf_Word crc;
	const char *name = dwelf_elf_gnu_debuglink(module->elf, &crc), *path = module_path(module, buffer), *slash;
	int dir, n;

	if (!name || !*name || strchr(name, '/') || !path || path[0] != '/' || strstr(path, "/../"))
		return false;
	slash = strrchr(path, '/');
	dir = (int)MIN((size_t)(slash - path), (size_t)PATH_MAX);
	w->has_crc = true;
	w->crc = crc;
	if (try_format(try_file, w, "%.*s/%s", dir, path, name) ||
	    try_format(try_file, w, "%.*s/.debug/%s", dir, path, name))
		return true;
	n = snprintf(suffix, sizeof(suffix), "%.*s/%s", MAX(dir - 1, 0), path + 1, name);
	return n > 0 && (size_t)n < sizeof(suffix) && try_dirs(dirs, suffix, try_file, w);
}

/* Last, for what is installed here was chosen by whoever runs this machine. */
static bool find_fetched(const struct core_options *options, struct wanted *w) {
	return w->id && missing_open(options, FETCHED_DEBUGINFO, w->id, w->id_length, w->file) >= 0;
}

static bool find_separate(const struct module *module, const struct core_options *options, struct debug_file *file) {
	struct wanted w = { .file = file };
	const char *dirs = options->debug_dirs;

	w.id_length = elf_build_id(module->elf, &w.id);
	if (w.id_length == 0)
		w.id = NULL;
	if (w.id && try_build_id(dirs, w.id, w.id_length, try_file, &w))
		return true;
	return find_by_debuglink(module, dirs, &w) || find_fetched(options, &w);
}

/* By the name that refers to it, which was written where the package was built: /usr/lib/debug/.dwz/…, and that may lie
 * under another folder here. */
static bool find_alt_by_name(Elf *holder, int holder_fd, const char *name, const char *dirs, struct wanted *w) {
	const char *under = strstr(name, "/.dwz/");
	struct module at = { .elf = holder, .fd = holder_fd, .info = &(struct cw_module){ .path = NULL } };
	char buffer[PATH_MAX];
	const char *path, *slash;

	if (under && try_dirs(dirs, under + 1, try_file, w))
		return true;
	if (name[0] == '/')
		return try_file(name, w);
	path = module_path(&at, buffer);
	slash = path ? strrchr(path, '/') : NULL;
	if (slash && try_format(try_file, w, "%.*s/%s", (int)(slash - path), path, name))
		return true;
	return try_dirs(dirs, name, try_file, w);
}

static bool find_alt(struct debuginfo *info, Elf *holder, int holder_fd, bool *ret_wanted) {
	const char *name, *dirs = info->options->debug_dirs;
	const void *id;
	ssize_t n = dwelf_dwarf_gnu_debugaltlink(info->dwarf.dwarf, &name, &id);
	struct wanted w = { .id = id, .id_length = (size_t)n, .file = &info->alt_file };

	*ret_wanted = n > 0;
	if (n < 2 || n > 64 || !*name)
		return false;
	if (try_build_id(dirs, w.id, w.id_length, try_file, &w) || find_alt_by_name(holder, holder_fd, name, dirs, &w) ||
	    find_fetched(info->options, &w))
		return true;
	missing_id(w.id, w.id_length, info->missing_alt);
	return false;
}

/* Name and key of a file's sections in the cache. */
static int section_key(Elf *elf, int fd, char name[static 80], struct cache_key *ret_key) {
	char hex[2 * 64 + 1] = "";
	const uint8_t *id = NULL;
	size_t n = elf_build_id(elf, &id);

	if (n == 0 || fd < 0)
		return -ENOENT;
	for (size_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
	snprintf(name, 80, "%.64s.sections", hex);
	return cache_make_key("sections", hex, &fd, 1, ret_key);
}

/* By way of the cache, where there is one. addresses: NULL for all. */
static int load_file(const struct debuginfo *info, Elf *elf, int fd, const uint64_t *addresses, size_t n,
		     struct dwarf_handle *ret_handle) {
	struct cache_entry entry;
	struct cache_key key;
	char name[80];
	int r;

	if (info->cache.max > 0 && section_key(elf, fd, name, &key) >= 0 &&
	    cache_open(&info->cache, name, &key, CACHE_MAP, &entry) >= 0) {
		if (dwarf_load_inflated(&entry, ret_handle) >= 0)
			return 0;
		cache_entry_close(&entry);
	}
	r = addresses ? dwarf_load_units(elf, fd, addresses, n, ret_handle) : -ENOENT;
	return r >= 0 || r == -ENOMEM ? r : dwarf_load(elf, fd, DWARF_IMAGE_SYMBOLS, ret_handle);
}

static void save_file(const struct debuginfo *info, Elf *elf, int fd, const struct dwarf_handle *h) {
	struct cache_key key;
	char name[80];

	/* What inflates within a millisecond is not worth a file. */
	if (h->image.bytes && !h->partial && h->image.size >= KIB(512) && section_key(elf, fd, name, &key) >= 0)
		(void)cache_store(&info->cache, name, &key, h->image.bytes, h->image.size);
}

void debuginfo_save(struct debuginfo *info) {
	bool own = !info->separate.elf;

	if (info->cache.max == 0)
		return;
	save_file(info, own ? info->main : info->separate.elf, own ? info->module->fd : info->separate.fd, &info->dwarf);
	save_file(info, info->alt_file.elf, info->alt_file.fd, &info->alt);
}

/* Every handle gets an alternate file, so that libdw never goes to look for one. */
static int attach_alt(struct debuginfo *info, Elf *holder, int holder_fd) {
	bool wanted = false;
	int r;

	if (find_alt(info, holder, holder_fd, &wanted)) {
		r = load_file(info, info->alt_file.elf, info->alt_file.fd, NULL, 0, &info->alt);
		if (r < 0)
			debug_file_close(&info->alt_file);
	}
	if (!info->alt.dwarf && wanted) {
		info->problem = "the dwz file that its debug info refers to is missing: some names are unknown";
		r = dwarf_load_empty(&info->alt);
		if (r < 0)
			return r;
	}
	if (info->alt.dwarf)
		dwarf_setalt(info->dwarf.dwarf, info->alt.dwarf);
	return 0;
}

static int load(struct debuginfo *info, bool whole, const uint64_t *addresses, size_t n) {
	bool own = !info->separate.elf;
	Elf *elf = own ? info->main : info->separate.elf;
	int r;

	r = whole ? dwarf_load_whole(elf, &info->dwarf) :
		    load_file(info, elf, own ? info->module->fd : info->separate.fd, addresses, n, &info->dwarf);
	if (r == -ENODATA)
		return 0;
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		info->problem = r == -EFBIG	   ? "its debug info is too large"
				: r == -EOPNOTSUPP ? "its debug info is compressed in a way that is not known here"
						   : "its debug info is damaged";
		return 0;
	}
	return attach_alt(info, elf, own ? info->module->fd : info->separate.fd);
}

static void unload(struct debuginfo *info) {
	dwarf_unload(&info->dwarf);
	dwarf_unload(&info->alt);
	debug_file_close(&info->alt_file);
}

int debuginfo_load(struct debuginfo *info, const uint64_t *addresses, size_t n) {
	if (info->dwarf.dwarf && !info->dwarf.partial)
		return 0;
	unload(info);
	return load(info, false, addresses, n);
}

int debuginfo_load_whole(struct debuginfo *info) {
	if (!info->dwarf.image_elf)
		return 0;
	unload(info);
	return load(info, true, NULL, 0);
}

static bool try_package(const char *path, void *userdata) {
	struct debuginfo *info = userdata;
	int r = dwarf_package_open(path, &info->package);

	if (r < 0 && r != -ENOENT)
		info->problem = r == -EOPNOTSUPP ? "the package of its split debug info (.dwp) has compressed sections: not used"
						 : "the package of its split debug info (.dwp) cannot be used";
	return r == 0;
}

void debuginfo_open_package(struct debuginfo *info) {
	struct module separate = { .fd = info->separate.fd, .info = &(struct cw_module){ .path = NULL } };
	const struct module *files[] = { info->module, &separate };

	for (size_t i = 0; i < ELEMENTSOF(files) && !info->package; i++) {
		char buffer[PATH_MAX];
		const char *path = module_path(files[i], buffer);

		if (!path || path[0] != '/' || try_format(try_package, info, "%s.dwp", path) || !str_has_suffix(path, ".debug"))
			continue;
		(void)try_format(try_package, info, "%.*s.dwp", (int)(strlen(path) - strlen(".debug")), path);
	}
}

const char *debuginfo_directory(const struct debuginfo *info, char *buffer) {
	struct module at = { .fd = info->separate.elf ? info->separate.fd : info->module->fd,
			     .info = &(struct cw_module){ .path = NULL } };
	const char *path = module_path(&at, buffer);
	char *slash = path ? strrchr(buffer, '/') : NULL;

	if (!slash || slash == buffer)
		return NULL;
	*slash = 0;
	return buffer;
}

int debuginfo_open(const struct module *module, const struct core_options *options, struct debuginfo **ret_info) {
	struct debuginfo *info = calloc(1, sizeof(*info));

	if (!info)
		return -ENOMEM;
	info->module = module;
	info->options = options;
	info->main = module->elf;
	info->separate.fd = info->alt_file.fd = -EBADF;
	if (!dwarf_present(module->elf))
		find_separate(module, options, &info->separate);
	*ret_info = info;
	return 0;
}

void debuginfo_close(struct debuginfo *info) {
	if (!info)
		return;
	dwarf_unload(&info->dwarf);
	dwarf_unload(&info->alt);
	dwarf_package_free(info->package);
	if (info->mini)
		elf_end(info->mini);
	free(info->mini_image);
	debug_file_close(&info->alt_file);
	debug_file_close(&info->separate);
	free(info);
}

/* Decodes into a growing buffer. 0, -EFBIG, -EBADMSG, -ENOMEM. */
static int unpack_xz(const uint8_t *packed, size_t packed_size, uint8_t **ret_data, size_t *ret_size) {
	lzma_stream stream = LZMA_STREAM_INIT;
	_cleanup_free_ uint8_t *data = NULL;
	size_t allocated = 0;
	lzma_ret result = lzma_stream_decoder(&stream, MINI_LZMA_MEMORY, 0);

	stream.next_in = packed;
	stream.avail_in = packed_size;
	while (result == LZMA_OK) {
		if (stream.total_out == allocated) {
			size_t more = MAX(allocated * 2, (size_t)KIB(256));
			uint8_t *grown = allocated >= MINI_MAX ? NULL : realloc(data, more);

			if (!grown)
				break;
			data = grown;
			allocated = more;
		}
		stream.next_out = data + stream.total_out;
		stream.avail_out = allocated - (size_t)stream.total_out;
		result = lzma_code(&stream, LZMA_FINISH);
	}
	*ret_size = (size_t)stream.total_out;
	lzma_end(&stream);
	if (result != LZMA_STREAM_END)
		return result == LZMA_OK ? -EFBIG : -EBADMSG;
	*ret_data = take_ptr(data);
	return 0;
}

void debuginfo_open_mini(struct debuginfo *info) {
	Elf_Scn *scn = elf_find_section(info->main, ".gnu_debugdata");
	Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;
	uint8_t *image;
	size_t size;

	if (!data || !data->d_buf || info->mini)
		return;
	if (data->d_size > MINI_PACKED_MAX || unpack_xz(data->d_buf, data->d_size, &image, &size) < 0) {
		info->problem = "its .gnu_debugdata is damaged or too large";
		return;
	}
	info->mini_image = image;
	info->mini = elf_memory((char *)image, size);
	if (info->mini && elf_kind(info->mini) != ELF_K_ELF) {
		elf_end(info->mini);
		info->mini = NULL;
	}
}
