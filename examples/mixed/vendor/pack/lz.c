/* A small LZ. A control byte below 128 is followed by that many bytes and one more, taken as they
   are; one from 128 is a copy of (control - 128 + 4) bytes and is followed by its 2-byte distance. */
#include "rounds.h"
#include "vendor.h"

#include <string.h>

#define SLOTS 4096
#define SHORTEST 4
#define LONGEST (SHORTEST + 127)
#define LITERALS 128

static unsigned slot_of(const uint8_t *at) {
    return (at[0] * 2654435761u ^ at[1] * 40503u ^ at[2] * 2246822519u ^ at[3] * 3266489917u) % SLOTS;
}

/* Grow a match by one byte, or leave. */
#define GROW                                                                   \
    if (a + n == end || n == LONGEST || a[n] != b[n])                              \
        return n;                                                              \
    n++;

static size_t match_length(const uint8_t *a, const uint8_t *b, const uint8_t *end) {
    size_t n = 0;
    ROUNDS_64(GROW)
    ROUNDS_64(GROW)
    ROUNDS_4(GROW)
    return n;
}

static uint8_t *put_literals(uint8_t *at, const uint8_t *from, const uint8_t *to) {
    while (from < to) {
        size_t size = to - from > LITERALS ? LITERALS : (size_t)(to - from);
        *at++ = (uint8_t)(size - 1);
        memcpy(at, from, size);
        at += size;
        from += size;
    }
    return at;
}

size_t lz_pack(const uint8_t *data, size_t length, uint8_t *out) {
    size_t last[SLOTS];
    memset(last, 0xff, sizeof last);
    uint8_t *at = out;
    size_t pending = 0; /* where the literals not yet put begin */
    for (size_t i = 0; i < length;) {
        size_t size = 0;
        size_t from = SIZE_MAX;
        if (i + SHORTEST <= length) {
            unsigned slot = slot_of(data + i);
            from = last[slot];
            last[slot] = i;
            if (from != SIZE_MAX && i - from < 65536)
                size = match_length(data + i, data + from, data + length);
        }
        if (size < SHORTEST) {
            i++;
            continue;
        }
        at = put_literals(at, data + pending, data + i);
        *at++ = (uint8_t)(size - SHORTEST + 128);
        *at++ = (uint8_t)(i - from);
        *at++ = (uint8_t)((i - from) >> 8);
        i += size;
        pending = i;
    }
    return (size_t)(put_literals(at, data + pending, data + length) - out);
}

size_t lz_unpack(const uint8_t *packed, size_t length, uint8_t *out, size_t room) {
    size_t wrote = 0;
    for (size_t i = 0; i < length;) {
        size_t control = packed[i++];
        size_t size = control < 128 ? control + 1 : control - 128 + SHORTEST;
        if (wrote + size > room || i + (control < 128 ? size : 2) > length)
            return 0;
        if (control < 128) {
            memcpy(out + wrote, packed + i, size);
            wrote += size;
            i += size;
            continue;
        }
        size_t back = packed[i] | (size_t)packed[i + 1] << 8;
        if (back == 0 || back > wrote)
            return 0;
        for (; size > 0; size--, wrote++)
            out[wrote] = out[wrote - back];
        i += 2;
    }
    return wrote;
}
