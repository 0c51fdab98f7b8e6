/* A small library with a build of its own: checksums and packers. */
#ifndef VENDOR_H
#define VENDOR_H

#include <stddef.h>
#include <stdint.h>

/* hash/: checksums of a byte string. */
uint32_t adler32(const uint8_t *data, size_t length);
uint32_t crc32(const uint8_t *data, size_t length);
uint64_t fnv64(const uint8_t *data, size_t length);

/* pack/: each packer writes to out, of at least pack_bound(length) bytes, and gives the packed
   length; each unpacker gives the length it wrote, or 0 where room does not suffice. */
size_t pack_bound(size_t length);
size_t rle_pack(const uint8_t *data, size_t length, uint8_t *out);
size_t rle_unpack(const uint8_t *packed, size_t length, uint8_t *out, size_t room);
size_t lz_pack(const uint8_t *data, size_t length, uint8_t *out);
size_t lz_unpack(const uint8_t *packed, size_t length, uint8_t *out, size_t room);
void front_pack(uint8_t *data, size_t length);
void front_unpack(uint8_t *data, size_t length);

#endif
