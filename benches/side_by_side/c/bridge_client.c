/* bridge_client.c: each check is a line to `flexpay bridge`, and a line back. BENCH_PROGRAM is the path
 * of the program. The line of the reply is copied as it is: its reader chooses a JSON parser. */

#include "example.h"
#include "client.h"
#include "measure.h"

#include <spawn.h>
#include <unistd.h>

extern char **environ;

const int client_is_shared = 0;

struct client {
    FILE *requests;
    FILE *replies;
};


static char *call(struct client *client, const char *request)
{
    char *line = NULL;
    size_t size = 0;
    fputs(request, client->requests);
    fflush(client->requests);
    if (getline(&line, &size, client->replies) < 0 || strstr(line, "\"ok\"") == NULL) {
        fprintf(stderr, "bridge: %s\n", line == NULL ? "no reply" : line);
        free(line);
        return NULL;
    }
    return line;
}

struct client *client_new(const char *check_url, const char *ca_file, const char *token)
{
    int requests[2], replies[2];
    pid_t child;
    char *program[] = {getenv("BENCH_PROGRAM"), "bridge", NULL};
    posix_spawn_file_actions_t actions;
    if (program[0] == NULL || pipe(requests) != 0 || pipe(replies) != 0)
        fail("BENCH_PROGRAM or pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, requests[0], 0);
    posix_spawn_file_actions_adddup2(&actions, replies[1], 1);
    posix_spawn_file_actions_addclose(&actions, requests[1]);
    posix_spawn_file_actions_addclose(&actions, replies[0]);
    if (posix_spawn(&child, program[0], &actions, NULL, program, environ) != 0)
        fail(program[0]);
    posix_spawn_file_actions_destroy(&actions);
    close(requests[0]);
    close(replies[1]);
    struct client *client = malloc(sizeof *client);
    if (client == NULL)
        fail("malloc");
    client->requests = fdopen(requests[1], "w");
    client->replies = fdopen(replies[0], "r");
    char hello[8192];
    snprintf(hello, sizeof hello,
             "{\"id\":0,\"call\":\"hello\",\"request\":{\"bridge\":1,\"settings\":{\"merchant\":"
             "\"ZANDO\",\"token\":\"%s\",\"check_url\":\"%s\"%s%s%s}}}\n",
             token, check_url, ca_file == NULL ? "" : ",\"ca_file\":\"",
             ca_file == NULL ? "" : ca_file, ca_file == NULL ? "" : "\"");
    free(call(client, hello));
    return client;
}

void client_free(struct client *client)
{
    fclose(client->requests);
    fclose(client->replies);
    free(client);
}

struct transaction *client_check(struct client *client, const char *order_number)
{
    char request[256];
    snprintf(request, sizeof request,
             "{\"id\":1,\"call\":\"check\",\"request\":{\"order_number\":\"%s\"}}\n", order_number);
    return (struct transaction *)call(client, request);
}

const char *transaction_reference(const struct transaction *transaction)
{
    return strstr((const char *)transaction, EXAMPLE_REFERENCE) ? EXAMPLE_REFERENCE : "";
}

void transaction_free(struct transaction *transaction)
{
    free(transaction);
}
