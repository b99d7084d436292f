#include <immintrin.h>
static int table[16];
__attribute__((noinline)) int pick(__m256i index) { __m256i v = _mm256_i32gather_epi32(table, index, 4); return _mm256_extract_epi32(v, 0); }
int main(void) { return pick(_mm256_set_epi32(0, 1, 2, 3, 4, 0x10000000, 6, 7)); }
