/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report_build(): one document out of two sources. What the journal says of a process (pid, user, unit, paths: written
 * by systemd-coredump) goes before what the worker read in the core; all about the crash itself is the worker's.
 * Members stand in the order of the schema. The verdict is chosen in verdict.c.
 */

#include "report/build.h"

#include "report/json.h"
#include "report/records.h"
#include "report/report.h"
#include "report/shape.h"
#include "util/hash.h"
#include "util/parse.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

/* Cuts of what the journal says, as in shapes.c. */
#define LINE 256
#define PATH_BYTES 4096

/* Hands an object of the worker's over to a document. Absent ones are no error. */
static int move(json_object *to, const char *key, json_object **from) {
	return *from ? json_add(to, key, take_ptr(*from)) : 0;
}

/* The same with a member of an object, which stays the worker's too. */
static int share(json_object *to, const char *key, json_object *from, const char *path) {
	json_object *value = json_get(from, path);

	return value ? json_add(to, key, json_object_get(value)) : 0;
}

static int child(json_object *parent, const char *key, json_object **ret) {
	json_object *object = json_object_new_object();
	int r = json_add(parent, key, object);

	if (r >= 0)
		*ret = object;
	return r;
}

const char *signal_name(int number, char buffer[static 24]) {
	const char *name = number > 0 ? sigabbrev_np(number) : NULL;

	if (name)
		snprintf(buffer, 24, "SIG%s", name);
	else if (number >= 34 && number <= 64) /* SIGRTMIN is 34 for programs that use glibc */
		snprintf(buffer, 24, "SIGRTMIN+%d", number - 34);
	else
		snprintf(buffer, 24, "SIGUNKNOWN");
	return buffer;
}

static int add_generator(json_object *report, const struct records *records, enum report_completeness outcome) {
	static const char *const costs[] = { "analysis_seconds", "cpu_seconds", "peak_memory_bytes" };
	json_object *generator;
	int r;

	r = child(report, "generator", &generator);
	if (r >= 0)
		r = json_add_string(generator, "name", "corewatch", LINE);
	if (r >= 0)
		r = json_add_string(generator, "version", PACKAGE_VERSION, LINE);
	if (r >= 0)
		r = json_add_string(generator, "outcome", outcome_names[outcome], LINE);
	for (size_t i = 0; i < ELEMENTSOF(costs) && r >= 0; i++)
		r = share(generator, costs[i], records->end, costs[i]);
	return r;
}

static int add_host(json_object *report, const struct report_input *input, const struct records *records) {
	const struct {
		const char *key, *value;
	} items[] = {
		{ "name", input->host_name },
		{ "id", input->host_id },
		{ "boot_id", input->boot_id },
		{ "os", input->os },
	};
	json_object *host;
	int r;

	r = child(report, "host", &host);
	for (size_t i = 0; i < ELEMENTSOF(items) && r >= 0; i++)
		r = json_add_string(host, items[i].key, items[i].value, LINE);
	return r >= 0 ? share(host, "arch", records->host, "arch") : r;
}

/* The signal of the journal is the kernel's word; if the worker names another, the rest of what it says of the signal
 * cannot be about this crash. */
static int add_signal(json_object *crash, const struct report_input *input, struct records *records) {
	json_object *signal;
	char name[24];
	int64_t number;
	int r;

	if (json_get_integer(records->crash, "signal.number", &number) &&
	    (input->signal == 0 || number == input->signal))
		return share(crash, "signal", records->crash, "signal");
	r = child(crash, "signal", &signal);
	if (r >= 0)
		r = json_add_integer(signal, "number", MAX(input->signal, 0));
	if (r >= 0)
		r = json_add_string(signal, "name", signal_name(input->signal, name), LINE);
	if (r >= 0 && input->signal > 0)
		r = json_add_string(signal, "description", sigdescr_np(input->signal), LINE);
	return r;
}

static int add_crash(json_object *report, const struct report_input *input, struct records *records) {
	static const char *const members[] = { "fault", "thread", "registers" };
	json_object *crash;
	int r;

	r = child(report, "crash", &crash);
	if (r >= 0)
		r = add_signal(crash, input, records);
	for (size_t i = 0; i < ELEMENTSOF(members) && r >= 0; i++)
		r = share(crash, members[i], records->crash, members[i]);
	return r;
}

/* A string of the journal's, else the worker's. */
static int add_either(json_object *to, const char *key, const char *s, size_t max, json_object *from,
                      const char *path) {
	return s && *s ? json_add_string(to, key, s, max) : share(to, key, from, path);
}

static int add_executable(json_object *process, const struct report_input *input, json_object *record) {
	const char *path = input->executable && *input->executable ? input->executable
	                                                           : json_get_string(record, "executable.path");
	const char *slash = path ? strrchr(path, '/') : NULL;
	static const char *const members[] = { "build_id", "state", "language", "optimized" };
	json_object *executable;
	int r;

	r = child(process, "executable", &executable);
	if (r >= 0)
		r = json_add_string(executable, "name", slash ? slash + 1 : path, LINE);
	if (r >= 0)
		r = json_add(executable, "path",
		             json_new_clean_string(path ? path : "", path ? strlen(path) : 0, PATH_BYTES));
	if (r >= 0)
		r = json_add_string(executable, "package", input->package, LINE);
	if (r >= 0)
		r = json_add_string(executable, "package_version", input->package_version, LINE);
	for (size_t i = 0; i < ELEMENTSOF(members) && r >= 0; i++) {
		json_object *from = json_get_object(record, "executable"), *value;

		if (json_object_object_get_ex(from, members[i], &value))
			r = value ? json_add(executable, members[i], json_object_get(value))
			          : json_add_null(executable, members[i]);
	}
	return r;
}

static int add_user(json_object *process, const struct report_input *input, json_object *record) {
	json_object *user;
	int64_t id;
	int r;

	if (!input->has_uid && !json_get_integer(record, "user.id", &id))
		return 0;
	r = child(process, "user", &user);
	if (r >= 0)
		r = json_add_integer(user, "id", input->has_uid ? (int64_t)input->uid : id);
	return r >= 0 ? json_add_string(user, "name", input->user_name, LINE) : r;
}

static int add_process(json_object *report, const struct report_input *input, struct records *records) {
	const struct {
		const char *key, *value;
		size_t max;
	} places[] = {
		{ "unit", input->unit, LINE },
		{ "user_unit", input->user_unit, LINE },
		{ "slice", input->slice, LINE },
		{ "cgroup", input->cgroup, PATH_BYTES },
	};
	json_object *process, *record = records->process;
	int64_t pid = 0;
	int r;

	json_get_integer(record, "pid", &pid);
	r = child(report, "process", &process);
	if (r >= 0)
		r = json_add_integer(process, "pid", input->pid > 0 ? input->pid : pid);
	if (r >= 0)
		r = add_either(process, "command", input->command, 64, record, "command");
	if (r >= 0)
		r = add_either(process, "command_line", input->command_line, PATH_BYTES, record, "command_line");
	if (r >= 0)
		r = add_executable(process, input, record);
	if (r >= 0)
		r = add_user(process, input, record);
	for (size_t i = 0; i < ELEMENTSOF(places) && r >= 0; i++)
		r = json_add_string(process, places[i].key, places[i].value, places[i].max);
	if (r >= 0 && input->container_command) {
		json_object *container;

		r = child(process, "container", &container);
		if (r >= 0)
			r = json_add_string(container, "command", input->container_command, PATH_BYTES);
	}
	return r;
}

static int add_core(json_object *report, const struct report_input *input, const struct records *records) {
	const char *state = input->core_state, *seen = json_get_string(records->core, "state");
	json_object *core;
	int r;

	if (!state)
		state = input->worker == REPORT_WORKER_NONE ? "none" : "present";
	if (seen && streq(seen, "truncated") && (streq(state, "present") || streq(state, "journal")))
		state = seen;
	r = child(report, "core", &core);
	if (r >= 0)
		r = json_add_string(core, "state", state, LINE);
	if (r >= 0)
		r = json_add_string(core, "path", input->core_path, PATH_BYTES);
	if (r >= 0 && input->has_core_bytes)
		r = json_add_integer(core, "bytes", (int64_t)MIN(input->core_bytes, (uint64_t)INT64_MAX));
	if (r >= 0)
		r = share(core, "uncompressed_bytes", records->core, "uncompressed_bytes");
	return r >= 0 ? json_add_string(core, "journal_cursor", input->journal_cursor, 1024) : r;
}

static int hash_part(struct hash *hash, json_object *object, const char *path) {
	const char *text;
	int r = json_get_text(object, path, &text);

	if (r >= 0)
		hash_add_string(hash, text);
	return r;
}

/*
 * Without the daemon's id one is made of what another analysis of the same core will find again: the process, its
 * signal and registers; told apart from a like process of another boot by boot id and time where the core's name has
 * them, else by the core's path.
 */
static int add_report_id(json_object *report, const struct report_input *input, const struct records *records) {
	static const char *const parts[] = { "pid", "command", "executable.path", "executable.build_id.gnu" };
	static const char *const crash_parts[] = { "signal", "thread", "registers" };
	_cleanup_(hash_freep) struct hash *hash = NULL;
	char text[HASH_TEXT_SIZE];
	int r;

	if (input->report_id && strlen(input->report_id) == 32 && is_hex(input->report_id, 32))
		return json_add_string(report, "report_id", input->report_id, LINE);
	r = hash_new(&hash);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ELEMENTSOF(parts) && r >= 0; i++)
		r = hash_part(hash, records->process, parts[i]);
	for (size_t i = 0; i < ELEMENTSOF(crash_parts) && r >= 0; i++)
		r = hash_part(hash, records->crash, crash_parts[i]);
	if (r < 0)
		return r;
	if (input->boot_id && input->has_time) {
		hash_add_string(hash, input->boot_id);
		hash_add_u64(hash, input->time_usec);
	} else
		hash_add_string(hash, input->core_path);
	hash_finish(hash, text);
	return json_add_string(report, "report_id", text, LINE);
}

/* The stack and what hangs on it. */
static int add_stack(json_object *report, struct records *records) {
	size_t n = json_object_array_length(records->frames);
	int64_t count = 0, omitted = 0;
	int r;

	if (!records->stack && n == 0)
		return 0;
	if (!records->stack)
		records->stack = json_object_new_object();
	if (!records->stack)
		return -ENOMEM;
	if (!json_get_integer(records->stack, "frame_count", &count)) {
		r = json_add_integer(records->stack, "frame_count", (int64_t)n);
		if (r < 0)
			return r;
	}
	if (records->frames_omitted > 0 && records->frames_omitted < INT64_MAX / 2) {
		json_get_integer(records->stack, "frames_omitted", &omitted);
		r = json_add_integer(records->stack, "frames_omitted", omitted + (int64_t)records->frames_omitted);
		if (r < 0)
			return r;
	}
	r = move(records->stack, "frames", &records->frames);
	return r >= 0 ? move(report, "stack", &records->stack) : r;
}

/* "All threads, the crashed one first and without its stack." */
static int add_threads(json_object *report, struct records *records) {
	json_object *sorted, *all = records->threads;
	size_t n = json_object_array_length(all);
	int r;

	if (n == 0)
		return 0;
	r = json_add_integer(report, "thread_count", (int64_t)records->threads_seen);
	if (r < 0)
		return r;
	sorted = json_object_new_array();
	r = json_add(report, "threads", sorted);
	for (int crashed = 1; crashed >= 0; crashed--)
		for (size_t i = 0; i < n && r >= 0; i++) {
			json_object *thread = json_object_array_get_idx(all, i);

			if (json_get_true(thread, "crashed") != (crashed == 1))
				continue;
			if (crashed)
				json_drop(thread, "stack");
			r = json_append(sorted, json_object_get(thread));
		}
	return r;
}

static int add_lists(json_object *report, struct records *records) {
	int r = add_stack(report, records);

	if (r >= 0)
		r = add_threads(report, records);
	if (r >= 0 && json_object_array_length(records->memory) > 0)
		r = move(report, "memory", &records->memory);
	if (r >= 0 && json_object_array_length(records->modules) > 0)
		r = move(report, "modules", &records->modules);
	return r >= 0 ? move(report, "warnings", &records->warnings) : r;
}

static int build(const struct report_input *input, struct records *records, json_object *report) {
	enum report_completeness outcome = verdict_outcome(input, records);
	int r;

	r = json_add_string(report, "schema", "corewatch.report/1", LINE);
	if (r >= 0)
		r = add_report_id(report, input, records);
	if (r >= 0 && input->revision > 1)
		r = json_add_integer(report, "revision", input->revision);
	if (r >= 0)
		r = json_add_time(report, "time", input->has_time ? input->time_usec : 0);
	if (r >= 0)
		r = add_generator(report, records, outcome);
	if (r >= 0)
		r = add_host(report, input, records);
	if (r >= 0)
		r = add_crash(report, input, records);
	if (r >= 0)
		r = add_process(report, input, records);
	if (r >= 0)
		r = add_core(report, input, records);
	if (r >= 0)
		r = verdict_add(report, records);
	if (r >= 0)
		r = verdict_add_fingerprint(report, records);
	if (r >= 0)
		r = verdict_add_warnings(input, records);
	return r >= 0 ? add_lists(report, records) : r;
}

int report_build(const struct report_input *input, const char *data, size_t length, json_object **ret_report) {
	_cleanup_(records_done) struct records records = {};
	_cleanup_json_ json_object *report = NULL;
	int r;

	r = records_read(data, length, &records);
	if (r < 0)
		return r;
	report = json_object_new_object();
	if (!report)
		return -ENOMEM;
	r = build(input, &records, report);
	if (r < 0)
		return r;
	*ret_report = take_ptr(report);
	return 0;
}
