/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals that nobody's instruction caused: sent by another process, by the program to itself, or by the kernel for a
 * limit or a terminal. siginfo names the sender in the crashed process's own pid namespace; pid 0 is a process outside
 * of it.
 */
#include <signal.h>

#include "signal-decode.h"

enum { CODE_USER = 0, CODE_TIMER = -2, CODE_KERNEL = 128 };

static bool is_fault_signal(int number) {
	return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE || number == SIGTRAP;
}

/* Its watchdog is the manager's usual reason to send SIGABRT; where the program is known to have none, another is. */
static const char *manager_clause(const struct cw_core *core, const struct decode_manager *m) {
	const char *who = m->user ? "the user's service manager" : "the service manager";

	if (m->watchdog_usec > 0)
		return cw_format(core, " (%s, as when a service misses its watchdog of %lld.%03lld s)", who, (long long)m->watchdog_usec / 1000000,
		    (long long)m->watchdog_usec / 1000 % 1000);
	return cw_format(core, " (%s%s)", who, m->knows_watchdog ? "" : ", as when a service misses its watchdog");
}

static void suggest_manager(const struct decode *d, const struct decode_manager *m, struct cw_finding *finding) {
	const char *who = m->user ? "the user's service manager" : "pid 1", *where = d->culprit ? d->culprit : d->place;
	const char *command = cw_format(d->core, "journalctl _PID=%d", d->fault->signal.sender_pid);

	if (m->watchdog_usec < 0 && m->knows_watchdog)
		cw_finding_suggest(finding, "find-timeout", command,
		    "this process had no watchdog (no WATCHDOG_USEC= in its environment): %s sends SIGABRT when a start or stop takes too long (TimeoutStartFailureMode=abort, TimeoutStopFailureMode=abort), or for `systemctl kill`; its log says which",
		    who);
	else
		cw_finding_suggest(finding, "watchdog", m->user ? command : NULL,
		    "%s sends SIGABRT when WatchdogSec= passes without WATCHDOG=1: find out why %s took so long, or raise WatchdogSec= in the unit", who,
		    where);
}

static void claim_killed(struct decode *d) {
	const struct cw_signal *signal = &d->fault->signal;
	/* These two are sent to get a core of a process that hangs: where it hung is the question. */
	bool asked_for_core = signal->number == SIGABRT || signal->number == SIGQUIT;
	struct decode_manager manager;
	bool managed = signal->number == SIGABRT && decode_manager(d->core, signal, &manager);
	struct cw_finding *finding;

	finding = decode_claim(d, "killed-by-signal", CW_CERTAIN, "killed with %s by %s%d, uid %u%s, while in %s",
	    signal->name, signal->sender_pid == 0 ? "a process outside of its pid namespace, pid " : "process ",
	    signal->sender_pid, signal->sender_uid, managed ? manager_clause(d->core, &manager) : "", d->place);
	cw_fact_integer(finding, "sender_pid", signal->sender_pid);
	cw_fact_integer(finding, "sender_uid", signal->sender_uid);
	if (managed)
		cw_fact_string(finding, "sender", manager.user ? "user-service-manager" : "service-manager");
	if (managed && manager.watchdog_usec > 0)
		cw_fact_integer(finding, "watchdog_usec", manager.watchdog_usec);
	if (managed && manager.user)
		cw_finding_evidence(finding, "in the program's environment, at 0x%" PRIx64 ": \"MANAGERPID=%d\", which is the sender", manager.told_at,
		    signal->sender_pid);
	if (asked_for_core && d->culprit)
		cw_fact_string(finding, "culprit", d->culprit);
	if (managed)
		suggest_manager(d, &manager, finding);
	else if (signal->sender_pid > 0)
		cw_finding_suggest(finding, "find-sender", cw_format(d->core, "journalctl _PID=%d", signal->sender_pid),
		    "look for what process %d (uid %u) was and why it sent %s", signal->sender_pid, signal->sender_uid,
		    signal->name);
}

static void claim_abort(struct decode *d) {
	static const char *const names[] = { "abort", "__GI_abort", "std::process::abort",
		"std::sys::pal::unix::abort_internal", "__libc_abort" };
	bool called = decode_has_function(d->core, names, sizeof(names) / sizeof(names[0]));
	const char *culprit = d->culprit;
	struct cw_finding *finding;

	finding = decode_claim(d, "abort", called ? CW_CERTAIN : CW_LIKELY, "the program aborted itself%s%s%s",
	    called ? " with abort()" : "", d->culprit ? " in " : "", d->culprit ? culprit : "");
	if (called)
		cw_finding_evidence(finding, "abort() is on the stack of the thread that crashed");
	if (d->culprit)
		cw_fact_string(finding, "culprit", d->culprit);
	cw_finding_suggest(finding, "read-the-log", cw_format(d->core, "journalctl _PID=%d", d->core->pid),
	    "abort() is deliberate: %s decided to end; its reason usually stands in the program's last output",
	    d->culprit ? culprit : "the program, or the interpreter or library that it runs,");
}

static void claim_raised(struct decode *d) {
	const struct cw_signal *signal = &d->fault->signal;
	const struct cw_thread *thread = d->core->crashed;
	enum cw_confidence confidence = CW_CERTAIN;
	struct cw_finding *finding;

	/* A handler may have raised the signal again, and the frames that would show it are not to be had. */
	if (is_fault_signal(signal->number)) {
		if (!thread->complete)
			confidence = CW_LIKELY;
		for (size_t i = 0; i < thread->n_frames; i++)
			if (thread->frames[i].signal_frame)
				confidence = CW_POSSIBLE;
	}
	finding = decode_claim(d, "raised-signal", confidence, "the program sent itself %s in %s", signal->name,
	    d->culprit ? d->culprit : d->place);
	cw_finding_evidence(finding, "the sender's pid %d is the program's own", signal->sender_pid);
	cw_fact_integer(finding, "sender_pid", signal->sender_pid);
	cw_fact_integer(finding, "sender_uid", signal->sender_uid);
	if (d->culprit)
		cw_fact_string(finding, "culprit", d->culprit);
	cw_finding_suggest(finding, "find-raise", "break raise",
	    "%s ends the program on purpose: see the condition that leads there", d->culprit ? d->culprit : d->place);
	if (confidence != CW_CERTAIN)
		cw_finding_suggest(finding, "keep-the-fault", NULL,
		    "if a handler raised %s again, install it with SA_ONSTACK and SA_SIGINFO and let it return after resetting to SIG_DFL: the original fault then reaches the core",
		    signal->name);
}

static void claim_limit(struct decode *d) {
	static const struct {
		int signal;
		const char *limit, *directive, *shell, *what;
	} limits[] = {
		{ SIGXCPU, "RLIMIT_CPU", "LimitCPU=", "ulimit -t unlimited", "CPU time" },
		{ SIGXFSZ, "RLIMIT_FSIZE", "LimitFSIZE=", "ulimit -f unlimited", "the size of a file" },
	};
	const struct cw_signal *signal = &d->fault->signal;
	struct cw_finding *finding;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (limits[i].signal != signal->number)
			continue;
		/* The kernel sends SIGXFSZ as if the program had: mm/filemap.c, generic_write_check_limits(). */
		finding = decode_claim(d, "resource-limit", signal->code == CODE_KERNEL ? CW_CERTAIN : CW_LIKELY,
		    "the limit for %s (%s) was reached in %s", limits[i].what, limits[i].limit, d->place);
		cw_fact_string(finding, "limit", limits[i].limit);
		if (d->culprit)
			cw_fact_string(finding, "culprit", d->culprit);
		cw_finding_suggest(finding, "raise-limit", limits[i].shell,
		    "raise %s in the unit, or the limit of the shell that starts it, if %s() may really need more",
		    limits[i].directive, d->culprit ? d->culprit : "it");
	}
}

static void claim_quit(struct decode *d) {
	struct cw_finding *finding = decode_claim(d, "killed-by-signal", CW_LIKELY,
	    "quit from the keyboard (the kernel sent SIGQUIT, as for Ctrl-\\ on a terminal) while in %s", d->place);

	cw_finding_suggest(finding, "ask-sender", NULL,
	    "somebody at the terminal ended the program: if it hung, the stacks of its threads tell where");
}

static void claim_timer(struct decode *d) {
	const char *name = d->fault->signal.name;
	struct cw_finding *finding = decode_claim(
	    d, "raised-signal", CW_LIKELY, "a POSIX timer of the program's expired with %s, which nothing handled", name);

	cw_finding_suggest(finding, "find-timer", "break timer_settime",
	    "handle %s before the timer is set (sigaction), or have it tell in another way (SIGEV_THREAD, timerfd_create); if it is a watchdog's, %s took too long",
	    name, d->culprit ? d->culprit : d->place);
}

void claim_sent(struct decode *d) {
	const struct cw_signal *signal = &d->fault->signal;
	bool self = signal->has_sender && signal->sender_pid == d->core->pid;
	struct cw_finding *finding;

	if ((signal->number == SIGXCPU || signal->number == SIGXFSZ) && signal->has_code &&
	    (signal->code == CODE_KERNEL || (self && signal->code == CODE_USER)))
		claim_limit(d);
	else if (signal->has_sender && !self)
		claim_killed(d);
	else if (self && signal->number == SIGABRT)
		claim_abort(d);
	else if (self)
		claim_raised(d);
	else if (signal->has_code && signal->code == CODE_KERNEL && signal->number == SIGQUIT)
		claim_quit(d);
	else if (signal->has_code && signal->code == CODE_TIMER)
		claim_timer(d);
	else {
		finding = decode_claim(
		    d, "unknown", CW_POSSIBLE, "%s: %s, while in %s", signal->name, signal->description, d->place);
		if (!signal->has_code)
			cw_finding_evidence(
			    finding, "the core holds no siginfo: who sent the signal, and why, is not known");
	}
}
