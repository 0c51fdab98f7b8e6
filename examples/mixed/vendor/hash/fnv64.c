/* FNV-1a in 64 bits, unrolled. */
#include "rounds.h"
#include "vendor.h"

#define BYTE hash = (hash ^ *data++) * 1099511628211u;

uint64_t fnv64(const uint8_t *data, size_t length) {
    uint64_t hash = 14695981039346656037u;
    const uint8_t *end = data + length;
    while (end - data >= 1024) {
        ROUNDS_256(BYTE)
        ROUNDS_256(BYTE)
        ROUNDS_256(BYTE)
        ROUNDS_256(BYTE)
    }
    while (data < end) {
        BYTE
    }
    return hash;
}
