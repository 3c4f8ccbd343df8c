/*
 * Look-ups that fail, block or surprise, for the fault run: preloaded, it answers getaddrinfo() for
 * names under .invalid, which no resolver knows, and leaves all others alone.
 *
 *     <anything>.blocked.invalid   blocks for 1.2 s, longer than any deadline of the run; then fails
 *     <anything>.slow.invalid      blocks for 30 ms; then is 127.0.0.1
 *     <anything>.dead-first.invalid  is 127.0.0.2, where nobody listens, and then 127.0.0.1
 *     <anything>.again.invalid     fails for now
 *     <anything>.invalid           does not exist
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
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

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    lookup *real;
    int failed;

    /* ISO C knows no cast from an object pointer to a function pointer; POSIX asks for this one. */
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (real == NULL)
        return EAI_SYSTEM;
    if (node == NULL || !ends_with(node, ".invalid"))
        return real(node, service, hints, found);
    if (ends_with(node, ".blocked.invalid")) {
        block(1200);
        return EAI_NONAME;
    }
    if (ends_with(node, ".again.invalid"))
        return EAI_AGAIN;
    if (ends_with(node, ".slow.invalid")) {
        block(30);
        return real("127.0.0.1", service, hints, found);
    }
    if (ends_with(node, ".dead-first.invalid")) {
        failed = real("127.0.0.2", service, hints, found);
        if (failed == 0) {
            struct addrinfo *last = *found;
            while (last->ai_next != NULL)
                last = last->ai_next;
            failed = real("127.0.0.1", service, hints, &last->ai_next);
            if (failed != 0) {
                freeaddrinfo(*found);
                *found = NULL;
            }
        }
        return failed;
    }
    return EAI_NONAME;
}
