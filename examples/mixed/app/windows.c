/* Rolling means and spreads of word lengths, two functions for each width: work for the link's jobs. */
#include "app.h"
#include "repeat.h"

#include <string.h>

#define WINDOW(n)                                                              \
    static double window_##n(const struct words *words) {                      \
        const size_t width = ORDINAL(n) + 1;                                   \
        double best = 0;                                                       \
        for (size_t at = 0; at + width <= words->distinct; at++) {             \
            double sum = 0;                                                    \
            _Pragma("GCC unroll 8") for (size_t i = 0; i < width; i++)         \
                sum += (double)strlen(words->all[at + i].text) / width;        \
            best = sum > best ? sum : best;                                    \
        }                                                                      \
        return best;                                                           \
    }
REPEAT_64(WINDOW, 1)

#define SPREAD(n)                                                              \
    static size_t spread_##n(const struct words *words) {                      \
        const size_t width = ORDINAL(n) + 1;                                   \
        size_t widest = 0;                                                     \
        for (size_t at = 0; at + width <= words->distinct; at++) {             \
            size_t least = SIZE_MAX;                                           \
            size_t most = 0;                                                   \
            _Pragma("GCC unroll 8") for (size_t i = 0; i < width; i++) {       \
                size_t size = strlen(words->all[at + i].text);                 \
                least = size < least ? size : least;                           \
                most = size > most ? size : most;                              \
            }                                                                  \
            widest = most - least > widest ? most - least : widest;            \
        }                                                                      \
        return widest;                                                         \
    }
REPEAT_64(SPREAD, 1)

typedef double window(const struct words *);
typedef size_t spread(const struct words *);

#define WINDOW_NAME(n) window_##n,
static window *const windows[64] = {REPEAT_64(WINDOW_NAME, 1)};

#define SPREAD_NAME(n) spread_##n,
static spread *const spreads[64] = {REPEAT_64(SPREAD_NAME, 1)};

double liveliest_window(const struct words *words) {
    double best = 0;
    for (int i = 0; i < 64; i++) {
        double mean = windows[i](words);
        best = mean > best ? mean : best;
    }
    return best;
}

size_t widest_spread(const struct words *words) {
    size_t widest = 0;
    for (int i = 0; i < 64; i++) {
        size_t found = spreads[i](words);
        widest = found > widest ? found : widest;
    }
    return widest;
}
