/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of threads. The kernel keeps them and leaves them out of the core, so they are looked for where the program itself has them:
 *
 *  - the journal, where systemd-coredump tells it (core_options.thread_name);
 *  - Rust's own handle of the thread (thread-name-rust.c);
 *  - the call that named the thread: a thread that names itself does so in one of its outermost functions, which are still on the stack. Their code is walked from the start up to
 *    the call of pthread_setname_np() or prctl(PR_SET_NAME) (thread-name-walk.c);
 *  - a thread that was never named has its process's name. Where libraries can name threads without leaving a trace, as the
 *    JVM does with each of its own, none of this is known: no name is better than another thread's.
 * The initial thread is "main".
 */
#include "core/thread-name.h"

#include "core/symbols.h"
#include "core/thread-name-private.h"
#include "core/thread-name-walk.h"

/* The thread's entry function and what a language's runtime puts around it: at most so many outermost frames. */
#define OUTER_FRAMES 14u

static bool is_c_library(const struct module *m) {
	const char *slash = strrchr(m->info->path, '/'), *base = slash ? slash + 1 : m->info->path;

	return str_has_prefix(base, "libc.so") || str_has_prefix(base, "libc-") || str_has_prefix(base, "libpthread") ||
	       str_has_prefix(base, "ld-musl") || str_has_prefix(base, "libc.musl");
}

static const char *name_on_stack(struct core *core, struct name_walk *walk, const struct cw_thread *t) {
	const char *name = NULL;
	size_t first = t->n_frames > OUTER_FRAMES ? t->n_frames - OUTER_FRAMES : 0;

	/* From the outermost in: an inner call came later and has the last word. */
	for (size_t i = t->n_frames; i-- > first;) {
		const struct cw_frame *f = &t->frames[i];
		const struct module *m = module_of(core, f->module);

		/* The C library starts threads and names none. */
		if (!f->symbol || !m || f->n_cycle > 0 || f->signal_frame || f->exact_pc || (!m->info->is_executable && is_c_library(m)))
			continue;
		name = name_walk_function(walk, f) ?: name;
	}
	return name;
}

static size_t find_namers(struct core *core, struct namer ret[static NAMERS_MAX]) {
	static const struct { const char *name; bool is_prctl; } wanted[] = { { "pthread_setname_np", false }, { "prctl", true } };

	size_t n = 0;

	if (core->arch->id != CW_ARCH_X86_64 || !core->decoder)
		return 0;
	for (size_t i = 0; i < core->pub.n_modules; i++) {
		struct module *m = &core->modules[i];

		/* The C library, or the program itself where it is linked in. */
		if (!m->info->is_executable && !is_c_library(m))
			continue;
		for (size_t k = 0; k < ELEMENTSOF(wanted) && n < NAMERS_MAX; k++) {
			uint64_t address;
			if (symbols_find(core, m, wanted[k].name, &address) >= 0)
				ret[n++] = (struct namer){ address, wanted[k].is_prctl };
		}
	}
	return n;
}

/* Undefined symbols that are looked through; browsers have about ten thousand. */
#define IMPORTS_MAX 65536u

static bool imports(Elf *elf, const char *wanted) {
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(elf, section))) {
		Elf_Data *data = gelf_getshdr(section, &header) && header.sh_type == SHT_DYNSYM ? elf_getdata(section, NULL) : NULL;
		GElf_Sym symbol;

		for (int i = 0; data && i < (int)IMPORTS_MAX && gelf_getsym(data, i, &symbol); i++) {
			const char *name = symbol.st_shndx == SHN_UNDEF ? elf_strptr(elf, header.sh_link, symbol.st_name) : NULL;

			if (name && streq(name, wanted))
				return true;
		}
	}
	return false;
}

/* Whether a thread without a known name may have one all the same. Rust's library keeps the names that it gives where they can be found. */
static bool may_be_named(struct core *core, bool rust) {
	for (size_t i = 0; i < core->pub.n_modules; i++) {
		struct module *m = &core->modules[i];
		const char *slash = strrchr(m->info->path, '/'), *base = slash ? slash + 1 : m->info->path;

		/* HotSpot finds the function by dlsym(). */
		if (streq(base, "libjvm.so"))
			return true;
		if (m->elf && !(rust && m->info->is_executable) && !is_c_library(m) && imports(m->elf, "pthread_setname_np"))
			return true;
	}
	return false;
}

int thread_names(struct core *core) {
	_cleanup_(name_walk_freep) struct name_walk *walk = NULL;
	bool others = core->pub.n_threads > 1 || !core->threads[0].is_main, rust = false;
	struct namer namers[NAMERS_MAX];
	const char *unnamed = core->pub.command;
	size_t n_namers;
	int r;

	if (others) {
		n_namers = find_namers(core, namers);
		r = n_namers > 0 ? name_walk_new(core, namers, n_namers, &walk) : 0;
		if (r < 0)
			return r;
		rust = is_rust_program(core);
		if (may_be_named(core, rust))
			unnamed = NULL;
	}
	for (size_t i = 0; i < core->pub.n_threads; i++) {
		struct cw_thread *t = &core->threads[i];

		if (t->n_registers == 0)
			continue;
		if (t->is_main)
			t->name = "main";
		else if (t->crashed && core->options.thread_name)
			t->name = arena_strndup(core->arena, core->options.thread_name, COMM_BYTES * 3);
		else
			t->name = (walk ? name_on_stack(core, walk, t) : NULL) ?: (rust ? thread_name_rust(core, t) : NULL) ?: unnamed;
	}
	return 0;
}
