#include <dlfcn.h>
static __attribute__((noinline)) void load_theme(void *lib, const char *name) { void (*g_log)(const char *, int, const char *, ...) = dlsym(lib, "g_log"); g_log("Theme", 4, "cannot load theme '%s'", name); }
int main(void) { load_theme(dlopen("libglib-2.0.so.0", 2), "dark"); return 0; }
