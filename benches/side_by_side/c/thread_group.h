/* thread_group.h: many threads that make checks at the same time. */

#ifndef THREAD_GROUP_H
#define THREAD_GROUP_H

#include "client.h"

struct settings {
    const char *check_url, *ca_file, *token;
};

struct thread_group;

/* Both exit the program on failure. */
struct client *client_new_or_exit(const struct settings *settings);
void check_or_exit(struct client *client, long times);

/* Starts the threads. Each makes one check, so that its connection is open before measuring. */
struct thread_group *thread_group_new(const struct settings *settings, int count);
double thread_group_checks_per_second(struct thread_group *group, long times);
void thread_group_free(struct thread_group *group);

#endif
