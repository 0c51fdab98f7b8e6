/* The best lag of a text's 3-grams. */
#define N 3
#define BEST_LAG best_lag_3
#include "ngram.inc"
