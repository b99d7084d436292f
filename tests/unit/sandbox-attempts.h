/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a worker that was taken over by its core might try, as a table: for test-sandbox, which calls each from inside the
 * sandbox, and for the plug-in of tests/system/test-sandbox, which does so from inside a real worker. libc only.
 *
 * An attempt returns 0 if it got what it wanted, else -errno; or it does not return.
 */
#pragma once

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A folder that everybody may write, a file in it that is there, and one that is not. */
static char attempt_folder[128], attempt_file[160], attempt_new[160];

static inline void set_attempt_folder(const char *folder) {
	snprintf(attempt_folder, sizeof(attempt_folder), "%s", folder);
	snprintf(attempt_file, sizeof(attempt_file), "%s/file", attempt_folder);
	snprintf(attempt_new, sizeof(attempt_new), "%s/new", attempt_folder);
}

#define ATTEMPT_CACHE_FD 5
#define ATTEMPT_FETCHED_FD 6

#define RESULT(call) ((call) < 0 ? -errno : 0)
#define ATTEMPT(name, call)           \
	static int name(void) {       \
		return RESULT(call);  \
	}

enum ending {
	FORBIDDEN, /* EPERM or EACCES */
	KILLED,    /* SIGSYS */
	ALLOWED,   /* what an analysis needs */
};

struct attempt {
	const char *name;
	enum ending ending;
	int (*act)(void);
};

static char *const no_words[] = { (char *)"true", NULL };

/* other programs */
ATTEMPT(try_exec, execve("/bin/true", no_words, no_words + 1))
ATTEMPT(try_execveat, syscall(SYS_execveat, AT_FDCWD, "/bin/true", no_words, no_words + 1, 0))
ATTEMPT(try_fork, fork())
ATTEMPT(try_clone3, syscall(SYS_clone3, NULL, 0))
ATTEMPT(try_unshare, unshare(CLONE_NEWUSER))
ATTEMPT(try_setns, setns(0, 0))
ATTEMPT(try_memfd, syscall(SYS_memfd_create, "x", 0))
ATTEMPT(try_map_code, mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0)
static int try_make_code(void) {
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -errno : RESULT(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int try_map_writable_code(void) {
	int fd = open("/bin/true", O_RDONLY | O_CLOEXEC);

	return RESULT(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
}

/* the network */
ATTEMPT(try_inet, socket(AF_INET, SOCK_STREAM, 0))
ATTEMPT(try_unix, socket(AF_UNIX, SOCK_DGRAM, 0))
ATTEMPT(try_netlink, socket(AF_NETLINK, SOCK_RAW, 0))
static int try_socketpair(void) {
	int fds[2];

	return RESULT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
}
ATTEMPT(try_connect, connect(4, &(struct sockaddr){ AF_UNIX, "" }, sizeof(struct sockaddr)))
ATTEMPT(try_sendmsg, sendmsg(2, &(struct msghdr){ .msg_flags = 0 }, 0))

/* other processes */
ATTEMPT(try_ptrace, ptrace(PTRACE_ATTACH, getppid(), NULL, NULL))
ATTEMPT(try_traceme, ptrace(PTRACE_TRACEME, 0, NULL, NULL))
ATTEMPT(try_vm_read, process_vm_readv(getppid(), NULL, 0, NULL, 0, 0))
ATTEMPT(try_vm_write, process_vm_writev(getppid(), NULL, 0, NULL, 0, 0))
ATTEMPT(try_steal_descriptor, syscall(SYS_pidfd_getfd, 0, 0, 0))
ATTEMPT(try_kill, kill(1, SIGKILL))
ATTEMPT(try_kill_all, kill(-1, 0))
ATTEMPT(try_tgkill, syscall(SYS_tgkill, 1, 1, SIGTERM))
ATTEMPT(try_own_by_signal, fcntl(4, F_SETOWN, 1))
ATTEMPT(try_priority, setpriority(PRIO_PROCESS, 0, 19))

/* the kernel */
ATTEMPT(try_mount, mount("none", "/mnt", "tmpfs", 0, NULL))
ATTEMPT(try_umount, umount2("/proc", MNT_DETACH))
ATTEMPT(try_new_mount, syscall(SYS_open_tree, AT_FDCWD, "/", 1))
ATTEMPT(try_chroot, chroot("/tmp"))
ATTEMPT(try_bpf, syscall(SYS_bpf, 0, NULL, 0))
ATTEMPT(try_perf, syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0))
ATTEMPT(try_keyctl, syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 0))
ATTEMPT(try_add_key, syscall(SYS_add_key, "user", "x", "x", 1, KEY_SPEC_PROCESS_KEYRING))
ATTEMPT(try_io_uring, syscall(SYS_io_uring_setup, 1, NULL))
ATTEMPT(try_userfaultfd, syscall(SYS_userfaultfd, 0))
ATTEMPT(try_module, syscall(SYS_finit_module, 0, "", 0))
ATTEMPT(try_file_handle, syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0))
ATTEMPT(try_personality, personality(PER_LINUX32))
ATTEMPT(try_shared_memory, shmget(IPC_PRIVATE, 4096, 0600))
#ifdef __x86_64__
/* getpid() with the numbers of other machines: these would have passed a filter that looks at numbers alone. */
static int try_i386(void) {
	long r = 20;

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory");
	return r < 0 ? (int)r : 0;
}
ATTEMPT(try_x32, syscall(0x40000000 + SYS_getpid))
#endif

/* rights */
ATTEMPT(try_become_root, setresuid(0, 0, 0))
ATTEMPT(try_dumpable, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
ATTEMPT(try_raise_limit, setrlimit(RLIMIT_CPU, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY }))
ATTEMPT(try_session, setsid())

/* files */
ATTEMPT(try_write_file, open(attempt_file, O_WRONLY | O_CLOEXEC))
ATTEMPT(try_append_file, open(attempt_file, O_RDONLY | O_APPEND | O_CLOEXEC))
ATTEMPT(try_truncate_open, open(attempt_file, O_RDONLY | O_TRUNC | O_CLOEXEC))
ATTEMPT(try_truncate, truncate(attempt_file, 0))
ATTEMPT(try_make_file, open(attempt_new, O_WRONLY | O_CREAT | O_CLOEXEC, 0600))
ATTEMPT(try_creat, creat(attempt_new, 0600))
ATTEMPT(try_openat2, syscall(SYS_openat2, AT_FDCWD, attempt_file, &(uint64_t[3]){ O_WRONLY }, 24))
ATTEMPT(try_temporary, open(attempt_folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600))
ATTEMPT(try_unlink, unlink(attempt_file))
ATTEMPT(try_rename, rename(attempt_file, attempt_new))
ATTEMPT(try_link, link(attempt_file, attempt_new))
ATTEMPT(try_symlink, symlink(attempt_file, attempt_new))
ATTEMPT(try_mkdir, mkdir(attempt_new, 0700))
ATTEMPT(try_fifo, mkfifo(attempt_new, 0600))
ATTEMPT(try_chmod, chmod(attempt_file, 0777))
ATTEMPT(try_chown, chown(attempt_file, getuid(), getgid()))
ATTEMPT(try_times, utimensat(AT_FDCWD, attempt_file, NULL, 0))
ATTEMPT(try_attribute, setxattr(attempt_file, "user.x", "x", 1, 0))
ATTEMPT(try_device, ioctl(0, TIOCSTI, "x"))
ATTEMPT(try_inotify, syscall(SYS_inotify_init1, 0))
static int try_parents_memory(void) {
	char path[64], line[256];
	FILE *f = fopen("/proc/self/stat", "re");
	int parent = 0, fd;

	if (!f || !fgets(line, sizeof(line), f) || sscanf(strrchr(line, ')') + 2, "%*c %d", &parent) != 1)
		return -ENODATA;
	fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/environ", parent);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return RESULT(fd);
}

/* the cache folder */
ATTEMPT(try_cache_absolute, openat(ATTEMPT_CACHE_FD, attempt_new, O_WRONLY | O_CREAT | O_CLOEXEC, 0600))
ATTEMPT(try_cache_upwards, openat(ATTEMPT_CACHE_FD, "../new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600))
ATTEMPT(try_cache_unlink_absolute, unlinkat(ATTEMPT_CACHE_FD, attempt_file, 0))
ATTEMPT(try_cache_rename_out, renameat(ATTEMPT_CACHE_FD, "mine", ATTEMPT_CACHE_FD, attempt_new))
ATTEMPT(try_cache_symlink, symlinkat(attempt_file, ATTEMPT_CACHE_FD, "link"))
ATTEMPT(try_cache_mkdir, mkdirat(ATTEMPT_CACHE_FD, "folder", 0700))
ATTEMPT(try_cache_set_id, fchmodat(ATTEMPT_CACHE_FD, "mine", 04755, 0))
ATTEMPT(try_fetched_make, openat(ATTEMPT_FETCHED_FD, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600))
ATTEMPT(try_fetched_write, openat(ATTEMPT_FETCHED_FD, "theirs", O_WRONLY | O_CLOEXEC))
ATTEMPT(try_fetched_unlink, unlinkat(ATTEMPT_FETCHED_FD, "theirs", 0))
ATTEMPT(try_fetched_rename, renameat(ATTEMPT_FETCHED_FD, "theirs", ATTEMPT_CACHE_FD, "theirs"))
ATTEMPT(read_fetched, openat(ATTEMPT_FETCHED_FD, "theirs", O_RDONLY | O_CLOEXEC))
static int use_cache(void) {
	int fd = openat(ATTEMPT_CACHE_FD, "new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) < 0 ||
	    renameat(ATTEMPT_CACHE_FD, "new", ATTEMPT_CACHE_FD, "renamed") < 0)
		return -errno;
	fd = openat(ATTEMPT_CACHE_FD, "renamed", O_RDONLY | O_CLOEXEC);
	return fd < 0 || close(fd) < 0 || unlinkat(ATTEMPT_CACHE_FD, "renamed", 0) < 0 ? -errno : 0;
}

ATTEMPT(read_a_file, open(attempt_file, O_RDONLY | O_CLOEXEC))
ATTEMPT(read_a_folder, open("/usr", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
static int load_a_library(void) {
	static const char name[] = "libresolv.so.2"; /* the C library has it, and nothing of ours is linked with it */

	return !dlopen(name, RTLD_NOLOAD | RTLD_LAZY) && dlopen(name, RTLD_NOW) ? 0 : -ELIBACC;
}
static int use_memory(void) {
	char *p = malloc(64 << 20);

	if (!p)
		return -errno;
	memset(p, 1, 64 << 20);
	free(p);
	return 0;
}

static const struct attempt attempts[] = {
	{ "run a program", KILLED, try_exec },
	{ "run a program (execveat)", KILLED, try_execveat },
	{ "fork", FORBIDDEN, try_fork },
	{ "clone3", FORBIDDEN, try_clone3 },
	{ "new user namespace", KILLED, try_unshare },
	{ "enter a namespace", KILLED, try_setns },
	{ "a file in memory", FORBIDDEN, try_memfd },
	{ "map code", FORBIDDEN, try_map_code },
	{ "map code that can be changed", FORBIDDEN, try_map_writable_code },
	{ "turn data into code", FORBIDDEN, try_make_code },
	{ "internet socket", KILLED, try_inet },
	{ "unix socket", KILLED, try_unix },
	{ "netlink socket", KILLED, try_netlink },
	{ "pair of sockets", KILLED, try_socketpair },
	{ "connect", KILLED, try_connect },
	{ "send a descriptor", KILLED, try_sendmsg },
	{ "ptrace the parent", KILLED, try_ptrace },
	{ "be traced", KILLED, try_traceme },
	{ "read the parent's memory", KILLED, try_vm_read },
	{ "write the parent's memory", KILLED, try_vm_write },
	{ "steal a descriptor", KILLED, try_steal_descriptor },
	{ "kill init", FORBIDDEN, try_kill },
	{ "kill everybody", FORBIDDEN, try_kill_all },
	{ "kill init's thread", FORBIDDEN, try_tgkill },
	{ "send signals by a descriptor", FORBIDDEN, try_own_by_signal },
	{ "change the priority", FORBIDDEN, try_priority },
	{ "mount", KILLED, try_mount },
	{ "unmount", KILLED, try_umount },
	{ "mount (new calls)", KILLED, try_new_mount },
	{ "chroot", KILLED, try_chroot },
	{ "bpf", KILLED, try_bpf },
	{ "perf events", KILLED, try_perf },
	{ "keyctl", KILLED, try_keyctl },
	{ "add a key", KILLED, try_add_key },
	{ "io_uring", KILLED, try_io_uring },
	{ "userfaultfd", KILLED, try_userfaultfd },
	{ "load a kernel module", KILLED, try_module },
	{ "open by handle", KILLED, try_file_handle },
	{ "personality", FORBIDDEN, try_personality },
	{ "shared memory", FORBIDDEN, try_shared_memory },
#ifdef __x86_64__
	{ "an i386 system call", KILLED, try_i386 },
	{ "an x32 system call", KILLED, try_x32 },
#endif
	{ "become root", FORBIDDEN, try_become_root },
	{ "become dumpable", FORBIDDEN, try_dumpable },
	{ "raise a limit", FORBIDDEN, try_raise_limit },
	{ "a new session", FORBIDDEN, try_session },
	{ "open a file for writing", FORBIDDEN, try_write_file },
	{ "open a file for appending", FORBIDDEN, try_append_file },
	{ "truncate while opening for reading", FORBIDDEN, try_truncate_open },
	{ "truncate", FORBIDDEN, try_truncate },
	{ "make a file", FORBIDDEN, try_make_file },
	{ "make a file (creat)", FORBIDDEN, try_creat },
	{ "open a file for writing (openat2)", FORBIDDEN, try_openat2 },
	{ "make a nameless file", FORBIDDEN, try_temporary },
	{ "remove a file", FORBIDDEN, try_unlink },
	{ "rename a file", FORBIDDEN, try_rename },
	{ "link a file", FORBIDDEN, try_link },
	{ "make a symbolic link", FORBIDDEN, try_symlink },
	{ "make a folder", FORBIDDEN, try_mkdir },
	{ "make a FIFO", FORBIDDEN, try_fifo },
	{ "change a file's mode", FORBIDDEN, try_chmod },
	{ "change a file's owner", FORBIDDEN, try_chown },
	{ "change a file's times", FORBIDDEN, try_times },
	{ "change a file's attributes", FORBIDDEN, try_attribute },
	{ "type into a terminal", FORBIDDEN, try_device },
	{ "watch files", FORBIDDEN, try_inotify },
	{ "read the parent's environment", FORBIDDEN, try_parents_memory },
	{ "leave the cache by an absolute path", FORBIDDEN, try_cache_absolute },
	{ "leave the cache by ..", FORBIDDEN, try_cache_upwards },
	{ "remove a file by way of the cache", FORBIDDEN, try_cache_unlink_absolute },
	{ "rename a file out of the cache", FORBIDDEN, try_cache_rename_out },
	{ "a link in the cache", FORBIDDEN, try_cache_symlink },
	{ "a folder in the cache", FORBIDDEN, try_cache_mkdir },
	{ "a set-uid file in the cache", FORBIDDEN, try_cache_set_id },
	{ "make a fetched file", FORBIDDEN, try_fetched_make },
	{ "write a fetched file", FORBIDDEN, try_fetched_write },
	{ "remove a fetched file", FORBIDDEN, try_fetched_unlink },
	{ "rename a fetched file into the cache", FORBIDDEN, try_fetched_rename },
	{ "make, rename, read and remove a file in the cache", ALLOWED, use_cache },
	{ "read a fetched file", ALLOWED, read_fetched },
	{ "read a file", ALLOWED, read_a_file },
	{ "read a folder", ALLOWED, read_a_folder },
	{ "load a library", ALLOWED, load_a_library },
	{ "use memory", ALLOWED, use_memory },
};
