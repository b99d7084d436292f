/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The smallest useful analyzer: it says which instruction the crashed thread was at. See corewatch-analyzer(7). */
#include <corewatch/analyzer.h>

static int run(const struct cw_core *core, struct cw_run *host) {
	const struct cw_instruction *insn = cw_decode(core, core->fault->pc, core->fault->registers);
	struct cw_finding *finding;

	if (!insn)
		return 0;
	finding = cw_finding_add(host, "hello", CW_CERTAIN, "hello: the crashed thread was at \"%s\"", insn->text);
	cw_finding_supports(finding); /* it explains nothing, so it must never be the verdict */
	cw_finding_evidence(finding, "pc = 0x%llx", (unsigned long long)core->fault->pc);
	cw_fact_integer(finding, "threads", (int64_t)core->n_threads);
	return 0;
}

CW_ANALYZER(hello) = {
	.abi = CW_ANALYZER_ABI,
	.name = "hello",
	.summary = "An example: names the instruction at which the thread crashed",
	.priority = 0,
	.run = run,
};
