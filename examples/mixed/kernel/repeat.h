/* Repeats a macro over numbers whose digits run from 0 to 7: a short source, a long compile. */
#ifndef REPEAT_H
#define REPEAT_H

/* REPEAT_8(M, 1) is M(10) M(11) ... M(17). */
#define REPEAT_8(M, p) M(p##0) M(p##1) M(p##2) M(p##3) M(p##4) M(p##5) M(p##6) M(p##7)

/* REPEAT_64(M, 1) is M(100) ... M(107) M(110) ... M(177). */
#define REPEAT_64(M, p)                                                        \
    REPEAT_8(M, p##0) REPEAT_8(M, p##1) REPEAT_8(M, p##2) REPEAT_8(M, p##3)    \
    REPEAT_8(M, p##4) REPEAT_8(M, p##5) REPEAT_8(M, p##6) REPEAT_8(M, p##7)

/* The last two digits of such a number, each from 0 to 7, and their value from 0 to 63. */
#define HIGH_DIGIT(n) ((n) / 10 % 10)
#define LOW_DIGIT(n) ((n) % 10)
#define ORDINAL(n) (HIGH_DIGIT(n) * 8 + LOW_DIGIT(n))

#endif
