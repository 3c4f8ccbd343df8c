/*
 * cold.c: a program that asks once and ends, as a script of a shop does.
 *
 *     cold CHECK_URL CA_FILE      (the token is in BENCH_TOKEN)
 */

#include "example.h"
#include "gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    const char *token = getenv("BENCH_TOKEN");
    if (argc != 3 || token == NULL)
        return fputs("usage: BENCH_TOKEN=... cold CHECK_URL CA_FILE\n", stderr), 2;
    struct gateway *gateway = gateway_new(argv[1], argv[2], token);
    if (gateway == NULL)
        return 1;
    struct transaction *transaction = gateway_check(gateway, EXAMPLE_ORDER);
    if (transaction == NULL)
        return 1;
    int right = strcmp(transaction_reference(transaction), EXAMPLE_REFERENCE) == 0;
    transaction_free(transaction);
    gateway_free(gateway);
    return right ? 0 : 1;
}
