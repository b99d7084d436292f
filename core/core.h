/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The core as core/ itself sees it: what analyzers see (struct cw_core), plus where it came from.
 * All of it lives in one arena. Files of this folder fill in their part, in the order of core_load(); analyzers only ever get &core->pub.
 */
#pragma once

#include <gelf.h>

#include "core/arch.h"
#include "core/image.h"
#include "corewatch/analyzer.h"
#include "util/arena.h"

struct symbols; /* symbols.c */
struct insn_decoder; /* insn.c */
struct cfi;     /* cfi.c */
struct unwind_thread; /* unwind.h */
struct go_module; /* go-module.h */

/* A module beyond what analyzers see. modules[i] belongs to pub.modules[i]. */
struct module {
	struct cw_module *info;
	Elf *elf;              /* the verified file (or, for the vdso, the core's own bytes); NULL: no file to be had */
	int fd;                /* behind elf, or -EBADF */
	uint64_t file_bytes;   /* its size */
	bool root_owned;       /* file owned by root and not writable by others */
	struct cfi *cfi;       /* loaded on first use */
	bool cfi_tried;
	void *symbols;         /* symbols.c's own, loaded on first use */
	struct go_module *go;  /* Go's own table, loaded on first use */
	bool go_tried;
	uint64_t tls_bytes;    /* of its thread-local variables (PT_TLS), rounded up to their alignment */
};

/* A signal frame met while unwinding a thread. */
struct signal_context {
	uint32_t frame_index;   /* physical index of the signal frame; the interrupted frame is the next */
	uint64_t siginfo;       /* address of siginfo_t, 0 if the frame has none (old-style frames) */
	uint64_t ucontext;      /* address of ucontext_t */
	uint64_t registers[ARCH_MAX_REGISTERS]; /* of the interrupted code */
};

struct problem {
	const char *stage;      /* "image", "notes", "modules", "unwind", "symbols", "fault", … */
	const char *message;
};

/* What the caller knows and the core does not. Strings may be NULL; borrowed for the core's lifetime. */
struct core_options {
	const char *executable;     /* --exe: file to use for the program instead of the mapped path */
	bool has_stack_limit;
	uint64_t stack_limit;       /* soft RLIMIT_STACK of the process; UINT64_MAX unlimited */
	uint64_t address_space_limit; /* soft RLIMIT_AS; 0: none, or unknown */
	const char *thread_name;    /* of the crashed thread, where the journal has it (systemd ≥ 261) */
	const char *debug_dirs;     /* colon-separated; NULL: /usr/lib/debug */
	int cache_fd;               /* folder for the symbol cache, or -EBADF */
	uint64_t cache_max;         /* bytes of all files in it; 0: no cache */
	bool has_fetched;
	int fetched_fd;             /* if has_fetched: folder of files that were fetched by build-id (util/fetched.h) */
};

struct core {
	struct cw_core pub;     /* first member: analyzers' pointer is ours */
	struct arena *arena;
	struct core_options options;
	struct image *image;
	const struct arch *arch;

	struct cw_thread *threads;    /* pub.threads, writable */
	struct unwind_thread *unwound; /* per thread, same order: unwind.c's own */
	size_t glibc_record_at;         /* where the last thread's stackblock was found; 0: nowhere (stack.c) */
	struct unwind_memo *unwind_memo;
	struct cw_module *module_infos; /* pub.modules, writable */
	struct module *modules;
	struct cw_mapping *mappings;  /* pub.mappings, writable */
	struct signal_context *signal_contexts; /* of the crashed thread, innermost first */
	size_t n_signal_contexts;
	uint64_t code_mask;           /* bits of a code pointer that may hold an authentication code; 0: none */

	/* from NT_AUXV, 0 if absent */
	uint64_t at_random, at_execfn, at_sysinfo_ehdr, at_minsigstksz, at_phdr, at_entry, at_pagesz, at_secure;
	size_t auxv_bytes, auxv_random; /* length of the vector with its AT_NULL; where AT_RANDOM stands in it */

	struct symbols *symbols;
	struct insn_decoder *decoder;

	struct problem *problems;
	size_t n_problems;
	uint32_t frames_max;    /* of one thread, by what the core stores; 0: not counted yet */
	unsigned refetches;     /* passes over a stream after the planned one */
	bool out_of_memory;
};

static inline struct core *core_of(const struct cw_core *pub) {
	return (struct core *)(uintptr_t)pub;
}

/*
 * Reads the core on fd (borrowed) up to and including frames, fault and bounds; symbols are looked up by symbols_resolve() later or as asked for.
 * 0; -ENOEXEC, -EOPNOTSUPP, -EISDIR, -ENODATA (empty): nothing to analyse, *ret_reason (in no arena, static) says why; -ENOMEM.
 * Anything less becomes a problem. Free with core_free().
 */
int core_load(int fd, const struct core_options *options, struct core **ret_core, const char **ret_reason);
void core_free(struct core *core);
/* Symbols of all frames of all threads, stack bytes by function, names of threads. 0 or -ENOMEM. */
int core_symbolize(struct core *core);
DEFINE_CLEANUP(struct core *, core_free);

/* Notes that a part failed; cleaned, capped in number and length, equal ones once. */
void core_problem(struct core *core, const char *stage, const char *format, ...) _printf_(3, 4);

/* Memory of the process: the core's bytes first, else the unchanged file behind a private mapping. 0 or -EFAULT. */
int core_read(struct core *core, uint64_t address, void *buffer, size_t length);
int core_read_word(struct core *core, uint64_t address, uint64_t *ret_value);
int core_read_u32(struct core *core, uint64_t address, uint32_t *ret_value);

const struct cw_mapping *core_find_mapping(const struct core *core, uint64_t address);
struct module *core_find_module(const struct core *core, uint64_t address);
static inline struct module *module_of(const struct core *core, const struct cw_module *info) {
	return info ? &core->modules[info - core->module_infos] : NULL;
}
