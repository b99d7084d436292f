/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core/unwind on stacks made by hand, in code that no file describes: frame pointers, calls through bad pointers, signal frames, guesses; and stacks that are
 * nonsense, over which the walk must end. Real call frame information: at the end, on this program's own stack.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <ucontext.h>

#include "core-writer.h"
#include "core/unwind.h"
#include "util/io.h"

#define CODE UINT64_C(0x400000)
#define CODE_BYTES 0x2000u
#define TRAMPOLINE (CODE + 0x1000)
#define RETURN(n) (CODE + 0x100 + (uint64_t)(n) * 16) /* behind a call */
#define STACK UINT64_C(0x7f0000000000)
#define STACK_BYTES 0x20000u
#define ALT UINT64_C(0x7e0000000000)
#define NOT_CODE UINT64_C(0xdead0000)

/* Code that is a row of calls; nothing else knows of it. file: it is mapped from one (which does not exist). */
static struct writer *begin(const char *file) {
	struct writer *w = writer_new(EM_X86_64);

	writer_map(w, CODE, CODE_BYTES, "rx", CODE_BYTES);
	for (unsigned i = 0; i < 64; i++)
		writer_bytes(w, RETURN(i) - 5, "\xe8\0\0\0\0\x90", 6);
	writer_bytes(w, TRAMPOLINE, "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05", 9);
	writer_map(w, STACK, STACK_BYTES, "rw", STACK_BYTES);
	writer_map(w, ALT, 0x4000, "rw", 0x4000);
	if (file)
		writer_file(w, CODE, CODE + CODE_BYTES, 0, file);
	return w;
}

static void regs(struct writer *w, uint64_t pc, uint64_t sp, uint64_t fp) {
	writer_thread(w, 100, "rip", pc, "rsp", sp, "rbp", fp, NULL);
	writer_signal(w, SIGSEGV, 1, 0x10);
}

static const struct cw_frame *frame(const struct core *core, uint32_t index) {
	for (size_t i = 0; i < core->threads[0].n_frames; i++) {
		const struct cw_frame *f = &core->threads[0].frames[i];

		if (f->n_cycle == 0 && index >= f->index && index < f->index + f->count)
			return f;
	}
	fail_msg("no frame %u", index);
	return NULL;
}

static void check_frame(const struct core *core, uint32_t index, uint64_t pc, enum cw_trust trust) {
	assert_int_equal(frame(core, index)->pc, pc);
	assert_int_equal(frame(core, index)->trust, trust);
}

static void test_frame_pointers(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(NULL);

	(void)state;
	writer_put(w, STACK + 0x1010, STACK + 0x1040, RETURN(1));
	writer_put(w, STACK + 0x1040, STACK + 0x2000, RETURN(2));
	writer_put(w, STACK + 0x2000, 0, RETURN(3));
	regs(w, RETURN(0), STACK + 0x1000, STACK + 0x1010);
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, NULL);
	const struct cw_thread *t = &core->threads[0];

	assert_int_equal(t->frame_count, 4);
	check_frame(core, 0, RETURN(0), CW_TRUST_CONTEXT);
	check_frame(core, 1, RETURN(1), CW_TRUST_FRAME_POINTER);
	check_frame(core, 2, RETURN(2), CW_TRUST_FRAME_POINTER);
	check_frame(core, 3, RETURN(3), CW_TRUST_FRAME_POINTER);
	assert_true(frame(core, 0)->exact_pc);
	assert_false(frame(core, 1)->exact_pc);
	assert_int_equal(frame(core, 0)->cfa, STACK + 0x1020);
	assert_int_equal(frame(core, 0)->bytes, 0x20);
	assert_int_equal(frame(core, 1)->bytes, 0x30);
	assert_int_equal(frame(core, 2)->bytes, 0xfc0);
	assert_false(t->complete);
	assert_non_null(t->stop_reason);
}

static void test_recursion(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(NULL);
	uint64_t at = STACK + 0x100;

	(void)state;
	for (unsigned i = 0; i < 3000; i++, at += 32)
		writer_put(w, at, at + 32, RETURN(1));
	writer_put(w, at, 0, RETURN(2));
	regs(w, RETURN(1), STACK + 0x100 - 16, STACK + 0x100);
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, NULL);
	const struct cw_thread *t = &core->threads[0];

	assert_int_equal(t->frame_count, 3002);
	assert_true(t->n_frames < 8);
	assert_int_equal(core_symbolize(core), 0);
	assert_non_null(t->cycle);
	assert_true(t->cycle->count >= 2990);
	assert_int_equal(t->cycle->bytes, 32);
	/* Exact over all frames, folded or not. */
	assert_int_equal(t->functions[0].count, 3001);
	assert_int_equal(t->functions[0].bytes, 3001 * 32);
}

/* A call through a null pointer pushed its return address and went nowhere. */
static void test_bad_pc(void **state) {
	static const uint64_t pcs[] = { 0, NOT_CODE, STACK + 0x3000, UINT64_C(0x4141414141414141) };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(pcs); i++) {
		_cleanup_(writer_freep) struct writer *w = begin(NULL);

		writer_put(w, STACK + 0x1000, RETURN(5));
		writer_put(w, STACK + 0x1020, 0, RETURN(6));
		regs(w, pcs[i], STACK + 0x1000, STACK + 0x1020);
		_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, NULL);
		assert_true(core->threads[0].frame_count >= 3);
		check_frame(core, 0, pcs[i], CW_TRUST_CONTEXT);
		check_frame(core, 1, RETURN(5), CW_TRUST_CFI);
		check_frame(core, 2, RETURN(6), CW_TRUST_FRAME_POINTER);
		assert_int_equal(frame(core, 0)->cfa, STACK + 0x1008);
	}
}

/* Guesses are marked as such, are made in modules only, and not of addresses that no call precedes. */
static void test_scan(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin("/nonexistent/program");

	(void)state;
	writer_put(w, STACK + 0x1000, 1, RETURN(3) + 3, STACK, RETURN(7), 5);
	regs(w, RETURN(0), STACK + 0x1000, 7);
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, NULL);
	check_frame(core, 0, RETURN(0), CW_TRUST_CONTEXT);
	check_frame(core, 1, RETURN(7), CW_TRUST_SCAN);
	assert_int_equal(core->threads[0].frame_count, 2);
	assert_non_null(core->threads[0].stop_reason);
}

/* A stack full of what looks like return addresses is not a stack of a thousand frames. */
static void test_scan_ends(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin("/nonexistent/program");

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		writer_put(w, STACK + i * 8, RETURN(i % 64));
	regs(w, RETURN(0), STACK, 7);
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, NULL);
	assert_true(core->threads[0].frame_count <= 32);
	assert_non_null(core->threads[0].stop_reason);
}

/* A handler on an alternate stack: its frames, the signal frame, and the interrupted ones below, exactly. */
static void test_signal_frame(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(NULL);
	const uint64_t frame_at = ALT + 0x2010;

	(void)state;
	writer_put(w, frame_at - 16, 0x1234, TRAMPOLINE);
	writer_sigframe(w, frame_at, &(struct writer_sigframe){ .pc = RETURN(3) + 2, .sp = STACK + 0x1000, .fp = STACK + 0x1010, .number = SIGSEGV,
	                                                        .code = 1, .address = 0x20, .trap = 14, .error = 4, .altstack = ALT,
	                                                        .altstack_bytes = 0x4000 });
	writer_put(w, STACK + 0x1010, 0, RETURN(4));
	writer_thread(w, 100, "rip", RETURN(9), "rsp", frame_at - 64, "rbp", frame_at - 16, NULL);
	writer_put(w, frame_at - 16, STACK + 0x1010);
	writer_signal_sent(w, SIGABRT, SI_TKILL, 100, 1000);
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, NULL);
	const struct cw_frame *f = frame(core, 1);

	check_frame(core, 0, RETURN(9), CW_TRUST_CONTEXT);
	check_frame(core, 1, TRAMPOLINE, CW_TRUST_FRAME_POINTER);
	assert_true(f->signal_frame);
	assert_int_equal(f->bytes, -1); /* stacks switch */
	check_frame(core, 2, RETURN(3) + 2, CW_TRUST_CFI);
	assert_true(frame(core, 2)->exact_pc);
	check_frame(core, 3, RETURN(4), CW_TRUST_FRAME_POINTER);
	assert_int_equal(core->n_signal_contexts, 1);
	assert_int_equal(core->signal_contexts[0].frame_index, 1);
	assert_int_equal(core->signal_contexts[0].ucontext, frame_at);
	assert_int_equal(core->pub.fault->source, CW_FAULT_SIGNAL_FRAME);
	assert_int_equal(core->pub.fault->frame_index, 2);
	assert_int_equal(core->pub.fault->address, 0x20);
	assert_int_equal(core->pub.fault->sp, STACK + 0x1000);
}

static void check_ends(struct writer *w) {
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, NULL);

	assert_true(core->threads[0].frame_count < 100000);
	assert_false(core->threads[0].complete);
	assert_non_null(core->threads[0].stop_reason);
}

/* Chains that go round or down. */
static void test_bad_chains(void **state) {
	static const uint64_t next[] = { STACK + 0x1010, STACK + 0x1000, STACK, 8, UINT64_MAX - 7, UINT64_C(0x8000000000000000), STACK + STACK_BYTES - 8 };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(next); i++) {
		_cleanup_(writer_freep) struct writer *w = begin(NULL);

		writer_put(w, STACK + 0x1010, STACK + 0x1030, RETURN(1));
		writer_put(w, STACK + 0x1030, next[i], RETURN(2));
		regs(w, RETURN(0), STACK + 0x1000, STACK + 0x1010);
		check_ends(w);
	}
}

/* Registers at the ends of the address space. */
static void test_wild_registers(void **state) {
	static const uint64_t values[] = { 0, 1, 7, STACK + STACK_BYTES - 1, STACK + STACK_BYTES, INT64_MAX, UINT64_MAX - 8, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(values) * ELEMENTSOF(values); i++) {
		_cleanup_(writer_freep) struct writer *w = begin("/nonexistent/program");

		regs(w, i & 1 ? RETURN(0) : values[i % ELEMENTSOF(values)], values[i % ELEMENTSOF(values)], values[i / ELEMENTSOF(values)]);
		check_ends(w);
	}
}

/* A signal frame that was interrupted in its own trampoline, at its own SP: forged, for the kernel writes no such thing. */
static void test_signal_frame_of_itself(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(NULL);

	(void)state;
	writer_sigframe(w, STACK + 0x1000, &(struct writer_sigframe){ .pc = TRAMPOLINE, .sp = STACK + 0x1000, .number = SIGSEGV, .code = 1, .trap = 14 });
	regs(w, TRAMPOLINE, STACK + 0x1000, 0);
	check_ends(w);
}

/* Two that interrupted each other. */
static void test_signal_frames_in_a_ring(void **state) {
	_cleanup_(writer_freep) struct writer *w = begin(NULL);

	(void)state;
	writer_sigframe(w, STACK + 0x1000, &(struct writer_sigframe){ .pc = TRAMPOLINE, .sp = STACK + 0x3000, .number = SIGSEGV, .code = 1, .trap = 14 });
	writer_sigframe(w, STACK + 0x3000, &(struct writer_sigframe){ .pc = TRAMPOLINE, .sp = STACK + 0x1000, .number = SIGSEGV, .code = 1, .trap = 14 });
	regs(w, TRAMPOLINE, STACK + 0x1000, 0);
	check_ends(w);
}

/* Call frame information that needs no memory (the return address is what it was, the CFA 8 above SP) leads up for ever: the stack's size must end it. It is in a
 * forged vdso: .eh_frame_hdr at 0x200, a CIE and an FDE for 0x800…0xf00 at 0x240. */
static void test_endless_cfi(void **state) {
	static const uint8_t hdr[] = { 1, 0x1b, 3, 0x3b, 0x3c, 0, 0, 0, 1, 0, 0, 0, 0, 6, 0, 0, 0x58, 0, 0, 0 };
	static const uint8_t frames[] = { 20, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x08, 16, 0, 0,
		                          16, 0, 0, 0, 0x1c, 0, 0, 0, 0xa0, 5, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0 };
	const Elf64_Ehdr e = { .e_ident = ELFMAG "\2\1\1", .e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = 1, .e_phoff = 64, .e_ehsize = 64,
		               .e_phentsize = 56, .e_phnum = 2 };
	const Elf64_Phdr p[] = { { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = 0x1000, .p_memsz = 0x1000 },
		                 { .p_type = PT_GNU_EH_FRAME, .p_offset = 0x200, .p_vaddr = 0x200, .p_filesz = sizeof(hdr), .p_memsz = sizeof(hdr) } };
	_cleanup_(writer_freep) struct writer *w = writer_new(EM_X86_64);

	(void)state;
	writer_map(w, CODE, 0x1000, "rx", 0x1000);
	writer_bytes(w, CODE, &e, sizeof(e));
	writer_bytes(w, CODE + 64, p, sizeof(p));
	writer_bytes(w, CODE + 0x200, hdr, sizeof(hdr));
	writer_bytes(w, CODE + 0x240, frames, sizeof(frames));
	writer_map(w, STACK, 0x1000, "rw", 0x1000);
	writer_auxv(w, AT_SYSINFO_EHDR, CODE);
	regs(w, CODE + 0x900, STACK, STACK);
	check_ends(w);
}

#ifdef __x86_64__
/* ── this program's own stack, by its own call frame information ── */

#define DEPTH 40

struct own {
	struct writer *writer;
	ucontext_t context;
	void *returns[DEPTH + 1];
	uint64_t high;
};

/* Not by memcpy(): sanitizers do not like their red zones to be read. */
static void copy_self(struct writer *w, uint64_t address, size_t length) {
	_cleanup_close_ int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ void *copy = malloc(length);

	assert_non_null(copy);
	assert_int_equal(pread_full(fd, copy, length, address), length);
	writer_bytes(w, address, copy, length);
}

/* The program's mappings as a core of it would have them: the first page stored, the rest to be read from the file; the stack whole. */
static void map_self(struct own *own) {
	_cleanup_fclose_ FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end, offset;
	char line[4500], exe[4096] = "", path[4096], perm[5];
	uint64_t sp = (uint64_t)own->context.uc_mcontext.gregs[REG_RSP];

	assert_non_null(maps);
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	while (fgets(line, sizeof(line), maps)) {
		path[0] = 0;
		if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %4095s", &start, &end, perm, &offset, path) < 4)
			continue;
		if (streq(path, exe)) {
			writer_map(own->writer, start, end - start, perm, offset == 0 ? 4096 : 0);
			writer_file(own->writer, start, end, offset, exe);
			if (offset == 0)
				copy_self(own->writer, start, 4096);
		} else if (sp >= start && sp < end) {
			writer_map(own->writer, start, end - start, perm, end - start);
			copy_self(own->writer, sp, end - sp);
		}
	}
}

__attribute__((noinline)) static void bottom(struct own *own) {
	own->returns[DEPTH] = __builtin_return_address(0);
	assert_int_equal(getcontext(&own->context), 0);
	map_self(own);
}

__attribute__((noinline)) static int descend(struct own *own, unsigned depth) {
	volatile char room[128];

	room[depth] = (char)depth;
	own->returns[depth] = __builtin_return_address(0);
	if (depth + 1 < DEPTH)
		room[depth] = (char)descend(own, depth + 1);
	else
		bottom(own);
	return room[depth] + (int)depth;
}

static void test_own_stack(void **state) {
	struct own own = { .writer = writer_new(EM_X86_64) };
	_cleanup_(writer_freep) struct writer *w = own.writer;

	(void)state;
	assert_true(descend(&own, 0) != -1);
	writer_thread(w, 100, "rip", (uint64_t)own.context.uc_mcontext.gregs[REG_RIP], "rsp", (uint64_t)own.context.uc_mcontext.gregs[REG_RSP],
	              "rbp", (uint64_t)own.context.uc_mcontext.gregs[REG_RBP], "rbx", (uint64_t)own.context.uc_mcontext.gregs[REG_RBX],
	              "r12", (uint64_t)own.context.uc_mcontext.gregs[REG_R12], "r13", (uint64_t)own.context.uc_mcontext.gregs[REG_R13],
	              "r14", (uint64_t)own.context.uc_mcontext.gregs[REG_R14], "r15", (uint64_t)own.context.uc_mcontext.gregs[REG_R15], NULL);
	writer_signal(w, SIGSEGV, 1, 0x10);
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, NULL);
	const struct cw_thread *t = &core->threads[0];
	size_t at = 1;

	assert_true(t->frame_count > DEPTH);
	/* Folded or not, innermost first: bottom's caller, then every descend()'s. */
	for (size_t i = 0, k = 0; i < t->n_frames && at <= DEPTH + 1; i++)
		for (uint32_t c = 0; c < t->frames[i].count && at <= DEPTH + 1; c++)
			for (size_t m = 0; m < MAX(t->frames[i].n_cycle, (size_t)1) && at <= DEPTH + 1; m++, k++) {
				const struct cw_frame *f = t->frames[i].n_cycle ? &t->frames[i].cycle[m] : &t->frames[i];

				if (k == 0)
					continue;
				assert_int_equal(f->pc, (uint64_t)own.returns[DEPTH + 1 - at]);
				assert_int_equal(f->trust, CW_TRUST_CFI);
				at++;
			}
	assert_int_equal(at, DEPTH + 2);
}
#endif

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame_pointers),
		cmocka_unit_test(test_recursion),
		cmocka_unit_test(test_bad_pc),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_scan_ends),
		cmocka_unit_test(test_signal_frame),
		cmocka_unit_test(test_bad_chains),
		cmocka_unit_test(test_wild_registers),
		cmocka_unit_test(test_signal_frame_of_itself),
		cmocka_unit_test(test_signal_frames_in_a_ring),
		cmocka_unit_test(test_endless_cfi),
#ifdef __x86_64__
		cmocka_unit_test(test_own_stack),
#endif
	};

	return cmocka_run_group_tests_name("unwind", tests, NULL, NULL);
}
