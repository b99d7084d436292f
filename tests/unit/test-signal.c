/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* core/signal: names, codes, and which member of siginfo_t is believed, from raw bytes of 64-bit and 32-bit processes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>

#include "core/signal.h"

static uint8_t bytes[128];

static void put32(size_t offset, uint32_t value) {
	memcpy(bytes + offset, &value, sizeof(value));
}

static void put64(size_t offset, uint64_t value) {
	memcpy(bytes + offset, &value, sizeof(value));
}

static struct cw_signal decode(const struct arch *arch, int number, int code, size_t length) {
	struct cw_signal s;

	put32(0, (uint32_t)number);
	put32(4, 0);
	put32(8, (uint32_t)code);
	signal_decode(arch, bytes, length, &s);
	assert_int_equal(s.number, number);
	return s;
}

static void test_fault_64(void **state) {
	struct cw_signal s;

	(void)state;
	put64(16, 0x7ffff7baeff0);
	s = decode(&arch_x86_64, SIGSEGV, 1, 128);
	assert_true(s.has_code);
	assert_string_equal(s.name, "SIGSEGV");
	assert_string_equal(s.code_name, "SEGV_MAPERR");
	assert_string_equal(s.description, "address not mapped");
	assert_true(s.has_address);
	assert_int_equal(s.address, 0x7ffff7baeff0);
	assert_false(s.has_sender);
	assert_false(s.has_syscall);
}

static void test_fault_32(void **state) {
	struct cw_signal s;

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	put32(12, 0xf7fd0010);
	s = decode(&arch_i386, SIGBUS, 2, 128);
	assert_string_equal(s.code_name, "BUS_ADRERR");
	assert_true(s.has_address);
	assert_int_equal(s.address, 0xf7fd0010);
}

/* The zeros of SI_KERNEL are neither an address nor a sender. */
static void test_kernel_has_nothing(void **state) {
	struct cw_signal s;

	(void)state;
	memset(bytes, 0, sizeof(bytes));
	for (int number = SIGILL; number <= SIGSEGV; number++) {
		s = decode(&arch_x86_64, number, 128, 128);
		assert_string_equal(s.code_name, "SI_KERNEL");
		assert_false(s.has_address);
		assert_false(s.has_sender);
	}
}

static void test_senders(void **state) {
	static const int codes[] = { 0, -1, -3, -6 };
	static const char *const names[] = { "SI_USER", "SI_QUEUE", "SI_MESGQ", "SI_TKILL" };
	struct cw_signal s;

	(void)state;
	for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
		memset(bytes, 0, sizeof(bytes));
		put32(16, 4242);
		put32(20, 1000);
		s = decode(&arch_x86_64, SIGABRT, codes[i], 128);
		assert_string_equal(s.code_name, names[i]);
		assert_true(s.has_sender);
		assert_int_equal(s.sender_pid, 4242);
		assert_int_equal(s.sender_uid, 1000);
		assert_false(s.has_address);

		memset(bytes, 0, sizeof(bytes));
		put32(12, 77);
		put32(16, 65534);
		s = decode(&arch_i386, SIGTERM, codes[i], 128);
		assert_true(s.has_sender);
		assert_int_equal(s.sender_pid, 77);
		assert_int_equal(s.sender_uid, 65534);
	}
}

/* Timers and I/O have other members there. */
static void test_no_sender(void **state) {
	struct cw_signal s;

	(void)state;
	memset(bytes, 0x11, sizeof(bytes));
	s = decode(&arch_x86_64, SIGALRM, -2, 128);
	assert_false(s.has_sender || s.has_address);
	s = decode(&arch_x86_64, SIGIO, -5, 128);
	assert_false(s.has_sender || s.has_address);
	s = decode(&arch_x86_64, SIGCHLD, 1, 128);
	assert_string_equal(s.code_name, "CLD_EXITED");
	assert_false(s.has_sender || s.has_address);
	/* a code that the signal does not have: by the kernel's rule no fault */
	s = decode(&arch_x86_64, SIGSEGV, 11, 128);
	assert_null(s.code_name);
	assert_false(s.has_address);
	/* a ptrace event */
	s = decode(&arch_x86_64, SIGTRAP, (4 << 8) | 5, 128);
	assert_false(s.has_address);
}

static void test_seccomp(void **state) {
	struct cw_signal s;

	(void)state;
	memset(bytes, 0, sizeof(bytes));
	put64(16, 0x401000);
	put32(24, 110);
	put32(28, 0xc000003e);
	s = decode(&arch_x86_64, SIGSYS, 1, 128);
	assert_string_equal(s.code_name, "SYS_SECCOMP");
	assert_true(s.has_syscall);
	assert_int_equal(s.syscall, 110);
	assert_int_equal(s.syscall_arch, 0xc000003e);
	assert_false(s.has_address);

	put32(16, 20);
	put32(20, 0x40000003);
	s = decode(&arch_i386, SIGSYS, 1, 128);
	assert_int_equal(s.syscall, 20);
	assert_int_equal(s.syscall_arch, 0x40000003);
}

/* A cut note gives what is there. */
static void test_short(void **state) {
	struct cw_signal s;

	(void)state;
	memset(bytes, 0x22, sizeof(bytes));
	s = decode(&arch_x86_64, SIGSEGV, 1, 23);
	assert_true(s.has_code);
	assert_false(s.has_address);
	s = decode(&arch_x86_64, SIGSEGV, 1, 24);
	assert_true(s.has_address);
	s = decode(&arch_x86_64, SIGTERM, 0, 20);
	assert_false(s.has_sender);
	s = decode(&arch_x86_64, SIGSYS, 1, 28);
	assert_false(s.has_syscall);
	s = decode(&arch_x86_64, SIGSEGV, 1, 8);
	assert_false(s.has_code);
	assert_string_equal(s.description, "segmentation fault");
	signal_decode(&arch_x86_64, bytes, 0, &s);
	assert_int_equal(s.number, 0);
	assert_non_null(s.name);
	assert_non_null(s.description);
}

static void test_names(void **state) {
	(void)state;
	assert_string_equal(signal_name(SIGABRT), "SIGABRT");
	assert_string_equal(signal_name(SIGSYS), "SIGSYS");
	assert_string_equal(signal_name(SIGSTKFLT), "SIGSTKFLT");
	assert_string_equal(signal_name(34), "SIGRTMIN");
	assert_string_equal(signal_name(37), "SIGRTMIN+3");
	assert_string_equal(signal_name(64), "SIGRTMIN+30");
	assert_string_equal(signal_name(32), "SIG32");
	assert_string_equal(signal_name(0), "SIG?");
	assert_string_equal(signal_name(65), "SIG?");
	assert_string_equal(signal_name(-1), "SIG?");
	for (int i = 1; i <= 64; i++)
		assert_true(str_has_prefix(signal_name(i), "SIG") && !streq(signal_name(i), "SIG?"));
}

/* The tables against the C library's own numbers. */
static void test_codes(void **state) {
	(void)state;
	assert_string_equal(signal_code_name(SIGFPE, FPE_FLTDIV), "FPE_FLTDIV");
	assert_string_equal(signal_code_name(SIGFPE, FPE_INTDIV), "FPE_INTDIV");
	assert_string_equal(signal_code_name(SIGFPE, FPE_CONDTRAP), "FPE_CONDTRAP");
	assert_string_equal(signal_code_name(SIGILL, ILL_ILLOPN), "ILL_ILLOPN");
	assert_string_equal(signal_code_name(SIGILL, ILL_BADIADDR), "ILL_BADIADDR");
	assert_string_equal(signal_code_name(SIGSEGV, SEGV_ACCERR), "SEGV_ACCERR");
	assert_string_equal(signal_code_name(SIGSEGV, SEGV_PKUERR), "SEGV_PKUERR");
	assert_string_equal(signal_code_name(SIGSEGV, SEGV_MTESERR), "SEGV_MTESERR");
	assert_string_equal(signal_code_name(SIGBUS, BUS_MCEERR_AO), "BUS_MCEERR_AO");
	assert_string_equal(signal_code_name(SIGTRAP, TRAP_HWBKPT), "TRAP_HWBKPT");
	assert_string_equal(signal_code_name(SIGCHLD, CLD_CONTINUED), "CLD_CONTINUED");
	assert_string_equal(signal_code_name(SIGPOLL, POLL_HUP), "POLL_HUP");
	assert_string_equal(signal_code_name(SIGTERM, SI_ASYNCNL), "SI_ASYNCNL");
	assert_string_equal(signal_code_name(SIGTERM, SI_DETHREAD), "SI_DETHREAD");
	assert_null(signal_code_name(SIGSEGV, 11));
	assert_null(signal_code_name(SIGTERM, 1));
	assert_null(signal_code_name(SIGTERM, INT32_MIN));
}

static void test_from_number(void **state) {
	struct cw_signal s;

	(void)state;
	signal_from_number(SIGSEGV, &s);
	assert_string_equal(s.name, "SIGSEGV");
	assert_false(s.has_code || s.has_address || s.has_sender);
	assert_null(s.code_name);
	signal_from_number(40, &s);
	assert_string_equal(s.description, "real-time signal");
	signal_from_number(1000, &s);
	assert_string_equal(s.name, "SIG?");
	assert_non_null(s.description);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fault_64),
		cmocka_unit_test(test_fault_32),
		cmocka_unit_test(test_kernel_has_nothing),
		cmocka_unit_test(test_senders),
		cmocka_unit_test(test_no_sender),
		cmocka_unit_test(test_seccomp),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_from_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
