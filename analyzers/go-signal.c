/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Go programs that were asked to die: the runtime's handler of SIGQUIT (and of SIGABRT, as a watchdog sends it) prints
 * the goroutines, and with GOTRACEBACK=crash raises SIGABRT itself. Who sent the first signal is then only in the
 * kernel's signal frame, of whichever thread got it. No fault of the CPU's is looked at here.
 *
 * Layouts: arch/x86/include/asm/sigframe.h and arch/arm64/kernel/signal.c of the kernel (struct rt_sigframe).
 */
#include <signal.h>
#include <string.h>

#include "go.h"

/* From the CFA of the handler, where the kernel's frame begins, to siginfo. */
static const int siginfo_offsets[] = {
	[CW_ARCH_X86_64] = 304,
	[CW_ARCH_I386] = -1,
	[CW_ARCH_AARCH64] = 0,
};

struct asked {
	int32_t number, code, pid;
	uint32_t uid;
};

static bool read_asked(const struct cw_core *core, const struct cw_frame *handler, struct asked *ret) {
	int32_t head[6]; /* si_signo, si_errno, si_code, padding, si_pid, si_uid */
	int offset = siginfo_offsets[core->arch];

	if (offset < 0 || !handler->has_cfa || cw_read(core, handler->cfa + (uint64_t)offset, head, sizeof(head)) < 0)
		return false;
	*ret = (struct asked){ .number = head[0], .code = head[2], .pid = head[4], .uid = (uint32_t)head[5] };
	return head[1] == 0 && (ret->number == SIGQUIT || ret->number == SIGABRT) && (ret->code == SI_USER || ret->code == SI_QUEUE) &&
	       ret->pid >= 0;
}

/* The signal that another process sent, on any thread: the runtime passes it on to all of them. */
static bool find_asked(const struct cw_core *core, struct asked *ret) {
	struct words_stack stack;

	for (size_t i = 0; i < core->n_threads; i++) {
		words_stack_init(&stack, core, &core->threads[i]);
		for (size_t k = 1; k < stack.n; k++)
			if (stack.frames[k]->signal_frame && read_asked(core, stack.frames[k - 1], ret) && ret->pid != core->pid)
				return true;
	}
	return false;
}

bool go_claim_asked(const struct cw_core *core, struct cw_run *run) {
	static const char *const handler[] = { "runtime.sighandler", NULL };
	static const char *const ends[] = { "runtime.dieFromSignal", "runtime.crash", NULL };
	struct words_stack stack;
	struct cw_finding *f;
	struct asked asked;
	const char *name;
	size_t at;

	words_stack_init(&stack, core, core->crashed);
	at = words_find(&stack, 0, handler);
	if (at == 0 || at >= stack.n || !words_match(words_function(stack.frames[at - 1]), ends) || !find_asked(core, &asked))
		return false;
	name = asked.number == SIGQUIT ? "SIGQUIT" : "SIGABRT";
	f = cw_finding_add(run, "killed-by-signal", words_trust(&stack, at, CW_CERTAIN),
	    "killed with %s by process %d, uid %u: Go's runtime printed the goroutines and aborted", name, asked.pid, asked.uid);
	cw_finding_evidence(f, "frame %u is runtime.sighandler(), which ended the program by %s()", stack.frames[at]->index,
	    words_function(stack.frames[at - 1]));
	cw_finding_evidence(f, "the signal frame below a handler holds %s, si_code %d, sender pid %d, uid %u", name, asked.code, asked.pid,
	    asked.uid);
	cw_fact_integer(f, "sender_pid", asked.pid);
	cw_fact_integer(f, "sender_uid", asked.uid);
	cw_finding_suggest(f, "find-sender", cw_format(core, "journalctl _PID=%d", asked.pid),
	    "look for what process %d was and why it sent %s; what each goroutine did is in the program's output", asked.pid, name);
	return true;
}
