/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A host of analyzers made of tables: frames with names, words of memory, variables, instructions. Takes the place of
 * worker/: included by exactly one file of a test program. It keeps the last finding, as text to search in.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <corewatch/analyzer.h>

#define MAX 64
#define STACK UINT64_C(0x7ffd00000000)
#define HEAP UINT64_C(0x5000000)
#define DATA UINT64_C(0x600000)  /* writable data of the program */
#define CONST UINT64_C(0x500000) /* its constants */
#define CODE UINT64_C(0x400000)
#define FRAME 256 /* bytes of every frame */

/* ── the host ── */

static struct cw_module program = {
	.path = "/opt/app/app", .start = CODE, .end = DATA + 0x10000, .is_executable = true
};
static struct cw_module libc = { .path = "/usr/lib/libc.so.6", .start = 0x7f0000000000, .end = 0x7f0000200000 };
static struct cw_mapping mappings[] = {
	{ .start = CODE, .end = CODE + 0x10000, .perm = CW_PERM_READ | CW_PERM_EXEC, .module = &program },
	{ .start = CONST, .end = CONST + 0x10000, .perm = CW_PERM_READ, .module = &program },
	{ .start = DATA, .end = DATA + 0x10000, .perm = CW_PERM_READ | CW_PERM_WRITE, .module = &program },
	{ .start = HEAP, .end = HEAP + 0x10000, .stored = 0x10000, .perm = CW_PERM_READ | CW_PERM_WRITE, .kind = CW_REGION_HEAP },
	{ .start = STACK, .end = STACK + 0x10000, .perm = CW_PERM_READ | CW_PERM_WRITE },
};
static uint8_t memory[sizeof(mappings) / sizeof(mappings[0])][0x10000];
static struct cw_frame frames[MAX];
static struct cw_symbol symbols[MAX];
static struct cw_thread thread;
static struct cw_fault fault;
static struct cw_core core;
static struct {
	const char *name;
	uint64_t address;
} variables[MAX];
static struct cw_instruction instructions[MAX];
static size_t n_variables, n_instructions, n_strings;
static char *strings[4096];
static struct cw_finding {
	const char *id;
	enum cw_confidence confidence;
	char summary[512], facts[4096], evidence[8192], suggestions[8192]; /* "id [command]: text\n" of each */
	size_t n_suggestions;
} finding;
static size_t n_findings;

static inline uint8_t *at(uint64_t address, size_t length) {
	for (size_t i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++)
		if (address >= mappings[i].start && address < mappings[i].end && length <= mappings[i].end - address)
			return &memory[i][address - mappings[i].start];
	return NULL;
}

static inline const char *keep(char *s) {
	assert_non_null(s);
	assert_true(n_strings < sizeof(strings) / sizeof(strings[0]));
	return strings[n_strings++] = s;
}

int cw_read(const struct cw_core *c, uint64_t address, void *buffer, size_t length) {
	uint8_t *p = at(address, length);

	(void)c;
	if (!p)
		return -EFAULT;
	memcpy(buffer, p, length);
	return 0;
}

int cw_read_word(const struct cw_core *c, uint64_t address, uint64_t *ret_value) {
	return cw_read(c, address, ret_value, 8);
}

const struct cw_mapping *cw_find_mapping(const struct cw_core *c, uint64_t address) {
	(void)c;
	for (size_t i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++)
		if (address >= mappings[i].start && address < mappings[i].end)
			return &mappings[i];
	return NULL;
}

const struct cw_module *cw_find_module(const struct cw_core *c, uint64_t address) {
	const struct cw_mapping *m = cw_find_mapping(c, address);

	return m ? m->module : NULL;
}

int cw_find_symbol(const struct cw_core *c, const struct cw_module *module, const char *name, uint64_t *ret_address) {
	(void)c, (void)module;
	for (size_t i = 0; i < n_variables; i++)
		if (variables[i].name && strcmp(variables[i].name, name) == 0) {
			*ret_address = variables[i].address;
			return 0;
		}
	return -ENOENT;
}

const struct cw_symbol *cw_symbolize(const struct cw_core *c, uint64_t pc, bool exact) {
	(void)c;
	for (size_t i = 0; i < MAX; i++)
		if (symbols[i].start && pc - !exact >= symbols[i].start &&
		    pc - !exact < symbols[i].start + symbols[i].size)
			return &symbols[i];
	return NULL;
}

const struct cw_instruction *cw_decode(const struct cw_core *c, uint64_t address, const uint64_t *registers) {
	(void)c, (void)registers;
	for (size_t i = 0; i < n_instructions; i++)
		if (instructions[i].address == address)
			return &instructions[i];
	return NULL;
}

int cw_register_by_name(const struct cw_core *c, const uint64_t *registers, const char *name, uint64_t *ret_value) {
	(void)c, (void)registers, (void)name, (void)ret_value;
	return -ENOENT;
}

const char *cw_syscall_name(const struct cw_core *core_, uint32_t audit_arch, int32_t number) {
	(void)core_, (void)audit_arch;
	return number == 110 ? "getppid" : NULL;
}

const struct cw_variable *cw_find_pointer(const struct cw_core *core_, const char *register_name, uint64_t address) {
	(void)core_;
	(void)register_name;
	(void)address;
	return NULL;
}

const char *cw_format(const struct cw_core *c, const char *format, ...) {
	char *s = NULL;
	va_list ap;

	(void)c;
	va_start(ap, format);
	assert_true(vasprintf(&s, format, ap) >= 0);
	va_end(ap);
	return keep(s);
}

const char *cw_shell_word(const struct cw_core *c, const char *s) {
	return cw_format(c, "'%s'", s);
}

struct cw_finding *cw_finding_add(
    struct cw_run *run, const char *id, enum cw_confidence confidence, const char *format, ...) {
	va_list ap;

	(void)run;
	n_findings++;
	finding = (struct cw_finding){ .id = id, .confidence = confidence };
	va_start(ap, format);
	vsnprintf(finding.summary, sizeof(finding.summary), format, ap);
	va_end(ap);
	return &finding;
}

void cw_finding_detail(struct cw_finding *f, const char *format, ...) {
	(void)f, (void)format;
}

void cw_finding_evidence(struct cw_finding *f, const char *format, ...) {
	size_t n = strlen(f->evidence);
	va_list ap;

	va_start(ap, format);
	vsnprintf(f->evidence + n, sizeof(f->evidence) - n, format, ap);
	va_end(ap);
	assert_true(strlen(f->evidence) > n);
}

void cw_finding_suggest(struct cw_finding *f, const char *id, const char *command, const char *format, ...) {
	size_t n = strlen(f->suggestions), max = sizeof(f->suggestions);
	va_list ap;

	n += (size_t)snprintf(f->suggestions + n, max - n, "%s [%s]: ", id, command ? command : "");
	assert_true(n < max);
	va_start(ap, format);
	n += (size_t)vsnprintf(f->suggestions + n, max - n, format, ap);
	va_end(ap);
	assert_true(n < max);
	snprintf(f->suggestions + n, max - n, "\n");
	f->n_suggestions++;
}

void cw_fact_string(struct cw_finding *f, const char *key, const char *value) {
	size_t n = strlen(f->facts);

	snprintf(f->facts + n, sizeof(f->facts) - n, "%s=%s;", key, value ? value : "null");
}

void cw_fact_integer(struct cw_finding *f, const char *key, int64_t value) {
	cw_fact_string(f, key, cw_format(NULL, "%lld", (long long)value));
}

/* ── scenes ── */

static inline int setup(void **state) {
	(void)state;
	memset(memory, 0, sizeof(memory));
	memset(frames, 0, sizeof(frames));
	memset(symbols, 0, sizeof(symbols));
	memset(instructions, 0, sizeof(instructions));
	n_variables = n_instructions = n_findings = 0;
	finding = (struct cw_finding){ 0 };
	thread = (struct cw_thread){
		.id = 100, .name = "main", .is_main = true, .crashed = true, .sp = STACK, .complete = true
	};
	thread.frames = frames;
	fault = (struct cw_fault){ .cause = CW_CAUSE_SENT };
	fault.signal = (struct cw_signal){
		.number = SIGABRT, .has_code = true, .code = -6, .has_sender = true, .sender_pid = 100
	};
	core = (struct cw_core){
		.arch = CW_ARCH_X86_64, .word_bytes = 8, .pid = 100, .fault = &fault, .threads = &thread, .n_threads = 1
	};
	core.crashed = &thread;
	core.program = &program;
	core.mappings = mappings;
	core.n_mappings = sizeof(mappings) / sizeof(mappings[0]);
	return 0;
}

static inline int teardown(void **state) {
	(void)state;
	while (n_strings > 0)
		free(strings[--n_strings]);
	return 0;
}

/* Frames innermost first; "+name" is in libc, NULL ends. A name of "?" is no symbol. */
static inline void stack(const char *first, ...) {
	va_list ap;

	va_start(ap, first);
	for (const char *name = first; name; name = va_arg(ap, const char *)) {
		size_t i = thread.n_frames++;
		bool library = *name == '+';

		symbols[i] =
		    (struct cw_symbol){ .at.function = name + library, .start = CODE + i * 0x100, .size = 0x100 };
		frames[i] = (struct cw_frame){
			.index = (uint32_t)i,
			.count = 1,
			.pc = CODE + i * 0x100 + 0x50,
			.has_cfa = true,
			.cfa = STACK + (i + 1) * FRAME,
			.trust = i ? CW_TRUST_CFI : CW_TRUST_CONTEXT,
			.module = library ? &libc : &program,
			.symbol = strcmp(name + library, "?") ? &symbols[i] : NULL,
		};
	}
	va_end(ap);
}

static inline void put(uint64_t address, uint64_t value) {
	memcpy(at(address, 8), &value, 8);
}

static inline void put_text(uint64_t address, const char *text) {
	strcpy((char *)at(address, strlen(text) + 1), text);
}

static inline void variable(const char *name, uint64_t address) {
	variables[n_variables].name = name;
	variables[n_variables++].address = address;
}

static inline void run(const struct cw_analyzer *analyzer) {
	n_findings = 0;
	if (!analyzer->applies(&core))
		return;
	assert_int_equal(analyzer->run(&core, NULL), 0);
	assert_true(n_findings <= 1);
	if (n_findings > 0) {
		assert_true(finding.evidence[0] != 0);
		assert_true(finding.n_suggestions > 0);
	}
}

static inline void check(const char *id, enum cw_confidence confidence) {
	assert_int_equal(n_findings, 1);
	assert_string_equal(finding.id, id);
	assert_int_equal(finding.confidence, confidence);
}

static inline void has_fact(const char *fact) {
	if (!strstr(finding.facts, fact))
		fail_msg("no \"%s\" in %s", fact, finding.facts);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
