/*
 * warm.c: reads one command per line from stdin, and prints one number per command. The process
 * stays alive, so that two implementations can run in turns while their connections stay open.
 *
 *     warm CHECK_URL [CA_FILE]    (the token is in BENCH_TOKEN)
 *
 *     check N        N checks                       nanoseconds per check
 *     threads T N    T threads make N checks each   checks per second
 *     Rss, ...       a value of smaps_rollup        KiB
 */

#include "thread_group.h"
#include "example.h"
#include "measure.h"

int main(int argc, char **argv)
{
    char line[64];
    int count;
    long times;
    struct settings settings = {
        .check_url = argc > 1 ? argv[1] : NULL,
        .ca_file = argc > 2 ? argv[2] : NULL,
        .token = getenv("BENCH_TOKEN"),
    };
    if (settings.check_url == NULL || settings.token == NULL)
        return fputs("usage: BENCH_TOKEN=... warm CHECK_URL [CA_FILE]\n", stderr), 2;
    struct client *client = client_new_or_exit(&settings);
    struct thread_group *threads = NULL;
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "check %ld", &times) == 1) {
            double start = nanoseconds();
            check_or_exit(client, times);
            printf("%.1f\n", (nanoseconds() - start) / (double)times);
        } else if (sscanf(line, "threads %d %ld", &count, &times) == 2) {
            if (threads == NULL)
                threads = thread_group_new(&settings, count);
            printf("%.1f\n", thread_group_checks_per_second(threads, times));
        } else {
            printf("%ld\n", memory_kib(line));
        }
        fflush(stdout);
    }
    thread_group_free(threads);
    client_free(client);
    return 0;
}
