/*
 * parse.c: a program that reads the document's callback when it is told to, a line at a time.
 *
 *     parse N        reads it N times          nanoseconds each
 *     Rss, ...       a line of smaps_rollup    KiB
 */

#include "example.h"
#include "measure.h"
#include "notice.h"

static void parse(const char *body, size_t length, long times)
{
    while (times-- > 0) {
        struct notice *notice = notice_parse(body, length);
        if (notice == NULL || strcmp(notice_reference(notice), EXAMPLE_NOTICE_REFERENCE) != 0)
            fail("notice_parse");
        notice_free(notice);
    }
}

int main(void)
{
    static const char body[sizeof EXAMPLE_NOTICE + NOTICE_PADDING] = EXAMPLE_NOTICE;
    char line[64];
    long times;
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "parse %ld", &times) == 1) {
            double start = nanoseconds();
            parse(body, sizeof EXAMPLE_NOTICE - 1, times);
            printf("%.2f\n", (nanoseconds() - start) / (double)times);
        } else {
            printf("%ld\n", memory_kib(line));
        }
        fflush(stdout);
    }
    return 0;
}
