/* CRC-32 (the one of zip and PNG), bit by bit and unrolled: no table. */
#include "rounds.h"
#include "vendor.h"

#define BIT crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
#define BYTE crc ^= *data++; BIT BIT BIT BIT BIT BIT BIT BIT

uint32_t crc32(const uint8_t *data, size_t length) {
    uint32_t crc = 0xffffffffu;
    const uint8_t *end = data + length;
    while (end - data >= 320) {
        ROUNDS_256(BYTE)
        ROUNDS_64(BYTE)
    }
    while (data < end) {
        BYTE
    }
    return ~crc;
}
