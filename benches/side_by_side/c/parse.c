/*
 * parse.c: reads one command per line from stdin, and prints one number per command.
 *
 *     parse N        parses the document's callback N times    nanoseconds per call
 *     Rss, ...       a value of smaps_rollup                   KiB
 */

#include "example.h"
#include "measure.h"
#include "callback.h"

static void parse(const char *body, size_t length, long times)
{
    while (times-- > 0) {
        struct callback *callback = callback_parse(body, length);
        if (callback == NULL ||
            strcmp(callback_reference(callback), EXAMPLE_CALLBACK_REFERENCE) != 0)
            fail("callback_parse");
        callback_free(callback);
    }
}

int main(void)
{
    static const char body[sizeof EXAMPLE_CALLBACK + BODY_PADDING] = EXAMPLE_CALLBACK;
    char line[64];
    long times;
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "parse %ld", &times) == 1) {
            double start = nanoseconds();
            parse(body, sizeof EXAMPLE_CALLBACK - 1, times);
            printf("%.2f\n", (nanoseconds() - start) / (double)times);
        } else {
            printf("%ld\n", memory_kib(line));
        }
        fflush(stdout);
    }
    return 0;
}
