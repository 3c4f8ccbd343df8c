/*
 * launch.c: measures how long programs take from start to exit. The programs run in turns.
 *
 *     launch ROUNDS PROGRAM ARGUMENTS... [-- PROGRAM ARGUMENTS...]...
 *
 * Prints a line per round with the nanoseconds of each program. What they print is dropped. Exits if a program fails. Written
 * in C, so that starting a program adds as little time as possible.
 */

#include "measure.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

enum { MAX_PROGRAMS = 8 };
extern char **environ;

static double run(char **program, const posix_spawn_file_actions_t *actions)
{
    pid_t child;
    int status;
    double start = nanoseconds();
    if (posix_spawnp(&child, program[0], actions, NULL, program, environ) != 0)
        fail(program[0]);
    if (waitpid(child, &status, 0) != child || status != 0)
        fail(program[0]);
    return nanoseconds() - start;
}

int main(int argc, char **argv)
{
    char **programs[MAX_PROGRAMS];
    posix_spawn_file_actions_t actions;
    int count = 0;
    if (argc < 3)
        return fputs("usage: launch ROUNDS PROGRAM... [-- PROGRAM...]...\n", stderr), 2;
    long rounds = strtol(argv[1], NULL, 10);
    programs[count++] = &argv[2];
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0 && count < MAX_PROGRAMS) {
            argv[i] = NULL;
            programs[count++] = &argv[i + 1];
        }
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    for (long round = 0; round < rounds; round++) {
        double elapsed[MAX_PROGRAMS];
        /* Rotate the order: each program affects the next one's caches. */
        for (int i = 0; i < count; i++) {
            int which = (int)((round + i) % count);
            elapsed[which] = run(programs[which], &actions);
        }
        for (int i = 0; i < count; i++)
            printf("%.0f%c", elapsed[i], i + 1 < count ? ' ' : '\n');
    }
    return 0;
}
