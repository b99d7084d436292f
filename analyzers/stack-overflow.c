/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Did the thread run out of stack? The one feature that decides is the stack pointer against the thread's own stack bounds: a fault address near SP alone proves nothing (a
 * corrupted SP looks the same), and neither does a fault in some guard page (a stray write hits those too). The rules are tried from the surest on; each names what it rests on.
 * What took the stack, and what to do, is in stack-overflow-story.c and stack-overflow-suggest.c.
 */
#include "stack-overflow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SIGBUS_NUMBER 7
#define SIGSEGV_NUMBER 11
/* How far above the end of its stack SP may be for an access that goes with it to have hit the guard, and the smallest signal frame that the
 * kernel writes plus the red zone that it leaves alone. */
static const struct machine {
	unsigned reach, signal_frame_least;
} machines[] = {
	/* A push or call touches one word below SP, a leaf function up to the red zone's 128 bytes; 8 more for the word itself. */
	[CW_ARCH_X86_64] = { 136, 440 + 128 },
	[CW_ARCH_I386] = { 136, 440 + 128 },
	/* A pre-indexed pair of vector registers reaches 1024 bytes; 4096 bytes are reserved for extended state. */
	[CW_ARCH_AARCH64] = { 1024, 4688 },
};
/* The kernel keeps the main stack this far from any mapping below it (stack_guard_gap, 256 pages). */
#define STACK_GAP (256 * 4096u)
/* Probes of -fstack-check=generic reach this far below SP. */
#define PROBE_REACH (64u << 10)
/* What every thread of the C library has at the top of its stack; more is the program's. */
#define TLS_USUAL (64u << 10)
/* A frame that jumps further than this below its stack is taken for a corrupted SP instead; unless its function makes
 * room of any size (alloca, VLA), whose length of 32 bits may have wrapped around. */
#define JUMP_MAX (UINT64_C(2) << 30)
#define JUMP_MAX_VARIABLE ((UINT64_C(4) << 30) + (UINT64_C(64) << 20))

/* Whether memory that could be accessed lies in [low, high). */
static bool accessible_between(const struct cw_core *core, uint64_t low, uint64_t high) {
	for (size_t i = 0; i < core->n_mappings; i++) {
		const struct cw_mapping *m = &core->mappings[i];

		if (m->end > low && m->start < high && m->perm != 0)
			return true;
	}
	return false;
}

static bool in_guard(const struct cw_stack *s, uint64_t address) {
	return s->has_guard && s->guard_bytes > 0 && address < s->low && s->low - address <= s->guard_bytes;
}

/* The faulting access goes through the stack pointer. */
static bool uses_stack_pointer(const struct cw_fault *f) {
	const struct cw_instruction *i = f->instruction;

	for (size_t k = 0; i && k < i->n_operands; k++)
		if (i->operands[k].is_memory && i->operands[k].base &&
		    (strcmp(i->operands[k].base, "rsp") == 0 || strcmp(i->operands[k].base, "esp") == 0 || strcmp(i->operands[k].base, "sp") == 0))
			return true;
	return false;
}

static bool touches(const struct cw_fault *f, uint64_t address) {
	const struct cw_instruction *i = f->instruction;

	for (size_t k = 0; i && k < i->n_operands; k++)
		if (i->operands[k].has_address && address - i->operands[k].address < 64)
			return true;
	return false;
}

static bool claim(struct overflow *o, enum cw_confidence confidence, const char *rule) {
	o->confidence = confidence;
	o->rule = rule;
	return true;
}

/* The guard below a stack of known bounds was hit, and SP is down there too. */
static bool rule_guard(const struct machine *machine, const struct cw_fault *f, const struct cw_stack *s, struct overflow *o) {
	if (!f->has_address || !in_guard(s, f->address))
		return false;
	if (f->sp <= s->low + machine->reach && f->sp + JUMP_MAX >= s->low)
		return claim(o, CW_CERTAIN, "the access hit the guard of the thread's own stack, and SP has reached the end of that stack");
	if (uses_stack_pointer(f) && f->address < f->sp && f->sp - f->address <= PROBE_REACH)
		return claim(o, CW_LIKELY, "an access relative to SP hit the guard of the thread's own stack");
	return false;
}

/* The main stack has no guard page: it grows until it is as large as RLIMIT_STACK, or another mapping is near. */
static bool rule_main(const struct machine *machine, const struct cw_core *core, const struct cw_fault *f, const struct cw_stack *s, struct overflow *o) {
	uint64_t page, needed;

	if (s->kind != CW_STACK_MAIN || !f->has_address || f->address >= s->low || f->sp > s->low + machine->reach)
		return false;
	if (f->sp + JUMP_MAX < s->low || accessible_between(core, f->address, s->low))
		return false;
	page = f->address & ~(core->page_bytes - 1);
	needed = s->high - page;
	if (s->has_limit && s->limit_bytes != UINT64_MAX && needed > s->limit_bytes) {
		/* With the limit only assumed, it must at least fit what the stack had grown to. */
		bool grown = s->high - s->low + 2 * core->page_bytes > s->limit_bytes;
		bool known = strstr(s->source, "assumed") == NULL;

		return claim(o, grown || known ? CW_CERTAIN : CW_LIKELY, "the access lies below the main stack, further down than the stack may grow, and SP is there too");
	}
	o->blocked = accessible_between(core, page > STACK_GAP ? page - STACK_GAP : 0, page);
	if (o->blocked)
		return claim(o, CW_CERTAIN, "the main stack could not grow: another mapping lies within the gap that the kernel keeps below it");
	return claim(o, CW_LIKELY, "the access lies directly below the main stack, which could not grow, and SP is there too");
}

/* No stack was left even for the signal frame of the handler. */
static bool rule_undeliverable(const struct machine *machine, const struct cw_fault *f, const struct cw_stack *s, struct overflow *o) {
	if (f->cause != CW_CAUSE_SIGNAL_UNDELIVERABLE || !s->has_bounds || s->kind == CW_STACK_UNKNOWN || f->sp + JUMP_MAX < s->low)
		return false;
	if (f->sp < s->low + machine->signal_frame_least)
		return claim(o, CW_CERTAIN, "SP is so near the end of the stack that the kernel could not write a signal frame");
	return claim(o, CW_LIKELY, "SP is so near the end of the stack that a signal frame of this machine's size does not fit");
}

/* glibc ≥ 2.42 guards with MADV_GUARD_INSTALL: no border in the map, a fault "not mapped" in the midst of writable memory. */
static bool rule_invisible_guard(const struct cw_core *core, const struct cw_fault *f, struct overflow *o) {
	const struct cw_mapping *m = f->has_address ? cw_find_mapping(core, f->address) : NULL;
	uint64_t distance = f->sp > f->address ? f->sp - f->address : f->address - f->sp;

	if (!m || !(m->perm & CW_PERM_WRITE) || m->name || f->signal.number != SIGSEGV_NUMBER || f->signal.code != 1)
		return false;
	if (distance > core->page_bytes || !(touches(f, f->address) || uses_stack_pointer(f)))
		return false;
	return claim(o, CW_CERTAIN, "SP points at memory that is mapped and writable, yet the CPU found it unmapped: a guard installed by madvise(MADV_GUARD_INSTALL)");
}

/* A stack of the program's own, without a guard: SP has left it at its low end, or the memory that it lies in. */
static bool rule_custom(const struct machine *machine, const struct cw_core *core, const struct cw_fault *f, const struct cw_stack *s, struct overflow *o) {
	uint64_t distance = f->sp > f->address ? f->sp - f->address : f->address - f->sp;

	if (s->kind != CW_STACK_CUSTOM || !s->has_bounds || !f->has_address || f->address >= s->low)
		return false;
	if (f->sp > s->low + machine->reach || f->sp + JUMP_MAX < s->low || distance > core->page_bytes)
		return false;
	return claim(o, CW_LIKELY, "SP has left the low end of a stack that the program made itself, and the access is beside SP");
}

/* One frame larger than the guard: SP jumped over it. */
static bool rule_jump(const struct cw_core *core, const struct cw_fault *f, const struct cw_stack *s, struct overflow *o) {
	uint64_t distance = f->sp > f->address ? f->sp - f->address : f->address - f->sp;

	if (!s->has_bounds || !f->has_address || f->sp >= s->low || f->address >= s->low)
		return false;
	if (s->low - f->sp > JUMP_MAX && (s->low - f->sp > JUMP_MAX_VARIABLE || !overflow_has_variable_frame(core, f->pc)))
		return false;
	if (distance > core->page_bytes && !(f->address > f->sp))
		return false;
	if (s->kind != CW_STACK_MAIN && accessible_between(core, f->address, s->low - (s->has_guard ? s->guard_bytes : 0)))
		return claim(o, CW_POSSIBLE, "SP lies below the thread's stack, in other memory: a frame may have jumped over the guard");
	return claim(o, CW_LIKELY, "SP lies below the thread's stack and the access is beside it: one frame was larger than what was left");
}

bool overflow_detect(const struct cw_core *core, struct overflow *ret) {
	const struct cw_fault *f = core->fault;
	const struct cw_stack *s = &core->crashed->stack;
	const struct machine *machine = &machines[core->arch];
	struct overflow o = {};
	bool fired;

	if (f->cause == CW_CAUSE_SENT || (f->signal.number != SIGSEGV_NUMBER && f->signal.number != SIGBUS_NUMBER))
		return false;
	fired = (s->has_bounds && (rule_guard(machine, f, s, &o) || rule_main(machine, core, f, s, &o))) || rule_undeliverable(machine, f, s, &o) ||
		rule_invisible_guard(core, f, &o) || rule_custom(machine, core, f, s, &o) || rule_jump(core, f, s, &o);
	if (!fired)
		return false;
	o.used_bytes = s->has_bounds && s->high > f->sp ? s->high - f->sp : 0;
	o.stack_bytes = s->kind == CW_STACK_MAIN && s->has_limit ? s->limit_bytes : s->has_bounds ? s->high - s->low : 0;
	*ret = o;
	return true;
}

/* The last two parts of a qualified name: a headline has no room for more. */
static const char *short_name(const char *name) {
	const char *last = name, *before = name;

	for (const char *p = name; p && *p; p++)
		if (p[0] == ':' && p[1] == ':' && p[2] != 0) {
			before = last;
			last = p + 2;
		}
	return before;
}

static const char *const kind_words[] = { "recursion", "large-frame", "deep-chain", "signal-delivery" };

static const char *const place_words[] = {
	[CW_REGION_UNMAPPED] = "where nothing is mapped",
	[CW_REGION_NULL_PAGE] = "in the null page",
	[CW_REGION_NON_CANONICAL] = "no address of this CPU",
	[CW_REGION_KERNEL] = "in the kernel's half",
	[CW_REGION_STACK] = "in a stack",
	[CW_REGION_STACK_GUARD] = "in the guard below the stack",
	[CW_REGION_BELOW_STACK] = "directly below the main stack",
	[CW_REGION_HEAP] = "in the heap",
	[CW_REGION_MODULE] = "in the mapping of a program file",
	[CW_REGION_FILE] = "in the mapping of a file",
	[CW_REGION_ANONYMOUS] = "in anonymous memory",
	[CW_REGION_VDSO] = "in the vdso",
};

static void add_evidence(const struct cw_core *core, const struct overflow *o, const struct overflow_story *story, struct cw_finding *finding) {
	const struct cw_fault *f = core->fault;
	const struct cw_thread *t = core->crashed;
	const struct cw_stack *s = &t->stack;
	char a[32], b[32];

	if (s->has_bounds)
		cw_finding_evidence(finding, "stack of thread %s: 0x%" PRIx64 "–0x%" PRIx64 " (%s bytes%s), from %s", words_thread(core, t), s->low, s->high,
		                    group_digits(s->high - s->low, a), s->kind == CW_STACK_MAIN ? " mapped" : "", s->source);
	if (s->kind == CW_STACK_MAIN && s->has_limit && s->limit_bytes != UINT64_MAX)
		cw_finding_evidence(finding, "the main stack may grow to %s bytes (%s)", group_digits(s->limit_bytes, a),
		                    s->source && strstr(s->source, "not in the core") ? "assumed: the core does not hold RLIMIT_STACK" : "RLIMIT_STACK");
	else if (s->has_guard && s->guard_bytes > 0)
		cw_finding_evidence(finding, "guard: 0x%" PRIx64 "–0x%" PRIx64 " (%s bytes)", s->low - s->guard_bytes, s->low, group_digits(s->guard_bytes, a));
	if (s->has_bounds)
		cw_finding_evidence(finding, "SP = 0x%" PRIx64 ", %s bytes %s the end of the stack: %s bytes are in use", f->sp,
		                    group_digits(f->sp >= s->low ? f->sp - s->low : s->low - f->sp, a), f->sp >= s->low ? "above" : "below",
		                    group_digits(o->used_bytes, b));
	if (story->tls && story->tls->bytes > TLS_USUAL)
		cw_finding_evidence(finding, "%s bytes from 0x%" PRIx64 " to TP, 0x%" PRIx64 ", are the thread's static TLS (thread_local, __thread)%s%s",
		                    group_digits(story->tls->bytes, a), story->tls->start, story->tls->start + story->tls->bytes,
		                    story->tls->module ? cw_format(core, ", %s of them of ", group_digits(story->tls->module_bytes, b)) : "",
		                    story->tls->module ? story->tls->module->path : "");
	if (f->has_address)
		cw_finding_evidence(finding, "the faulting address 0x%" PRIx64 " is %s%s SP, %s", f->address,
		                    f->address == f->sp ? "" : cw_format(core, "%s bytes ", group_digits(f->address < f->sp ? f->sp - f->address : f->address - f->sp, a)),
		                    f->address == f->sp ? "at" : f->address < f->sp ? "below" : "above", place_words[f->region.kind]);
	if (f->instruction)
		cw_finding_evidence(finding, "instruction at 0x%" PRIx64 ": %s", f->instruction->address, f->instruction->text);
	if (f->cause_text)
		cw_finding_evidence(finding, "%s", f->cause_text);
	if (story->by_code)
		cw_finding_evidence(finding, "the core does not hold the stack, but %s, which ran last, calls itself, and its frame is %s bytes: about %s of them fit",
		                    story->where, group_digits(story->culprit_bytes, a), group_digits(story->turns, b));
	else if (story->repeat.turns > 0)
		cw_finding_evidence(finding, "the return address 0x%" PRIx64 " stands on the stack %s times, every %s bytes from 0x%" PRIx64 " up: a recursion, though nothing tells its frames",
		                    story->repeat.address, group_digits(story->repeat.turns, a), group_digits(story->repeat.step, b), story->repeat.at);
	else if (story->kind == OVERFLOW_RECURSION)
		cw_finding_evidence(finding, "%s: %s turns of %s bytes each", story->recursing ? story->recursing : story->culprit ? story->culprit : story->place ? story->place : "the cycle",
		                    group_digits(story->turns, a), group_digits(story->culprit_bytes, b));
	else if (story->unseen)
		cw_finding_evidence(finding, "the core holds only %s bytes of this stack's frames: what took the rest is not known", group_digits(story->accounted, a));
	else if (story->largest && story->wanted && story->largest_bytes == story->wanted_bytes)
		cw_finding_evidence(finding, "%s was just taking its frame of %s bytes; all frames together had %s", story->largest,
		                    group_digits(story->largest_bytes, b), group_digits(story->accounted, a));
	else if (story->largest)
		cw_finding_evidence(finding, "%" PRIu64 " frames (inlined ones counted) take %s bytes; the largest is %s with %s bytes", story->frames,
		                    group_digits(story->accounted, a), story->largest, group_digits(story->largest_bytes, b));
	cw_finding_evidence(finding, "rule: %s", o->rule);
}

static const char *frame_name(const struct cw_core *core, const struct cw_frame *f) {
	if (f->symbol && f->symbol->at.function)
		return words_bare(core, f->symbol->at.function);
	return f->module ? cw_format(core, "%s+0x%" PRIx64, words_base_name(f->module->path), f->pc - f->module->bias) : "??";
}

static void add_facts(const struct cw_core *core, const struct overflow *o, const struct overflow_story *story, struct cw_finding *finding) {
	const struct cw_thread *t = core->crashed;

	cw_fact_string(finding, "kind", kind_words[story->kind]);
	cw_fact_string(finding, "thread", t->name);
	if (o->stack_bytes > 0 && o->stack_bytes <= INT64_MAX)
		cw_fact_integer(finding, "stack_bytes", (int64_t)o->stack_bytes);
	if (t->stack.has_bounds)
		cw_fact_integer(finding, "used_bytes", (int64_t)o->used_bytes);
	/* Without a name, what addr2line takes where the program has one. */
	cw_fact_string(finding, "culprit", story->culprit ? story->culprit : story->place);
	if (story->culprit_bytes > 0)
		cw_fact_integer(finding, "culprit_frame_bytes", (int64_t)story->culprit_bytes);
	if (story->largest) {
		cw_fact_string(finding, "largest_frame_function", story->largest);
		cw_fact_integer(finding, "largest_frame_bytes", (int64_t)story->largest_bytes);
	}
	if (story->tls && story->tls->bytes > TLS_USUAL)
		cw_fact_integer(finding, "tls_bytes", (int64_t)story->tls->bytes);
	cw_fact_integer(finding, "frames", (int64_t)story->frames);
	cw_fact_integer(finding, "frames_bytes", (int64_t)story->accounted);
	if (story->kind == OVERFLOW_RECURSION) {
		const struct cw_frame *c = t->cycle;

		cw_fact_integer(finding, "turns", (int64_t)story->turns);
		for (size_t i = 0; c && i < (c->n_cycle > 0 ? c->n_cycle : 1); i++) {
			const struct cw_frame *k = c->n_cycle > 0 ? &c->cycle[i] : c;
			cw_fact_append(finding, "cycle", frame_name(core, k));
		}
	}
}

static void add_detail(const struct cw_core *core, const struct overflow *o, const struct overflow_story *story, struct cw_finding *finding) {
	const struct cw_fault *f = core->fault;
	const char *how = "";
	char used[32], all[32];

	if (f->signal.has_code && f->signal.code == 128)
		how = " The kernel reported SI_KERNEL without an address because it could not deliver the signal of the original fault: a handler for it is installed, it has no alternate "
		      "stack on this thread (sigaltstack), and the exhausted stack had no room for the signal frame. The missing address does not mean address 0.";
	else if (f->source == CW_FAULT_SIGNAL_FRAME)
		how = core->signal.has_address
		    ? " A handler ran on an alternate stack and crashed itself; the original fault was read from the signal frame below it."
		    : " A handler ran on an alternate stack and ended the program in its own way; the original fault was read from the signal frame that it left.";
	cw_finding_detail(finding, "Thread %s has used %s of the %s bytes of its stack.%s%s", words_thread(core, core->crashed),
	                  group_digits(o->used_bytes, used), o->stack_bytes ? group_digits(o->stack_bytes, all) : "?",
	                  story->unseen ? " The core does not hold the memory of this stack." :
	                  story->kind == OVERFLOW_DEEP_CHAIN ? " No function repeats: it is the sum of many frames, some of them large." :
	                  story->kind == OVERFLOW_SIGNAL_DELIVERY ? " The code itself was within bounds; the signal frame was one thing too many." : "", how);
}

static struct cw_finding *claim_recursion(const struct cw_core *core, struct cw_run *host, const struct overflow *o, const struct overflow_story *s) {
	const char *name = words_thread(core, core->crashed), *where = s->where ? s->where : "a function";
	char a[32];

	group_digits(s->culprit_bytes, a);
	if (s->by_code)
		return cw_finding_add(host, "stack-overflow", o->confidence, "stack overflow in thread %s: %s recursed, as far as its code tells about %" PRIu64
		                      " times, %s bytes each turn", name, where, s->turns, a);
	if (s->recursing)
		return cw_finding_add(host, "stack-overflow", o->confidence, "stack overflow in thread %s: %s(), called by %s, recursed %" PRIu64 " times, %s bytes each turn",
		                      name, s->recursing, where, s->turns, a);
	return cw_finding_add(host, "stack-overflow", o->confidence, "stack overflow in thread %s: %s recursed %" PRIu64 " times, %s bytes each turn", name, where,
	                      s->turns, a);
}

static struct cw_finding *add_claim(const struct cw_core *core, struct cw_run *host, const struct overflow *o, const struct overflow_story *s) {
	const char *name = words_thread(core, core->crashed);
	bool undeliverable = core->fault->cause == CW_CAUSE_SIGNAL_UNDELIVERABLE;
	char a[32], b[32], c[32];

	group_digits(o->stack_bytes, b);
	switch (s->kind) {
	case OVERFLOW_RECURSION:
		return claim_recursion(core, host, o, s);
	case OVERFLOW_LARGE_FRAME:
		return cw_finding_add(host, "stack-overflow", o->confidence, "stack overflow in thread %s: the frame of %s takes %s bytes, the whole stack has %s%s", name,
		                      s->where ? s->where : "a function", group_digits(s->culprit_bytes, a), b,
		                      s->tls && s->tls->bytes > TLS_USUAL ? cw_format(core, ", of which %s are thread-local data", group_digits(s->tls->bytes, c)) : "");
	case OVERFLOW_SIGNAL_DELIVERY:
		return cw_finding_add(host, "stack-overflow", o->confidence, "stack overflow in thread %s: no room for a signal frame, %s of %s bytes were in use", name,
		                      group_digits(o->used_bytes, a), b);
	default:
		if (s->unseen)
			return cw_finding_add(host, "stack-overflow", o->confidence, "stack overflow in thread %s: %s of %s bytes were in use when %s ran", name,
			                      group_digits(o->used_bytes, a), b, s->where ? s->where : "the last function");
		return cw_finding_add(host, "stack-overflow", o->confidence, "stack overflow in thread %s: %" PRIu64 " frames take %s of %s bytes, the largest %s in %s%s%s", name,
		                      s->frames, group_digits(s->accounted, a), b, group_digits(s->culprit_bytes, c),
		                      s->culprit ? short_name(s->culprit) : s->where ? s->where : "?", s->culprit ? "()" : "",
		                      undeliverable ? "; SI_KERNEL: no room for signal frame" : "");
	}
}

static int run(const struct cw_core *core, struct cw_run *host) {
	struct overflow_story story;
	struct cw_finding *finding;
	struct overflow o;

	if (!overflow_detect(core, &o))
		return 0;
	overflow_explain(core, &o, &story);
	finding = add_claim(core, host, &o, &story);
	add_detail(core, &o, &story, finding);
	add_evidence(core, &o, &story, finding);
	add_facts(core, &o, &story, finding);
	overflow_suggest(core, &o, &story, finding);
	return 0;
}

CW_ANALYZER(stack_overflow) = {
	.abi = CW_ANALYZER_ABI,
	.name = "stack-overflow",
	.summary = "Did the thread run out of stack, what took it, and how to get more or need less",
	.priority = 100,
	.run = run,
};
