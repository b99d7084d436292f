/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records other than stacks (record-stack.c): small objects, one line each. */
#include "worker/record.h"

#include <sys/resource.h>

#include "core/fault.h"
#include "util/io.h"
#include "util/protocol.h"
#include "worker/line.h"
#include "worker/record-private.h"

json_object *record_new(const char *kind) {
	json_object *o = json_object_new_object();

	put_string(o, "record", kind);
	return o;
}

void put_string(json_object *o, const char *key, const char *value) {
	if (value)
		json_object_object_add(o, key, json_object_new_string(value));
}
void put_integer(json_object *o, const char *key, int64_t value) {
	json_object_object_add(o, key, json_object_new_int64(value));
}
void put_size(json_object *o, const char *key, uint64_t value) {
	put_integer(o, key, (int64_t)MIN(value, LINE_NUMBER_MAX));
}
void put_address(json_object *o, const char *key, uint64_t value) {
	char text[2 + 16 + 1];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	put_string(o, key, text);
}
void put_null(json_object *o, const char *key) {
	json_object_object_add(o, key, NULL);
}

void record_flush(struct recorder *recorder) {
	if (recorder->error == 0 && recorder->n_buffered > 0)
		recorder->error = write_full(recorder->fd, recorder->buffer, recorder->n_buffered);
	recorder->n_buffered = 0;
}

static void put_bytes(struct recorder *recorder, const char *bytes, size_t length) {
	if (length > sizeof(recorder->buffer) - recorder->n_buffered)
		record_flush(recorder);
	if (length > sizeof(recorder->buffer)) {
		if (recorder->error == 0)
			recorder->error = write_full(recorder->fd, bytes, length);
		return;
	}
	memcpy(recorder->buffer + recorder->n_buffered, bytes, length);
	recorder->n_buffered += length;
}

static void put_text(struct recorder *recorder, const char *text, size_t length) {
	/* An object that is too long is dropped here rather than cut: a reader could use neither. */
	if (length >= RECORD_MAX || recorder->error != 0 || recorder->written + length + 1 > RECORDS_MAX)
		return;
	put_bytes(recorder, text, length);
	put_bytes(recorder, "\n", 1);
	recorder->written += length + 1;
}

/* Writes one record as a line and frees it. */
void record_put(struct recorder *recorder, json_object *o) {
	size_t length = 0;
	const char *text;

	/* json-c gives half a line when its buffer cannot grow; malloc() has set errno then. */
	errno = 0;
	text = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
	if (text && errno != ENOMEM)
		put_text(recorder, text, length);
	else
		recorder->error = recorder->error ?: -ENOMEM;
	json_object_put(o);
}

void record_line_new(struct line *line, const char *kind) {
	line->n = 0;
	line_open(line, NULL, '{');
	line_string(line, "record", kind);
}

void record_put_line(struct recorder *recorder, struct line *line) {
	line_close(line, '}');
	if (line->failed)
		recorder->error = recorder->error ?: -ENOMEM;
	else
		put_text(recorder, line->bytes, line->n);
}

void record_start(struct recorder *recorder) {
	json_object *o = record_new("start");

	put_integer(o, "protocol", PROTOCOL_VERSION);
	put_string(o, "version", PACKAGE_VERSION);
	record_put(recorder, o);
}

static void record_message(struct recorder *recorder, const char *kind, const char *stage, const char *message) {
	json_object *o = record_new(kind);

	put_string(o, "stage", stage);
	put_string(o, "message", message);
	record_put(recorder, o);
}

void record_warning(struct recorder *recorder, const char *stage, const char *message) {
	record_message(recorder, "warning", stage, message);
}
void record_failure(struct recorder *recorder, const char *stage, const char *message) {
	record_message(recorder, "failure", stage, message);
}

static json_object *signal_object(const struct cw_signal *s) {
	json_object *o = json_object_new_object(), *sender = NULL;

	put_integer(o, "number", s->number);
	put_string(o, "name", s->name);
	if (s->has_code)
		put_integer(o, "code", s->code);
	else
		put_null(o, "code");
	json_object_object_add(o, "code_name", s->has_code && s->code_name ? json_object_new_string(s->code_name) : NULL);
	if (s->has_address)
		put_address(o, "address", s->address);
	else
		put_null(o, "address");
	if (s->has_sender) {
		sender = json_object_new_object();
		put_integer(sender, "pid", s->sender_pid);
		put_integer(sender, "uid", s->sender_uid);
	}
	json_object_object_add(o, "sender", sender);
	put_string(o, "description", s->description);
	return o;
}

static json_object *neighbour(const struct cw_mapping *m, uint64_t distance) {
	json_object *o;

	/* Half an address space away is nobody's neighbour. */
	if (!m || distance >= LINE_NUMBER_MAX)
		return NULL;
	o = json_object_new_object();
	put_address(o, "start", m->start);
	put_address(o, "end", m->end);
	put_string(o, "name", m->name);
	put_size(o, "distance", distance);
	return o;
}

static void perm_text(unsigned perm, char *text) {
	snprintf(text, 4, "%c%c%c", perm & CW_PERM_READ ? 'r' : '-', perm & CW_PERM_WRITE ? 'w' : '-', perm & CW_PERM_EXEC ? 'x' : '-');
}

static json_object *region_object(const struct cw_region *r) {
	json_object *o = json_object_new_object();

	put_string(o, "kind", fault_region_name(r->kind));
	if (r->mapping) {
		char perm[4];

		perm_text(r->mapping->perm, perm);
		put_address(o, "start", r->mapping->start);
		put_address(o, "end", r->mapping->end);
		put_string(o, "perm", perm);
		put_string(o, "name", r->mapping->name);
		put_size(o, "offset", r->address - r->mapping->start);
	}
	if (r->thread)
		put_integer(o, "thread", r->thread->id);
	json_object_object_add(o, "before", neighbour(r->before, r->before ? r->address - r->before->end : 0));
	json_object_object_add(o, "after", neighbour(r->after, r->after ? r->after->start - r->address : 0));
	return o;
}

static const char *const access_names[] = { "unknown", "read", "write", "exec" };

static json_object *instruction_object(const struct cw_instruction *i) {
	json_object *o, *operands;
	char bytes[33] = "";

	if (!i)
		return NULL;
	o = json_object_new_object();
	put_address(o, "address", i->address);
	for (size_t k = 0; k < MIN(i->length, (size_t)16); k++)
		snprintf(bytes + 2 * k, 3, "%02x", i->bytes[k]);
	put_string(o, "bytes", bytes);
	put_string(o, "text", i->text);
	operands = json_object_new_array();
	for (size_t k = 0; k < i->n_operands; k++) {
		const struct cw_operand *p = &i->operands[k];
		json_object *q = json_object_new_object();

		put_string(q, "text", p->text ?: "");
		if (p->is_memory && p->has_address)
			put_address(q, "address", p->address);
		else
			put_null(q, "address");
		put_string(q, "access", access_names[p->access]);
		put_string(q, "register", p->base);
		json_object_array_add(operands, q);
	}
	json_object_object_add(o, "operands", operands);
	return o;
}

static json_object *fault_object(const struct cw_fault *f) {
	static const char *const sources[] = { "siginfo", "signal-frame", "reconstructed" };
	static const char *const causes[] = { "unknown", "page-fault", "non-canonical", "privileged", "misaligned", "bad-sigreturn",
		                              "signal-undeliverable", "other-exception", "sent" };
	json_object *o = json_object_new_object();

	put_string(o, "source", sources[f->source]);
	put_string(o, "cause", causes[f->cause]);
	put_string(o, "cause_text", f->cause_text);
	json_object_object_add(o, "signal", signal_object(&f->signal));
	put_address(o, "pc", f->pc);
	put_address(o, "sp", f->sp);
	if (f->has_address)
		put_address(o, "address", f->address);
	else
		put_null(o, "address");
	put_string(o, "access", access_names[f->access]);
	json_object_object_add(o, "region", f->has_address || f->region.kind == CW_REGION_NON_CANONICAL ? region_object(&f->region) : NULL);
	json_object_object_add(o, "instruction", instruction_object(f->instruction));
	json_object_object_add(o, "trap_number", f->trap_number >= 0 ? json_object_new_int(f->trap_number) : NULL);
	json_object_object_add(o, "error_code", f->error_code >= 0 ? json_object_new_int(f->error_code) : NULL);
	put_integer(o, "frame", f->frame_index);
	return o;
}

static void record_crash(struct recorder *recorder, const struct core *core) {
	const struct cw_core *pub = &core->pub;
	json_object *o = record_new("crash"), *thread = json_object_new_object(), *registers = json_object_new_object();

	json_object_object_add(o, "signal", signal_object(&pub->signal));
	json_object_object_add(o, "fault", pub->fault && pub->fault->cause != CW_CAUSE_SENT ? fault_object(pub->fault) : NULL);
	put_integer(thread, "id", pub->crashed->id);
	json_object_object_add(thread, "name", pub->crashed->name ? json_object_new_string(pub->crashed->name) : NULL);
	json_object_object_add(o, "thread", thread);
	for (size_t i = 0; pub->fault && pub->fault->registers && pub->crashed->n_registers > 0 && i < core->arch->n_registers; i++)
		put_address(registers, core->arch->register_names[i], pub->fault->registers[i]);
	json_object_object_add(o, "registers", registers);
	record_put(recorder, o);
}

static const char *module_state(const struct cw_module *m) {
	static const char *const names[] = { "present", "replaced", "deleted", "unreadable", "memory", "unverified" };

	return names[m->state];
}

static void record_process(struct recorder *recorder, const struct core *core) {
	const struct cw_core *pub = &core->pub;
	const struct cw_module *m = pub->program;
	json_object *o = record_new("process"), *executable = json_object_new_object(), *user = json_object_new_object();

	if (pub->pid > 0) {
		put_integer(o, "pid", pub->pid);
		put_integer(user, "id", pub->uid);
		json_object_object_add(o, "user", user);
	} else {
		json_object_put(user);
	}
	put_string(o, "command", pub->command);
	if (m) {
		const char *slash = strrchr(m->path, '/'), *state = module_state(m);

		put_string(executable, "path", m->path);
		put_string(executable, "name", slash ? slash + 1 : m->path);
		if (m->build_id) {
			json_object *id = json_object_new_object();
			put_string(id, "gnu", m->build_id);
			json_object_object_add(executable, "build_id", id);
		}
		/* The schema knows four words for a program's file; unverified is present as far as anyone can tell. */
		put_string(executable, "state", m->state == CW_MODULE_UNVERIFIED || m->state == CW_MODULE_MEMORY ? "present" : state);
		put_string(executable, "language", m->language);
		json_object_object_add(executable, "optimized", m->optimized < 0 ? NULL : json_object_new_boolean(m->optimized > 0));
		json_object_object_add(o, "executable", executable);
	} else {
		json_object_put(executable);
	}
	record_put(recorder, o);
}

static void record_core_file(struct recorder *recorder, const struct core *core) {
	json_object *o = record_new("core"), *host = record_new("host");

	put_size(o, "uncompressed_bytes", image_bytes(core->image));
	if (core->pub.truncated)
		put_string(o, "state", "truncated");
	record_put(recorder, o);
	put_string(host, "arch", core->arch->name);
	record_put(recorder, host);
}

static void record_modules(struct recorder *recorder, const struct core *core) {
	static const char *const debuginfo[] = { "none", "symtab", "minidebug", "dwarf" };

	for (size_t i = 0; i < MIN(core->pub.n_modules, (size_t)RECORD_MAX_MODULES); i++) {
		const struct cw_module *m = &core->pub.modules[i];
		json_object *o = record_new("module");

		put_string(o, "path", m->path);
		json_object_object_add(o, "build_id", m->build_id ? json_object_new_string(m->build_id) : NULL);
		put_address(o, "start", m->start);
		put_address(o, "end", m->end);
		put_string(o, "state", module_state(m));
		put_string(o, "debuginfo", debuginfo[m->debuginfo]);
		record_put(recorder, o);
	}
}

/* Mappings that a reader of this crash looks at: those of fault, SP and PC, with two neighbours each. */
static void record_memory(struct recorder *recorder, const struct core *core) {
	const struct cw_core *pub = &core->pub;
	const struct cw_fault *f = pub->fault;
	const uint64_t points[] = { f->has_address ? f->address : f->sp, f->sp, f->pc, pub->crashed->stack.has_bounds ? pub->crashed->stack.low : f->sp };

	for (size_t i = 0; i < pub->n_mappings; i++) {
		const struct cw_mapping *m = &pub->mappings[i];
		size_t low = i > 1 ? i - 2 : 0, high = MIN(i + 2, pub->n_mappings - 1);
		bool near_one = false;
		json_object *o;
		char perm[4];

		for (size_t k = 0; k < ELEMENTSOF(points); k++)
			near_one |= points[k] >= pub->mappings[low].start && points[k] < pub->mappings[high].end;
		if (!near_one)
			continue;
		o = record_new("memory");
		put_address(o, "start", m->start);
		put_address(o, "end", m->end);
		put_string(o, "kind", fault_region_name(m->kind));
		perm_text(m->perm, perm);
		put_string(o, "perm", perm);
		put_string(o, "name", m->name);
		record_put(recorder, o);
	}
}

void record_core(struct recorder *recorder, const struct core *core) {
	record_crash(recorder, core);
	record_process(recorder, core);
	record_core_file(recorder, core);
	record_stacks(recorder, core);
	record_modules(recorder, core);
	record_memory(recorder, core);
	record_flush(recorder);
}

void record_analyzer(struct recorder *recorder, const struct plugin *p) {
	json_object *o = record_new("analyzer");

	put_string(o, "name", p->analyzer->name);
	put_integer(o, "priority", p->analyzer->priority);
	put_string(o, "origin", p->origin);
	put_string(o, "summary", p->analyzer->summary);
	json_object_object_add(o, "enabled", json_object_new_boolean(p->enabled));
	record_put(recorder, o);
}

void record_end(struct recorder *recorder, bool complete, double seconds) {
	json_object *o = record_new("end");
	struct rusage u = {};

	getrusage(RUSAGE_SELF, &u);
	json_object_object_add(o, "complete", json_object_new_boolean(complete));
	json_object_object_add(o, "analysis_seconds", json_object_new_double(seconds));
	json_object_object_add(o, "cpu_seconds", json_object_new_double(
		(double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6));
	put_integer(o, "peak_memory_bytes", u.ru_maxrss * INT64_C(1024));
	record_put(recorder, o);
	record_flush(recorder);
}
