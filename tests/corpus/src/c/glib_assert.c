#include <dlfcn.h>
#include <stdio.h>
__attribute__((noinline)) void check(void *lib, int n) {
	void (*fail)(const char *, const char *, int, const char *, const char *, long double, const char *, long double, char) = (void (*)(const char *, const char *, int, const char *, const char *, long double, const char *, long double, char))dlsym(lib, "g_assertion_message_cmpnum");
	if (n != 4) fail("store", "store.c", 42, "check", "n == 4", n, "==", 4, 'i');
}
int main(void) { void *lib = dlopen("libglib-2.0.so.0", RTLD_NOW); if (!lib) { puts("no glib"); return 77; } check(lib, 3); return 0; }
