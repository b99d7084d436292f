/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm: fatal errors of virtual machines and interpreters: Node.js and its engine V8, the JVM (HotSpot), CPython. Their own
 * functions are on the stack and say which kind of error it is. The functions of the interpreted or compiled language are
 * not to be had from a core, so no culprit is named. A plain abort(), and faults that their handlers caught and reported,
 * are left to others.
 */
#include <signal.h>
#include <string.h>

#include "words.h"

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

/* The first that is on the stack counts; NULL where the text stands only in the program's output. */
static const struct fatal {
	const char *names[6];
	const char *runtime, *title, *id, *kind, *message, *suggestion, *command, *advice;
} fatals[] = {
	{ { "node::OOMErrorHandler*", "v8::internal::V8::FatalProcessOutOfMemory*", "v8::internal::Heap::FatalProcessOutOfMemory*",
	    "v8::Utils::ReportOOMFailure*", NULL },
	  "node", "Node.js", "allocation-failure", "heap-limit", "JavaScript heap out of memory", "raise-heap-limit", "node --max-old-space-size=4096",
	  "the JavaScript heap reached its limit: look for what keeps objects alive (node --heapsnapshot-near-heap-limit=2 writes snapshots), or raise the limit (in MiB) if the program needs more" },
	{ { "node::Assert", "node::Assert(*", NULL }, "node", "Node.js", "assertion-failure", "native-assertion", NULL, "update-addons", NULL,
	  "an assertion of Node's own native code failed, most often because a native addon misuses its interface: its text is in the program's output" },
	{ { "node::FatalError*", "node::OnFatalError*", "node::FatalException*", NULL }, "node", "Node.js", "runtime-fatal-error", "fatal-error", NULL,
	  "read-output", NULL, "the text (FATAL ERROR: …) and the JavaScript stack are in the program's output" },
	{ { "V8_Fatal*", "v8::internal::V8::FatalError*", "v8::Utils::ReportApiFailure*", NULL }, "node", "V8", "runtime-fatal-error", "engine-check", NULL,
	  "read-output", NULL, "a check inside V8 failed: the text is in the program's output; a native addon that misuses V8's handles is the usual reason" },
	{ { "report_java_out_of_memory*", NULL }, "jvm", "The JVM", "allocation-failure", "java-heap", "java.lang.OutOfMemoryError", "raise-heap-limit",
	  "java -Xmx4g", "-XX:+CrashOnOutOfMemoryError ended the program when the Java heap was full: look at a heap dump (-XX:+HeapDumpOnOutOfMemoryError), or raise -Xmx" },
	{ { "report_vm_out_of_memory*", "vm_exit_out_of_memory*", NULL }, "jvm", "The JVM", "allocation-failure", "native-memory", "native memory allocation failed",
	  "check-memory-limit", NULL, "the machine or the process's limit has no more memory for the JVM itself: lower -Xmx or the number of threads, or raise the limit (MemoryMax=, ulimit -v); hs_err_pid*.log has the figures" },
	{ { "report_fatal*", "report_vm_error*", "report_should_not_reach_here*", "report_unimplemented*", "report_untested*", NULL }, "jvm", "The JVM",
	  "runtime-fatal-error", "internal-error", NULL, "read-hs-err", NULL, "the JVM's own report, hs_err_pid*.log in the working directory, names the error and the Java stack" },
	{ { "_Py_FatalError*", "Py_FatalError*", "fatal_error", NULL }, "python", "Python", "runtime-fatal-error", "fatal-error", NULL, "read-output", NULL,
	  "the text (Fatal Python error: …) and the Python stack are in the program's output" },
};

static int run(const struct cw_core *core, struct cw_run *host) {
	struct words_stack stack;
	struct cw_finding *f;
	size_t at;

	words_stack_init(&stack, core, core->crashed);
	for (size_t i = 0; i < COUNT(fatals); i++) {
		const struct fatal *t = &fatals[i];

		at = words_find(&stack, 0, t->names);
		if (at == stack.n)
			continue;
		f = cw_finding_add(host, t->id, words_trust(&stack, at, CW_CERTAIN), "%s gave up: %s", t->title, t->message ? t->message : t->kind);
		cw_finding_evidence(f, "frame %u is %s(), which ends the program", stack.frames[at]->index, words_bare(core, words_function(stack.frames[at])));
		cw_fact_string(f, "runtime", t->runtime);
		cw_fact_string(f, "message", t->message);
		cw_fact_string(f, "kind", t->kind);
		cw_fact_string(f, "culprit", NULL);
		cw_finding_suggest(f, t->suggestion, t->command, "%s", t->advice);
		if (strcmp(t->kind, "native-memory") == 0)
			words_add_space(core, f);
		return 0;
	}
	return 0;
}

static bool applies(const struct cw_core *core) {
	int signal = core->fault->signal.number;

	return words_aborted_itself(core) || signal == SIGTRAP || signal == SIGILL;
}

CW_ANALYZER(vm) = {
	.abi = CW_ANALYZER_ABI,
	.name = "vm",
	.summary = "fatal errors of Node.js, the JVM and Python, such as a heap that reached its limit",
	.priority = 65,
	.applies = applies,
	.run = run,
};
