#include <map>
#include <memory>
#include <string>
#include <pthread.h>
struct Json { std::map<std::string, std::unique_ptr<Json>> members; };
static void *run(void *) { auto root = std::make_unique<Json>(); Json *at = root.get(); for (int i = 0; i < 20000; i++) { auto &m = at->members["a"]; m = std::make_unique<Json>(); at = m.get(); } root.reset(); return nullptr; }
int main() { pthread_t t; pthread_attr_t a; pthread_attr_init(&a); pthread_attr_setstacksize(&a, 128 << 10); pthread_create(&t, &a, run, 0); pthread_join(t, 0); return 0; }
