/* The parts of the program tally: words and their counts, profiles of a text, the report. */
#ifndef APP_H
#define APP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* words.c: a text's words in lower case, each with its count, in the order of first appearance. */
struct word {
    char *text;
    unsigned count;
};
struct words {
    struct word *all;
    size_t distinct;
    size_t total;
};
struct words words_of(const char *text, size_t length);
void words_sort(struct words *words); /* the most frequent first, then by the alphabet */
void words_free(struct words *words);
int is_stopword(const char *word);

/* windows.c and letters.c: word lengths over windows of 1 to 64 words, doubled letters. */
double liveliest_window(const struct words *words); /* highest mean length over any window */
size_t widest_spread(const struct words *words);     /* longest less shortest in any window */
size_t letter_pairs(const char *text, size_t length);

/* reader.c: a whole file in memory, with a zero byte after it; NULL where it cannot be read. */
char *read_whole(FILE *file, size_t *length);

/* report.c and selftest.c: what the program prints. */
void report(const char *text, size_t length, FILE *out);
int self_test(FILE *out); /* the number of failed checks */

/* numbers (Rust); without Rust the program does without. */
#ifdef WITH_RUST
double numbers_mean(const double *values, size_t count);
double numbers_deviation(const double *values, size_t count);
double numbers_entropy(const double *counts, size_t count);
double numbers_slope(const double *x, const double *y, size_t count);
double numbers_integral(uint32_t degree); /* of x^degree over 0..1, by a quadrature */
#endif

#endif
