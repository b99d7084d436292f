/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was missing on this machine, for whoever may fetch it: build-ids and nothing else, as they leave the machine. */
#include "core/missing.h"
#include "util/protocol.h"
#include "worker/record-private.h"

void record_missing(struct recorder *recorder, const struct core *core) {
	struct missing list[RECORD_MAX_MISSING];
	size_t n = missing_list(core, list, ELEMENTSOF(list));

	for (size_t i = 0; i < n; i++) {
		json_object *o = record_new("missing");

		put_string(o, "kind", fetched_kind_name(list[i].kind));
		put_string(o, "build_id", list[i].build_id);
		record_put(recorder, o);
	}
}
