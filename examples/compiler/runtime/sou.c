/* The part of every Sou program that is the same in all of them. */
#include "sou.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* The status of a program that had to stop: no other part of it ends with this one. */
enum { STOPPED = 101 };

void sou_stop(const char *why) {
    fflush(stdout);
    fprintf(stderr, "stopped: %s\n", why);
    exit(STOPPED);
}

void sou_stop_at(int64_t index, int64_t size) {
    fflush(stdout);
    fprintf(stderr, "stopped: index %" PRId64 " of a list of %" PRId64 "\n", index, size);
    exit(STOPPED);
}

/* In C, the least integer by -1 is undefined; here it wraps, as all arithmetic does. */
int64_t sou_divide(int64_t left, int64_t right) {
    if (!right)
        sou_stop("division by zero");
    return right == -1 ? (int64_t)-(uint64_t)left : left / right;
}

int64_t sou_remainder(int64_t left, int64_t right) {
    if (!right)
        sou_stop("division by zero");
    return right == -1 ? 0 : left % right;
}

int64_t sou_round(double value) {
    double rounded = round(value);
    if (!(rounded >= -0x1p63 && rounded < 0x1p63))
        sou_stop("a float that fits into no int");
    return (int64_t)rounded;
}

/* What was allocated, unless there was nothing to give. */
static void *given(void *memory) {
    if (!memory)
        sou_stop("out of memory");
    return memory;
}

void *sou_zeroed(size_t size) { return given(calloc(1, size)); }

void *sou_grown(void *items, int64_t *room, size_t item) {
    *room = *room ? *room * 2 : 4;
    return given(realloc(items, (size_t)*room * item));
}

sou_str sou_join(sou_str left, sou_str right) {
    int64_t size = left.size + right.size;
    char *bytes = given(malloc((size_t)size + 1));
    memcpy(bytes, left.bytes, (size_t)left.size);
    memcpy(bytes + left.size, right.bytes, (size_t)right.size);
    return (sou_str){bytes, size};
}

int sou_compare(sou_str left, sou_str right) {
    int64_t shared = left.size < right.size ? left.size : right.size;
    int order = memcmp(left.bytes, right.bytes, (size_t)shared);
    return order ? order : (left.size > right.size) - (left.size < right.size);
}

static sou_str kept(const char *text) {
    return sou_join((sou_str){text, (int64_t)strlen(text)}, SOU_STR(""));
}

sou_str sou_text_int(int64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    return kept(text);
}

/* The shortest text that reads back as the same number, with a point: 0.1, 2.0, 1e+300. */
sou_str sou_text_float(double value) {
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text - 2, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    if (isfinite(value) && !strpbrk(text, ".e"))
        strcat(text, ".0");
    return kept(text);
}

sou_str sou_text_bool(bool value) { return value ? SOU_STR("true") : SOU_STR("false"); }

sou_str sou_text_str(sou_str value) { return value; }

void sou_print(sou_str text) { fwrite(text.bytes, 1, (size_t)text.size, stdout); }
