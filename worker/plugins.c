/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See plugins.h. A plug-in runs with the worker's rights, that is, with those of the crash's owner, but it is loaded while the worker may still be root: hence the
 * checks of the file and of the folder. They are made on the open descriptor, and that descriptor is what is loaded.
 */
#include "worker/plugins.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <sys/stat.h>

#define DECLARE(name) extern const struct cw_analyzer cw_builtin_##name
DECLARE(stack_overflow);
DECLARE(frame_size);
DECLARE(signal);
DECLARE(abort_message);
DECLARE(sanitizer);
DECLARE(go_runtime);
DECLARE(rust_panic);
DECLARE(cxx_exception);
DECLARE(heap);
DECLARE(vm);

static const struct cw_analyzer *const builtin[] = {
	&cw_builtin_stack_overflow,
	&cw_builtin_sanitizer,
	&cw_builtin_abort_message,
	&cw_builtin_rust_panic,
	&cw_builtin_go_runtime,
	&cw_builtin_cxx_exception,
	&cw_builtin_heap,
	&cw_builtin_vm,
	&cw_builtin_frame_size,
	&cw_builtin_signal,
};

static void warn(struct plugins *p, const char *format, ...) _printf_(2, 3);
static void warn(struct plugins *p, const char *format, ...) {
	va_list ap;

	if (p->n_warnings == ELEMENTSOF(p->warnings))
		return;
	va_start(ap, format);
	if (vasprintf(&p->warnings[p->n_warnings], format, ap) >= 0)
		p->n_warnings++;
	va_end(ap);
}

static int compare(const void *a, const void *b) {
	const struct plugin *x = a, *y = b;

	if (x->analyzer->priority != y->analyzer->priority)
		return x->analyzer->priority > y->analyzer->priority ? -1 : 1;
	return strcmp(x->analyzer->name, y->analyzer->name);
}

static void add(struct plugins *p, const struct cw_analyzer *a, const char *origin) {
	p->list[p->n++] = (struct plugin){ .analyzer = a, .origin = origin, .enabled = true };
	qsort(p->list, p->n, sizeof(*p->list), compare);
}

static const struct plugin *find(const struct plugins *p, const char *name) {
	for (size_t i = 0; i < p->n; i++)
		if (streq(p->list[i].analyzer->name, name))
			return &p->list[i];
	return NULL;
}

void plugins_init(struct plugins *p) {
	*p = (struct plugins){};
	for (size_t i = 0; i < ELEMENTSOF(builtin); i++)
		add(p, builtin[i], "built-in");
}

static bool is_trusted(const struct stat *st) {
	return (st->st_uid == 0 || st->st_uid == geteuid()) && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool name_is_valid(const char *name) {
	return name && *name && strlen(name) <= 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

static void load_one(struct plugins *p, int folder, const char *directory, const char *file) {
	/* Stays open for good: the dynamic linker knows objects by name, and the next one must not get the same. */
	int fd = openat(folder, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_free_ char *path = NULL;
	const struct cw_analyzer *a;
	char link[64];
	struct stat st;
	void *object;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !is_trusted(&st)) {
		warn(p, "%s/%s: not loaded: it must be a regular file owned by root and writable by nobody else", directory, file);
		return;
	}
	if (asprintf(&path, "%s/%s", directory, file) < 0) {
		path = NULL;
		return;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	object = dlopen(link, RTLD_NOW | RTLD_LOCAL);
	if (!object) {
		warn(p, "%s: not loaded: %s", path, dlerror());
		return;
	}
	a = dlsym(object, "cw_plugin");
	if (!a)
		warn(p, "%s: not loaded: it has no analyzer (no symbol cw_plugin: see CW_ANALYZER() in corewatch/analyzer.h)", path);
	else if (a->abi != CW_ANALYZER_ABI)
		warn(p, "%s: not loaded: built for analyzer ABI %u, this is %u: build it again", path, a->abi, CW_ANALYZER_ABI);
	else if (!name_is_valid(a->name) || !a->run || !a->summary)
		warn(p, "%s: not loaded: an analyzer needs a name of [a-z0-9-], a summary and run()", path);
	else if (find(p, a->name))
		warn(p, "%s: not loaded: there is an analyzer named %s already (%s)", path, a->name, find(p, a->name)->origin);
	else if (p->n == PLUGINS_MAX)
		warn(p, "%s: not loaded: there are %u analyzers already", path, PLUGINS_MAX);
	else {
		p->origins[p->n_origins++] = path;
		add(p, a, take_ptr(path));
		return; /* stays loaded until the worker ends */
	}
	dlclose(object);
}

void plugins_load(struct plugins *p, const char *directory) {
	_cleanup_close_ int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **names = NULL;
	struct stat st;
	int n;

	if (folder < 0) {
		if (errno != ENOENT)
			warn(p, "%s: analyzers not loaded: %s", directory, strerror(errno));
		return;
	}
	if (fstat(folder, &st) < 0 || !is_trusted(&st)) {
		warn(p, "%s: analyzers not loaded: the folder must belong to root and be writable by nobody else", directory);
		return;
	}
	n = scandirat(folder, ".", &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (str_has_suffix(names[i]->d_name, ".so"))
			load_one(p, folder, directory, names[i]->d_name);
		free(names[i]);
	}
	free(names);
}

static bool matches(const char *name, char *const *globs, size_t n) {
	for (size_t i = 0; i < n; i++)
		if (fnmatch(globs[i], name, 0) == 0)
			return true;
	return false;
}

void plugins_select(struct plugins *p, char *const *enable, size_t n_enable, char *const *disable, size_t n_disable) {
	for (size_t i = 0; i < p->n; i++) {
		const char *name = p->list[i].analyzer->name;
		p->list[i].enabled = (n_enable == 0 || matches(name, enable, n_enable)) && !matches(name, disable, n_disable);
	}
}

void plugins_configure(struct plugins *p, const char *option) {
	_cleanup_free_ char *copy = strdup(option);
	char *key = copy ? strchr(copy, '.') : NULL, *value = key ? strchr(key, '=') : NULL;
	const struct plugin *plugin;
	int r;

	if (!value) {
		warn(p, "analyzer option '%s': it must be NAME.Key=value", option);
		return;
	}
	*key++ = 0;
	*value++ = 0;
	plugin = find(p, copy);
	if (!plugin) {
		warn(p, "[Analyzer %s] %s=: there is no such analyzer", copy, key);
		return;
	}
	r = plugin->analyzer->configure ? plugin->analyzer->configure(key, value) : -ENOENT;
	if (r == -ENOENT)
		warn(p, "[Analyzer %s] %s=: this analyzer has no such setting", copy, key);
	else if (r < 0)
		warn(p, "[Analyzer %s] %s=%s: %s", copy, key, value, r == -EINVAL ? "bad value" : strerror(-r));
}

void plugins_done(struct plugins *p) {
	for (size_t i = 0; i < p->n_warnings; i++)
		free(p->warnings[i]);
	for (size_t i = 0; i < p->n_origins; i++)
		free(p->origins[i]);
	p->n_warnings = p->n_origins = 0;
}
