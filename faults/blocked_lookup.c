/*
 * Look-ups that fail, block or surprise, for the fault run: preloaded, it answers getaddrinfo() for
 * names under .invalid, which no resolver knows, and leaves all others alone.
 *
 *     <anything>.blocked.invalid   blocks for 1.2 s, longer than any deadline of the run; then fails.
 *                                  Ends the program when the same name is looked up meanwhile
 *     <anything>.slow.invalid      blocks for 30 ms; then is 127.0.0.1
 *     <anything>.dead-first.invalid    is 127.0.0.3, where nobody listens, and then 127.0.0.1
 *     <anything>.silent-first.invalid  is 127.0.0.2, which never answers, and then 127.0.0.1
 *     <anything>.again.invalid     fails for now
 *     <anything>.invalid           does not exist
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

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

/* The names that are being looked up. */
enum { MOST = 256, LONGEST = 64 };
static char under_way[MOST][LONGEST];
static pthread_mutex_t names = PTHREAD_MUTEX_INITIALIZER;

static void begins(const char *name)
{
    int at, free_at = -1;

    pthread_mutex_lock(&names);
    for (at = 0; at < MOST; at++) {
        if (under_way[at][0] == '\0') {
            free_at = at;
        } else if (strncmp(under_way[at], name, LONGEST) == 0) {
            fprintf(stderr, "blocked_lookup: %s is looked up twice at once\n", name);
            abort();
        }
    }
    if (free_at < 0 || strlen(name) >= LONGEST) {
        fprintf(stderr, "blocked_lookup: too many names, or one too long: %s\n", name);
        abort();
    }
    strcpy(under_way[free_at], name);
    pthread_mutex_unlock(&names);
}

static void ends(const char *name)
{
    int at;

    pthread_mutex_lock(&names);
    for (at = 0; at < MOST; at++)
        if (strncmp(under_way[at], name, LONGEST) == 0)
            under_way[at][0] = '\0';
    pthread_mutex_unlock(&names);
}

/* 127.0.0.1, after another address. */
static int second(lookup *real, const char *first, const char *service,
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
    lookup *real;

    /* ISO C knows no cast from an object pointer to a function pointer; POSIX asks for this one. */
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (real == NULL)
        return EAI_SYSTEM;
    if (node == NULL || !ends_with(node, ".invalid"))
        return real(node, service, hints, found);
    if (ends_with(node, ".blocked.invalid")) {
        begins(node);
        block(1200);
        ends(node);
        return EAI_NONAME;
    }
    if (ends_with(node, ".again.invalid"))
        return EAI_AGAIN;
    if (ends_with(node, ".slow.invalid")) {
        block(30);
        return real("127.0.0.1", service, hints, found);
    }
    if (ends_with(node, ".dead-first.invalid"))
        return second(real, "127.0.0.3", service, hints, found);
    if (ends_with(node, ".silent-first.invalid"))
        return second(real, "127.0.0.2", service, hints, found);
    return EAI_NONAME;
}
