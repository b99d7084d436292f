/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core/pointer-origin.c and core/dwarf-variable.c, on functions of this very program: a core is described whose thread
 * stands on the load that would fault, and the variable, its type and the member are asked for. The functions are built
 * as debug builds have them, or optimised, whatever the flags; they never run. Needs debug info (-g) and a build-id.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <link.h>
#include <signal.h>
#include <unistd.h>

#include "core-writer.h"
#include "core/insn.h"
#include "core/pointer-origin.h"

#define STACK UINT64_C(0x600000000000)
#define STACK_BYTES 0x10000u
#define FP (STACK + 0x8000)

/* ── code that would fault ── */

#define PLAIN __attribute__((noinline, used, no_sanitize("address", "undefined")))
#ifdef __clang__
#define DEBUG PLAIN __attribute__((optnone))
#else
#define DEBUG PLAIN __attribute__((optimize("O0")))
#endif

struct header {
	int magic;
	unsigned length;
};
struct page {
	struct page *next;
	struct header header;
	int slots[4];
	union {
		char *text;
		long number;
	} title;
};
typedef struct page page_t;
struct page *pointer_origin_global;
uint64_t pointer_origin_call(void);

PLAIN uint64_t pointer_origin_call(void) {
	__asm__ volatile("");
	return 1;
}

#define FUNCTION(kind, name, ...) \
	int pointer_origin_##name(__VA_ARGS__); \
	kind int pointer_origin_##name(__VA_ARGS__)

FUNCTION(DEBUG, parameter, struct page *page) {
	return (int)page->header.length;
}
FUNCTION(DEBUG, chain, struct page *list) {
	return list->next->slots[2];
}
FUNCTION(DEBUG, local, struct page *page) {
	struct page *head = page + 3;

	return head->slots[1];
}
FUNCTION(DEBUG, blocks, struct page *page) {
	const page_t *inner = pointer_origin_global;
	int sum = inner->header.magic;

	for (const struct page *inner_page = page; sum == 0; sum++)
		sum += inner_page->slots[0];
	return sum;
}
FUNCTION(DEBUG, of_global, void) {
	return pointer_origin_global->slots[3];
}
FUNCTION(DEBUG, indexed, struct page *page, long i) {
	return page->slots[i];
}
FUNCTION(DEBUG, text, char **names) {
	return **names;
}
FUNCTION(DEBUG, union_member, page_t *page) {
	return (int)page->title.number;
}
FUNCTION(DEBUG, opaque, void *memory) {
	return *(volatile int *)memory;
}
FUNCTION(DEBUG, union_part, page_t *page) {
	return ((volatile int *)&page->title.number)[1];
}
/* Which of both it was, the code does not tell; nor in a loop that goes on from elsewhere. */
FUNCTION(DEBUG, after_jump, struct page *one, struct page *other) {
	return (one ? one : other)->header.magic;
}
FUNCTION(PLAIN, in_a_loop, struct page *page, struct page *end) {
	int sum = 0;

	for (const struct page *at = page->next; at != end; at = at->next)
		sum += at->header.magic;
	return sum;
}
FUNCTION(DEBUG, after_call, void) {
	return ((struct page *)pointer_origin_call())->header.magic;
}
FUNCTION(PLAIN, optimised, struct page *page) {
	return (int)page->header.length;
}
FUNCTION(PLAIN, optimised_chain, struct page *list) {
	return list->next->slots[2];
}

/* ── a core of it ── */

static int map_program(struct dl_phdr_info *info, size_t size, void *data) {
	struct writer *w = data;
	char path[4096] = "";
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	bool first = true;

	(void)size;
	assert_true(n > 0);
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uint64_t start = (info->dlpi_addr + p->p_vaddr) & ~UINT64_C(4095), end = info->dlpi_addr + p->p_vaddr + p->p_filesz;
		char perm[4] = { p->p_flags & PF_R ? 'r' : '-', p->p_flags & PF_W ? 'w' : '-', p->p_flags & PF_X ? 'x' : '-', 0 };

		if (p->p_type != PT_LOAD)
			continue;
		end = (end + 4095) & ~UINT64_C(4095);
		/* The headers are the core's, the code is the file's; data would be the process's. */
		writer_map(w, start, end - start, perm, first ? 4096 : p->p_flags & PF_W ? end - start : 0);
		if (first)
			writer_bytes(w, start, (const void *)(uintptr_t)start, 4096);
		writer_file(w, start, end, p->p_offset & ~UINT64_C(4095), path);
		first = false;
	}
	writer_auxv(w, AT_PHDR, (uint64_t)(uintptr_t)info->dlpi_phdr);
	return 1;
}

static struct writer *begin(uint64_t pc, const char *reg, uint64_t value, uint64_t address) {
	struct writer *w = writer_new(EM_X86_64);

	dl_iterate_phdr(map_program, w);
	writer_map(w, STACK, STACK_BYTES, "rw", STACK_BYTES);
	writer_thread(w, 100, "rip", pc, "rsp", FP - 0x100, "rbp", FP, reg, value, NULL);
	writer_signal(w, SIGSEGV, 1, address);
	return w;
}

/* The n-th instruction from the function's start that uses memory by a pointer; its operand. */
static const struct cw_operand *find_load(struct core *core, uint64_t at, unsigned n, uint64_t *ret_pc) {
	for (unsigned k = 0; k < 64; k++) {
		const struct cw_instruction *i = insn_decode(core, at, NULL);

		assert_non_null(i);
		for (size_t o = 0; o < i->n_operands; o++) {
			const char *base = i->operands[o].is_memory && !i->operands[o].implicit ? i->operands[o].base : NULL;

			if (!base || streq(base, "rip") || streq(base, "rbp") || streq(base, "rsp") || !strncmp(i->text, "lea", 3) || !strncmp(i->text, "nop", 3))
				continue;
			if (n-- == 0) {
				*ret_pc = at;
				return &i->operands[o];
			}
		}
		at += i->length;
	}
	fail_msg("no such load");
	return NULL;
}

struct answer {
	bool known, is_parameter;
	char name[64], type[64], member[64];
	uint64_t value;
};

/* What is said of the n-th load of a function that would read at value + where (what the instruction adds, unless another is asked for). */
static struct answer ask_at(uint64_t function, unsigned n, uint64_t value, int64_t where) {
	_cleanup_(writer_freep) struct writer *w = begin(function, "rax", 0, 0), *faulted = NULL;
	_cleanup_(core_freep) struct core *core = writer_load(w, UNPACK_PLAIN, NULL), *again = NULL;
	uint64_t pc = 0;
	const struct cw_operand *o = find_load(core, function, n, &pc);
	const struct cw_variable *v;
	struct answer a = {};
	uint64_t address = value + (uint64_t)(where < 0 ? o->displacement : where);

	faulted = begin(pc, o->base, value, address);
	again = writer_load(faulted, UNPACK_PLAIN, NULL);
	assert_int_equal(core_symbolize(again), 0);
	assert_int_equal(again->pub.fault->pc, pc);
	v = pointer_origin(again, o->base, address);
	if (!v)
		return a;
	a = (struct answer){ .known = true, .is_parameter = v->is_parameter, .value = v->value };
	snprintf(a.name, sizeof(a.name), "%s", v->name);
	snprintf(a.type, sizeof(a.type), "%s", v->type ?: "(none)");
	snprintf(a.member, sizeof(a.member), "%s", v->member ?: "(none)");
	return a;
}

#define ASK(name, n) ask_at((uint64_t)(uintptr_t)&pointer_origin_##name, (n), 0, -1)

static void check(struct answer a, const char *name, const char *type, const char *member, bool is_parameter) {
	assert_true(a.known);
	assert_string_equal(a.name, name);
	assert_string_equal(a.type, type);
	assert_string_equal(a.member, member);
	assert_int_equal(a.is_parameter, is_parameter);
}

/* ── tests ── */

static void test_debug_build(void **state) {
	(void)state;
	check(ASK(parameter, 0), "page", "struct page *", "header.length", true);
	check(ASK(chain, 1), "list->next", "struct page *", "slots[2]", false);
	check(ASK(chain, 0), "list", "struct page *", "next", true);
	check(ASK(local, 0), "head", "struct page *", "slots[1]", false);
	check(ASK(of_global, 0), "pointer_origin_global", "struct page *", "slots[3]", false);
}

static void test_types(void **state) {
	(void)state;
	check(ASK(blocks, 0), "inner", "const page_t *", "header.magic", false);
	check(ASK(blocks, 1), "inner_page", "const struct page *", "slots[0]", false);
	check(ASK(text, 0), "names", "char **", "(none)", true);
	check(ASK(union_member, 0), "page", "page_t *", "title", true); /* text or number? */
	check(ask_at((uint64_t)(uintptr_t)&pointer_origin_union_part, 0, 0, offsetof(struct page, title) + 4), "page", "page_t *", "title", true);
	check(ASK(opaque, 0), "memory", "void *", "(none)", true);
}

/* The pointer's own value is the one in its slot, which the stack holds as 0; members end where the struct does. */
static void test_addresses(void **state) {
	struct answer a;

	(void)state;
	a = ask_at((uint64_t)(uintptr_t)&pointer_origin_parameter, 0, 0, sizeof(struct page));
	check(a, "page", "struct page *", "(none)", true);
	assert_int_equal(a.value, 0);
	a = ask_at((uint64_t)(uintptr_t)&pointer_origin_parameter, 0, 0, 1 << 30);
	check(a, "page", "struct page *", "(none)", true);
	/* An element: the pointer is known, for it is still in its slot. */
	a = ask_at((uint64_t)(uintptr_t)&pointer_origin_indexed, 0, 0, offsetof(struct page, slots) + 4);
	assert_true(!a.known || streq(a.name, "page"));
}

/* Where two ways lead to the load, or a call gave the pointer, no variable is named. */
static void test_unknown(void **state) {
	_cleanup_(writer_freep) struct writer *w = NULL, *nowhere = NULL;
	_cleanup_(core_freep) struct core *core = NULL, *lost = NULL;

	(void)state;
	assert_false(ASK(after_jump, 0).known);
	for (unsigned i = 1; i < 3; i++) {
		struct answer a = ASK(in_a_loop, i);

		assert_true(!a.known || streq(a.name, "at") || streq(a.name, "page"));
	}
	assert_false(ASK(after_call, 0).known);
	w = begin((uint64_t)(uintptr_t)&pointer_origin_parameter, "rax", 0, 0);
	core = writer_load(w, UNPACK_PLAIN, NULL);
	assert_int_equal(core_symbolize(core), 0);
	assert_null(pointer_origin(core, "xmm0", 0));
	assert_null(pointer_origin(core, "", 0));
	assert_null(pointer_origin(core, "rip", 0));
	nowhere = begin(STACK + 0x100, "rax", 0, 0);
	lost = writer_load(nowhere, UNPACK_PLAIN, NULL);
	assert_int_equal(core_symbolize(lost), 0);
	assert_null(pointer_origin(lost, "rax", 0));
}

#ifdef __OPTIMIZE__
static void test_optimised(void **state) {
	struct answer a;

	(void)state;
	check(ASK(optimised, 0), "page", "struct page *", "header.length", true);
	a = ask_at((uint64_t)(uintptr_t)&pointer_origin_optimised, 0, 0x40, -1);
	check(a, "page", "struct page *", "header.length", true);
	assert_int_equal(a.value, 0x40);
	check(ASK(optimised_chain, 1), "list->next", "struct page *", "slots[2]", false);
}
#endif

int main(void) {
	const struct CMUnitTest tests[] = {
#ifdef __x86_64__
		cmocka_unit_test(test_debug_build), cmocka_unit_test(test_types), cmocka_unit_test(test_addresses), cmocka_unit_test(test_unknown),
#ifdef __OPTIMIZE__
		cmocka_unit_test(test_optimised),
#endif
#endif
	};

	return cmocka_run_group_tests_name("pointer-origin", tests, NULL, NULL);
}
