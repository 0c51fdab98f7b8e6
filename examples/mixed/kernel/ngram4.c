/* The best lag of a text's 4-grams. */
#define N 4
#define BEST_LAG best_lag_4
#include "ngram.inc"
