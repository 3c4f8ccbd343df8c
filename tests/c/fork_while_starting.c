/* A process forks while another thread creates the first client and sends the first check. The child
 * must be able to use the library at once, wherever that thread was. The thread is stopped at each of
 * its allocations in turn, each time in a new process. */

#include "sandbox.h"
#include "test.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PASSED, FAILED, NO_SUCH_ALLOCATION };
enum { CHILD_TIMEOUT_S = 60 };

static sem_t stopped, forked;
static long stop_at;
static int was_stopped;
static __thread long allocations = -1; /* not counted */

static void count_allocation_and_stop(void)
{
    if (allocations < 0 || ++allocations != stop_at)
        return;
    was_stopped = 1;
    sem_post(&stopped);
    sem_wait(&forked);
}

/* glibc's own functions. The three below replace malloc, calloc and realloc. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
    count_allocation_and_stop();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    count_allocation_and_stop();
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    count_allocation_and_stop();
    return __libc_realloc(old, size);
}

static int use_library(void)
{
    flexpay_config config = sandbox_config("https", FLEXPAY_API_V1_1);
    flexpay_client *client;
    flexpay_result created = flexpay_client_new(&config, &client, NULL);
    flexpay_result checked = flexpay_check(client, "unknown", NULL, NULL);
    flexpay_client_free(client);
    return created == FLEXPAY_OK && checked == FLEXPAY_ERROR_NOT_FOUND;
}

static void *use_library_first(void *argument)
{
    int *succeeded = argument;
    allocations = 0;
    *succeeded = use_library();
    allocations = -1;
    sem_post(&stopped); /* in case there are fewer than stop_at allocations */
    return NULL;
}

static int fork_at(long allocation)
{
    pthread_t thread;
    pid_t child;
    int succeeded = 0, status = 0;
    stop_at = allocation;
    sem_init(&stopped, 0, 0);
    sem_init(&forked, 0, 0);
    if (pthread_create(&thread, NULL, use_library_first, &succeeded) != 0)
        return FAILED;
    sem_wait(&stopped);
    child = fork();
    if (child == 0) {
        alarm(CHILD_TIMEOUT_S);
        _exit(use_library() ? 0 : 1);
    }
    if (child > 0)
        waitpid(child, &status, 0);
    sem_post(&forked);
    pthread_join(thread, NULL);
    if (WIFSIGNALED(status))
        printf("allocation %ld: signal %d ended the child%s\n", allocation, WTERMSIG(status),
               WTERMSIG(status) == SIGALRM ? " (it hung)" : "");
    if (child < 0 || !succeeded || status != 0)
        return FAILED;
    return was_stopped ? PASSED : NO_SUCH_ALLOCATION;
}

int main(int argc, char **argv)
{
    long allocation = 0;
    int result = PASSED;
    if (argc > 1)
        return fork_at(atol(argv[1]));
    while (result == PASSED) {
        char number[24];
        int status = -1;
        pid_t process;
        snprintf(number, sizeof number, "%ld", ++allocation);
        fflush(stdout);
        process = fork();
        if (process == 0) {
            execl(argv[0], argv[0], number, (char *)NULL);
            _exit(127);
        }
        if (process > 0)
            waitpid(process, &status, 0);
        result = WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
    }
    CHECK_INT(NO_SUCH_ALLOCATION, result);
    CHECK(allocation > 10); /* otherwise malloc was not replaced */
    return test_end();
}
