/* Run-length packing: pairs of a count (1..255) and a byte. */
#include "rounds.h"
#include "vendor.h"

size_t rle_pack(const uint8_t *data, size_t length, uint8_t *out) {
    uint8_t *at = out;
    for (size_t i = 0; i < length;) {
        size_t run = 1;
        while (run < 255 && i + run < length && data[i + run] == data[i])
            run++;
        *at++ = (uint8_t)run;
        *at++ = data[i];
        i += run;
    }
    return (size_t)(at - out);
}

/* One unpacked byte; after the last one the loop is left. */
#define STEP                                                                   \
    if (left == 0) {                                                           \
        if (i + 1 >= length)                                                   \
            return wrote;                                                      \
        left = packed[i];                                                      \
        value = packed[i + 1];                                                 \
        i += 2;                                                                \
    }                                                                          \
    if (wrote == room)                                                         \
        return 0;                                                              \
    out[wrote++] = value;                                                      \
    left--;

size_t rle_unpack(const uint8_t *packed, size_t length, uint8_t *out, size_t room) {
    size_t i = 0;
    size_t wrote = 0;
    unsigned left = 0;
    uint8_t value = 0;
    for (;;) {
        ROUNDS_256(STEP)
    }
}
