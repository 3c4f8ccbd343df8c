/*
 * cold.c: makes one check and exits, as a script of a shop does.
 *
 *     cold CHECK_URL CA_FILE      (the token is in BENCH_TOKEN)
 */

#include "example.h"
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *token = getenv("BENCH_TOKEN");
    if (argc != 3 || token == NULL)
        return fputs("usage: BENCH_TOKEN=... cold CHECK_URL CA_FILE\n", stderr), 2;
    struct client *client = client_new(argv[1], argv[2], token);
    if (client == NULL)
        return 1;
    struct transaction *transaction = client_check(client, EXAMPLE_ORDER);
    if (transaction == NULL)
        return 1;
    int matches = strcmp(transaction_reference(transaction), EXAMPLE_REFERENCE) == 0;
    transaction_free(transaction);
    client_free(client);
    return matches ? 0 : 1;
}
