/*
 * Preloaded into a worker: the clock of the day is wrong by CRASH_CLOCK_SHIFT seconds. The monotonic clock
 * is not: setting the clock of a machine does not change it.
 *
 * Not libfaketime: a process that uses it and is killed leaves files in /dev/shm.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t shift;
static int (*system_clock)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void)
{
    const char *seconds = getenv("CRASH_CLOCK_SHIFT");
    shift = seconds ? (time_t)strtoll(seconds, NULL, 10) : 0;
    *(void **)&system_clock = dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int status = system_clock(clock, now);
    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += shift;
    return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &precise) != 0)
        return -1;
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return (time_t)-1;
    if (result)
        *result = now.tv_sec;
    return now.tv_sec;
}
