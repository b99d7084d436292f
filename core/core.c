/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The order in which a core is read, and reading its memory. A part that fails becomes a problem; the parts after it work with what there is. */
#include "core/core.h"

#include "core/cfi.h"
#include "core/fault.h"
#include "core/go-module.h"
#include "core/insn.h"
#include "core/language.h"
#include "core/modules.h"
#include "core/plan.h"
#include "core/stack.h"
#include "core/symbols.h"
#include "core/thread-name.h"
#include "core/unwind.h"
#include "util/text.h"

/* Everything that is remembered about one core. 200 threads with full symbols take some 10 MiB. */
#define ARENA_MAX GIB(1)
#define PROBLEMS_MAX 64u
#define PROBLEM_LENGTH_MAX 500u

void core_problem(struct core *core, const char *stage, const char *format, ...) {
	char buffer[PROBLEM_LENGTH_MAX], clean[PROBLEM_LENGTH_MAX];
	const char *message;
	va_list ap;

	va_start(ap, format);
	vsnprintf(buffer, sizeof(buffer), format, ap);
	va_end(ap);
	text_clean(buffer, strlen(buffer), clean, sizeof(clean));
	for (size_t i = 0; i < core->n_problems; i++)
		if (streq(core->problems[i].message, clean) && streq(core->problems[i].stage, stage))
			return;
	if (core->n_problems == PROBLEMS_MAX)
		return;
	if (!core->problems)
		core->problems = arena_alloc_array(core->arena, PROBLEMS_MAX, sizeof(*core->problems));
	message = arena_strdup(core->arena, clean);
	if (!core->problems || !message) {
		core->out_of_memory = true;
		return;
	}
	core->problems[core->n_problems++] = (struct problem){ stage, message };
}

/* The file's own bytes behind a mapping that cannot have changed since it was mapped. */
static int read_file(const struct core *core, const struct cw_mapping *m, uint64_t address, void *buffer, size_t length) {
	const struct module *module = module_of(core, m->module);
	uint64_t offset = m->file_offset + (address - m->start);
	size_t size = 0;
	const char *raw;

	if (!module || !module->elf || (m->perm & CW_PERM_WRITE) || module->fd < 0)
		return -EFAULT;
	raw = elf_rawfile(module->elf, &size);
	if (!raw || offset > size || length > size - offset)
		return -EFAULT;
	memcpy(buffer, raw + offset, length);
	return 0;
}

int core_read(struct core *core, uint64_t address, void *buffer, size_t length) {
	const struct cw_mapping *m;
	uint64_t end;

	if (image_read_again(core->image, address, buffer, length))
		return 0;
	if (!add_u64(address, length, &end))
		return -EFAULT;
	m = core_find_mapping(core, address);
	if (!m)
		return -EFAULT;
	if (address - m->start >= m->stored && end <= m->end)
		return read_file(core, m, address, buffer, length);
	return image_read(core->image, address, buffer, length) < 0 ? -EFAULT : 0;
}

int core_read_word(struct core *core, uint64_t address, uint64_t *ret_value) {
	uint64_t v = 0;

	if (core_read(core, address, &v, core->arch->word_bytes) < 0)
		return -EFAULT;
	*ret_value = v;
	return 0;
}

int core_read_u32(struct core *core, uint64_t address, uint32_t *ret_value) {
	return core_read(core, address, ret_value, sizeof(*ret_value));
}

/* uc_stack of the innermost signal frame at or above a physical frame: the alternate stack that this thread has. */
static bool find_alt(struct core *core, const struct unwind_thread *u, struct stack_alt *ret) {
	for (size_t i = 0; i < u->n_signals; i++) {
		uint64_t at = u->signals[i].ucontext + core->arch->ucontext_stack_offset;

		if (u->signals[i].ucontext && core_read_word(core, at, &ret->low) >= 0 &&
		    core_read_word(core, at + 2 * core->arch->word_bytes, &ret->size) >= 0 && ret->size > 0)
			return true;
	}
	return false;
}

static void bound_thread(struct core *core, size_t i, uint64_t sp) {
	struct cw_thread *t = &core->threads[i];
	struct stack_alt alt = {};
	bool have_alt = find_alt(core, &core->unwound[i], &alt);

	stack_find_bounds(core, t, sp, have_alt ? &alt : NULL, &t->stack);
}

/* Frames and what hangs on them; again after another pass over a stream, if memory was missed. */
static int load_stacks(struct core *core) {
	bool again = true;
	int r;

	while (again) {
		r = unwind_begin(core);
		/* Thread by thread, while its stack is at hand. */
		for (size_t i = 0; i < core->pub.n_threads && r >= 0; i++) {
			r = unwind_thread(core, i);
			if (r >= 0)
				bound_thread(core, i, core->threads[i].sp);
		}
		if (r < 0)
			return r;
		r = fault_reconstruct(core);
		if (r < 0)
			return r;
		bound_thread(core, 0, core->pub.fault->sp);
		r = plan_refetch(core, &again);
		if (r < 0)
			return r;
	}
	return 0;
}

static int load(struct core *core) {
	struct file_mapping *files = NULL;
	size_t n_files = 0;
	int r;

	core->arch = image_arch(core->image);
	core->pub.arch = core->arch->id;
	core->pub.word_bytes = core->arch->word_bytes;
	core->pub.address_space_limit = core->options.address_space_limit;
	r = notes_parse(core, &files, &n_files);
	if (r < 0)
		return r;
	r = modules_map(core, files, n_files);
	if (r < 0)
		return r;
	r = plan_fetch(core);
	if (r < 0)
		return r;
	/* A stream has learnt meanwhile how far it really goes. */
	for (size_t i = 0; i < core->pub.n_mappings; i++) {
		const struct segment *s = image_find_segment(core->image, core->mappings[i].start);
		core->mappings[i].stored = s ? s->stored : 0;
	}
	r = modules_open(core);
	if (r < 0)
		return r;
	r = symbols_new(core, &core->symbols);
	if (r < 0)
		return r;
	r = insn_decoder_new(core, &core->decoder);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		core_problem(core, "instructions", "instructions of this machine cannot be decoded: %s", strerror(-r));
	core->unwound = arena_alloc_array(core->arena, core->pub.n_threads, sizeof(*core->unwound));
	if (!core->unwound)
		return -ENOMEM;
	r = load_stacks(core);
	if (r < 0)
		return r;
	core->pub.truncated = image_truncated(core->image);
	if (core->pub.truncated)
		core_problem(core, "image", "the core is incomplete: it ends after %llu bytes%s%s, before its segments do",
		             (unsigned long long)image_bytes(core->image), image_problem(core->image) ? " of unpacked data: " : "",
		             image_problem(core->image) ?: "");
	return 0;
}

int core_load(int fd, const struct core_options *options, struct core **ret_core, const char **ret_reason) {
	_cleanup_(core_freep) struct core *core = NULL;
	struct arena *arena = NULL;
	int r;

	*ret_reason = "out of memory";
	r = arena_new(ARENA_MAX, &arena);
	if (r < 0)
		return r;
	core = arena_alloc(arena, sizeof(*core));
	if (!core) {
		arena_free(arena);
		return -ENOMEM;
	}
	core->arena = arena;
	core->options = *options;
	r = image_open(fd, arena, &core->image, ret_reason);
	if (r < 0)
		return r;
	*ret_reason = "out of memory";
	r = load(core);
	if (r < 0)
		return r;
	*ret_core = take_ptr(core);
	return 0;
}

void core_free(struct core *core) {
	if (!core)
		return;
	if (core->symbols)
		symbols_free(core->symbols);
	if (core->decoder)
		insn_decoder_free(core->decoder);
	for (size_t i = 0; i < core->pub.n_modules; i++) {
		go_module_free(core->modules[i].go);
		if (core->modules[i].cfi)
			cfi_free(core->modules[i].cfi);
	}
	modules_close(core);
	if (core->image)
		image_close(core->image);
	arena_free(core->arena); /* the core itself lies in it */
}

/* All pcs of all threads in one go, so that each module is looked through once. */
static size_t count_queries(const struct core *core) {
	size_t n = 0;

	for (size_t i = 0; i < core->pub.n_threads; i++)
		for (size_t k = 0; k < core->threads[i].n_frames; k++)
			n += MAX(core->threads[i].frames[k].n_cycle, (size_t)1);
	return n;
}

typedef void (*frame_visitor)(struct cw_frame *frame, struct symbol_query *query);

static void ask(struct cw_frame *frame, struct symbol_query *query) {
	*query = (struct symbol_query){ .pc = frame->pc, .exact = frame->exact_pc };
}

static void answer(struct cw_frame *frame, struct symbol_query *query) {
	frame->symbol = query->symbol;
}

static void visit(struct core *core, struct symbol_query *queries, frame_visitor visitor) {
	size_t n = 0;

	for (size_t i = 0; i < core->pub.n_threads; i++)
		for (size_t k = 0; k < core->threads[i].n_frames; k++) {
			struct cw_frame *f = (struct cw_frame *)(uintptr_t)&core->threads[i].frames[k];
			struct cw_frame *cycle = (struct cw_frame *)(uintptr_t)f->cycle;

			if (f->n_cycle == 0)
				visitor(f, &queries[n++]);
			for (size_t c = 0; c < f->n_cycle; c++)
				visitor(&cycle[c], &queries[n++]);
			if (f->n_cycle > 0)
				f->symbol = cycle[0].symbol;
		}
}

int core_symbolize(struct core *core) {
	size_t n = count_queries(core);
	struct symbol_query *queries = arena_alloc_array(core->arena, n, sizeof(*queries));
	struct account_memo accounts = {};
	int r;

	if (!queries)
		return -ENOMEM;
	visit(core, queries, ask);
	r = symbols_resolve(core, queries, n);
	if (r < 0)
		return r;
	visit(core, queries, answer);
	for (size_t i = 0; i < core->pub.n_threads; i++) {
		r = account_thread(core, &accounts, i, i == 0 ? core->pub.fault->frame_index : 0);
		if (r >= 0)
			r = stack_account(core, i);
		if (r < 0)
			return r;
	}
	language_of_program(core);
	for (bool again = true; again;) {
		r = thread_names(core);
		if (r >= 0)
			r = plan_refetch(core, &again);
		if (r < 0)
			return r;
	}
	return 0;
}
