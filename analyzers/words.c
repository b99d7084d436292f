/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See words.h. Lists of names are prefixes of what the runtimes of today call their functions; a name that is missing
 * costs a less exact culprit, no wrong verdict. */
#include "words.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "abort-call.h"

/* One frame's bytes that are worth looking through: AddressSanitizer's report has 3 KiB. */
#define FRAME_BYTES_MAX 65536
/* Text that is read in one go. */
#define TEXT_BYTES_MAX 4000

void words_stack_init(struct words_stack *stack, const struct cw_core *core, const struct cw_thread *thread) {
	*stack = (struct words_stack){ .core = core, .thread = thread };
	for (size_t i = 0; i < thread->n_frames; i++) {
		const struct cw_frame *f = &thread->frames[i];

		if (f->n_cycle == 0 && stack->n < WORDS_FRAMES_MAX)
			stack->frames[stack->n++] = f;
		for (size_t k = 0; k < f->n_cycle && stack->n < WORDS_FRAMES_MAX; k++)
			stack->frames[stack->n++] = &f->cycle[k];
	}
}

bool words_aborted_itself(const struct cw_core *core) {
	const struct cw_signal *s = &core->fault->signal;

	return s->number == SIGABRT && !(s->has_sender && s->sender_pid != core->pid);
}

bool words_match(const char *function, const char *const *names) {
	for (; function && *names; names++) {
		size_t n = strlen(*names);

		if ((*names)[n - 1] == '*' ? strncmp(function, *names, n - 1) == 0 : strcmp(function, *names) == 0)
			return true;
	}
	return false;
}

const char *words_function(const struct cw_frame *frame) {
	return frame->symbol ? frame->symbol->at.function : NULL;
}

size_t words_find(const struct words_stack *stack, size_t from, const char *const *names) {
	for (size_t i = from; i < stack->n; i++) {
		const struct cw_symbol *s = stack->frames[i]->symbol;

		if (words_match(words_function(stack->frames[i]), names))
			return i;
		for (size_t k = 0; s && k < s->n_inlined; k++)
			if (words_match(s->inlined[k].function, names))
				return i;
	}
	return stack->n;
}

const char *words_thread(const struct cw_core *core, const struct cw_thread *thread) {
	return thread->name ? thread->name : cw_format(core, "%d", (int)thread->id);
}

const char *words_base_name(const char *path) {
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path;
}

enum cw_confidence words_trust(const struct words_stack *stack, size_t frame, enum cw_confidence confidence) {
	for (size_t i = 0; i <= frame && i < stack->n; i++)
		if (stack->frames[i]->trust == CW_TRUST_SCAN && confidence > CW_LIKELY)
			confidence = CW_LIKELY;
	return confidence;
}

static bool is_runtime_module(const struct cw_module *module) {
	static const char *const names[] = { "libc.so*", "libc-*", "libc.musl*", "ld-linux*", "ld-musl*", "ld-2.*",
		"libpthread*", "libm.so*", "libdl*", "librt*", "libstdc++*", "libc++*", "libgcc_s*", "libunwind*",
		"libasan*", "libubsan*", "libtsan*", "liblsan*", "libhwasan*", "libclang_rt*", "libstd-*", "[vdso]",
		"[vsyscall]", NULL };

	return module && !module->is_executable && words_match(words_base_name(module->path), names);
}

/* How many characters at p are an operator's own, after the word "operator": "<<=" is neither brackets nor arguments. */
static size_t operator_length(const char *p) {
	static const char *const operators[] = { "<=>", "<<=", ">>=", "->*", "()", "<<", ">>", "<=", ">=", "->", "<", ">" };

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (strncmp(p, operators[i], strlen(operators[i])) == 0)
			return strlen(operators[i]);
	return 0;
}

/* Template functions have their return type before the name: a std::string that a program's own function returns makes that
 * function nobody else's. */
static const char *behind_return_type(const char *function) {
	const char *begin = function;
	size_t depth = 0;

	for (const char *s = function; *s; s++) {
		if (*s == '(' && depth == 0 && strncmp(s, "(anonymous namespace)", 21) != 0 && strncmp(function, "decltype", 8) != 0)
			return begin;
		if (s - function >= 8 && strncmp(s - 8, "operator", 8) == 0 && operator_length(s) > 0)
			s += operator_length(s) - 1;
		else if (*s == '<' || *s == '(')
			depth++;
		else if ((*s == '>' || *s == ')') && depth > 0)
			depth--;
		else if (*s == ' ' && depth == 0 && !(s - begin >= 8 && memmem(begin, (size_t)(s - begin), "operator", 8)))
			begin = s + 1;
	}
	return function;
}

/* Runtimes that are linked into the program itself, or inlined in its functions. */
static bool is_runtime_name(const char *function) {
	static const char *const names[] = { "std::*", "core::*", "alloc::*", "<std::*", "<core::*", "<alloc::*",
		"<&dyn core::*", "__rustc::*", "__rust*", "rust_begin_unwind", "rust_panic*", "__gnu_cxx::*",
		"__cxxabiv1::*", "__cxa_*", "_Unwind_*", "__gxx_*", "__clang_call_terminate", "operator new*",
		"operator delete*", "decltype*", "runtime.*", "syscall.*", "_rt0_*", "_cgo_*", "_start", "__libc_*", "__GI_*",
		"__pthread_*", "abort", "raise", "gsignal", "pthread_kill", "__assert*", "__stack_chk_fail*",
		"__fortify_fail*", "__chk_fail", "clone", "clone3", "start_thread", "free", "malloc", "calloc",
		"realloc", "g_free", "g_realloc", "g_malloc*", "__interceptor_*", "__asan::*", "__asan_*", "__ubsan*", "__tsan*", "__msan*", "__lsan*",
		"__sanitizer*", "g_assertion_message*", "g_abort",
		"_Py*", "PyObject_*", "PyEval_*", "PyRun_*", "PyType_*", "PyNumber_*", "Py_*", "v8::*", "node::*", "Builtins_*", NULL };

	return words_match(behind_return_type(function), names);
}

static bool is_runtime_file(const char *file) {
	static const char *const files[] = { "/rustc/*", "/usr/src/rustc*", "library/std/*", "library/core/*",
		"library/alloc/*", "/usr/include/*", "/usr/local/go/src/*", "/usr/lib/go*", "/usr/lib/gcc*",
		"/usr/lib/llvm*", "/usr/lib/clang*", NULL };

	return words_match(file, files);
}

bool words_is_own(const struct cw_location *at) {
	/* Code without a line is the compiler's own, and the file that the line table has for it anybody's. */
	return at->function && !is_runtime_name(at->function) && !(at->line > 0 && is_runtime_file(at->file));
}

const struct cw_location *words_own_location(const struct cw_symbol *symbol) {
	for (size_t i = 0; symbol && i < symbol->n_inlined; i++)
		if (words_is_own(&symbol->inlined[i]))
			return &symbol->inlined[i];
	return symbol && words_is_own(&symbol->at) ? &symbol->at : NULL;
}

bool words_is_system(const struct cw_module *module) {
	static const char *const paths[] = { "/lib/*", "/lib64/*", "/lib32/*", "/usr/lib/*", "/usr/lib64/*", "/usr/lib32/*",
		"/usr/libx32/*", "/usr/libexec/*", "/usr/local/lib/*", "[*", NULL };

	return module && !module->is_executable && words_match(module->path, paths);
}

bool words_is_runtime(const struct cw_frame *f) {
	if (is_runtime_module(f->module) || f->signal_frame || !f->module)
		return true;
	if (!f->symbol || !f->symbol->at.function)
		return false;
	return !words_own_location(f->symbol);
}

/* The function that the call before a return address names, where that is not the one that was found running: it jumped
 * on at its end and left no frame. */
static bool find_tail_call(const struct words_stack *stack, size_t frame, struct words_place *place) {
	const struct cw_frame *caller = stack->frames[frame], *callee = frame > 0 ? stack->frames[frame - 1] : NULL;
	const struct cw_symbol *symbol;
	uint64_t target;

	if (!callee || !callee->symbol || caller->exact_pc || caller->trust != CW_TRUST_CFI ||
	    !abort_call_target(stack->core, caller->pc, &target))
		return false;
	symbol = cw_symbolize(stack->core, target, true);
	if (!symbol || symbol->start != target || symbol->start == callee->symbol->start ||
	    !words_is_own(&symbol->at) || cw_find_module(stack->core, target) != caller->module)
		return false;
	place->function = symbol->at.function;
	place->file = symbol->at.file;
	place->line = symbol->at.line;
	place->tail_called = true;
	return true;
}

static void describe(const struct cw_core *core, struct words_place *place) {
	const char *text = NULL;

	place->function = words_bare(core, place->function);
	if (place->function && place->file && place->line > 0)
		text = cw_format(core, "%s() (%s:%u)", place->function, words_base_name(place->file), place->line);
	else if (place->function)
		text = cw_format(core, "%s()", place->function);
	else if (place->frame->module)
		text = cw_format(core, "code at 0x%" PRIx64 " in %s", place->frame->pc - place->frame->module->bias,
		    words_base_name(place->frame->module->path));
	place->text = text ? text : "?";
}

bool words_find_place(const struct words_stack *stack, size_t from, struct words_place *ret_place) {
	size_t i = from;
	struct words_place place = {};
	const struct cw_symbol *s;

	while (i < stack->n && words_is_runtime(stack->frames[i]))
		i++;
	if (i == stack->n)
		return false;
	place.frame = stack->frames[i];
	place.scanned = words_trust(stack, i, CW_CERTAIN) != CW_CERTAIN;
	s = place.frame->symbol;
	if (!find_tail_call(stack, i, &place) && s) {
		const struct cw_location *at = &s->at;

		for (size_t k = 0; k < s->n_inlined; k++)
			if (words_is_own(&s->inlined[k])) {
				at = &s->inlined[k];
				break;
			}
		place.function = at->function;
		place.file = at->file;
		place.line = at->line;
	}
	describe(stack->core, &place);
	*ret_place = place;
	return true;
}

const char *group_digits(uint64_t value, char *buffer) {
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, value), k = 0;

	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			buffer[k++] = ' ';
		buffer[k++] = digits[i];
	}
	buffer[k] = 0;
	return buffer;
}

const char *words_bare(const struct cw_core *core, const char *function) {
	char out[512];
	size_t n = 0, angle = 0;

	if (!function)
		return NULL;
	function = behind_return_type(function);
	/* Rust's "<X as Y>::z" keeps its brackets; elsewhere <…> goes, and the first '(' ends the name, but for
	 * "(anonymous namespace)" and "operator()". */
	for (const char *p = function; *p && n + 24 < sizeof(out); p++) {
		bool after_operator = n >= 8 && strncmp(out + n - 8, "operator", 8) == 0, rust = function[0] == '<';

		if (after_operator && angle == 0 && operator_length(p) > 0) {
			size_t length = operator_length(p);

			memcpy(out + n, p, length);
			n += length;
			p += length - 1;
		} else if (strncmp(p, "[abi:", 5) == 0 && strchr(p, ']')) {
			p = strchr(p, ']'); /* a tag for linking, not part of the name */
		} else if (strncmp(p, "(anonymous namespace)", 21) == 0) {
			memcpy(out + n, p, 21);
			n += 21;
			p += 20;
		} else if (*p == '<' && !rust) {
			angle++;
		} else if (*p == '>' && angle > 0) {
			angle--;
		} else if (*p == '(' && angle == 0 && !rust && function != p) {
			/* Go's methods: main.(*Server).Run */
			if (p[-1] != '.')
				break;
			out[n++] = *p;
		} else if (angle == 0) {
			out[n++] = *p;
		}
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = 0;
	for (char *twice; (twice = strstr(out, "::::")) != NULL;)
		memmove(twice, twice + 2, strlen(twice + 2) + 1);
	return cw_format(core, "%s", out);
}

bool words_frame_bytes(const struct words_stack *stack, size_t frame, uint64_t *ret_low, uint64_t *ret_high) {
	uint64_t low, high;

	if (frame >= stack->n || !stack->frames[frame]->has_cfa || (frame > 0 && !stack->frames[frame - 1]->has_cfa))
		return false;
	low = frame > 0 ? stack->frames[frame - 1]->cfa : stack->thread->sp;
	high = stack->frames[frame]->cfa;
	if (low >= high || high - low > FRAME_BYTES_MAX)
		return false;
	*ret_low = low;
	*ret_high = high;
	return true;
}

static bool is_text(const unsigned char *s, size_t n) {
	size_t i = 0;

	while (i < n) {
		size_t more = s[i] < 0x80   ? 0
		    : (s[i] & 0xe0) == 0xc0 ? 1
		    : (s[i] & 0xf0) == 0xe0 ? 2
		    : (s[i] & 0xf8) == 0xf0 ? 3
					    : SIZE_MAX;

		if (more == SIZE_MAX || more > n - i - 1 ||
		    (more == 0 && (s[i] == 0x7f || (s[i] < ' ' && s[i] != '\n' && s[i] != '\t'))))
			return false;
		for (size_t k = 1; k <= more; k++)
			if ((s[i + k] & 0xc0) != 0x80)
				return false;
		i += more + 1;
	}
	return n > 0;
}

const char *words_read_text(const struct cw_core *core, uint64_t address, uint64_t length) {
	char buffer[TEXT_BYTES_MAX];

	if (length == 0 || length >= sizeof(buffer) || cw_read(core, address, buffer, (size_t)length) < 0 ||
	    !is_text((unsigned char *)buffer, (size_t)length))
		return NULL;
	for (size_t i = 0; i < length; i++)
		if (buffer[i] == '\n' || buffer[i] == '\t')
			buffer[i] = ' ';
	while (length > 0 && buffer[length - 1] == ' ')
		length--;
	return length > 0 ? cw_format(core, "%.*s", (int)length, buffer) : NULL;
}

const char *words_read_string(const struct cw_core *core, uint64_t address, size_t max) {
	size_t n = 0;
	char c;

	for (; n < max && n < TEXT_BYTES_MAX; n++) {
		if (cw_read(core, address + n, &c, 1) < 0)
			return NULL;
		if (c == 0)
			return words_read_text(core, address, n);
	}
	return NULL;
}

bool words_is_constant(const struct cw_core *core, uint64_t address) {
	const struct cw_mapping *m = cw_find_mapping(core, address);

	return m && m->module && !(m->perm & CW_PERM_WRITE);
}

void words_add_place(struct cw_finding *finding, const struct words_place *place) {
	cw_fact_string(finding, "culprit", place->function);
	if (place->tail_called)
		cw_finding_evidence(finding, "%s was called from frame %u, and ended by jumping into the runtime",
		    place->text, place->frame->index);
	else
		cw_finding_evidence(finding, "the first frame that is not the runtime's is %s (frame %u%s)",
		    place->text, place->frame->index, place->scanned ? ", found by scanning the stack" : "");
	if (place->file && place->line > 0) {
		cw_fact_string(finding, "file", place->file);
		cw_fact_integer(finding, "line", place->line);
	}
}

bool words_add_space(const struct cw_core *core, struct cw_finding *f) {
	uint64_t mapped = 0, limit = core->address_space_limit;
	char a[32], b[32], c[32];

	if (limit == 0)
		return false;
	for (size_t i = 0; i < core->n_mappings; i++)
		mapped += core->mappings[i].end - core->mappings[i].start;
	if (mapped > limit)
		return false;
	cw_finding_evidence(f, "RLIMIT_AS is %s bytes, and the %zu mappings of the core are %s bytes: no allocation of more than %s bytes could succeed",
	    group_digits(limit, a), core->n_mappings, group_digits(mapped, b), group_digits(limit - mapped, c));
	cw_fact_string(f, "limit", "RLIMIT_AS");
	cw_fact_integer(f, "limit_bytes", limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
	cw_fact_integer(f, "mapped_bytes", mapped > INT64_MAX ? INT64_MAX : (int64_t)mapped);
	cw_finding_suggest(f, "raise-limit", "ulimit -v unlimited",
	    "the address space of the process is limited to %s bytes, of which %s are mapped: if it may need more, raise LimitAS= in its unit, or the limit of the shell that starts it",
	    group_digits(limit, a), group_digits(mapped, b));
	return true;
}
