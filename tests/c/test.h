/* test.h: assertions that count passes and failures, and continue after a failure. */

#ifndef TEST_H
#define TEST_H

#include <stdio.h>
#include <string.h>

static int test_passed, test_failed;

/* Use only in the main thread: the counters are not atomic. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (condition) {                                                                           \
            test_passed++;                                                                         \
        } else {                                                                                   \
            test_failed++;                                                                         \
            printf("%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition);                   \
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

/* NULL is equal only to NULL. */
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

/* Prints the counts. Returns the exit status for main. */
static inline int test_end(void)
{
    printf("%d passed, %d failed\n", test_passed, test_failed);
    return test_failed == 0 && test_passed > 0 ? 0 : 1;
}

#endif
