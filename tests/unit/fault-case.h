/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A core made by hand for the tests of core/fault: one thread with a stack and a guard, a main stack, code, data. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>

#include "core/fault.h"
#include "core/insn.h"
#include "core/signal.h"
#include "fake-core.h"

#define CODE UINT64_C(0x401000)
#define DATA UINT64_C(0x500000)
#define GUARD UINT64_C(0x7f0000000000) /* one page */
#define LOW UINT64_C(0x7f0000001000) /* of a thread's stack */
#define HIGH UINT64_C(0x7f0000041000)
#define MAIN_LOW UINT64_C(0x7ffd00100000)
#define MAIN_HIGH UINT64_C(0x7ffd00200000)
#define FRAME_BYTES 3376
#define PID 100

static struct cw_thread threads[2];
static uint64_t registers[ARCH_MAX_REGISTERS];
static struct signal_context contexts[2];

static inline struct core *make_core_of(const struct arch *arch) {
	struct core *core = calloc(1, sizeof(*core));

	assert_non_null(core);
	fake_reset();
	memset(registers, 0, sizeof(registers));
	memset(contexts, 0, sizeof(contexts));
	memset(threads, 0, sizeof(threads));
	fake_add_mapping(CODE, CODE + 0x1000, CW_PERM_READ | CW_PERM_EXEC, CW_REGION_MODULE, "/bin/prog");
	fake_add_mapping(DATA, DATA + 0x1000, CW_PERM_READ | CW_PERM_WRITE, CW_REGION_HEAP, "[heap]");
	fake_add_mapping(DATA + 0x1000, DATA + 0x2000, CW_PERM_READ, CW_REGION_FILE, "/etc/data");
	fake_add_mapping(GUARD, LOW, 0, CW_REGION_ANONYMOUS, NULL);
	fake_add_mapping(LOW, HIGH, CW_PERM_READ | CW_PERM_WRITE, CW_REGION_ANONYMOUS, NULL);
	fake_add_mapping(MAIN_LOW, MAIN_HIGH, CW_PERM_READ | CW_PERM_WRITE, CW_REGION_STACK, "[stack]");
	core->arch = arch;
	core->at_minsigstksz = FRAME_BYTES;
	core->threads = threads;
	core->mappings = fake_mappings;
	core->signal_contexts = contexts;
	threads[0] = (struct cw_thread){
		.id = PID + 1, .crashed = true, .registers = registers, .n_registers = arch->n_registers
	};
	threads[1] = (struct cw_thread){ .id = PID, .is_main = true, .registers = registers };
	threads[1].stack = (struct cw_stack){ .kind = CW_STACK_MAIN,
		.has_bounds = true,
		.low = MAIN_LOW,
		.high = MAIN_HIGH,
		.has_limit = true,
		.limit_bytes = MIB(8),
		.sp = MAIN_HIGH - 0x1000 };
	fake_stack = (struct cw_stack){ .kind = CW_STACK_PTHREAD,
		.has_bounds = true,
		.low = LOW,
		.high = HIGH,
		.has_guard = true,
		.guard_bytes = 0x1000,
		.has_limit = true,
		.limit_bytes = HIGH - LOW };
	core->pub = (struct cw_core){ .arch = arch->id,
		.word_bytes = arch->word_bytes,
		.page_bytes = 4096,
		.pid = PID,
		.threads = threads,
		.n_threads = 2,
		.crashed = threads,
		.mappings = fake_mappings,
		.n_mappings = fake_n_mappings };
	assert_int_equal(arena_new(MIB(16), &core->arena), 0);
	assert_int_equal(insn_decoder_new(core, &core->decoder), 0);
	return core;
}

static inline struct core *make_core(void) {
	return make_core_of(&arch_x86_64);
}

static inline void drop_core(struct core *core) {
	insn_decoder_free(core->decoder);
	arena_free(core->arena);
	free(core);
}

static inline void set(const struct core *core, const char *name, uint64_t value) {
	registers[fake_register(core->arch, name)] = value;
}

static inline struct cw_signal make_signal(int number, int code, uint64_t address) {
	struct cw_signal s;

	signal_from_number(number, &s);
	s.has_code = true;
	s.code = code;
	s.code_name = signal_code_name(number, code);
	s.has_address = code > 0 && code < 128;
	s.address = s.has_address ? address : 0;
	s.has_sender = code <= 0;
	s.sender_pid = PID;
	return s;
}

/* Runs the reconstruction with an instruction at CODE; length 0: none. */
static inline const struct cw_fault *run(
    struct core *core, struct cw_signal delivered, const char *code, size_t length, uint64_t sp) {
	if (length > 0)
		fake_add_memory(CODE, code, length);
	if (registers[core->arch->pc] == 0)
		registers[core->arch->pc] = CODE;
	registers[core->arch->sp] = sp;
	threads[0].pc = registers[core->arch->pc];
	threads[0].sp = sp;
	core->pub.signal = delivered;
	assert_int_equal(fault_reconstruct(core), 0);
	assert_non_null(core->pub.fault);
	return core->pub.fault;
}
#define RUN(core, delivered, code, sp) run(core, delivered, code, sizeof(code) - 1, sp)
#define HEALTHY (HIGH - 0x2000)

#define MOV_RAX "\xc7\x00\x01\x00\x00\x00" /* mov dword ptr [rax], 1 */
#define LOAD_RAX "\x8b\x00" /* mov eax, dword ptr [rax] */
#define CALL "\xe8\xfb\x0f\x00\x00"
#define MOVAPS_RAX "\x0f\x29\x00"
#define NOP "\x90"
