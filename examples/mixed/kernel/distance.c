/* Edit distance of short words: one unrolled function for each pair of lengths from 1 to 8. */
#include "kernel.h"
#include "repeat.h"

#include <string.h>

#define LONGEST 8

static inline int least(int a, int b, int c) {
    int ab = a < b ? a : b;
    return ab < c ? ab : c;
}

static inline __attribute__((always_inline)) int fixed_distance(const char *a, const int la,
                                                                const char *b, const int lb) {
    int row[LONGEST + 1];
#pragma GCC unroll 9
    for (int j = 0; j <= lb; j++)
        row[j] = j;
#pragma GCC unroll 8
    for (int i = 0; i < la; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
#pragma GCC unroll 8
        for (int j = 0; j < lb; j++) {
            int above = row[j + 1];
            row[j + 1] = least(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
            diagonal = above;
        }
    }
    return row[lb];
}

#define PAIR(n)                                                                \
    static int distance_##n(const char *a, const char *b) {                    \
        return fixed_distance(a, HIGH_DIGIT(n) + 1, b, LOW_DIGIT(n) + 1);      \
    }
REPEAT_64(PAIR, 1)

typedef int distance(const char *, const char *);

#define NAME(n) distance_##n,
static distance *const distances[64] = {REPEAT_64(NAME, 1)};

int word_distance(const char *a, const char *b) {
    size_t la = strnlen(a, LONGEST);
    size_t lb = strnlen(b, LONGEST);
    if (la == 0 || lb == 0)
        return (int)(la + lb);
    return distances[(la - 1) * 8 + lb - 1](a, b);
}
