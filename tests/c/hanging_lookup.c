/* A name server that does not reply. However many calls wait for it, there is one lookup and one
 * thread, and each call ends at its deadline. */

#define _GNU_SOURCE

#include "sandbox.h"
#include "test.h"

#include <dirent.h>
#include <netdb.h>
#include <pthread.h>

enum { CALLERS = 50, CALLS = 20, TIMEOUT_MS = 20 };

static pthread_mutex_t state = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t replied = PTHREAD_COND_INITIALIZER;
static int lookups, has_reply;

/* Replaces the system's function, which the library calls. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    (void)node, (void)service, (void)hints, (void)found;
    pthread_mutex_lock(&state);
    lookups++;
    while (!has_reply)
        pthread_cond_wait(&replied, &state);
    pthread_mutex_unlock(&state);
    return EAI_NONAME;
}

static int thread_count(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks != NULL && (task = readdir(tasks)) != NULL;)
        count += task->d_name[0] != '.';
    if (tasks != NULL)
        closedir(tasks);
    return count;
}

/* Of the whole process. */
static long address_space_mib(void)
{
    char line[128];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "VmSize: %ld", &kib) == 1)
            break;
    if (status != NULL)
        fclose(status);
    return kib / 1024;
}

static void *calls(void *client)
{
    long timed_out = 0;
    for (int call = 0; call < CALLS; call++) {
        flexpay_error *error;
        flexpay_result result = flexpay_check(client, "1", NULL, &error);
        timed_out += result == FLEXPAY_ERROR_TIMEOUT && error != NULL &&
                     error->outcome == FLEXPAY_OUTCOME_NOT_SENT;
        flexpay_error_free(error);
    }
    return (void *)timed_out;
}

int main(void)
{
    flexpay_config config = sandbox_config("https", FLEXPAY_API_V1_1);
    pthread_t callers[CALLERS];
    flexpay_client *client;
    long timed_out = 0, before, after;
    /* An emulator has threads of its own. */
    const long threads = thread_count();
    config.check_url = "https://gateway.example/check";
    config.timeout_ms = TIMEOUT_MS;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    CHECK_INT(threads, thread_count());
    before = address_space_mib();
    for (int caller = 0; caller < CALLERS; caller++)
        CHECK_INT(0, pthread_create(&callers[caller], NULL, calls, client));
    for (int caller = 0; caller < CALLERS; caller++) {
        void *count;
        CHECK_INT(0, pthread_join(callers[caller], &count));
        timed_out += (long)count;
    }
    after = address_space_mib();
    CHECK_INT((long)CALLERS * CALLS, timed_out);
    CHECK_INT(1, lookups);
    CHECK_INT(threads + 1, thread_count());

    /* The next attempt receives this reply; a later one starts a new lookup. */
    pthread_mutex_lock(&state);
    has_reply = 1;
    pthread_cond_broadcast(&replied);
    pthread_mutex_unlock(&state);
    flexpay_client_free(client);
    config.timeout_ms = 20000;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    CHECK_INT(FLEXPAY_ERROR_RESOLVE, flexpay_check(client, "1", NULL, NULL));
    CHECK(lookups > 1);
    flexpay_client_free(client);
    printf("%ld calls, 1 lookup, 2 threads; address space %ld MiB, before %ld MiB\n", timed_out,
           after, before);
    return test_end();
}
