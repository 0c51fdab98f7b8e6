/* Move-to-front coding in place: bytes seen of late become small numbers. */
#include "rounds.h"
#include "vendor.h"

#define FILL order[i] = (uint8_t)i; i++;
#define SEEK if (order[place] == byte) goto found; place++;

void front_pack(uint8_t *data, size_t length) {
    uint8_t order[257];
    int i = 0;
    ROUNDS_256(FILL)
    for (size_t at = 0; at < length; at++) {
        uint8_t byte = data[at];
        int place = 0;
        ROUNDS_256(SEEK)
    found:
        for (int k = place; k > 0; k--)
            order[k] = order[k - 1];
        order[0] = byte;
        data[at] = (uint8_t)place;
    }
}

void front_unpack(uint8_t *data, size_t length) {
    uint8_t order[257];
    int i = 0;
    ROUNDS_256(FILL)
    for (size_t at = 0; at < length; at++) {
        int place = data[at];
        uint8_t byte = order[place];
        for (int k = place; k > 0; k--)
            order[k] = order[k - 1];
        order[0] = byte;
        data[at] = byte;
    }
}
