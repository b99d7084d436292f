/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fingerprint, version 2: verdict, functions, program. Frames are taken from the fault on (a handler's frames say
 * nothing), the machinery of aborting, throwing and panicking is skipped, names are normalised (no arguments, no template
 * arguments, no hashes, no variant for one CPU), guessed frames are refused. A stack overflow is its cycle, rotated to the
 * least name first: mutual recursion dies at a random phase, and in a random leaf below it; where the recursion has no
 * fixed pattern, it is the functions that are on the stack again and again. Where no name is left, module and offset
 * stand in; of libraries without names only `build` knows. Two programs never share one: their functions' names may.
 */
#include "worker/fingerprint.h"

#include "util/text.h"

#define NAME_MAX_BYTES 256u
/* So many calls of one function on one stack are recursion. */
#define REPEATED_LEAST 16u

/* Functions between a bug and its end: skipped from the top. One that ends in '*' is a prefix, the others are whole names. */
static const char *const machinery[] = {
	"__pthread_kill*", "pthread_kill*", "raise", "gsignal", "abort", "__GI_*", "kill", "__assert_fail*", "__assert_perror_fail", "__libc_message*", "malloc_printerr", "_int_free*",
	"_int_malloc", "_int_realloc", "_int_memalign", "__libc_free", "__libc_malloc", "__fortify_fail*", "*_chk_fail", "__chk_fail", "__stack_chk_fail*", "free", "cfree", "malloc", "calloc",
	"realloc", "__cxa_*", "__gnu_cxx::*", "_Unwind_*", "std::terminate*", "std::__terminate*", "std::__glibcxx_assert*", "std::__throw_*", "operator new*", "operator delete*",
	"__interceptor_*", "__asan*", "__sanitizer*", "__lsan*", "__ubsan*", "__msan*", "__tsan*", "std::process::abort", "std::sys::*", "std::rt::*", "std::panicking::*", "std::panic::*",
	"core::panicking::*", "core::option::*", "core::result::*", "core::slice::*", "core::ops::function::*", "core::ub_checks*", "panic_abort::*", "__rust_*", "rust_panic*", "rust_begin_unwind",
	"alloc::*", "runtime.*", "syscall.*", "__restore_rt", "__kernel_*", "__rustc::*", "rust_eh_personality", "core::cell::panic*", "core::str::*", "std::alloc::*", "std::io::*",
	"__gxx_personality*", "__clang_call_terminate", "__gnu_unwind*", "g_assertion_message*", "g_log*", "g_abort", "g_logv", "__fdelt_*", "*_chk", "std::__1::__libcpp_verbose_abort*",
	"std::__libcpp_verbose_abort*", "std::__replacement_assert*", "os::abort", "VMError::*", "report_fatal", "report_vm_*", "report_java_*", "node::OOMErrorHandler", "node::Assert",
	"node::FatalError", "v8::Utils::Report*", "v8::internal::V8::Fatal*", "_Py_FatalError*", "Py_FatalError*", "fatal_error", "get_meta", "malloc_consolidate", "unlink_chunk*",
};

/* Where a thread begins: nothing below tells bugs apart. */
static const char *const bottoms[] = {
	"__libc_start*", "_start", "start_thread", "__clone*", "clone", "clone3", "std::sys::backtrace::__rust_begin_short_backtrace", "std::sys_common::backtrace::__rust_begin_short_backtrace",
	"std::rt::lang_start*", "std::thread::*", "runtime.goexit*", "runtime.main", "runtime.mstart*", "execute_native_thread_routine",
};

static bool matches_any(const char *name, const char *const *list, size_t n) {
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(list[i]);

		if (list[i][0] == '*' ? str_has_suffix(name, list[i] + 1) : list[i][length - 1] == '*' ? strncmp(name, list[i], length - 1) == 0 : streq(name, list[i]))
			return true;
	}
	return false;
}

static bool ends_with(const char *s, size_t n, const char *suffix) {
	size_t m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

static bool is_inside_character(char c) {
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Drops what stands in <> and () and everything behind the argument list; keeps `operator()`, `(anonymous namespace)` and Rust's leading `<X as Y>`. */
static const char *normalise(struct core *core, const char *name) {
	char out[NAME_MAX_BYTES];
	size_t n = 0;
	int angle = 0;
	bool rust = name[0] == '<';
	const char *p;

	for (p = name; *p && n + 1 < sizeof(out); p++) {
		static const char anonymous[] = "(anonymous namespace)";

		if (str_has_prefix(p, anonymous)) {
			p += sizeof(anonymous) - 2;
			continue;
		}
		bool operator = ends_with(out, n, "operator") || ends_with(out, n, "operator<");

		if (!rust && *p == '<' && p > name && !operator) {
			angle++;
			continue;
		}
		if (!rust && *p == '>' && angle > 0) {
			angle--;
			continue;
		}
		if (angle > 0)
			continue;
		if (*p == '(' && !ends_with(out, n, "operator"))
			break;
		out[n++] = *p;
	}
	/* The next byte belongs to the last character: records are UTF-8, so all of it goes. */
	if (n + 1 == sizeof(out) && is_inside_character(*p)) {
		while (n > 0 && is_inside_character(out[n - 1]))
			n--;
		n -= n > 0;
	}
	out[n] = 0;
	return arena_strdup(core->arena, out);
}

/* "__memcpy_avx512_unaligned_erms" is memcpy on one machine, and "__memcpy_sse2" on another. */
static const char *unify(struct core *core, const char *name) {
	static const char *const variants[] = { "_avx", "_evex", "_sse", "_erms", "_unaligned", "_asimd", "_sve", "_neon", "_generic", "_ssse", "_mops" };
	const char *cut = NULL;

	if (strncmp(name, "__", 2) != 0 || strchr(name, ':'))
		return name;
	for (size_t i = 0; i < ELEMENTSOF(variants); i++) {
		const char *at = strstr(name + 2, variants[i]);

		if (at && (!cut || at < cut))
			cut = at;
	}
	return cut ? arena_printf(core->arena, "%.*s", (int)(cut - name - 2), name + 2) : name;
}

struct entry {
	const char *name;
	const struct cw_frame *frame;
};

/* Offsets in a library of the system's change with every update of it. */
static bool is_system(const char *path) {
	static const char *const folders[] = { "/lib/", "/lib64/", "/lib32/", "/usr/lib/", "/usr/lib64/", "/usr/lib32/", "[" };

	for (size_t i = 0; i < ELEMENTSOF(folders); i++)
		if (str_has_prefix(path, folders[i]))
			return true;
	return false;
}

static const char *entry_name(struct core *core, const struct cw_frame *f) {
	const char *slash;

	if (f->symbol && f->symbol->at.function)
		return unify(core, normalise(core, f->symbol->at.function));
	if (!f->module || is_system(f->module->path))
		return NULL;
	slash = strrchr(f->module->path, '/');
	return arena_printf(core->arena, "%s+0x%llx", slash ? slash + 1 : f->module->path, (unsigned long long)(f->pc - f->module->bias));
}

static size_t least_rotation(const struct entry *e, size_t n) {
	size_t best = 0;

	for (size_t i = 1; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			int c = strcmp(e[(i + k) % n].name, e[(best + k) % n].name);
			if (c < 0)
				best = i;
			if (c != 0)
				break;
		}
	return best;
}

static size_t from_cycle(struct core *core, const struct cw_frame *cycle, struct entry *ret) {
	struct entry all[64];
	size_t turn = MIN(MAX(cycle->n_cycle, (size_t)1), ELEMENTSOF(all)), n = 0, kept = 0, first;

	for (size_t i = 0; i < turn; i++) {
		struct entry e = { .frame = cycle->n_cycle > 0 ? &cycle->cycle[i] : cycle };

		e.name = entry_name(core, e.frame);
		/* How often one calls itself within a turn depends on the data. */
		if (e.name && (n == 0 || !streq(all[n - 1].name, e.name)))
			all[n++] = e;
	}
	while (n > 1 && streq(all[n - 1].name, all[0].name))
		n--;
	if (n == 0)
		return 0;
	first = least_rotation(all, n);
	for (size_t i = 0; i < n && kept < FINGERPRINT_FRAMES; i++)
		ret[kept++] = all[(first + i) % n];
	return kept;
}

static int compare_entries(const void *a, const void *b) {
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* Recursion without a fixed pattern, a parser's: who is on the stack so often is the same wherever it ended. */
static size_t from_functions(struct core *core, struct entry *ret, struct cw_frame *frames) {
	const struct cw_thread *t = core->pub.crashed;
	uint64_t all = 0, repeated = 0;
	size_t n = 0;

	for (size_t i = 0; i < t->n_functions; i++) {
		all += t->functions[i].bytes;
		repeated += t->functions[i].count >= REPEATED_LEAST ? t->functions[i].bytes : 0;
	}
	for (size_t i = 0; repeated > all / 2 && i < t->n_functions && n < FINGERPRINT_FRAMES; i++) {
		const struct cw_function_use *u = &t->functions[i];

		if (u->count < REPEATED_LEAST || !u->symbol)
			continue;
		frames[n] = (struct cw_frame){ .pc = u->pc, .module = u->module, .symbol = u->symbol };
		ret[n] = (struct entry){ entry_name(core, &frames[n]), &frames[n] };
		n += ret[n].name != NULL;
	}
	qsort(ret, n, sizeof(*ret), compare_entries);
	return n;
}

/* An overflow that is no recursion ends in a random leaf; its largest frame is what stays. Returns that frame's index. */
static uint32_t largest_frame(const struct core *core) {
	const struct cw_thread *t = core->pub.crashed;
	uint32_t index = core->pub.fault->frame_index;
	int64_t most = 0;

	for (size_t i = 0; i < t->n_frames; i++)
		if (t->frames[i].index >= core->pub.fault->frame_index && t->frames[i].n_cycle == 0 && t->frames[i].bytes > most) {
			most = t->frames[i].bytes;
			index = t->frames[i].index;
		}
	return index;
}

static size_t from_frames(struct core *core, uint32_t first, struct entry *ret) {
	const struct cw_thread *t = core->pub.crashed;
	bool skipping = true;
	size_t n = 0;

	for (size_t i = 0; i < t->n_frames && n < FINGERPRINT_FRAMES; i++) {
		const struct cw_frame *f = &t->frames[i];
		const char *name;

		if (f->index < first || f->signal_frame)
			continue;
		if (f->trust == CW_TRUST_SCAN)
			break;
		name = entry_name(core, f);
		if (!name)
			continue;
		if (matches_any(name, bottoms, ELEMENTSOF(bottoms)))
			break;
		if (skipping && matches_any(name, machinery, ELEMENTSOF(machinery)))
			continue;
		skipping = false;
		if (n > 0 && streq(ret[n - 1].name, name))
			continue;
		ret[n++] = (struct entry){ name, f };
	}
	return n;
}

/* "app" of "/usr/bin/app": where it is installed is not part of a bug. */
static const char *program_name(const struct core *core) {
	const char *path = core->pub.executable ?: core->pub.command, *slash = path ? strrchr(path, '/') : NULL;

	return slash && slash[1] ? slash + 1 : path ?: "?";
}

int fingerprint_make(struct core *core, const char *verdict, const char *culprit, struct fingerprint *ret_fingerprint) {
	_cleanup_(hash_freep) struct hash *id = NULL, *build = NULL;
	const struct cw_thread *t = core->pub.crashed;
	struct fingerprint p = { .algorithm = "2" };
	struct entry entries[FINGERPRINT_FRAMES];
	struct cw_frame functions[FINGERPRINT_FRAMES];
	bool overflow = verdict && streq(verdict, "stack-overflow");
	const char *kind = verdict ? verdict : core->pub.fault->signal.name;
	size_t n = 0;

	if (hash_new(&id) < 0 || hash_new(&build) < 0)
		return -ENOMEM;
	if (overflow && t->cycle)
		n = from_cycle(core, t->cycle, entries);
	if (n == 0 && overflow && !t->cycle)
		n = from_functions(core, entries, functions);
	if (n == 0)
		n = from_frames(core, overflow ? largest_frame(core) : core->pub.fault->frame_index, entries);
	p.basis[p.n_basis++] = kind;
	hash_add_string(id, p.algorithm);
	hash_add_string(id, kind);
	hash_add_string(build, p.algorithm);
	hash_add_string(build, kind);
	/* A runtime that ends a program on a stack of its own leaves no frame of the program's. */
	if (culprit && (n == 0 || !entries[0].frame->symbol)) {
		const char *name = normalise(core, culprit);

		n = 0;
		hash_add_string(id, name);
		hash_add_string(build, name);
		p.basis[p.n_basis++] = name;
	}
	for (size_t i = 0; i < n; i++) {
		const struct cw_module *m = entries[i].frame->module;

		hash_add_string(id, entries[i].name);
		hash_add_string(build, m && m->build_id ? m->build_id : m ? m->path : NULL);
		hash_add_u64(build, m ? entries[i].frame->pc - m->bias : 0);
		p.basis[p.n_basis++] = entries[i].name;
	}
	hash_add_string(id, program_name(core));
	hash_add_string(build, program_name(core));
	p.basis[p.n_basis++] = program_name(core);
	hash_finish(id, p.id);
	hash_finish(build, p.build);
	*ret_fingerprint = p;
	return 0;
}
