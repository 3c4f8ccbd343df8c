/* test.h: checks that count, and go on after a failure. */

#ifndef TEST_H
#define TEST_H

#include <stdio.h>
#include <string.h>

static int test_passed, test_failed;

/* For the main thread only: the counters are plain. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (condition) {                                                                           \
            test_passed++;                                                                         \
        } else {                                                                                   \
            test_failed++;                                                                         \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                         \
        }                                                                                          \
    } while (0)

#define CHECK_INT(expected, got)                                                                   \
    do {                                                                                           \
        long long test_expected = (expected), test_got = (got);                                    \
        if (test_expected == test_got) {                                                           \
            test_passed++;                                                                         \
        } else {                                                                                   \
            test_failed++;                                                                         \
            printf("%s:%d: %s: expected %lld, got %lld\n", __FILE__, __LINE__, #got,               \
                   test_expected, test_got);                                                       \
        }                                                                                          \
    } while (0)

/* NULL equals NULL alone. */
#define CHECK_STR(expected, got)                                                                   \
    do {                                                                                           \
        const char *test_expected = (expected), *test_got = (got);                                 \
        if (test_expected == test_got || (test_expected != NULL && test_got != NULL &&             \
                                          strcmp(test_expected, test_got) == 0)) {                 \
            test_passed++;                                                                         \
        } else {                                                                                   \
            test_failed++;                                                                         \
            printf("%s:%d: %s: expected %s, got %s\n", __FILE__, __LINE__, #got,                   \
                   test_expected != NULL ? test_expected : "NULL",                                 \
                   test_got != NULL ? test_got : "NULL");                                          \
        }                                                                                          \
    } while (0)

/* What main returns. */
static inline int test_end(void)
{
    printf("%d passed, %d failed\n", test_passed, test_failed);
    return test_failed == 0 && test_passed > 0 ? 0 : 1;
}

#endif
