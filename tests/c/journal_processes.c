/* Several processes with one journal: forked children, many at once, and one that is killed. */

#include "portable.h"
#include "sandbox.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { PROCESSES = 8 };

/* The exit statuses of a process that pays. */
enum { SENT, RECORDED, IN_PROGRESS, IN_DOUBT, OTHER };

static const char *program;

/* Starts this program anew: it pays, with this journal and reference. It waits until the writing end of the
 * pipe `gate` is closed, if that is not NULL. */
static program_handle start_payment(const char *journal, const char *reference, const int *gate)
{
    char reading[16], writing[16];
    const char *const arguments[] = {program, journal, reference, reading, writing, NULL};
    snprintf(reading, sizeof reading, "%d", gate != NULL ? gate[0] : -1);
    snprintf(writing, sizeof writing, "%d", gate != NULL ? gate[1] : -1);
    fflush(stdout);
    program_handle process = start_program(arguments);
    CHECK(is_started(process));
    return process;
}

/* `gate` and `own_copy` are the ends of the pipe, or -1. */
static int payment_process(const char *journal, const char *reference, int gate, int own_copy)
{
    flexpay_payment_request request = sandbox_request();
    flexpay_client *client = sandbox_journal_client(journal);
    flexpay_payment *payment;
    flexpay_error *error;
    char byte;
    request.reference = reference;
    if (own_copy >= 0)
        close(own_copy);
    while (gate >= 0 && read(gate, &byte, 1) < 0 && errno == EINTR)
        ;
    flexpay_result result = flexpay_pay(client, &request, &payment, &error);
    int status = result == FLEXPAY_OK                  ? (payment->is_recorded ? RECORDED : SENT)
                 : result == FLEXPAY_ERROR_IN_PROGRESS ? IN_PROGRESS
                 : result == FLEXPAY_ERROR_IN_DOUBT    ? IN_DOUBT
                                                       : OTHER;
    if (status == OTHER)
        fprintf(stderr, "%s\n", error != NULL ? error->message : "no error");
    flexpay_payment_free(payment);
    flexpay_error_free(error);
    flexpay_client_free(client);
    return status;
}

/* They all start at the same time. One sends; the others get its payment, or are told to wait. */
static void many_at_once(void)
{
    char journal[512], reference[32];
    program_handle processes[PROCESSES];
    int gate[2], count[OTHER + 1] = {0};
    strcpy(journal, sandbox_journal());
    strcpy(reference, sandbox_reference());
    CHECK_INT(0, make_pipe(gate));
    for (int at = 0; at < PROCESSES; at++)
        processes[at] = start_payment(journal, reference, gate);
    close(gate[0]);
    close(gate[1]);
    for (int at = 0; at < PROCESSES; at++) {
        int status = wait_for_program(processes[at]);
        CHECK(status >= SENT && status < OTHER);
        if (status >= SENT && status < OTHER)
            count[status]++;
    }
    CHECK_INT(1, count[SENT]);
    CHECK_INT(0, count[IN_DOUBT]);
    CHECK_INT(PROCESSES, count[SENT] + count[RECORDED] + count[IN_PROGRESS]);
    CHECK_INT(1, sandbox_requests_with(reference));
    CHECK_INT(RECORDED, wait_for_program(start_payment(journal, reference, NULL)));
}

/* A process is killed after the gateway received its request, and before the reply. */
static void killed(void)
{
    static const struct timespec five_ms = {0, 5000000};
    char journal[512], reference[32];
    strcpy(journal, sandbox_journal());
    strcpy(reference, sandbox_reference());
    sandbox_fault("{\"on\":\"pay\",\"action\":{\"kind\":\"stall_after\",\"bytes\":0}}");
    program_handle process = start_payment(journal, reference, NULL);
    while (sandbox_requests_with(reference) == 0)
        nanosleep(&five_ms, NULL);
    /* It is alive. */
    CHECK_INT(IN_PROGRESS, wait_for_program(start_payment(journal, reference, NULL)));
    kill_program(process);
    CHECK_INT(IN_DOUBT, wait_for_program(start_payment(journal, reference, NULL)));
    CHECK_INT(1, sandbox_requests_with(reference));
    sandbox_clear_faults();

    flexpay_client *client = sandbox_journal_client(journal);
    flexpay_settlement *entry;
    char body[256], *order = sandbox_order_of(reference);
    sandbox_decide(order, "approve");
    snprintf(body, sizeof body, "{\"code\":\"0\",\"reference\":\"%s\",\"orderNumber\":\"%s\"}", reference,
             order);
    CHECK_INT(FLEXPAY_OK, flexpay_settle_callback(client, (const uint8_t *)body, strlen(body), NULL,
                                                  &entry, NULL));
    CHECK_INT(FLEXPAY_ENTRY_PAID, entry != NULL ? entry->state : -1);
    flexpay_settlement_free(entry);
    flexpay_client_free(client);
    free(order);
}

#ifndef _WIN32 /* it has no fork */

/* In a child that was forked while another thread used the journal. Returns whether all was as it must be. */
static int refused_in_child(flexpay_client *client)
{
    flexpay_payment_request request = sandbox_request();
    flexpay_error *error;
    int ok = flexpay_pay(client, &request, NULL, &error) == FLEXPAY_ERROR_JOURNAL && error != NULL &&
             error->outcome == FLEXPAY_OUTCOME_NOT_SENT && strstr(error->message, "forked") != NULL;
    flexpay_error_free(error);
    ok = ok && flexpay_reconcile(client, NULL, NULL, NULL) == FLEXPAY_ERROR_JOURNAL;
    ok = ok && flexpay_journal_list(client, NULL, NULL, NULL) == FLEXPAY_ERROR_JOURNAL;
    ok = ok && sandbox_requests_with(request.reference) == 0;
    /* What needs no journal works. */
    return ok && flexpay_check(client, "unknown", NULL, NULL) == FLEXPAY_ERROR_NOT_FOUND;
}

/* Runs a function in a forked child. */
static int in_child(int (*function)(flexpay_client *), flexpay_client *client)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int ok = function(client);
        fflush(stdout);
        flexpay_client_free(client);
        _exit(ok ? 0 : 1);
    }
    CHECK(child > 0);
    return wait_for_program(child);
}

static int pays_in_child(flexpay_client *client)
{
    flexpay_payment_request request = sandbox_request();
    return flexpay_pay(client, &request, NULL, NULL) == FLEXPAY_OK;
}

static void forked(void)
{
    flexpay_client *client = sandbox_journal_client(sandbox_journal());
    flexpay_payment_request request = sandbox_request();
    flexpay_payment *payment;
    flexpay_settlements *list;
    char reference[32];
    request.reference = strcpy(reference, request.reference);
    CHECK_INT(0, in_child(pays_in_child, client));
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, NULL, NULL));
    CHECK_INT(0, in_child(pays_in_child, client));
    /* The child freed its client. The parent's journal is as before. */
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, &payment, NULL));
    CHECK_INT(1, payment != NULL ? payment->is_recorded : -1);
    flexpay_payment_free(payment);
    CHECK_INT(FLEXPAY_OK, flexpay_journal_list(client, NULL, &list, NULL));
    CHECK_INT(3, list != NULL ? list->count : 0);
    flexpay_settlements_free(list);
    flexpay_client_free(client);
}

/* Locks the journal as a program does that is writing (https://www.sqlite.org/lockingv3.html). */
static pid_t start_writer(const char *journal)
{
    int ready[2];
    char byte = 0;
    CHECK(pipe(ready) == 0);
    pid_t writer = fork();
    if (writer == 0) {
        struct flock reserved = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x40000001, .l_len = 1};
        int file = open(journal, O_RDWR);
        int locked = file >= 0 && fcntl(file, F_SETLK, &reserved) == 0;
        if (!locked || write(ready[1], &byte, 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    CHECK(writer > 0);
    close(ready[1]);
    CHECK(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    return writer;
}

static void *acknowledges(void *client)
{
    flexpay_journal_acknowledge(client, "nothing", NULL, NULL);
    return NULL;
}

static void forked_during_a_call(void)
{
    const char *journal = sandbox_journal();
    flexpay_client *client = sandbox_journal_client(journal);
    pthread_t thread;
    int status;
    CHECK_INT(0, in_child(pays_in_child, client));
    pid_t writer = start_writer(journal);
    CHECK(pthread_create(&thread, NULL, acknowledges, client) == 0);
    /* The thread waits for the writer. */
    struct timespec a_while = {0, 300 * 1000 * 1000};
    nanosleep(&a_while, NULL);
    CHECK_INT(0, in_child(refused_in_child, client));
    kill(writer, SIGKILL);
    waitpid(writer, &status, 0);
    pthread_join(thread, NULL);
    CHECK_INT(0, in_child(pays_in_child, client));
    flexpay_client_free(client);
}

#endif

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 5)
        return payment_process(argv[1], argv[2], atoi(argv[3]), atoi(argv[4]));
    sandbox_clear_faults();
#ifndef _WIN32
    forked();
    forked_during_a_call();
#endif
    many_at_once();
    killed();
    return test_end();
}
