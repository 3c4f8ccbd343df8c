/* crowd.h: many threads that ask at the same time. */

#ifndef CROWD_H
#define CROWD_H

#include "gateway.h"

struct address {
    const char *check_url, *ca_file, *token;
};

struct crowd;

/* Both end the program when they fail: there is nothing to measure then. */
struct gateway *connect_to(const struct address *address);
void check(struct gateway *gateway, long times);

/* Starts the threads, each of which asks once: connections are open before any clock runs. */
struct crowd *crowd_new(const struct address *address, int threads);
double crowd_calls_a_second(struct crowd *crowd, long times);
void crowd_free(struct crowd *crowd);

#endif
