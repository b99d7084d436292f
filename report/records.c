/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See records.h. Format and limits: util/protocol.h. Kinds that come once keep their first record: a second one is not
 * an update but a lie. */
#include "report/records.h"

#include "report/json.h"
#include "report/report.h"
#include "report/shape.h"
#include "util/protocol.h"

/*
 * Objects and arrays of all records together, some 80 MB of json-c at the worst. 200 threads of 100 frames need 25 000.
 */
#define CONTAINERS_MAX 100000
/* Of a list of analyzers: ours and plug-ins. */
#define ANALYZERS_MAX 512
/* Values of one record: a thread of 256 frames with inlined functions has some 20 000. */
#define RECORD_VALUES_MAX (128 * 1024)

struct kind {
	const char *name;
	const struct shape *shape;
	size_t offset; /* in struct records */
	size_t max;    /* 0: one object; else an array of that many */
};

static const struct kind kinds[] = {
	{ "crash", &shape_crash, offsetof(struct records, crash), 0 },
	{ "process", &shape_process, offsetof(struct records, process), 0 },
	{ "core", &shape_core, offsetof(struct records, core), 0 },
	{ "host", &shape_host, offsetof(struct records, host), 0 },
	{ "stack", &shape_stack, offsetof(struct records, stack), 0 },
	{ "fingerprint", &shape_fingerprint, offsetof(struct records, fingerprint), 0 },
	{ "failure", &shape_warning, offsetof(struct records, failure), 0 },
	{ "end", &shape_end, offsetof(struct records, end), 0 },
	{ "frame", &shape_frame, offsetof(struct records, frames), RECORD_MAX_FRAMES },
	{ "thread", &shape_thread, offsetof(struct records, threads), RECORD_MAX_THREADS },
	{ "module", &shape_module, offsetof(struct records, modules), RECORD_MAX_MODULES },
	{ "memory", &shape_memory, offsetof(struct records, memory), RECORD_MAX_MEMORY },
	{ "finding", &shape_finding, offsetof(struct records, findings), RECORD_MAX_FINDINGS },
	{ "warning", &shape_warning, offsetof(struct records, warnings), RECORD_MAX_WARNINGS },
	{ "missing", &shape_missing, offsetof(struct records, missing), RECORD_MAX_MISSING },
	{ "analyzer", &shape_analyzer, offsetof(struct records, analyzers), ANALYZERS_MAX },
};

static json_object **slot_of(struct records *records, const struct kind *kind) {
	return (json_object **)((char *)records + kind->offset);
}

static const struct kind *find_kind(const char *name) {
	for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
		if (streq(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

/* How many frames of the process an item of a folded stack stands for. */
static uint64_t physical_frames(json_object *frame) {
	int64_t count = 1;
	size_t cycle = json_get_count(frame, "cycle");
	uint64_t n;

	json_get_integer(frame, "count", &count);
	return mul_u64((uint64_t)MAX(count, INT64_C(1)), MAX(cycle, (size_t)1), &n) ? n : 0;
}

/* A thread's frames were cut at the limit by its shape: say how many are missing. */
static int note_cut_frames(json_object *record, json_object *clean) {
	json_object *before = json_get_array(record, "stack.frames"), *stack = json_get_object(clean, "stack");
	size_t had = before ? json_object_array_length(before) : 0, kept = json_get_count(stack, "frames");
	uint64_t missing = 0;
	int64_t omitted = 0;

	if (!stack || had <= RECORD_MAX_THREAD_FRAMES || kept >= had)
		return 0;
	for (size_t i = kept; i < had; i++)
		if (!add_u64(missing, physical_frames(json_object_array_get_idx(before, i)), &missing))
			return 0;
	json_get_integer(stack, "frames_omitted", &omitted);
	if (!add_u64(missing, (uint64_t)omitted, &missing) || missing > INT64_MAX)
		return 0;
	return json_add_integer(stack, "frames_omitted", (int64_t)missing);
}

static int take_record(struct records *records, const struct kind *kind, json_object *record,
                       struct shape_budget *budget) {
	json_object **slot = slot_of(records, kind), *clean = NULL;
	int r;

	if (kind->shape == &shape_thread)
		records->threads_seen++;
	if (kind->max == 0 ? *slot != NULL : json_object_array_length(*slot) >= kind->max) {
		if (kind->shape == &shape_frame)
			(void)add_u64(records->frames_omitted, physical_frames(record), &records->frames_omitted);
		else
			budget->dropped++;
		return 0;
	}
	r = shape_copy(kind->shape, record, budget, &clean);
	if (r == -EBADMSG) {
		budget->dropped++;
		return 0;
	}
	if (r >= 0 && kind->shape == &shape_thread)
		r = note_cut_frames(record, clean);
	if (r < 0) {
		json_object_put(clean);
		return r;
	}
	if (kind->max > 0)
		return json_append(*slot, clean);
	*slot = clean;
	return 0;
}

static int read_line(struct records *records, const char *line, size_t length, struct shape_budget *budget) {
	_cleanup_json_ json_object *record = NULL;
	const struct kind *kind;
	const char *name;
	int r;

	if (length == 0)
		return 0;
	r = length <= RECORD_MAX ? json_parse(line, length, RECORD_DEPTH_MAX, RECORD_VALUES_MAX, &record) : -EBADMSG;
	if (r == -EBADMSG) {
		budget->dropped++;
		return 0;
	}
	if (r < 0)
		return r;
	name = json_get_string(record, "record");
	if (!name) {
		budget->dropped++;
		return 0;
	}
	kind = find_kind(name);
	return kind ? take_record(records, kind, record, budget) : 0;
}

int records_read(const char *data, size_t length, struct records *ret) {
	struct records records = {};
	struct shape_budget budget = { .containers = CONTAINERS_MAX };
	const char *p = data, *end;
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(kinds) && r >= 0; i++)
		if (kinds[i].max > 0) {
			*slot_of(&records, &kinds[i]) = json_object_new_array();
			r = *slot_of(&records, &kinds[i]) ? 0 : -ENOMEM;
		}
	length = data ? MIN(length, RECORDS_MAX) : 0;
	/* What follows the last line feed was being written when the worker died. */
	while (r >= 0 && length > 0 && (end = memchr(p, '\n', length))) {
		size_t n = (size_t)(end - p);

		/* "end" is the last: what follows was written by somebody who is not the worker any more, or by one
		 * that lies. */
		if (records.end) {
			budget.dropped++;
			break;
		}
		r = read_line(&records, p, n, &budget);
		p += n + 1;
		length -= n + 1;
	}
	records.ignored = budget.dropped;
	if (r < 0) {
		records_done(&records);
		return r;
	}
	*ret = records;
	return 0;
}

void records_done(struct records *records) {
	for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
		json_object_put(*slot_of(records, &kinds[i]));
		*slot_of(records, &kinds[i]) = NULL;
	}
}

int report_read_analyzers(const char *data, size_t length, json_object **ret_analyzers) {
	_cleanup_(records_done) struct records records = {};
	int r = records_read(data, length, &records);

	if (r < 0)
		return r;
	*ret_analyzers = take_ptr(records.analyzers);
	return 0;
}

int report_read_missing(const char *data, size_t length, json_object **ret_missing) {
	_cleanup_(records_done) struct records records = {};
	int r = records_read(data, length, &records);

	if (r < 0)
		return r;
	*ret_missing = take_ptr(records.missing);
	return 0;
}
