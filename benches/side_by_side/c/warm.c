/*
 * warm.c: a program that lives on and asks when it is told to, a line at a time, so that the
 * contenders can take turns while their connections stay warm.
 *
 *     warm CHECK_URL [CA_FILE]    (the token is in BENCH_TOKEN)
 *
 *     check N        asks N times               nanoseconds each
 *     crowd T N      T threads ask N times each calls a second
 *     Rss, ...       a line of smaps_rollup     KiB
 */

#include "crowd.h"
#include "example.h"
#include "measure.h"

int main(int argc, char **argv)
{
    char line[64];
    int threads;
    long times;
    struct address address = {
        .check_url = argc > 1 ? argv[1] : NULL,
        .ca_file = argc > 2 ? argv[2] : NULL,
        .token = getenv("BENCH_TOKEN"),
    };
    if (address.check_url == NULL || address.token == NULL)
        return fputs("usage: BENCH_TOKEN=... warm CHECK_URL [CA_FILE]\n", stderr), 2;
    struct gateway *gateway = connect_to(&address);
    struct crowd *crowd = NULL;
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "check %ld", &times) == 1) {
            double start = nanoseconds();
            check(gateway, times);
            printf("%.1f\n", (nanoseconds() - start) / (double)times);
        } else if (sscanf(line, "crowd %d %ld", &threads, &times) == 2) {
            if (crowd == NULL)
                crowd = crowd_new(&address, threads);
            printf("%.1f\n", crowd_calls_a_second(crowd, times));
        } else {
            printf("%ld\n", memory_kib(line));
        }
        fflush(stdout);
    }
    crowd_free(crowd);
    gateway_free(gateway);
    return 0;
}
