/* Splits a text into words and counts them in a hash table. */
#include "app.h"
#include "stopwords.h"
#include "vendor.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *memory) {
    if (memory == NULL)
        abort();
    return memory;
}

struct words words_of(const char *text, size_t length) {
    size_t slots = 64;
    while (slots < length)
        slots *= 2;
    size_t *table = need(calloc(slots, sizeof *table)); /* a word's place plus one */
    struct words words = {need(malloc((length / 2 + 1) * sizeof *words.all)), 0, 0};
    for (size_t at = 0; at < length;) {
        size_t size = 0;
        while (at + size < length && isalpha((unsigned char)text[at + size]))
            size++;
        if (size == 0) {
            at++;
            continue;
        }
        char *word = need(malloc(size + 1));
        for (size_t i = 0; i < size; i++)
            word[i] = (char)tolower((unsigned char)text[at + i]);
        word[size] = 0;
        at += size;
        size_t slot = fnv64((const uint8_t *)word, size) % slots;
        while (table[slot] != 0 && strcmp(words.all[table[slot] - 1].text, word) != 0)
            slot = (slot + 1) % slots;
        if (table[slot] == 0) {
            words.all[words.distinct] = (struct word){word, 0};
            table[slot] = ++words.distinct;
        } else {
            free(word);
        }
        words.all[table[slot] - 1].count++;
        words.total++;
    }
    free(table);
    return words;
}

static int by_count(const void *a, const void *b) {
    const struct word *left = a;
    const struct word *right = b;
    if (left->count != right->count)
        return left->count < right->count ? 1 : -1;
    return strcmp(left->text, right->text);
}

void words_sort(struct words *words) {
    qsort(words->all, words->distinct, sizeof *words->all, by_count);
}

void words_free(struct words *words) {
    for (size_t i = 0; i < words->distinct; i++)
        free(words->all[i].text);
    free(words->all);
}

static int by_text(const void *key, const void *row) {
    return strcmp(key, *(const char *const *)row);
}

int is_stopword(const char *word) {
    return strlen(word) <= STOPWORD_LONGEST &&
           bsearch(word, stopwords, STOPWORD_COUNT, sizeof *stopwords, by_text) != NULL;
}
