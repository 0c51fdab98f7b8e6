/* tally: statistics of a text. Usage: tally FILE | tally --self-test */
#include "app.h"

#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: tally FILE | tally --self-test\n");
        return 2;
    }
    if (strcmp(argv[1], "--self-test") == 0)
        return self_test(stdout) == 0 ? 0 : 1;
    FILE *file = fopen(argv[1], "rb");
    size_t length = 0;
    char *text = file ? read_whole(file, &length) : NULL;
    if (text == NULL) {
        perror(argv[1]);
        return 1;
    }
    fclose(file);
    report(text, length, stdout);
    free(text);
    return 0;
}
