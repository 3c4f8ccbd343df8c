#include "crowd.h"

#include "example.h"
#include "measure.h"

#include <pthread.h>

/* The threads meet at the line before and after each round; a round of no calls ends them. */
struct crowd {
    const struct address *address;
    struct gateway *shared; /* NULL where each thread has its own */
    pthread_barrier_t line;
    pthread_t *threads;
    int count;
    long times;
};

struct gateway *connect_to(const struct address *address)
{
    struct gateway *gateway =
        gateway_new(address->check_url, address->ca_file, address->token);
    if (gateway == NULL)
        fail("gateway_new");
    return gateway;
}

void check(struct gateway *gateway, long times)
{
    while (times-- > 0) {
        struct transaction *transaction = gateway_check(gateway, EXAMPLE_ORDER);
        if (transaction == NULL ||
            strcmp(transaction_reference(transaction), EXAMPLE_REFERENCE) != 0)
            fail("gateway_check");
        transaction_free(transaction);
    }
}

static void *one_of_many(void *given)
{
    struct crowd *crowd = given;
    struct gateway *gateway = crowd->shared ? crowd->shared : connect_to(crowd->address);
    check(gateway, 1);
    for (;;) {
        pthread_barrier_wait(&crowd->line);
        if (crowd->times == 0)
            break;
        check(gateway, crowd->times);
        pthread_barrier_wait(&crowd->line);
    }
    if (!crowd->shared)
        gateway_free(gateway);
    return NULL;
}

struct crowd *crowd_new(const struct address *address, int threads)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    if (crowd == NULL)
        fail("calloc");
    crowd->address = address;
    crowd->count = threads;
    crowd->shared = gateway_is_shared ? connect_to(address) : NULL;
    crowd->threads = calloc((size_t)threads, sizeof *crowd->threads);
    if (crowd->threads == NULL ||
        pthread_barrier_init(&crowd->line, NULL, (unsigned)threads + 1) != 0)
        fail("pthread_barrier_init");
    for (int i = 0; i < threads; i++)
        if (pthread_create(&crowd->threads[i], NULL, one_of_many, crowd) != 0)
            fail("pthread_create");
    return crowd;
}

double crowd_calls_a_second(struct crowd *crowd, long times)
{
    crowd->times = times;
    pthread_barrier_wait(&crowd->line);
    double start = nanoseconds();
    pthread_barrier_wait(&crowd->line);
    double elapsed = nanoseconds() - start;
    return (double)crowd->count * (double)times * 1e9 / elapsed;
}

void crowd_free(struct crowd *crowd)
{
    if (crowd == NULL)
        return;
    crowd->times = 0;
    pthread_barrier_wait(&crowd->line);
    for (int i = 0; i < crowd->count; i++)
        pthread_join(crowd->threads[i], NULL);
    if (crowd->shared)
        gateway_free(crowd->shared);
    pthread_barrier_destroy(&crowd->line);
    free(crowd->threads);
    free(crowd);
}
