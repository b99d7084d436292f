/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program of the build: makes the seccomp filters of sandbox-calls.c, one for a worker with a cache and one without,
 * and prints them as C. libseccomp needs a millisecond for this, a quarter of what a worker takes for a small core.
 *
 * The rules: the system calls that the analysis of a core makes, and no others. Whoever asks for one that has no place in
 * an analysis at all (another program, the network, other processes, mounts, keys, and interfaces of the kernel that
 * are known for their holes) is not our code any more, and is killed at once; the rest is EPERM, so that a library that
 * tries something harmless goes on without it.
 *
 * The list is what libelf, libdw, capstone, zstd, lzma, json-c and the C library were seen to use (strace over the
 * corpus, with caches and without), and their siblings in other versions of the C library and on other CPUs.
 *
 * The filter knows only numbers: flags and descriptors, never what a pointer points to.
 */
#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>

#include <linux/filter.h>

#include "util/io.h"
#include "util/protocol.h"
#include "worker/sandbox-private.h"

struct condition {
	int call;
	unsigned n;
	struct scmp_arg_cmp arguments[2];
};

#define IS(n, value) { n, SCMP_CMP_EQ, (scmp_datum_t)(value), 0 }
#define MASKED(n, mask, value) { n, SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask), (scmp_datum_t)(value) }
#define HAS_NOT(n, bits) MASKED(n, bits, 0)

static const int allowed[] = {
	/* memory; mmap() and mprotect() are below */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	/* reading and writing what is open */
	SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(readv), SCMP_SYS(preadv), SCMP_SYS(write), SCMP_SYS(pwrite64),
	SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(_llseek), SCMP_SYS(close), SCMP_SYS(fadvise64),
	SCMP_SYS(getdents64),
	/* looking */
	SCMP_SYS(stat), SCMP_SYS(stat64), SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(lstat), SCMP_SYS(lstat64),
	SCMP_SYS(newfstatat), SCMP_SYS(fstatat64), SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
	/* who and when */
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
	SCMP_SYS(getrusage), SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getcpu),
	/* the C library */
	SCMP_SYS(futex), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack), SCMP_SYS(sched_yield), SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
};

#if SANITIZED
/* Memory of a sanitizer's own, and its search for leaks. */
static const int sanitizer_allowed[] = {
	SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(getdents), SCMP_SYS(clone),
	SCMP_SYS(clone3),
	SCMP_SYS(ptrace), SCMP_SYS(wait4), SCMP_SYS(prctl), SCMP_SYS(prlimit64), SCMP_SYS(getppid), SCMP_SYS(tgkill),
	SCMP_SYS(kill), SCMP_SYS(fcntl), SCMP_SYS(fcntl64), SCMP_SYS(rseq), SCMP_SYS(set_robust_list), SCMP_SYS(ioctl), SCMP_SYS(poll), SCMP_SYS(pipe2),
	SCMP_SYS(process_vm_readv),
};
#endif

static const int deadly[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat),
	SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(socketcall), SCMP_SYS(connect), SCMP_SYS(bind),
	SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg),
	SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp),
#if !SANITIZED
	SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
#endif
	SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(umount), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
	SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount),
	SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(unshare), SCMP_SYS(setns),
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
	SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key),
	SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
	SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load), SCMP_SYS(open_by_handle_at),
};

/*
 * An open that changes nothing. O_RDONLY with O_TRUNC truncates, and Landlock minds that from its third version only.
 */
#define FLAGS_FILE (MAP_ANONYMOUS | MAP_TYPE)
#define FLAGS_CHANGE (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND)

static const struct condition conditions[] = {
	/*
	 * No new code: data is not turned into it, and what is mapped as code comes from a file and cannot be written.
	 * (A library is loaded late where only few cores need it. corewatch.service has all but the system's folders
	 * mounted noexec, so that it cannot be a file of the owner's either.)
	 */
	{ SCMP_SYS(mmap), 1, { HAS_NOT(2, PROT_EXEC) } },
	{ SCMP_SYS(mmap), 2, { MASKED(2, PROT_EXEC | PROT_WRITE, PROT_EXEC), MASKED(3, FLAGS_FILE, MAP_PRIVATE) } },
	{ SCMP_SYS(mmap2), 1, { HAS_NOT(2, PROT_EXEC) } },
	{ SCMP_SYS(mmap2), 2, { MASKED(2, PROT_EXEC | PROT_WRITE, PROT_EXEC), MASKED(3, FLAGS_FILE, MAP_PRIVATE) } },
	{ SCMP_SYS(mprotect), 1, { HAS_NOT(2, PROT_EXEC) } },
	{ SCMP_SYS(open), 1, { HAS_NOT(1, FLAGS_CHANGE) } },
	{ SCMP_SYS(openat), 1, { HAS_NOT(2, FLAGS_CHANGE) } },
	/* F_SETOWN and F_SETSIG send signals to others, F_NOTIFY and F_SETLEASE watch them. */
	{ SCMP_SYS(fcntl), 1, { IS(1, F_GETFD) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_SETFD) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_GETFL) } },
	{ SCMP_SYS(fcntl), 1, { IS(1, F_DUPFD_CLOEXEC) } },
	{ SCMP_SYS(fcntl64), 1, { IS(1, F_GETFD) } },
	{ SCMP_SYS(fcntl64), 1, { IS(1, F_SETFD) } },
	{ SCMP_SYS(fcntl64), 1, { IS(1, F_GETFL) } },
	{ SCMP_SYS(fcntl64), 1, { IS(1, F_DUPFD_CLOEXEC) } },
	/* Reading one's own limits. */
	{ SCMP_SYS(prlimit64), 2, { IS(0, 0), IS(2, 0) } },
};

/* Relative to the cache folder. An absolute path ignores the folder: that is Landlock's. */
static const struct condition cache_conditions[] = {
	{ SCMP_SYS(openat), 2, { IS(0, WORKER_FD_CACHE), HAS_NOT(2, O_TRUNC | O_APPEND) } },
	{ SCMP_SYS(unlinkat), 2, { IS(0, WORKER_FD_CACHE), IS(2, 0) } },
	{ SCMP_SYS(renameat), 2, { IS(0, WORKER_FD_CACHE), IS(2, WORKER_FD_CACHE) } },
	{ SCMP_SYS(renameat2), 2, { IS(0, WORKER_FD_CACHE), IS(2, WORKER_FD_CACHE) } },
};

static int add_calls(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n) {
	int r = 0;

	/* Those that this CPU does not have are passed over by the library. */
	for (size_t i = 0; i < n && r >= 0; i++)
		r = seccomp_rule_add(filter, action, calls[i], 0);
	return r;
}

static int add_conditions(scmp_filter_ctx filter, const struct condition *list, size_t n) {
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++)
		r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, list[i].call, list[i].n, list[i].arguments);
	return r;
}

static int fill(scmp_filter_ctx filter, bool has_cache) {
	/* abort(), so that a worker that aborts is seen to abort. */
	static const struct condition own_signals = { SCMP_SYS(tgkill), 1, { IS(0, SANDBOX_PID) } };
	int r;

	/* Another machine's calls have other numbers: i386 by int 0x80, x32. */
	r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r >= 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree */
	if (r >= 0)
		r = add_calls(filter, SCMP_ACT_ALLOW, allowed, ELEMENTSOF(allowed));
#if SANITIZED
	if (r >= 0)
		r = add_calls(filter, SCMP_ACT_ALLOW, sanitizer_allowed, ELEMENTSOF(sanitizer_allowed));
	(void)conditions, (void)own_signals, (void)cache_conditions, (void)has_cache, (void)add_conditions;
	if (r >= 0)
		r = add_calls(filter, SCMP_ACT_ALLOW, (const int[]){ SCMP_SYS(unlinkat), SCMP_SYS(renameat) }, 2);
#else
	if (r >= 0)
		r = add_conditions(filter, conditions, ELEMENTSOF(conditions));
	if (r >= 0)
		r = add_conditions(filter, &own_signals, 1);
	if (r >= 0 && has_cache)
		r = add_conditions(filter, cache_conditions, ELEMENTSOF(cache_conditions));
#endif
	return r >= 0 ? add_calls(filter, SCMP_ACT_KILL_PROCESS, deadly, ELEMENTSOF(deadly)) : r;
}

static void release(scmp_filter_ctx *filter) {
	if (*filter)
		seccomp_release(*filter);
}

static int export(const char *name, bool has_cache) {
	_cleanup_(release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	_cleanup_fclose_ FILE *file = tmpfile();
	_cleanup_free_ char *data = NULL;
	size_t length;
	int r;

	if (!filter || !file)
		return -ENOMEM;
	r = fill(filter, has_cache);
	if (r >= 0)
		r = seccomp_export_bpf(filter, fileno(file));
	if (r >= 0 && lseek(fileno(file), 0, SEEK_SET) < 0)
		r = -errno;
	if (r >= 0)
		r = read_whole(fileno(file), MIB(1), &data, &length);
	if (r < 0)
		return r;
	printf("static const struct sock_filter %s[] = {\n", name);
	for (size_t i = 0; i + sizeof(struct sock_filter) <= length; i += sizeof(struct sock_filter)) {
		struct sock_filter f;

		memcpy(&f, data + i, sizeof(f));
		printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", f.code, f.jt, f.jf, f.k);
	}
	puts("};");
	return 0;
}

int main(void) {
	int r;

	puts("/* SPDX-License-Identifier: LGPL-2.1-or-later */\n/* Made by worker/sandbox-rules.c. */");
	r = export("filter_without_cache", false);
	if (r >= 0)
		r = export("filter_with_cache", true);
	if (r < 0 || fflush(stdout) != 0) {
		fprintf(stderr, "sandbox-rules: %s\n", strerror(r < 0 ? -r : errno));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
