/* MinHash signatures: 128 hash functions, each its own C function with its own constants. */
#include "kernel.h"
#include "repeat.h"

#define SHINGLE 5

static inline uint32_t turn(uint32_t value, unsigned by) {
    return value << by | value >> (32 - by);
}

#define LANE(n)                                                                \
    static uint32_t lane_##n(const char *text, size_t length) {                \
        uint32_t least = UINT32_MAX;                                           \
        for (size_t at = 0; at + SHINGLE <= length; at++) {                    \
            uint32_t hash = n * 2654435761u;                                   \
            _Pragma("GCC unroll 5") for (int i = 0; i < SHINGLE; i++) {        \
                hash ^= (unsigned char)text[at + i];                           \
                hash = turn(hash * (16777619u + 2 * n), n % 23 + 3);           \
            }                                                                  \
            hash ^= hash >> (n % 7 + 11);                                      \
            least = hash < least ? hash : least;                               \
        }                                                                      \
        return least;                                                          \
    }
REPEAT_64(LANE, 1)
REPEAT_64(LANE, 2)

typedef uint32_t lane(const char *, size_t);

#define NAME(n) lane_##n,
static lane *const lanes[MINHASH_LANES] = {REPEAT_64(NAME, 1) REPEAT_64(NAME, 2)};

void minhash(const char *text, size_t length, uint32_t signature[MINHASH_LANES]) {
    for (int i = 0; i < MINHASH_LANES; i++)
        signature[i] = lanes[i](text, length);
}

double minhash_likeness(const uint32_t *a, const uint32_t *b) {
    int same = 0;
    for (int i = 0; i < MINHASH_LANES; i++)
        same += a[i] == b[i];
    return (double)same / MINHASH_LANES;
}
