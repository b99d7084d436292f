/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an address is. Thread stacks go by their bounds, not by mappings: neighbouring stacks merge into one mapping,
 * and the guards of newer C libraries lie inside a writable one (signals and stacks: glibc 2.42, nptl/allocatestack.c).
 */
#include "core/fault-private.h"

/* Nothing is ever mapped below vm.mmap_min_addr (65536 by default). */
#define NULL_PAGE_BYTES KIB(64)
/* The kernel keeps 256 pages free below a growing stack (stack_guard_gap in mm/mmap.c). */
#define STACK_GUARD_GAP MIB(1)
/* RLIMIT_STACK where nobody told us: the kernel's own default (_STK_LIM). */
#define STACK_LIMIT_DEFAULT MIB(8)

static const char *const names[] = {
	[CW_REGION_UNMAPPED] = "unmapped",
	[CW_REGION_NULL_PAGE] = "null-page",
	[CW_REGION_NON_CANONICAL] = "non-canonical",
	[CW_REGION_KERNEL] = "kernel",
	[CW_REGION_STACK] = "stack",
	[CW_REGION_STACK_GUARD] = "stack-guard",
	[CW_REGION_BELOW_STACK] = "below-stack",
	[CW_REGION_HEAP] = "heap",
	[CW_REGION_MODULE] = "module",
	[CW_REGION_FILE] = "file",
	[CW_REGION_ANONYMOUS] = "anonymous",
	[CW_REGION_VDSO] = "vdso",
};

const char *fault_region_name(enum cw_region_kind kind) {
	return (size_t)kind < ELEMENTSOF(names) ? names[kind] : "unmapped";
}

static uint64_t subtract(uint64_t a, uint64_t b) {
	return a > b ? a - b : 0;
}

/* The mapping that holds the address and its neighbours; mappings do not overlap and are sorted. */
static void find_mappings(const struct core *core, struct cw_region *region) {
	size_t low = 0, high = core->pub.n_mappings, middle;
	const struct cw_mapping *mappings = core->pub.mappings;

	while (low < high) { /* the first that ends above the address */
		middle = low + (high - low) / 2;
		if (mappings[middle].end <= region->address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > 0)
		region->before = &mappings[low - 1];
	if (low < core->pub.n_mappings && mappings[low].start <= region->address)
		region->mapping = &mappings[low++];
	if (low < core->pub.n_mappings)
		region->after = &mappings[low];
}

/* The gap into which the main stack would have grown: down to its limit, or to where its SP already was. */
static bool is_below_main(const struct cw_thread *thread, const struct cw_region *region) {
	const struct cw_stack *stack = &thread->stack;
	uint64_t limit = stack->has_limit ? stack->limit_bytes : STACK_LIMIT_DEFAULT;
	uint64_t floor;

	if (stack->kind != CW_STACK_MAIN || region->mapping || region->address >= stack->low)
		return false;
	/* Only if nothing lies between the address and the stack. */
	if (region->after && region->after->start < stack->low)
		return false;
	floor = subtract(stack->high, limit);
	if (stack->sp < floor)
		floor = stack->sp;
	return region->address >= subtract(floor, STACK_GUARD_GAP);
}

static bool find_stack(const struct core *core, struct cw_region *region) {
	const struct cw_thread *thread;
	const struct cw_stack *stack;

	for (size_t i = 0; i < core->pub.n_threads; i++) {
		thread = &core->pub.threads[i];
		stack = &thread->stack;
		if (!stack->has_bounds)
			continue;
		if (region->address >= stack->low && region->address < stack->high)
			region->kind = CW_REGION_STACK;
		else if (stack->has_guard && region->address < stack->low &&
			 region->address >= subtract(stack->low, stack->guard_bytes))
			region->kind = CW_REGION_STACK_GUARD;
		else if (is_below_main(thread, region))
			region->kind = CW_REGION_BELOW_STACK;
		else
			continue;
		region->thread = thread;
		return true;
	}
	return false;
}

static bool is_kernel(const struct arch *arch, uint64_t address) {
	/* With 64 bits the sign says it: what lies between the last user page and the middle of the address space is
	 * nobody's. */
	return arch->word_bytes == 8 ? address >> 63 : address >= arch->user_end;
}

void fault_describe_address(const struct core *core, uint64_t address, struct cw_region *ret_region) {
	struct cw_region region = { .kind = CW_REGION_UNMAPPED, .address = address };

	find_mappings(core, &region);
	if (!core->arch->is_canonical(address))
		region.kind = CW_REGION_NON_CANONICAL;
	else if (is_kernel(core->arch, address) && !region.mapping)
		region.kind = CW_REGION_KERNEL;
	else if (address < NULL_PAGE_BYTES && !region.mapping)
		region.kind = CW_REGION_NULL_PAGE;
	else if (!find_stack(core, &region) && region.mapping) {
		region.kind = region.mapping->kind;
		for (size_t i = 0; region.kind == CW_REGION_STACK && !region.thread && i < core->pub.n_threads; i++)
			if (core->pub.threads[i].is_main)
				region.thread = &core->pub.threads[i];
	}
	*ret_region = region;
}
