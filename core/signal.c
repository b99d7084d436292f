/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signal numbers, codes and the layout of siginfo_t as three tables.
 *
 * Which member of siginfo_t's union is valid follows from (number, code) alone, by the kernel's siginfo_layout()
 * (kernel/signal.c, Linux 6.12); reading another member invents an address or a sender. SI_KERNEL in particular has
 * neither: its zeros are an unset pid and uid, not the address 0. Numbers are those of x86 and arm (asm-generic); codes
 * are from uapi/asm-generic/siginfo.h.
 */
#include "core/signal.h"

#include <signal.h>

enum layout { LAYOUT_KILL, LAYOUT_TIMER, LAYOUT_POLL, LAYOUT_FAULT, LAYOUT_CHILD, LAYOUT_RT, LAYOUT_SYS };

/* Codes that this file names on its own; the C library's headers lack the newer ones. */
enum { CODE_USER = 0, CODE_TIMER = -2, CODE_SIGIO = -5, CODE_KERNEL = 128 };

/* Above this real-time signals begin; glibc keeps 32 and 33 for itself, so its SIGRTMIN is 34. */
enum { FIRST_REALTIME = 32, LIBC_REALTIME = 34, LAST_SIGNAL = 64 };

struct code {
	int code;
	const char *name;
	const char *description; /* one clause */
};

struct signal {
	const char *name;
	const char *description;
	const struct code *codes; /* the kernel's own, 1 … n_codes; in order of code without gaps */
	int n_codes;
	enum layout layout; /* for these codes */
};

#define CODES(table) .codes = table, .n_codes = (int)ELEMENTSOF(table)

/* Codes that any signal can have: who sent it. */
static const struct code sent_codes[] = {
	{ 0, "SI_USER", "sent by kill()" },
	{ 128, "SI_KERNEL", "sent by the kernel, without an address" },
	{ -1, "SI_QUEUE", "sent by sigqueue()" },
	{ -2, "SI_TIMER", "sent by a POSIX timer" },
	{ -3, "SI_MESGQ", "sent by a message queue" },
	{ -4, "SI_ASYNCIO", "sent at the end of asynchronous I/O" },
	{ -5, "SI_SIGIO", "sent by queued SIGIO" },
	{ -6, "SI_TKILL", "raised by the program itself (tgkill)" },
	{ -7, "SI_DETHREAD", "sent by execve() to the other threads" },
	{ -60, "SI_ASYNCNL", "sent at the end of an asynchronous name lookup" },
};

static const struct code ill_codes[] = {
	{ 1, "ILL_ILLOPC", "illegal opcode" },
	{ 2, "ILL_ILLOPN", "illegal operand" },
	{ 3, "ILL_ILLADR", "illegal addressing mode" },
	{ 4, "ILL_ILLTRP", "illegal trap" },
	{ 5, "ILL_PRVOPC", "privileged opcode" },
	{ 6, "ILL_PRVREG", "privileged register" },
	{ 7, "ILL_COPROC", "coprocessor error" },
	{ 8, "ILL_BADSTK", "internal stack error" },
	{ 9, "ILL_BADIADDR", "unimplemented instruction address" },
	{ 10, "__ILL_BREAK", "illegal break" },
	{ 11, "__ILL_BNDMOD", "bundle-update in progress" },
};

static const struct code fpe_codes[] = {
	{ 1, "FPE_INTDIV", "integer divide by zero or quotient overflow" },
	{ 2, "FPE_INTOVF", "integer overflow" },
	{ 3, "FPE_FLTDIV", "floating point divide by zero" },
	{ 4, "FPE_FLTOVF", "floating point overflow" },
	{ 5, "FPE_FLTUND", "floating point underflow" },
	{ 6, "FPE_FLTRES", "floating point inexact result" },
	{ 7, "FPE_FLTINV", "invalid floating point operation" },
	{ 8, "FPE_FLTSUB", "subscript out of range" },
	{ 9, "__FPE_DECOVF", "decimal overflow" },
	{ 10, "__FPE_DECDIV", "decimal division by zero" },
	{ 11, "__FPE_DECERR", "packed decimal error" },
	{ 12, "__FPE_INVASC", "invalid ASCII digit" },
	{ 13, "__FPE_INVDEC", "invalid decimal digit" },
	{ 14, "FPE_FLTUNK", "undiagnosed floating point exception" },
	{ 15, "FPE_CONDTRAP", "trap on condition" },
};

static const struct code segv_codes[] = {
	{ 1, "SEGV_MAPERR", "address not mapped" },
	{ 2, "SEGV_ACCERR", "no permission for this access" },
	{ 3, "SEGV_BNDERR", "failed address bound check" },
	{ 4, "SEGV_PKUERR", "access denied by memory protection keys" },
	{ 5, "SEGV_ACCADI", "ADI not enabled for the mapped object" },
	{ 6, "SEGV_ADIDERR", "disrupting ADI tag mismatch" },
	{ 7, "SEGV_ADIPERR", "precise ADI tag mismatch" },
	{ 8, "SEGV_MTEAERR", "asynchronous memory tag check fault" },
	{ 9, "SEGV_MTESERR", "memory tag check fault" },
	{ 10, "SEGV_CPERR", "control protection fault (shadow stack)" },
};

static const struct code bus_codes[] = {
	{ 1, "BUS_ADRALN", "misaligned access" },
	{ 2, "BUS_ADRERR", "no such page behind the mapping" },
	{ 3, "BUS_OBJERR", "hardware error of the object" },
	{ 4, "BUS_MCEERR_AR", "hardware memory error in memory that was used" },
	{ 5, "BUS_MCEERR_AO", "hardware memory error in memory that was not used yet" },
};

static const struct code trap_codes[] = {
	{ 1, "TRAP_BRKPT", "breakpoint" },
	{ 2, "TRAP_TRACE", "single step" },
	{ 3, "TRAP_BRANCH", "branch trap" },
	{ 4, "TRAP_HWBKPT", "hardware breakpoint or watchpoint" },
	{ 5, "TRAP_UNK", "undiagnosed trap" },
	{ 6, "TRAP_PERF", "performance event" },
};

static const struct code chld_codes[] = {
	{ 1, "CLD_EXITED", "a child exited" },
	{ 2, "CLD_KILLED", "a child was killed" },
	{ 3, "CLD_DUMPED", "a child dumped core" },
	{ 4, "CLD_TRAPPED", "a traced child trapped" },
	{ 5, "CLD_STOPPED", "a child stopped" },
	{ 6, "CLD_CONTINUED", "a child continued" },
};

static const struct code poll_codes[] = {
	{ 1, "POLL_IN", "input is there" },
	{ 2, "POLL_OUT", "output is possible" },
	{ 3, "POLL_MSG", "a message is there" },
	{ 4, "POLL_ERR", "I/O error" },
	{ 5, "POLL_PRI", "urgent input is there" },
	{ 6, "POLL_HUP", "the other end is gone" },
};

static const struct code sys_codes[] = {
	{ 1, "SYS_SECCOMP", "system call forbidden by a seccomp filter" },
	{ 2, "SYS_USER_DISPATCH", "system call dispatched to user space" },
};

static const struct signal signals[] = {
	[SIGHUP] = { .name = "SIGHUP", .description = "the terminal or the controlling process is gone" },
	[SIGINT] = { .name = "SIGINT", .description = "interrupted from the keyboard" },
	[SIGQUIT] = { .name = "SIGQUIT", .description = "quit from the keyboard" },
	[SIGILL] = { .name = "SIGILL", .description = "illegal instruction", CODES(ill_codes), .layout = LAYOUT_FAULT },
	[SIGTRAP] = { .name = "SIGTRAP", .description = "trace or breakpoint trap", CODES(trap_codes), .layout = LAYOUT_FAULT },
	[SIGABRT] = { .name = "SIGABRT", .description = "aborted" },
	[SIGBUS] = { .name = "SIGBUS", .description = "bus error", CODES(bus_codes), .layout = LAYOUT_FAULT },
	[SIGFPE] = { .name = "SIGFPE", .description = "arithmetic exception", CODES(fpe_codes), .layout = LAYOUT_FAULT },
	[SIGKILL] = { .name = "SIGKILL", .description = "killed" },
	[SIGUSR1] = { .name = "SIGUSR1", .description = "user-defined signal 1" },
	[SIGSEGV] = { .name = "SIGSEGV", .description = "segmentation fault", CODES(segv_codes), .layout = LAYOUT_FAULT },
	[SIGUSR2] = { .name = "SIGUSR2", .description = "user-defined signal 2" },
	[SIGPIPE] = { .name = "SIGPIPE", .description = "write to a pipe that nobody reads" },
	[SIGALRM] = { .name = "SIGALRM", .description = "alarm clock" },
	[SIGTERM] = { .name = "SIGTERM", .description = "asked to end" },
	[SIGSTKFLT] = { .name = "SIGSTKFLT", .description = "coprocessor stack fault" },
	[SIGCHLD] = { .name = "SIGCHLD", .description = "a child changed its state", CODES(chld_codes), .layout = LAYOUT_CHILD },
	[SIGCONT] = { .name = "SIGCONT", .description = "continued" },
	[SIGSTOP] = { .name = "SIGSTOP", .description = "stopped" },
	[SIGTSTP] = { .name = "SIGTSTP", .description = "stopped from the keyboard" },
	[SIGTTIN] = { .name = "SIGTTIN", .description = "terminal input in the background" },
	[SIGTTOU] = { .name = "SIGTTOU", .description = "terminal output in the background" },
	[SIGURG] = { .name = "SIGURG", .description = "urgent data on a socket" },
	[SIGXCPU] = { .name = "SIGXCPU", .description = "CPU time limit exceeded" },
	[SIGXFSZ] = { .name = "SIGXFSZ", .description = "file size limit exceeded" },
	[SIGVTALRM] = { .name = "SIGVTALRM", .description = "virtual timer expired" },
	[SIGPROF] = { .name = "SIGPROF", .description = "profiling timer expired" },
	[SIGWINCH] = { .name = "SIGWINCH", .description = "window size changed" },
	[SIGPOLL] = { .name = "SIGIO", .description = "I/O is possible", CODES(poll_codes), .layout = LAYOUT_POLL },
	[SIGPWR] = { .name = "SIGPWR", .description = "power failure" },
	[SIGSYS] = { .name = "SIGSYS", .description = "bad system call", CODES(sys_codes), .layout = LAYOUT_SYS },
};

static const char *const realtime_names[] = {
	"SIG32", "SIG33", "SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+2", "SIGRTMIN+3", "SIGRTMIN+4", "SIGRTMIN+5",
	"SIGRTMIN+6", "SIGRTMIN+7", "SIGRTMIN+8", "SIGRTMIN+9", "SIGRTMIN+10", "SIGRTMIN+11", "SIGRTMIN+12",
	"SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMIN+16", "SIGRTMIN+17", "SIGRTMIN+18", "SIGRTMIN+19",
	"SIGRTMIN+20", "SIGRTMIN+21", "SIGRTMIN+22", "SIGRTMIN+23", "SIGRTMIN+24", "SIGRTMIN+25", "SIGRTMIN+26",
	"SIGRTMIN+27", "SIGRTMIN+28", "SIGRTMIN+29", "SIGRTMIN+30",
};
_Static_assert(ELEMENTSOF(realtime_names) == LAST_SIGNAL - FIRST_REALTIME + 1, "one name for each real-time signal");

static const struct signal *find_signal(int number) {
	if (number <= 0 || (size_t)number >= ELEMENTSOF(signals) || !signals[number].name)
		return NULL;
	return &signals[number];
}

static const struct code *find_code(int number, int code) {
	const struct signal *signal = find_signal(number);

	if (signal && code > 0 && code <= signal->n_codes)
		return &signal->codes[code - 1];
	for (size_t i = 0; i < ELEMENTSOF(sent_codes); i++)
		if (sent_codes[i].code == code)
			return &sent_codes[i];
	return NULL;
}

/* siginfo_layout() of Linux 6.12, without the arms that only refine LAYOUT_FAULT. */
static enum layout find_layout(int number, int code) {
	const struct signal *signal = find_signal(number);

	if (code > CODE_USER && code < CODE_KERNEL) {
		if (signal && code <= signal->n_codes)
			return signal->layout;
		return code <= (int)ELEMENTSOF(poll_codes) ? LAYOUT_POLL : LAYOUT_KILL;
	}
	if (code == CODE_TIMER)
		return LAYOUT_TIMER;
	if (code == CODE_SIGIO)
		return LAYOUT_POLL;
	return code < 0 ? LAYOUT_RT : LAYOUT_KILL;
}

const char *signal_name(int number) {
	const struct signal *signal = find_signal(number);

	if (signal)
		return signal->name;
	if (number >= FIRST_REALTIME && number <= LAST_SIGNAL)
		return realtime_names[number - FIRST_REALTIME];
	return "SIG?";
}

const char *signal_code_name(int number, int code) {
	const struct code *found = find_code(number, code);

	return found ? found->name : NULL;
}

void signal_from_number(int number, struct cw_signal *ret_signal) {
	const struct signal *signal = find_signal(number);

	*ret_signal = (struct cw_signal){
		.number = number,
		.name = signal_name(number),
		.description = signal                                              ? signal->description
		               : number >= FIRST_REALTIME && number <= LAST_SIGNAL ? "real-time signal"
		                                                                   : "unknown signal",
	};
}

static bool get_u32(const uint8_t *data, size_t length, size_t offset, uint32_t *ret_value) {
	if (offset > length || length - offset < sizeof(*ret_value))
		return false;
	memcpy(ret_value, data + offset, sizeof(*ret_value));
	return true;
}

static bool get_word(const struct arch *arch, const uint8_t *data, size_t length, size_t offset, uint64_t *ret_value) {
	uint32_t half;

	if (arch->word_bytes == sizeof(half)) {
		if (!get_u32(data, length, offset, &half))
			return false;
		*ret_value = half;
		return true;
	}
	if (offset > length || length - offset < sizeof(*ret_value))
		return false;
	memcpy(ret_value, data + offset, sizeof(*ret_value));
	return true;
}

static void get_sender(const struct arch *arch, const uint8_t *data, size_t length, struct cw_signal *signal) {
	uint32_t pid, uid;

	/* Anything above SI_USER in this arm is the kernel's own doing: pid and uid are not set. */
	if (signal->code > CODE_USER)
		return;
	if (!get_u32(data, length, arch->siginfo_pid_offset, &pid) ||
	    !get_u32(data, length, arch->siginfo_uid_offset, &uid))
		return;
	signal->has_sender = true;
	signal->sender_pid = (int32_t)pid;
	signal->sender_uid = uid;
}

void signal_decode(const struct arch *arch, const uint8_t *data, size_t length, struct cw_signal *ret_signal) {
	/* si_signo, si_errno, si_code: int each, in this order on all we know (MIPS differs). */
	const struct code *found;
	struct cw_signal s;
	uint32_t number, code, syscall;

	if (!get_u32(data, length, 0, &number)) {
		signal_from_number(0, ret_signal);
		return;
	}
	signal_from_number((int)number, &s);
	if (!get_u32(data, length, 8, &code)) {
		*ret_signal = s;
		return;
	}
	s.has_code = true;
	s.code = (int)code;
	found = find_code(s.number, s.code);
	if (found) {
		s.code_name = found->name;
		s.description = found->description;
	}
	switch (find_layout(s.number, s.code)) {
	case LAYOUT_FAULT:
		s.has_address = get_word(arch, data, length, arch->siginfo_addr_offset, &s.address);
		break;
	case LAYOUT_KILL:
	case LAYOUT_RT:
		get_sender(arch, data, length, &s);
		break;
	case LAYOUT_SYS:
		s.has_syscall = get_u32(data, length, arch->siginfo_syscall_offset, &syscall) &&
		                get_u32(data, length, arch->siginfo_arch_offset, &s.syscall_arch);
		s.syscall = s.has_syscall ? (int32_t)syscall : 0;
		break;
	default: /* timers, children and I/O carry neither an address nor a sender */
		break;
	}
	*ret_signal = s;
}
