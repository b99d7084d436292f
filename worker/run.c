/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Analyzers' turns and the calls with which they claim something. All strings go through text_clean(): they quote the crashed process. */
#include "worker/run.h"

#include <stdarg.h>

#include "util/text.h"

#define TEXT_MAX 4096u

static const char *format_clean(struct core *core, size_t max, const char *format, va_list ap) _printf_(3, 0);

static const char *format_clean(struct core *core, size_t max, const char *format, va_list ap) {
	char raw[TEXT_MAX], clean[TEXT_MAX];

	vsnprintf(raw, sizeof(raw), format, ap);
	text_clean(raw, strlen(raw), clean, sizeof(clean));
	text_ellipsize(clean, max);
	return arena_strdup(core->arena, clean);
}

/* Formats the variable arguments of the calling function. */
#define FORMAT(core, max, format)                                \
	({                                                       \
		va_list ap_;                                     \
		const char *s_;                                  \
		va_start(ap_, format);                           \
		s_ = format_clean((core), (max), (format), ap_); \
		va_end(ap_);                                     \
		s_;                                              \
	})

struct cw_finding *cw_finding_add(struct cw_run *run, const char *id, enum cw_confidence confidence, const char *format, ...) {
	struct cw_finding *f = run->n_findings < FINDINGS_MAX ? &run->findings[run->n_findings] : &run->dummy;

	*f = (struct cw_finding){ .core = run->core, .analyzer = run->analyzer, .confidence = confidence };
	f->id = arena_strdup(run->core->arena, id);
	f->summary = FORMAT(run->core, SUMMARY_MAX, format);
	if (f == &run->dummy || !f->id || !f->summary) {
		run->failed = true;
		return f;
	}
	f->facts = json_object_new_object();
	run->n_findings++;
	return f;
}

void cw_finding_supports(struct cw_finding *f) {
	f->supports = true;
}

void cw_finding_detail(struct cw_finding *f, const char *format, ...) {
	f->detail = FORMAT(f->core, TEXT_MAX - 1, format);
}

void cw_finding_evidence(struct cw_finding *f, const char *format, ...) {
	const char *text = FORMAT(f->core, 1000, format);

	if (text && f->n_evidence < EVIDENCE_MAX)
		f->evidence[f->n_evidence++] = text;
}

static const char *clean_copy(struct core *core, const char *s) {
	char clean[TEXT_MAX];

	text_clean(s, strlen(s), clean, sizeof(clean));
	return arena_strdup(core->arena, clean);
}

void cw_finding_suggest(struct cw_finding *f, const char *id, const char *command, const char *format, ...) {
	const char *text = FORMAT(f->core, 1000, format);

	if (text && f->n_suggestions < SUGGESTIONS_MAX)
		f->suggestions[f->n_suggestions++] =
			(struct suggestion){ clean_copy(f->core, id), command ? clean_copy(f->core, command) : NULL, text };
}

/* json-c takes ownership of value. */
static void set_fact(struct cw_finding *f, const char *key, json_object *value) {
	if (!f->facts || json_object_object_add(f->facts, key, value) != 0)
		json_object_put(value);
}

static json_object *clean_string(const char *value) {
	char clean[TEXT_MAX];

	text_clean(value, strlen(value), clean, sizeof(clean));
	return json_object_new_string(clean);
}

void cw_fact_string(struct cw_finding *f, const char *key, const char *value) {
	set_fact(f, key, value ? clean_string(value) : NULL);
}
void cw_fact_integer(struct cw_finding *f, const char *key, int64_t value) {
	set_fact(f, key, json_object_new_int64(value));
}
void cw_fact_boolean(struct cw_finding *f, const char *key, bool value) {
	set_fact(f, key, json_object_new_boolean(value));
}
void cw_fact_address(struct cw_finding *f, const char *key, uint64_t value) {
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	set_fact(f, key, json_object_new_string(text));
}
void cw_fact_append(struct cw_finding *f, const char *key, const char *value) {
	json_object *array = NULL;

	if (!f->facts)
		return;
	if (!json_object_object_get_ex(f->facts, key, &array) || !json_object_is_type(array, json_type_array)) {
		array = json_object_new_array();
		set_fact(f, key, array);
	}
	json_object_array_add(array, clean_string(value));
}

bool cw_earlier_finding(const struct cw_run *run, const char *id, enum cw_confidence *ret_confidence) {
	enum cw_confidence best = 0;

	for (size_t i = 0; i < run->n_findings; i++) {
		const struct cw_finding *f = &run->findings[i];
		if (!f->supports && f->analyzer != run->analyzer && (!id || streq(f->id, id)))
			best = MAX(best, f->confidence);
	}
	if (best == 0)
		return false;
	*ret_confidence = best;
	return true;
}

int run_analyzers(struct core *core, const struct plugins *plugins, struct cw_run *ret_run) {
	struct cw_run run = { .core = core };

	run.findings = arena_alloc_array(core->arena, FINDINGS_MAX, sizeof(*run.findings));
	if (!run.findings)
		return -ENOMEM;
	for (size_t i = 0; i < plugins->n; i++) {
		const struct plugin *p = &plugins->list[i];
		int r;

		if (!p->enabled)
			continue;
		run.analyzer = p->analyzer;
		if (p->analyzer->applies && !p->analyzer->applies(&core->pub))
			continue;
		r = p->analyzer->run(&core->pub, &run);
		if (r < 0)
			core_problem(core, "analyzers", "analyzer %s failed: %s", p->analyzer->name, strerror(-r));
		if (run.failed)
			core_problem(core, "analyzers", "analyzer %s: no room for all its findings", p->analyzer->name);
		run.failed = false;
	}
	*ret_run = run;
	return 0;
}

void run_done(struct cw_run *run) {
	for (size_t i = 0; i < run->n_findings; i++)
		json_object_put(run->findings[i].facts);
	run->n_findings = 0;
}

const struct cw_finding *run_verdict(const struct cw_run *run) {
	const struct cw_finding *best = NULL;

	for (size_t i = 0; i < run->n_findings; i++) {
		const struct cw_finding *f = &run->findings[i];

		if (f->supports)
			continue;
		if (!best || f->confidence > best->confidence ||
		    (f->confidence == best->confidence && f->analyzer->priority > best->analyzer->priority))
			best = f;
	}
	return best;
}
