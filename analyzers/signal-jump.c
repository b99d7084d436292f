/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program counter itself is what could not be used: a call through a bad function pointer, a return to an address
 * that was overwritten, or code of a library that is gone.
 *
 * Call and return are told apart by what they leave: a call its return address at SP, a return what it took below SP.
 */
#include <string.h>

#include "signal-decode.h"

/* Libraries are mapped one beside the other; an unloaded one lay among them, or not further from them than this. */
#define LIBRARY_AREA_SLACK (UINT64_C(64) << 20)

static const char *text(const char *s) {
	return s ? s : "?";
}

static bool is_text(uint64_t address, unsigned bytes) {
	for (unsigned i = 0; i < bytes; i++)
		if (((address >> (8 * i)) & 0xff) < 0x20 || ((address >> (8 * i)) & 0xff) > 0x7e)
			return false;
	return true;
}

/* Whether libraries lie on both sides, or on one and not far: where only code that was unloaded can have been. */
static bool among_libraries(const struct decode *d) {
	uint64_t address = d->fault->address, low = UINT64_MAX, high = 0;

	for (size_t i = 0; i < d->core->n_modules; i++) {
		const struct cw_module *m = &d->core->modules[i];

		if (m->is_executable || m->path[0] == '[')
			continue;
		low = m->start < low ? m->start : low;
		high = m->end > high ? m->end : high;
	}
	return high > 0 && !d->fault->region.mapping && address + LIBRARY_AREA_SLACK > low && address < high + LIBRARY_AREA_SLACK;
}

static void suggest_unloaded(const struct decode *d, struct cw_finding *finding) {
	cw_finding_suggest(finding, "keep-library", "dlopen(path, RTLD_NOW | RTLD_NODELETE)",
	    "if a plugin was unloaded before: end its threads and take back its callbacks before dlclose(), or keep it loaded; %s still used its code",
	    decode_who(d));
}

/* Where calls leave their return address: in a register, or (NULL) at SP. */
static const char *link_register(const struct decode *d) {
	return d->core->arch == CW_ARCH_AARCH64 ? "x30" : NULL;
}

/* Whether the return address that a call would have left leads back into code. */
static bool was_called(const struct decode *d, const struct cw_symbol **ret_caller) {
	const char *link = link_register(d);
	const struct cw_mapping *mapping;
	uint64_t back;

	*ret_caller = NULL;
	if ((link ? decode_register(d, link, &back) : cw_read_word(d->core, d->fault->sp, &back)) < 0)
		return false;
	mapping = cw_find_mapping(d->core, back);
	if (!mapping || !(mapping->perm & CW_PERM_EXEC))
		return false;
	*ret_caller = cw_symbolize(d->core, back, false);
	return true;
}

static bool was_returned_to(const struct decode *d) {
	const char *link = link_register(d);
	uint64_t popped;

	if (link) /* the top byte is lost on the way: it may hold a tag */
		return decode_register(d, link, &popped) >= 0 && (popped ^ d->fault->pc) << 8 == 0;
	return cw_read_word(d->core, d->fault->sp - d->core->word_bytes, &popped) == 0 && popped == d->fault->pc;
}

/* "the word at SP (0x…)", "the link register (x30)"; below: what a return has taken. */
static const char *return_place(const struct decode *d, bool below) {
	const char *link = link_register(d);

	if (link)
		return text(cw_format(d->core, "the link register (%s)", link));
	return text(cw_format(
	    d->core, "the word %s SP (0x%" PRIx64 ")", below ? "below" : "at", d->fault->sp - (below ? d->core->word_bytes : 0)));
}

void claim_jump(struct decode *d) {
	const struct cw_region *region = &d->fault->region;
	const char *kind = region->kind == CW_REGION_NULL_PAGE       ? "null"
	                   : region->kind == CW_REGION_NON_CANONICAL ? "non-canonical"
	                   : region->mapping                         ? "not-executable"
	                         : among_libraries(d)                 ? "unloaded-module"
	                                                             : "unmapped";
	bool unloaded = strcmp(kind, "unloaded-module") == 0;
	const char *what = region->kind == CW_REGION_NULL_PAGE ? "through a null function pointer"
	                   : region->mapping                   ? "into memory that is not code"
	                   : unloaded ? "to where nothing is mapped among the libraries, as after dlclose()"
	                              : "to where nothing is mapped";
	const struct cw_symbol *caller;
	bool called = was_called(d, &caller);
	const char *name = caller && caller->at.function
	                       ? caller->at.function
	                       : decode_function(decode_frame(d->core, d->fault->frame_index + 1));
	struct cw_finding *finding;

	if (!called && unloaded && was_returned_to(d)) {
		finding = decode_claim(d, "bad-jump", CW_LIKELY, "a function returned to 0x%" PRIx64 ", %s", d->fault->pc, what + 3);
		cw_finding_evidence(finding, "%s is the program counter: a RET took it from there", return_place(d, true));
		suggest_unloaded(d, finding);
	} else if (!called && was_returned_to(d)) {
		finding = decode_claim(d, "corrupted-return-address", CW_LIKELY,
		    "a function returned to 0x%" PRIx64 ", %s", d->fault->pc, what);
		cw_finding_evidence(finding, "%s is the program counter: a RET took it from there", return_place(d, true));
		cw_finding_suggest(finding, "stack-protector", "-fstack-protector-strong",
		    "a local buffer was overrun before: build with the stack protector to stop in the function that did it");
	} else {
		finding = decode_claim(d, "bad-jump",
		    d->fault->access == CW_ACCESS_EXEC && d->fault->signal.has_code ? CW_CERTAIN : CW_LIKELY,
		    "%s jumped %s, to 0x%" PRIx64, name ? name : "the program", what, d->fault->address);
		if (called)
			cw_finding_evidence(finding, "%s is a return address in %s", return_place(d, false), name ? name : "code");
		if (unloaded)
			suggest_unloaded(d, finding);
		else
			cw_finding_suggest(finding, "check-function-pointer", NULL,
		    "check the function pointer or virtual call in %s: %s", name ? name : decode_who(d),
		    region->kind == CW_REGION_NULL_PAGE ? "it was never set"
							: "it was overwritten, or its object or library is gone");
	}
	cw_fact_string(finding, "kind", kind);
	cw_fact_string(finding, "caller", name);
	decode_add_access(d, finding);
}

/* A call, jump or ret whose target is no address: the CPU stopped at the instruction itself. */
void claim_bad_target(struct decode *d) {
	bool is_ret = d->fault->instruction && d->fault->instruction->class_ == CW_INSN_RET;
	struct cw_finding *finding;

	if (!d->fault->instruction) {
		claim_jump(d);
		return;
	}
	if (is_ret) {
		finding = decode_claim(d, "corrupted-return-address", d->operand ? CW_CERTAIN : CW_LIKELY,
		    "the return address of %s was overwritten with 0x%" PRIx64, d->place, d->fault->address);
		cw_finding_evidence(finding,
		    "the word at SP (0x%" PRIx64 "), which RET would have jumped to, is 0x%" PRIx64, d->fault->sp,
		    d->fault->address);
		if (is_text(d->fault->address, d->core->word_bytes))
			cw_finding_evidence(finding, "the bytes of 0x%" PRIx64 " are printable text: a string was written over it", d->fault->address);
		cw_finding_suggest(finding, "stack-protector", "-fstack-protector-strong",
		    "a local buffer of %s was overrun: check the lengths there, and build with the stack protector",
		    decode_who(d));
	} else {
		finding = decode_claim(d, "bad-jump", d->operand ? CW_CERTAIN : CW_LIKELY,
		    "%s jumped to 0x%" PRIx64 ", which is no address of this CPU", d->place, d->fault->address);
		cw_fact_string(finding, "caller", decode_function(d->frame));
		cw_finding_suggest(finding, "check-function-pointer", NULL,
		    "check the function pointer or virtual call in %s: it was overwritten, or its object is gone",
		    decode_who(d));
	}
	cw_fact_string(finding, "kind", "non-canonical");
	decode_add_access(d, finding);
}

