/* Adler-32, with the inner loop unrolled over blocks of 1024 bytes. */
#include "rounds.h"
#include "vendor.h"

#define MODULUS 65521u

uint32_t adler32(const uint8_t *data, size_t length) {
    uint32_t low = 1;
    uint32_t high = 0;
    const uint8_t *end = data + length;
    while (end - data >= 1024) {
        ROUNDS_256(low += *data++; high += low;)
        ROUNDS_256(low += *data++; high += low;)
        ROUNDS_256(low += *data++; high += low;)
        ROUNDS_256(low += *data++; high += low;)
        low %= MODULUS;
        high %= MODULUS;
    }
    while (data < end) {
        low = (low + *data++) % MODULUS;
        high = (high + low) % MODULUS;
    }
    return high << 16 | low;
}
