/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See inject.h. The functions here stand in the program itself, so the dynamic linker takes them for everybody; the
 * next definition (libc's, or a sanitizer's) does the work. What libc calls within itself by other names (stdio's own
 * reads and writes) is not seen: files that matter are not written through stdio.
 */
#include "inject.h"

#include <dirent.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <json-c/json.h>

/* A scenario has some thousand allocations; one that never ends its failing has lost its way. */
#define RUNS_MAX 200000u

static struct {
	enum inject what;
	int error;
	unsigned countdown; /* calls until the one that fails; 0: none */
	unsigned calls;
	bool armed, happened;
	unsigned turn;      /* of INJECT_SHORT */
	long live;          /* blocks that were given and not yet freed */
} state;

static void *next(const char *name) {
	void *f = dlsym(RTLD_NEXT, name);

	if (!f)
		abort();
	return f;
}

#define NEXT(function)                                                        \
	static __typeof__(&function) real;                                    \
	if (!real)                                                            \
		real = (__typeof__(&function))(uintptr_t)next(#function)

/* Whether this call is the one. */
static bool fails(enum inject what) {
	if (!state.armed || state.what != what)
		return false;
	state.calls++;
	if (state.countdown == 0 || --state.countdown > 0)
		return false;
	state.happened = true;
	/*
	 * For the hunt: with INJECT_TRACE the last trace before a test fails is that of the call that was made to fail.
	 */
	if (getenv("INJECT_TRACE")) {
		void *frames[24];

		state.armed = false;
		backtrace_symbols_fd(frames, backtrace(frames, ELEMENTSOF(frames)), STDERR_FILENO);
		(void)!write(STDERR_FILENO, "\n", 1);
		state.armed = true;
	}
	return true;
}

static bool no_memory(void) {
	if (!fails(INJECT_MEMORY))
		return false;
	errno = ENOMEM;
	return true;
}

static void *given(void *p) {
	state.live += p != NULL;
	return p;
}

void *malloc(size_t size) {
	NEXT(malloc);
	return no_memory() ? NULL : given(real(size));
}

void *calloc(size_t n, size_t size) {
	NEXT(calloc);
	return no_memory() ? NULL : given(real(n, size));
}

void *realloc(void *p, size_t size) {
	NEXT(realloc);
	if (no_memory())
		return NULL;
	return p ? real(p, size) : given(real(NULL, size));
}

void *reallocarray(void *p, size_t n, size_t size) {
	size_t all;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, all);
}

int posix_memalign(void **ret, size_t alignment, size_t size) {
	NEXT(posix_memalign);
	int r = no_memory() ? ENOMEM : real(ret, alignment, size);

	if (r == 0)
		given(*ret);
	return r;
}

void *aligned_alloc(size_t alignment, size_t size) {
	NEXT(aligned_alloc);
	return no_memory() ? NULL : given(real(alignment, size));
}

void free(void *p) {
	NEXT(free);
	state.live -= p != NULL;
	real(p);
}

/* ── files ── */

static int failed(void) {
	errno = state.error;
	return -1;
}

/* The length of a short transfer; 0: interrupted instead. */
static size_t cut(size_t length) {
	if (!state.armed || state.what != INJECT_SHORT || length == 0)
		return length;
	state.happened = true;
	if (state.turn++ % 2 == 0)
		return 0;
	return state.turn % 4 == 0 ? 1 : MAX(length / 3, (size_t)1);
}

#define TRANSFER(kind, ...)                            \
	size_t n = cut(length);                        \
	if (fails(kind))                               \
		return failed();                       \
	if (n == 0 && length > 0) {                    \
		errno = EINTR;                         \
		return -1;                             \
	}                                              \
	return real(__VA_ARGS__)

ssize_t read(int fd, void *buffer, size_t length) {
	NEXT(read);
	TRANSFER(INJECT_READ, fd, buffer, n);
}

ssize_t pread(int fd, void *buffer, size_t length, off_t offset) {
	NEXT(pread);
	TRANSFER(INJECT_READ, fd, buffer, n, offset);
}

ssize_t write(int fd, const void *buffer, size_t length) {
	NEXT(write);
	/* The test's own words come through in any case. */
	if (fd == STDOUT_FILENO || fd == STDERR_FILENO)
		return real(fd, buffer, length);
	/* What a full disk does: first some bytes, then none. */
	if (state.armed && state.what == INJECT_WRITE && state.error == ENOSPC && state.countdown == 1 && length > 1) {
		state.countdown++;
		length /= 2;
	}
	TRANSFER(INJECT_WRITE, fd, buffer, n);
}

int fsync(int fd) {
	NEXT(fsync);
	return fails(INJECT_WRITE) ? failed() : real(fd);
}

int ftruncate(int fd, off_t length) {
	NEXT(ftruncate);
	return fails(INJECT_WRITE) ? failed() : real(fd, length);
}

int renameat(int from, const char *old, int to, const char *new) {
	NEXT(renameat);
	return fails(INJECT_WRITE) ? failed() : real(from, old, to, new);
}

static mode_t mode_of(int flags, va_list ap) {
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
	NEXT(open);
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return fails(INJECT_OPEN) ? failed() : real(path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...) {
	NEXT(openat);
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return fails(INJECT_OPEN) ? failed() : real(dir, path, flags, mode);
}

int memfd_create(const char *name, unsigned flags) {
	NEXT(memfd_create);
	return fails(INJECT_OPEN) ? failed() : real(name, flags);
}

/* ── json-c ── */

/*
 * Up to 0.16 its parser does not look at what strdup() and its own printbuf_memappend() return: when memory ends just
 * there it crashes, or a string is cut. Nothing that can be mended here, so there it does not end while parsing.
 */
#if JSON_C_VERSION_NUM < ((0 << 16) | (17 << 8))
json_object *json_tokener_parse_ex(json_tokener *tokener, const char *text, int length) {
	NEXT(json_tokener_parse_ex);
	bool armed = state.armed;
	json_object *value;

	state.armed = armed && state.what != INJECT_MEMORY;
	value = real(tokener, text, length);
	state.armed = armed;
	return value;
}
#endif

/*
 * These leave a copy of a key behind when a table cannot grow. Forgiven, so that what we do then is looked at all the
 * same.
 */
#define FORGIVING(call)              \
	long live = state.live;      \
	int r = call;                \
	if (r < 0)                   \
		state.live = live;   \
	return r

int json_object_object_add(json_object *object, const char *key, json_object *value) {
	NEXT(json_object_object_add);
	FORGIVING(real(object, key, value));
}

int json_object_deep_copy(json_object *source, json_object **target, json_c_shallow_copy_fn *shallow) {
	NEXT(json_object_deep_copy);
	FORGIVING(real(source, target, shallow));
}

/* ── runs ── */

void inject_pause(void) {
	state.armed = false;
}

void inject_resume(void) {
	state.armed = state.what != INJECT_NOTHING;
}

bool inject_happened(void) {
	return state.happened;
}

static unsigned open_files(void) {
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	if (!dir)
		fail_msg("/proc is not there");
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int run(enum inject what, int error, unsigned number, inject_scenario scenario, void *data) {
	unsigned files = open_files();
	long live = state.live;
	int r;

	state.what = what;
	state.error = error;
	state.countdown = number;
	state.calls = 0;
	state.turn = 0;
	state.happened = false;
	inject_resume();
	r = scenario(what == INJECT_SHORT ? false : number > 0, data);
	inject_pause();
	if (state.live != live)
		fail_msg("call %u failing: %ld blocks of memory were left", number, state.live - live);
	if (open_files() != files)
		fail_msg("call %u failing: files were left open", number);
	return r;
}

unsigned inject_each(enum inject what, int error, inject_scenario scenario, void *data) {
	unsigned number = 0;
	void *frame;
	int r;

	/* Once for what libraries keep for good. */
	state.what = INJECT_NOTHING;
	(void)backtrace(&frame, 1);
	(void)scenario(false, data);
	r = run(what, error, 0, scenario, data);
	if (r != 0)
		fail_msg("nothing failed, but it came to %s", strerror(-r));
	if (what == INJECT_SHORT)
		return 1;
	do {
		if (++number >= RUNS_MAX)
			fail_msg("there is no end to it");
		(void)run(what, error, number, scenario, data);
	} while (state.happened);
	return number - 1;
}
