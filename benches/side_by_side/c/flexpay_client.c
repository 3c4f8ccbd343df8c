/* flexpay_client.c: each function calls the library's. With VERIFY, a check names the expected
 * payment, as a shop with its own records does. */

#include "example.h"
#include "client.h"

#include <flexpay.h>
#include <stdio.h>

const int client_is_shared = 1;

static void report(flexpay_error *error)
{
    fprintf(stderr, "flexpay: %s\n", error->message);
    flexpay_error_free(error);
}

struct client *client_new(const char *check_url, const char *ca_file, const char *token)
{
    flexpay_config config = FLEXPAY_CONFIG_INIT;
    flexpay_client *created;
    flexpay_error *error;
    config.merchant = "ZANDO";
    config.token = token;
    config.check_url = check_url;
    config.ca_file = ca_file;
    if (flexpay_client_new(&config, &created, &error) != FLEXPAY_OK)
        report(error);
    return (struct client *)created;
}

void client_free(struct client *client)
{
    flexpay_client_free((flexpay_client *)client);
}

static flexpay_result send_check(const flexpay_client *client, const char *order_number,
                                 flexpay_transaction **transaction, flexpay_error **error)
{
#ifdef VERIFY
    flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
    expected.reference = EXAMPLE_REFERENCE;
    expected.amount = EXAMPLE_AMOUNT;
    expected.currency = EXAMPLE_CURRENCY;
    expected.order_number = order_number;
    return flexpay_verify_order(client, &expected, transaction, error);
#else
    return flexpay_check(client, order_number, transaction, error);
#endif
}

struct transaction *client_check(struct client *client, const char *order_number)
{
    flexpay_transaction *transaction;
    flexpay_error *error;
    if (send_check((flexpay_client *)client, order_number, &transaction, &error) != FLEXPAY_OK)
        report(error);
    return (struct transaction *)transaction;
}

const char *transaction_reference(const struct transaction *transaction)
{
    return ((const flexpay_transaction *)transaction)->reference;
}

void transaction_free(struct transaction *transaction)
{
    flexpay_transaction_free((flexpay_transaction *)transaction);
}
