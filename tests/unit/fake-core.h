/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A core made by hand, for the parts of core/ that only need memory, mappings and registers. Stands in for core.c and
 * stack.c: included by exactly one file of a test program.
 */
#pragma once

#include "core/core.h"
#include "core/stack.h"

#define FAKE_MAX 16

static struct fake_memory {
	uint64_t address;
	const void *data;
	size_t length;
} fake_memory[FAKE_MAX];
static size_t fake_n_memory;
static struct cw_mapping fake_mappings[FAKE_MAX];
static size_t fake_n_mappings;
static struct cw_stack fake_stack; /* what stack_find_bounds() says */
static struct stack_alt fake_alt; /* what it was given */

static inline void fake_add_memory(uint64_t address, const void *data, size_t length) {
	fake_memory[fake_n_memory++] = (struct fake_memory){ address, data, length };
}

/* In order of address. */
static inline void fake_add_mapping(
    uint64_t start, uint64_t end, unsigned perm, enum cw_region_kind kind, const char *name) {
	fake_mappings[fake_n_mappings++] = (struct cw_mapping){
		.start = start, .end = end, .stored = end - start, .perm = perm, .kind = kind, .name = name
	};
}

static inline void fake_reset(void) {
	fake_n_memory = fake_n_mappings = 0;
	fake_stack = (struct cw_stack){ 0 };
	fake_alt = (struct stack_alt){ 0 };
}

int core_read(struct core *core, uint64_t address, void *buffer, size_t length) {
	(void)core;
	for (size_t i = 0; i < fake_n_memory; i++)
		if (address >= fake_memory[i].address && address - fake_memory[i].address <= fake_memory[i].length &&
		    length <= fake_memory[i].length - (address - fake_memory[i].address)) {
			memcpy(buffer, (const char *)fake_memory[i].data + (address - fake_memory[i].address), length);
			return 0;
		}
	return -EFAULT;
}

int core_read_word(struct core *core, uint64_t address, uint64_t *ret_value) {
	uint64_t value = 0;

	if (core_read(core, address, &value, core->arch->word_bytes) < 0)
		return -EFAULT;
	*ret_value = value;
	return 0;
}

int core_read_u32(struct core *core, uint64_t address, uint32_t *ret_value) {
	return core_read(core, address, ret_value, sizeof(*ret_value));
}

const struct cw_mapping *core_find_mapping(const struct core *core, uint64_t address) {
	(void)core;
	for (size_t i = 0; i < fake_n_mappings; i++)
		if (address >= fake_mappings[i].start && address < fake_mappings[i].end)
			return &fake_mappings[i];
	return NULL;
}

struct module *core_find_module(const struct core *core, uint64_t address) {
	(void)core, (void)address;
	return NULL;
}

void core_problem(struct core *core, const char *stage, const char *format, ...) {
	(void)core, (void)stage, (void)format;
}

void stack_find_bounds(struct core *core, const struct cw_thread *thread, uint64_t sp, const struct stack_alt *altstack,
    struct cw_stack *ret_stack) {
	(void)core, (void)thread;
	*ret_stack = fake_stack;
	ret_stack->sp = sp;
	if (altstack)
		fake_alt = *altstack;
}

/* The index of a register by name; there is no such register: a broken test. */
static inline size_t fake_register(const struct arch *arch, const char *name) {
	for (size_t i = 0; i < arch->n_registers; i++)
		if (streq(arch->register_names[i], name))
			return i;
	abort();
}
