/* How much room any packer of this folder may need. */
#include "vendor.h"

size_t pack_bound(size_t length) {
    return 2 * length + 16;
}
