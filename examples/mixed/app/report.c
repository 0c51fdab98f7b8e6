/* The report: what tally prints about a text. */
#include "app.h"
#include "kernel.h"
#include "vendor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 5

static void report_words(const struct words *words, FILE *out) {
    int shown = 0;
    for (size_t i = 0; i < words->distinct && shown < SHOWN; i++) {
        if (is_stopword(words->all[i].text))
            continue;
        fprintf(out, "  %-14s %u\n", words->all[i].text, words->all[i].count);
        shown++;
    }
}

#ifdef WITH_RUST
static void report_numbers(const struct words *words, FILE *out) {
    double *count = malloc((words->distinct + 1) * sizeof *count);
    double *rank = malloc((words->distinct + 1) * sizeof *rank);
    double *log_count = malloc((words->distinct + 1) * sizeof *log_count);
    if (count == NULL || rank == NULL || log_count == NULL)
        abort();
    for (size_t i = 0; i < words->distinct; i++) {
        count[i] = words->all[i].count;
        rank[i] = log((double)i + 1);
        log_count[i] = log(count[i]);
    }
    fprintf(out, "entropy         %.3f bits a word\n", numbers_entropy(count, words->distinct));
    fprintf(out, "rank slope      %.3f\n", numbers_slope(rank, log_count, words->distinct));
    free(count);
    free(rank);
    free(log_count);
}
#else
static void report_numbers(const struct words *words, FILE *out) {
    (void)words;
    fprintf(out, "entropy         (built without Rust)\n");
}
#endif

void report(const char *text, size_t length, FILE *out) {
    struct words words = words_of(text, length);
    words_sort(&words);
    uint8_t *packed = malloc(pack_bound(length));
    if (packed == NULL)
        abort();
    size_t size = lz_pack((const uint8_t *)text, length, packed);
    fprintf(out, "bytes           %zu, packed %zu, crc %08x\n", length, size,
            (unsigned)crc32((const uint8_t *)text, length));
    fprintf(out, "words           %zu, distinct %zu\n", words.total, words.distinct);
    fprintf(out, "letter pairs    %zu\n", letter_pairs(text, length));
    fprintf(out, "word lengths    %.0f at most, %zu more than the least\n",
            liveliest_window(&words), widest_spread(&words));
    fprintf(out, "best lag        %d\n", best_lag_3(text, length));
    report_numbers(&words, out);
    fprintf(out, "most frequent, without stop words:\n");
    report_words(&words, out);
    free(packed);
    words_free(&words);
}
