/* What every unit of a Sou program includes: strings, lists, and how a program stops. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A string is never changed. It need not end in a zero byte. */
typedef struct { const char *bytes; int64_t size; } sou_str;
#define SOU_STR(literal) ((sou_str){literal, sizeof(literal) - 1})

_Noreturn void sou_stop(const char *why);
_Noreturn void sou_stop_at(int64_t index, int64_t size);

int64_t sou_divide(int64_t left, int64_t right);
int64_t sou_remainder(int64_t left, int64_t right);
int64_t sou_round(double value);

sou_str sou_join(sou_str left, sou_str right);
int sou_compare(sou_str left, sou_str right);
sou_str sou_text_int(int64_t value);
sou_str sou_text_float(double value);
sou_str sou_text_bool(bool value);
sou_str sou_text_str(sou_str value);
void sou_print(sou_str text);

/* Makes room, of zero bytes; and for more items than there were. What a program allocates it keeps: memory goes back at its end. */
void *sou_zeroed(size_t size);
void *sou_grown(void *items, int64_t *room, size_t item);

/* A list is a reference to its items. The macro makes its struct and functions for items of one type. */
#define SOU_LIST(L, T)                                                  \
    struct L { T *items; int64_t size, room; };                         \
    static inline L L##$new(void) {                                     \
        return sou_zeroed(sizeof(struct L));                            \
    }                                                                   \
    static inline T *L##$at(L list, int64_t index) {                    \
        if (index < 0 || index >= list->size)                           \
            sou_stop_at(index, list->size);                             \
        return &list->items[index];                                     \
    }                                                                   \
    static inline void L##$push(L list, T item) {                       \
        if (list->size == list->room)                                   \
            list->items = sou_grown(list->items, &list->room, sizeof item); \
        list->items[list->size++] = item;                               \
    }                                                                   \
    static inline T L##$pop(L list) {                                   \
        if (!list->size)                                                \
            sou_stop("pop of an empty list");                           \
        return list->items[--list->size];                               \
    }
