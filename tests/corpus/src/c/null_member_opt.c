#include <stdlib.h>
struct page { long pad[5]; int dirty; };
struct cache { struct page *slot[4]; long hits; };
__attribute__((noinline)) int touch(struct cache *cache, int index) {
	struct page *page = cache->slot[index];
	page->dirty = index;
	return cache->hits++;
}
int main(int argc, char **argv) { static struct cache c; return touch(&c, argc); }
