/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * signal: what the signal says. Who sent it, or which access to which address of which region by which instruction; and
 * the verdict that follows from the mechanism alone. It runs late: where another analyzer already explained the crash,
 * the same decode is added in support.
 *
 * One table leads from the signal to the function that knows its codes. What evidence does not show is not claimed: the
 * verdict is then "unknown".
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "signal-decode.h"
#include "words.h"

enum { CODE_INTDIV = 1, CODE_INTOVF = 2, CODE_KERNEL = 128 };

/* What the CPU was to execute, where it cannot be decoded. */
static void add_bytes(const struct decode *d, struct cw_finding *finding) {
	char text[3 * 8 + 1] = "";
	uint8_t bytes[8];

	if (d->fault->instruction || cw_read(d->core, d->fault->pc, bytes, sizeof(bytes)) < 0)
		return;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(text + 3 * i, 4, " %02x", bytes[i]);
	cw_finding_evidence(finding, "the bytes at 0x%" PRIx64 " are%s", d->fault->pc, text);
}

static void claim_illegal(struct decode *d) {
	const struct cw_instruction *instruction = d->fault->instruction;
	struct cw_finding *finding;

	if (instruction && instruction->class_ == CW_INSN_PRIVILEGED && d->core->arch == CW_ARCH_AARCH64) {
		claim_privileged(d); /* no general protection fault there */
		return;
	}
	if (instruction && instruction->class_ == CW_INSN_UNDEFINED) {
		finding = decode_claim(d, "illegal-instruction", CW_CERTAIN,
		    "%s executed \"%s\", which compilers place where code must not get to", d->place,
		    instruction->text);
		cw_finding_suggest(finding, "unreachable-code", NULL,
		    "\"%s\" is __builtin_trap(), a failed check of a sanitizer or hardened library, or the end of a function without return: see how %s got there",
		    instruction->text, d->culprit ? d->culprit : d->place);
	} else {
		finding = decode_claim(d, "illegal-instruction", d->fault->signal.has_code ? CW_CERTAIN : CW_LIKELY,
		    "%s executed an instruction that this CPU does not have", d->place);
		cw_finding_suggest(finding, "cpu-features", "lscpu",
		    "%s at 0x%" PRIx64
		    " is not for this CPU (compare -march= with lscpu's flags), or no code at all",
		    instruction ? cw_format(d->core, "\"%s\"", instruction->text) : "what stands", d->fault->pc);
		add_bytes(d, finding);
	}
	if (instruction)
		cw_fact_string(finding, "instruction", instruction->text);
	if (d->culprit)
		cw_fact_string(finding, "culprit", d->culprit);
}

/* Libraries that end a program by a breakpoint, once they have told why. */
static const struct stop {
	const char *functions[6], *module, *advice;
} stops[] = {
	{ { "g_log*", "_g_log*", "g_return_if_fail_warning", "g_warn_message", NULL }, "libglib-2.0.so*",
	    "GLib stops a program so after a fatal message (g_error(), or a warning that G_DEBUG or g_log_set_always_fatal() made fatal)" },
	{ { "v8::base::OS::Abort*", "V8_Fatal*", "v8::base::FatalNo*", NULL }, NULL,
	    "V8 stops a program so on purpose (--abort-on-uncaught-exception, a failed check, memory that ran out)" },
	{ { "base::ImmediateCrash*", "base::internal::ImmediateCrash*", "logging::LogMessage*", "WTFCrash*", "MOZ_Crash*", NULL }, NULL,
	    "a failed check stops the program so on purpose" },
};

static const struct stop *find_stop(const struct decode *d) {
	for (size_t i = 0; d->frame && i < sizeof(stops) / sizeof(stops[0]); i++)
		if (words_match(words_function(d->frame), stops[i].functions) ||
		    (stops[i].module && d->frame->module &&
			words_match(words_base_name(d->frame->module->path), (const char *const[]){ stops[i].module, NULL })))
			return &stops[i];
	return NULL;
}

static void claim_trap(struct decode *d) {
	const struct cw_instruction *instruction = d->fault->instruction;
	bool breakpoint = instruction && instruction->class_ == CW_INSN_TRAP;
	const struct stop *stop = find_stop(d);
	struct cw_finding *finding;

	/* aarch64: compilers end what must not be reached with a brk of their own. */
	if (instruction && instruction->class_ == CW_INSN_UNDEFINED) {
		claim_illegal(d);
		return;
	}

	finding = decode_claim(d, "debug-trap", breakpoint ? CW_CERTAIN : CW_LIKELY,
	    "%s ran into %s with no debugger attached", d->place,
	    breakpoint ? "a breakpoint instruction" : "a debug trap");
	if (d->culprit)
		cw_fact_string(finding, "culprit", d->culprit);
	if (stop) {
		cw_finding_suggest(finding, "read-the-log", cw_format(d->core, "journalctl _PID=%d", d->core->pid),
		    "%s: the message stands in the program's last output", stop->advice);
		return;
	}
	cw_finding_suggest(finding, "remove-trap", NULL,
	    "%s contains a breakpoint (int3, G_BREAKPOINT, DebugBreak) or a debugger left one: remove it, or handle SIGTRAP",
	    d->culprit ? d->culprit : d->place);
}

/* The divisor: the first operand of div and idiv, a register or memory. */
static bool find_divisor(const struct decode *d, uint64_t *ret_value) {
	const struct cw_instruction *instruction = d->fault->instruction;
	const struct cw_operand *operand;
	uint64_t value = 0;

	if (!instruction || instruction->class_ != CW_INSN_DIVIDE || instruction->n_operands == 0)
		return false;
	operand = &instruction->operands[0];
	if (operand->size == 0 || operand->size > sizeof(value))
		return false;
	if (operand->is_memory) {
		if (!operand->has_address || cw_read(d->core, operand->address, &value, operand->size) < 0)
			return false;
	} else if (decode_register(d, operand->text, &value) < 0)
		return false;
	if (operand->size < sizeof(value))
		value &= (UINT64_C(1) << (8 * operand->size)) - 1;
	*ret_value = value;
	return true;
}

/* idiv divides signed numbers: all bits set is -1, the one divisor whose quotient may not fit. */
static const char *divisor_text(const struct decode *d, uint64_t value) {
	unsigned bits = 8 * d->fault->instruction->operands[0].size;

	if (value != 0 && strncmp(d->fault->instruction->text, "idiv", 4) == 0 && value >> (bits - 1) & 1)
		return cw_format(d->core, "%" PRId64, (int64_t)(bits < 64 ? value | UINT64_MAX << bits : value));
	return cw_format(d->core, "%" PRIu64, value);
}

static void claim_arithmetic(struct decode *d) {
	const struct cw_signal *signal = &d->fault->signal;
	const char *name = d->culprit ? d->culprit : d->place;
	struct cw_finding *finding;
	uint64_t divisor;
	bool known;

	if (signal->has_code && (signal->code == CODE_INTDIV || signal->code == CODE_INTOVF)) {
		/* x86 raises the same exception for a quotient that does not fit (INT_MIN / -1). */
		known = find_divisor(d, &divisor);
		finding = decode_claim(d, "divide-error", CW_CERTAIN, "%s divided %s", d->place,
		    !known         ? "by zero, or with a result that does not fit"
		    : divisor == 0 ? "by zero"
				   : "with a result that does not fit");
		if (known) {
			cw_finding_evidence(finding, "the divisor (%s) is %s", d->fault->instruction->operands[0].text,
			    divisor_text(d, divisor));
			cw_fact_string(finding, "kind", divisor == 0 ? "zero" : "overflow");
		}
		cw_finding_suggest(finding, "check-divisor", NULL,
		    known && divisor != 0 ? "check the operands in %s: the smallest integer divided by -1 does not fit"
					  : "check the divisor in %s before dividing: it was zero here",
		    name);
	} else {
		finding = decode_claim(d, "float-exception", signal->has_code ? CW_CERTAIN : CW_LIKELY,
		    "%s raised a floating point exception: %s", d->place, signal->description);
		cw_finding_suggest(finding, "floating-point-traps", "fedisableexcept(FE_ALL_EXCEPT)",
		    "such exceptions are silent unless enabled (feenableexcept, -ffpe-trap): check the operands in %s, or leave the traps off",
		    name);
	}
	if (d->culprit)
		cw_fact_string(finding, "culprit", d->culprit);
}

static void claim_seccomp(struct decode *d) {
	const struct cw_signal *signal = &d->fault->signal;
	const char *name, *call;
	struct cw_finding *finding;

	if (!signal->has_syscall) {
		claim_sent(d);
		return;
	}
	name = cw_syscall_name(d->core, signal->syscall_arch, signal->syscall);
	call = name ? cw_format(d->core, "%s() (system call %d)", name, signal->syscall) : cw_format(d->core, "system call %d", signal->syscall);
	finding = decode_claim(d, "seccomp-violation", CW_CERTAIN, "%s called %s, which a seccomp filter forbids", d->place, call ? call : "a system call");
	cw_fact_integer(finding, "syscall", signal->syscall);
	cw_fact_string(finding, "syscall_name", name);
	cw_fact_integer(finding, "audit_arch", signal->syscall_arch);
	if (d->culprit)
		cw_fact_string(finding, "culprit", d->culprit);
	cw_finding_suggest(finding, "allow-syscall", name ? cw_format(d->core, "SystemCallFilter=%s", name) : cw_format(d->core, "scmp_sys_resolver %d", signal->syscall),
	    "if %s needs it, allow %s in the program's filter, or in SystemCallFilter= of the unit", d->culprit ? d->culprit : d->place,
	    call ? call : "the system call");
}

static const struct {
	int signal;
	void (*claim)(struct decode *d);
} claims[] = {
	{ SIGSEGV, claim_memory }, { SIGBUS, claim_memory },       { SIGILL, claim_illegal },
	{ SIGTRAP, claim_trap },   { SIGFPE, claim_arithmetic },   { SIGSYS, claim_seccomp },
};

static int run(const struct cw_core *core, struct cw_run *run_) {
	enum cw_confidence confidence;
	struct decode d;

	decode_init(&d, core, run_);
	if (cw_earlier_finding(run_, NULL, &confidence) && confidence >= CW_LIKELY) {
		claim_decoded(&d);
		return 0;
	}
	if (d.fault->cause != CW_CAUSE_SENT)
		for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
			if (claims[i].signal == d.fault->signal.number) {
				claims[i].claim(&d);
				return 0;
			}
	claim_sent(&d);
	return 0;
}

CW_ANALYZER(signal) = {
	.abi = CW_ANALYZER_ABI,
	.name = "signal",
	.summary = "decodes the signal: who sent it, or which access to which address by which instruction",
	.priority = 10,
	.run = run,
};
