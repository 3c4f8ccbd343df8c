/*
 * launch.c: how long programs take, from their start to their end, taking turns.
 *
 *     launch ROUNDS PROGRAM ARGUMENTS... [-- PROGRAM ARGUMENTS...]...
 *
 * A line for each round: the nanoseconds of each program. A program that fails ends it all. In C, so
 * that what starts the programs adds as little as may be.
 */

#include "measure.h"

#include <spawn.h>
#include <sys/wait.h>

enum { MOST = 8 };
extern char **environ;

static double run(char **program)
{
    pid_t child;
    int status;
    double start = nanoseconds();
    if (posix_spawnp(&child, program[0], NULL, NULL, program, environ) != 0)
        fail(program[0]);
    if (waitpid(child, &status, 0) != child || status != 0)
        fail(program[0]);
    return nanoseconds() - start;
}

int main(int argc, char **argv)
{
    char **programs[MOST];
    int count = 0;
    if (argc < 3)
        return fputs("usage: launch ROUNDS PROGRAM... [-- PROGRAM...]...\n", stderr), 2;
    long rounds = strtol(argv[1], NULL, 10);
    programs[count++] = &argv[2];
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0 && count < MOST) {
            argv[i] = NULL;
            programs[count++] = &argv[i + 1];
        }
    }
    for (long round = 0; round < rounds; round++) {
        double taken[MOST];
        /* Each goes first in its turn: what comes before leaves its mark. */
        for (int i = 0; i < count; i++) {
            int which = (int)((round + i) % count);
            taken[which] = run(programs[which]);
        }
        for (int i = 0; i < count; i++)
            printf("%.0f%c", taken[i], i + 1 < count ? ' ' : '\n');
    }
    return 0;
}
