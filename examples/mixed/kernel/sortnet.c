/* Medians of small sets: one branch-free sorting network for each count from 1 to 64. */
#include "kernel.h"
#include "repeat.h"

static inline void order(int *low, int *high) {
    int a = *low;
    int b = *high;
    *low = a < b ? a : b;
    *high = a < b ? b : a;
}

/* Odd-even transposition: count rounds over neighbours sort any input. */
static inline __attribute__((always_inline)) void network(int *values, const int count) {
    for (int round = 0; round < count; round++) {
#pragma GCC unroll 32
        for (int i = round & 1; i + 1 < count; i += 2)
            order(&values[i], &values[i + 1]);
    }
}

#define MEDIAN(n)                                                              \
    static int median_##n(int *values) {                                       \
        network(values, ORDINAL(n) + 1);                                       \
        return values[ORDINAL(n) / 2];                                         \
    }
REPEAT_64(MEDIAN, 1)

typedef int median_of(int *);

#define NAME(n) median_##n,
static median_of *const medians[64] = {REPEAT_64(NAME, 1)};

int median(int *values, int count) {
    return medians[count - 1](values);
}
