/* Reads a whole file. */
#include "app.h"

#include <stdlib.h>

char *read_whole(FILE *file, size_t *length) {
    size_t room = 4096;
    size_t have = 0;
    char *text = malloc(room + 1);
    while (text != NULL) {
        have += fread(text + have, 1, room - have, file);
        if (have < room)
            break;
        room *= 2;
        char *larger = realloc(text, room + 1);
        if (larger == NULL)
            free(text);
        text = larger;
    }
    if (text != NULL)
        text[have] = 0;
    *length = have;
    return text;
}
