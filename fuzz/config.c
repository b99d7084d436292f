/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that the daemon reads at its start: corewatch.conf, and what it kept in its state folder, which may be garbage
 * after a disk was. Promises: any bytes give a configuration within its limits, and a state that can be saved.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "daemon/config.h"
#include "daemon/state.h"
#include "util/log.h"

static int file = -EBADF;
static char folder[] = "/tmp/fuzz-config-XXXXXX";

static const char *const made[] = { "etc/corewatch/corewatch.conf", "etc/corewatch", "etc", "state/cursor",
	"state/fingerprints", "state", "" };

static void clean_up(void) {
	for (size_t i = 0; i < ELEMENTSOF(made); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", folder, made[i]);
		(void)remove(path);
	}
}

static void set_up(const uint8_t *data, size_t size) {
	char path[PATH_MAX], target[64];

	fuzz_file(&file, data, size);
	if (strstr(folder, "-XXXXXX") == NULL)
		return;
	/* Bad lines are told: hundreds a second. */
	log_set_max_level(-1);
	fuzz_check(mkdtemp(folder));
	atexit(clean_up);
	snprintf(target, sizeof(target), "/proc/self/fd/%d", file);
	for (size_t i = ELEMENTSOF(made); i-- > 0;) {
		snprintf(path, sizeof(path), "%s/%s", folder, made[i]);
		if (i == 0)
			fuzz_check(symlink(target, path) == 0);
		else if (i == 1 || i == 2 || i == 5)
			fuzz_check(mkdir(path, 0700) == 0);
	}
}

static void check_config(void) {
	_cleanup_(config_freep) struct config *c = NULL;

	fuzz_check(config_load(folder, &c) == 0);
	fuzz_check(c->max_workers >= 1 && c->max_workers <= 64);
	fuzz_check(c->timeout_usec > 0 && c->cpu_max_usec > 0 && c->stop_timeout_usec > 0);
	fuzz_check(c->memory_max >= MIB(64) && c->core_max >= KIB(1));
	fuzz_check(c->worker_path && *c->worker_path == '/' && c->core_directory && *c->core_directory == '/');
	for (char **p = c->analyzer_options; p && *p; p++)
		fuzz_check(strchr(*p, '='));
}

static void put(const char *name, const uint8_t *data, size_t size) {
	char path[PATH_MAX];
	_cleanup_close_ int fd = -EBADF;

	snprintf(path, sizeof(path), "%s/state/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	fuzz_check(fd >= 0 && write_full(fd, data, size) == 0);
}

static void check_state(const uint8_t *data, size_t size) {
	_cleanup_(state_freep) struct state *state = NULL, *again = NULL;
	char path[PATH_MAX];
	uint64_t seen, first, seen_again;

	put("cursor", data, size);
	put("fingerprints", data, size);
	snprintf(path, sizeof(path), "%s/state", folder);
	fuzz_check(state_open(path, &state) == 0);
	fuzz_check(state_count(state, "00112233445566778899aabbccddeeff", 5, &seen, &first) == 0 && seen > 0);
	fuzz_check(state_save(state, "s=1;i=2") == 0);
	fuzz_check(state_open(path, &again) == 0 && streq(state_cursor(again), "s=1;i=2"));
	fuzz_check(state_count(again, "00112233445566778899aabbccddeeff", 5, &seen_again, &first) == 0);
	fuzz_check(seen_again == seen + 1 || seen == UINT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	set_up(data, size);
	check_config();
	/* Writing is slow: only what begins like one of the state's files. */
	if (size > 1 && (memcmp(data, "s=", 2) == 0 || memcmp(data, "co", 2) == 0))
		check_state(data, size);
	return 0;
}
