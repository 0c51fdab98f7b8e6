/* Repeats a statement: ROUNDS_16(x) is x sixteen times over. */
#ifndef ROUNDS_H
#define ROUNDS_H

#define ROUNDS_4(x) x x x x
#define ROUNDS_16(x) ROUNDS_4(x) ROUNDS_4(x) ROUNDS_4(x) ROUNDS_4(x)
#define ROUNDS_64(x) ROUNDS_16(x) ROUNDS_16(x) ROUNDS_16(x) ROUNDS_16(x)
#define ROUNDS_256(x) ROUNDS_64(x) ROUNDS_64(x) ROUNDS_64(x) ROUNDS_64(x)

#endif
