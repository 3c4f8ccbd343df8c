/*
 * DNS lookups with faults, for the fault run. Preloaded with LD_PRELOAD, it replaces getaddrinfo() for
 * names under .invalid, which no resolver knows, and passes all other names to the real one.
 *
 *     <any>.blocked.invalid       blocks for 1.2 s, longer than any deadline of the run, then fails.
 *                                 Aborts the program on a second lookup of the name in that time
 *     <any>.slow.invalid          blocks for 30 ms, then returns 127.0.0.1
 *     <any>.dead-first.invalid    returns 127.0.0.3, where nothing listens, then 127.0.0.1
 *     <any>.silent-first.invalid  returns 127.0.0.2, which never replies, then 127.0.0.1
 *     <any>.again.invalid         fails with EAI_AGAIN
 *     <any>.invalid               does not exist
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int getaddrinfo_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static void block(long ms)
{
    struct timespec left = { ms / 1000, ms % 1000 * 1000000 };
    while (nanosleep(&left, &left) != 0) {
    }
}

/* The names whose lookup is in progress. */
enum { MAX_NAMES = 256, NAME_SIZE = 64 };
static char in_progress[MAX_NAMES][NAME_SIZE];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void begin_lookup(const char *name)
{
    int at, free_at = -1;

    pthread_mutex_lock(&mutex);
    for (at = 0; at < MAX_NAMES; at++) {
        if (in_progress[at][0] == '\0') {
            free_at = at;
        } else if (strncmp(in_progress[at], name, NAME_SIZE) == 0) {
            fprintf(stderr, "blocked_lookup: two lookups of %s at once\n", name);
            abort();
        }
    }
    if (free_at < 0 || strlen(name) >= NAME_SIZE) {
        fprintf(stderr, "blocked_lookup: too many names, or name too long: %s\n", name);
        abort();
    }
    strcpy(in_progress[free_at], name);
    pthread_mutex_unlock(&mutex);
}

static void end_lookup(const char *name)
{
    int at;

    pthread_mutex_lock(&mutex);
    for (at = 0; at < MAX_NAMES; at++)
        if (strncmp(in_progress[at], name, NAME_SIZE) == 0)
            in_progress[at][0] = '\0';
    pthread_mutex_unlock(&mutex);
}

/* Returns the address `first`, then 127.0.0.1. */
static int two_addresses(getaddrinfo_fn *real, const char *first, const char *service,
                  const struct addrinfo *hints, struct addrinfo **found)
{
    struct addrinfo *last;
    int failed = real(first, service, hints, found);

    if (failed != 0)
        return failed;
    for (last = *found; last->ai_next != NULL; last = last->ai_next) {
    }
    failed = real("127.0.0.1", service, hints, &last->ai_next);
    if (failed != 0) {
        freeaddrinfo(*found);
        *found = NULL;
    }
    return failed;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    getaddrinfo_fn *real;

    /* ISO C has no cast from an object pointer to a function pointer; POSIX requires this form. */
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (real == NULL)
        return EAI_SYSTEM;
    if (node == NULL || !ends_with(node, ".invalid"))
        return real(node, service, hints, found);
    if (ends_with(node, ".blocked.invalid")) {
        begin_lookup(node);
        block(1200);
        end_lookup(node);
        return EAI_NONAME;
    }
    if (ends_with(node, ".again.invalid"))
        return EAI_AGAIN;
    if (ends_with(node, ".slow.invalid")) {
        block(30);
        return real("127.0.0.1", service, hints, found);
    }
    if (ends_with(node, ".dead-first.invalid"))
        return two_addresses(real, "127.0.0.3", service, hints, found);
    if (ends_with(node, ".silent-first.invalid"))
        return two_addresses(real, "127.0.0.2", service, hints, found);
    return EAI_NONAME;
}
