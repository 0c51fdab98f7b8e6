/* The self test: one line a check, then how many passed. */
#include "app.h"
#include "kernel.h"
#include "stopwords.h"
#include "vendor.h"

#include <math.h>
#include <string.h>

struct tally {
    FILE *out;
    int passed;
    int failed;
};

static void check(struct tally *tally, const char *what, int holds) {
    fprintf(tally->out, "%s %s\n", holds ? "ok  " : "FAIL", what);
    tally->passed += holds != 0;
    tally->failed += holds == 0;
}

static void check_words(struct tally *tally) {
    const char *text = "The cat and the hat; THE END";
    struct words words = words_of(text, strlen(text));
    words_sort(&words);
    check(tally, "words: seven, five distinct", words.total == 7 && words.distinct == 5);
    check(tally, "words: 'the' leads with three",
          strcmp(words.all[0].text, "the") == 0 && words.all[0].count == 3);
    check(tally, "words: lengths over windows", liveliest_window(&words) == 3.0 && widest_spread(&words) == 0);
    words_free(&words);
    check(tally, "table: 'the' is a stop word, 'cat' is not", is_stopword("the") && !is_stopword("cat"));
    check(tally, "table: sorted", strcmp(stopwords[0], stopwords[STOPWORD_COUNT - 1]) < 0);
    check(tally, "letters: pairs", letter_pairs("Bookkeeper zoo", 14) == 4);
}

static void check_kernels(struct tally *tally) {
    uint32_t one[MINHASH_LANES];
    uint32_t two[MINHASH_LANES];
    minhash("the quick brown fox jumps", 25, one);
    minhash("the quick brown fox jumped", 26, two);
    double alike = minhash_likeness(one, two);
    check(tally, "kernel: near texts look alike", alike > 0.7 && alike < 1.0);
    minhash("a wholly different sentence", 27, two);
    check(tally, "kernel: far texts do not", minhash_likeness(one, two) < 0.1);
    check(tally, "kernel: distance of kitten and sitting", word_distance("kitten", "sitting") == 3);
    int values[] = {9, 1, 8, 2, 7, 3, 6, 4, 5};
    check(tally, "kernel: median of nine", median(values, 9) == 5);
    const char *turns = "abcdefgabcdefgabcdefgabcdefgabcdefgabcdefg";
    size_t length = strlen(turns);
    check(tally, "kernel: a text of period seven",
          best_lag_2(turns, length) == 7 && best_lag_3(turns, length) == 7 && best_lag_4(turns, length) == 7);
}

static void check_vendor(struct tally *tally) {
    static uint8_t data[5000];
    static uint8_t packed[10016];
    static uint8_t back[5000];
    const uint8_t *digits = (const uint8_t *)"123456789";
    check(tally, "vendor: crc32", crc32(digits, 9) == 0xcbf43926u);
    check(tally, "vendor: adler32", adler32(digits, 9) == 0x091e01deu);
    check(tally, "vendor: fnv64", fnv64((const uint8_t *)"a", 1) == 0xaf63dc4c8601ec8cu);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)("to be or not to be, "[i % 20] + i / 2500);
    size_t size = lz_pack(data, sizeof data, packed);
    check(tally, "vendor: lz there and back",
          size < 1000 && lz_unpack(packed, size, back, sizeof back) == sizeof back &&
              memcmp(data, back, sizeof back) == 0);
    size = rle_pack(data, sizeof data, packed);
    check(tally, "vendor: rle there and back",
          rle_unpack(packed, size, back, sizeof back) == sizeof back && memcmp(data, back, sizeof back) == 0);
    front_pack(back, sizeof back);
    front_unpack(back, sizeof back);
    check(tally, "vendor: move-to-front there and back", memcmp(data, back, sizeof back) == 0);
}

#ifdef WITH_RUST
static int near(double a, double b) {
    return fabs(a - b) < 1e-9;
}

static void check_numbers(struct tally *tally) {
    const double x[] = {1, 2, 3, 4};
    const double y[] = {3, 5, 7, 9};
    check(tally, "rust: mean", near(numbers_mean(x, 4), 2.5));
    check(tally, "rust: deviation", near(numbers_deviation(x, 4), sqrt(1.25)));
    check(tally, "rust: slope", near(numbers_slope(x, y, 4), 2));
    const double even[] = {5, 5, 5, 5};
    check(tally, "rust: entropy of four even counts", near(numbers_entropy(even, 4), 2));
    int good = 1;
    for (uint32_t degree = 0; degree < 64; degree++)
        good &= near(numbers_integral(degree), 1.0 / (degree + 1));
    check(tally, "rust: integrals of 64 powers", good);
}
#else
static void check_numbers(struct tally *tally) {
    (void)tally;
}
#endif

int self_test(FILE *out) {
    struct tally tally = {out, 0, 0};
    check_words(&tally);
    check_kernels(&tally);
    check_vendor(&tally);
    check_numbers(&tally);
    fprintf(out, "self test: %d of %d checks passed\n", tally.passed, tally.passed + tally.failed);
    return tally.failed;
}
