/* The kernels: routines specialised at compile time, one function for each fixed size. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define MINHASH_LANES 128

/* Fill signature with the least hash of the text's 5-byte shingles, lane by lane. */
void minhash(const char *text, size_t length, uint32_t signature[MINHASH_LANES]);

/* The share of lanes in which two signatures agree: an estimate of how alike two texts are. */
double minhash_likeness(const uint32_t *a, const uint32_t *b);

/* Edit distance of two words; only their first eight letters count. */
int word_distance(const char *a, const char *b);

/* The median of count values, 1 <= count <= 64; the values are sorted in place. */
int median(int *values, int count);

/* The lag, 1..64, at which the text's 2-, 3- or 4-grams meet themselves most often. */
int best_lag_2(const char *text, size_t length);
int best_lag_3(const char *text, size_t length);
int best_lag_4(const char *text, size_t length);

#endif
