/* measure.h: the clock, memory use, and exit on failure. */

#ifndef MEASURE_H
#define MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline void fail(const char *what)
{
    fprintf(stderr, "%s failed\n", what);
    _Exit(1); /* not exit: other threads may still be running */
}

static inline double nanoseconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* A value of /proc/self/smaps_rollup in KiB: "Rss", "Anonymous". */
static inline long memory_kib(const char *name)
{
    char line[128];
    long kib = -1;
    FILE *rollup = fopen("/proc/self/smaps_rollup", "r");
    if (rollup == NULL)
        fail("/proc/self/smaps_rollup");
    while (fgets(line, sizeof line, rollup) != NULL)
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            kib = strtol(line + strlen(name) + 1, NULL, 10);
    fclose(rollup);
    return kib;
}

#endif
