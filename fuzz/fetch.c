/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fetcher's two doors: the request that it reads from its socket, and the file that a server sent. The same input is
 * taken for both.
 */
#include "fuzz.h"

#include "fetch/request.h"
#include "fetch/store.h"

#define ID "c0dec0dec0dec0dec0dec0dec0dec0dec0dec0de" /* that of the seeds */

static void read_request(const uint8_t *data, size_t size) {
	_cleanup_free_ char *text = memchr(data, 0, size) ? NULL : strndup((const char *)data, size);
	struct request request;

	if (!text || request_parse(text, &request) < 0)
		return;
	fuzz_check(request.urls && *request.urls && request.time_max > 0 && request.file_max > 0 && request.cache_max > 0);
	fuzz_check(request.n_wants <= RECORD_MAX_MISSING && request.folder < 0);
	for (size_t i = 0; i < request.n_wants; i++)
		fuzz_check(fetched_is_id(request.wants[i].id) && request.wants[i].kind < _FETCHED_KIND_MAX);
	request_done(&request);
}

static void read_file(const uint8_t *data, size_t size) {
	static int fd = -EBADF;
	char alternate[FETCHED_ID_MAX + 1];
	const char *reason = NULL;

	fuzz_file(&fd, data, size);
	fuzz_check(store_verify(fd, ID, UINT64_MAX, &reason) == 0 || (reason && *reason));
	fuzz_check(size == 0 || store_verify(fd, ID, size - 1, &reason) < 0);
	if (store_alternate(fd, alternate) == 0)
		fuzz_check(fetched_is_id(alternate));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	read_request(data, size);
	read_file(data, size);
	return 0;
}
