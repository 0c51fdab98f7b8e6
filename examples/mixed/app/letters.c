/* Doubled letters, one function for each letter: work for the link's jobs. */
#include "app.h"
#include "repeat.h"

#include <ctype.h>

/* Only the first 26 of these are letters. */
#define PAIR(n)                                                                \
    static size_t pair_##n(const char *text, size_t length) {                  \
        size_t found = 0;                                                      \
        _Pragma("GCC unroll 16") for (size_t at = 1; at < length; at++)        \
            found += tolower((unsigned char)text[at - 1]) == 'a' + ORDINAL(n)  \
                     && tolower((unsigned char)text[at]) == 'a' + ORDINAL(n);  \
        return found;                                                          \
    }
REPEAT_64(PAIR, 1)

typedef size_t pair(const char *, size_t);

#define PAIR_NAME(n) pair_##n,
static pair *const pairs[64] = {REPEAT_64(PAIR_NAME, 1)};

size_t letter_pairs(const char *text, size_t length) {
    size_t found = 0;
    for (int letter = 0; letter < 26; letter++)
        found += pairs[letter](text, length);
    return found;
}
