#include "thread_group.h"

#include "example.h"
#include "measure.h"

#include <pthread.h>

/* The threads wait at the barrier before and after each round. A round of 0 checks ends them. */
struct thread_group {
    const struct settings *settings;
    struct client *shared; /* NULL if each thread has its own */
    pthread_barrier_t barrier;
    pthread_t *threads;
    int count;
    long times;
};

struct client *client_new_or_exit(const struct settings *settings)
{
    struct client *client =
        client_new(settings->check_url, settings->ca_file, settings->token);
    if (client == NULL)
        fail("client_new");
    return client;
}

void check_or_exit(struct client *client, long times)
{
    while (times-- > 0) {
        struct transaction *transaction = client_check(client, EXAMPLE_ORDER);
        if (transaction == NULL ||
            strcmp(transaction_reference(transaction), EXAMPLE_REFERENCE) != 0)
            fail("client_check");
        transaction_free(transaction);
    }
}

static void *run_thread(void *argument)
{
    struct thread_group *group = argument;
    struct client *client = group->shared ? group->shared : client_new_or_exit(group->settings);
    check_or_exit(client, 1);
    for (;;) {
        pthread_barrier_wait(&group->barrier);
        if (group->times == 0)
            break;
        check_or_exit(client, group->times);
        pthread_barrier_wait(&group->barrier);
    }
    if (!group->shared)
        client_free(client);
    return NULL;
}

struct thread_group *thread_group_new(const struct settings *settings, int count)
{
    struct thread_group *group = calloc(1, sizeof *group);
    if (group == NULL)
        fail("calloc");
    group->settings = settings;
    group->count = count;
    group->shared = client_is_shared ? client_new_or_exit(settings) : NULL;
    group->threads = calloc((size_t)count, sizeof *group->threads);
    if (group->threads == NULL ||
        pthread_barrier_init(&group->barrier, NULL, (unsigned)count + 1) != 0)
        fail("pthread_barrier_init");
    for (int i = 0; i < count; i++)
        if (pthread_create(&group->threads[i], NULL, run_thread, group) != 0)
            fail("pthread_create");
    return group;
}

double thread_group_checks_per_second(struct thread_group *group, long times)
{
    group->times = times;
    pthread_barrier_wait(&group->barrier);
    double start = nanoseconds();
    pthread_barrier_wait(&group->barrier);
    double elapsed = nanoseconds() - start;
    return (double)group->count * (double)times * 1e9 / elapsed;
}

void thread_group_free(struct thread_group *group)
{
    if (group == NULL)
        return;
    group->times = 0;
    pthread_barrier_wait(&group->barrier);
    for (int i = 0; i < group->count; i++)
        pthread_join(group->threads[i], NULL);
    if (group->shared)
        client_free(group->shared);
    pthread_barrier_destroy(&group->barrier);
    free(group->threads);
    free(group);
}
