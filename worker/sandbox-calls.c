/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp: loads the filter that sandbox-rules.c made when corewatch was built; the rules and their reasons are there.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "sandbox-filter.h"
#include "worker/sandbox-private.h"

/* The kernel's BPF_MAXINSNS is 4096; ours have some hundred instructions. */
#define INSTRUCTIONS_MAX 1024
_Static_assert(ELEMENTSOF(filter_with_cache) <= INSTRUCTIONS_MAX && ELEMENTSOF(filter_without_cache) <= INSTRUCTIONS_MAX,
	       "the filter has grown");

int sandbox_calls(const struct sandbox *sandbox, struct sandbox_outcome *outcome) {
	size_t n = sandbox->has_cache ? ELEMENTSOF(filter_with_cache) : ELEMENTSOF(filter_without_cache);
	struct sock_filter filter[INSTRUCTIONS_MAX];
	struct sock_fprog program = { .len = (unsigned short)n, .filter = filter };

	memcpy(filter, sandbox->has_cache ? filter_with_cache : filter_without_cache, n * sizeof(*filter));
	/* The one number that the build could not know. */
	for (size_t i = 0; i < n; i++)
		if (filter[i].k == SANDBOX_PID)
			filter[i].k = (uint32_t)getpid();
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
		return 0;
	/* Not built into the kernel, or forbidden by a container's own filter. */
	if (errno == ENOSYS || errno == EINVAL || errno == EPERM || errno == EOPNOTSUPP) {
		sandbox_warn(outcome, "this kernel has no seccomp filters: any system call was open to the analysis");
		return 0;
	}
	return -errno;
}
