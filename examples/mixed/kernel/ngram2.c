/* The best lag of a text's 2-grams. */
#define N 2
#define BEST_LAG best_lag_2
#include "ngram.inc"
